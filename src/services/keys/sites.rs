//! Scripts of other sites that send a key. A page's source is read by anyone, so a key that stands in one is everybody's: it
//! opens what scripts may call, from the sites it names, and nothing else, whoever sends it.

use crate::error::{KeyRefusal, Result};
use sqlx::PgConnection;

/// Why a key that names `sites` opens nothing here, to whoever comes from `origin`, if it does not. `for_scripts`: whether
/// scripts may call what is asked for.
///
/// # Errors
/// [`KeyRefusal::FromOtherSite`], [`KeyRefusal::ForScripts`].
pub fn admit_from(sites: &[String], origin: Option<&str>, for_scripts: bool) -> Result<()> {
    match origin {
        Some(origin) if !sites.iter().any(|site| site == origin) => {
            Err(KeyRefusal::FromOtherSite.into())
        }
        _ if !sites.is_empty() && !for_scripts => Err(KeyRefusal::ForScripts.into()),
        _ => Ok(()),
    }
}

/// Whether a good key with this scope names the site: a browser that asks first shows no key.
///
/// # Errors
/// As any statement.
pub async fn is_named(db: &mut PgConnection, origin: &str, scope: &str) -> Result<bool> {
    let named = sqlx::query_scalar!(
        r#"select exists (select from api_keys where origins @> array[$1] and origins <> '{}' and revoked_at is null
                             and (expires_at is null or expires_at > now()) and $2 = any(scopes)) as "named!""#,
        origin,
        scope,
    );
    Ok(named.fetch_one(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_key_that_stands_in_pages_opens_what_scripts_may_call() {
        let shop = ["https://shop.example".to_owned()];
        let other = Some("https://other.example");
        assert!(admit_from(&shop, Some("https://shop.example"), true).is_ok());
        assert!(admit_from(&shop, None, true).is_ok());
        assert!(admit_from(&[], None, false).is_ok());
        for (sites, origin) in [(&shop[..], other), (&[], other), (&shop, Some("null"))] {
            let refused = admit_from(sites, origin, true);
            assert!(matches!(refused, Err(Error::Key(KeyRefusal::FromOtherSite))));
        }
        for origin in [None, Some("https://shop.example")] {
            let refused = admit_from(&shop, origin, false);
            assert!(matches!(refused, Err(Error::Key(KeyRefusal::ForScripts))));
        }
    }
}
