//! Passkeys (WebAuthn): a device holds a key, asks its owner for a finger or a number, and signs what it is asked to.
//!
//! As it proves both that the device is there and that its owner is, a passkey counts as two factors. It is bound to the
//! site's name, so no other site can ask for it. What a device was asked is kept here, and is answered once: it is used up
//! before the answer is looked at. The protocol itself is the crate's.

mod answers;
mod asked;

pub use answers::{Claim, Judged, Proven, add, claimed, copied, judge, used};
pub use asked::{Asked, OVER, ask_to_add, ask_to_sign_in, asked, take};

use crate::config::{Config, Origin};
use crate::error::{Error, Result};
use crate::services::identities::{self, Doors};
use crate::services::sessions::Member;
use crate::services::{accounts, input, second_factors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;
use validator::Validate;
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// How long a device may take to answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The site, as passkeys know it.
#[derive(Debug, Clone)]
pub struct Site {
    webauthn: Webauthn,
    name: String,
}

impl Site {
    /// The site at its public origins: passkeys are bound to the name of the first, or to one of the others that it is
    /// below, so that they are good for all of them. None where there is no name, only numbers.
    pub fn of(config: &Config) -> Option<Self> {
        let parse = |origin: &Origin| Url::parse(&origin.to_string()).ok();
        let origins: Vec<Url> = config.public_origins.iter().filter_map(parse).collect();
        let names: Vec<&str> = origins.iter().filter_map(Url::domain).collect();
        let above = names.iter().filter(|name| is_below(names[0], name));
        let name = (*above.min_by_key(|name| name.len())?).to_owned();
        let mut ours =
            origins.iter().filter(|origin| origin.domain().is_some_and(|own| is_below(own, &name)));
        let builder = WebauthnBuilder::new(&name, ours.next()?).ok()?;
        let builder = builder.rp_name(&config.site_name).timeout(PATIENCE);
        let builder = ours.fold(builder, WebauthnBuilder::append_allowed_origin);
        Some(Self { webauthn: builder.build().ok()?, name })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A passkey, as its owner sees it.
#[derive(Debug)]
pub struct Listed {
    /// Which.
    pub id: Uuid,
    /// As they call it.
    pub name: String,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it last let them in.
    pub used_at: Option<OffsetDateTime>,
    /// When it answered as a copy would.
    pub copied_at: Option<OffsetDateTime>,
}

/// The passkeys of an account, the last one first.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection, account: Uuid) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        "select id, name, created_at, used_at, copied_at from passkeys where account_id = $1 order by id desc",
        account,
    )
    .fetch_all(db)
    .await?)
}

/// What somebody calls a passkey.
#[derive(Debug, Deserialize, Validate)]
pub struct Named {
    /// One line.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 60, message = "Enter a name of 1 to 60 characters."),
        custom(function = "input::one_line")
    )]
    pub name: String,
}

/// Calls one of the passkeys of `who` something else.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn rename(db: &mut PgConnection, who: &Member, id: Uuid, name: &str) -> Result<()> {
    let renamed = sqlx::query!(
        "update passkeys set name = $3 where id = $1 and account_id = $2",
        id,
        who.id(),
        name
    );
    match renamed.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// What else lets somebody in whose passkey is removed.
#[derive(Debug, Clone, Copy)]
pub struct Without<'a> {
    /// How else this site lets people in.
    pub doors: Doors<'a>,
    /// Whether two factors are asked of them.
    pub needs_two_factors: bool,
}

/// Removes one of the passkeys of `who`.
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Invalid`] for the last way in.
pub async fn remove(
    db: &mut PgConnection,
    who: &Member,
    id: Uuid,
    without: Without<'_>,
) -> Result<()> {
    let has_password = accounts::lock(&mut *db, who.id()).await?;
    let removed =
        sqlx::query!("delete from passkeys where id = $1 and account_id = $2", id, who.id());
    if removed.execute(&mut *db).await?.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    if has_any(&mut *db, who.id()).await? {
        return Ok(());
    }
    let Doors { mail, issuers } = without.doors;
    if !has_password && !mail && !identities::has_any(&mut *db, who.id(), issuers).await? {
        let message = "This is your only way in. Choose a password, or add another passkey, first.";
        return Err(Error::field("", message));
    }
    if without.needs_two_factors && !second_factors::is_on(db, who.id()).await? {
        let message =
            "This site asks a second factor of you. Set up another passkey, or an app, first.";
        return Err(Error::field("", message));
    }
    Ok(())
}

/// Whether an account has a passkey that lets its owner in.
///
/// # Errors
/// As any statement.
pub async fn has_any(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let has = sqlx::query_scalar!(
        r#"select exists (select from passkeys where account_id = $1 and copied_at is null) as "has!""#,
        account,
    );
    Ok(has.fetch_one(db).await?)
}

/// Removes all of an account; says how many there were.
///
/// # Errors
/// As any statement.
pub async fn remove_all(db: &mut PgConnection, account: Uuid) -> Result<usize> {
    let removed = sqlx::query!("delete from passkeys where account_id = $1", account);
    let removed = removed.execute(db).await?.rows_affected();
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}

fn kept<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.into()))
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|error| Error::Internal(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_name_that_all_our_origins_share() {
        for (origins, name, count) in [
            ("https://example.com,https://www.example.com", Some("example.com"), 2),
            ("https://www.example.com,https://example.com", Some("example.com"), 2),
            ("https://desk.example.com,https://example.org", Some("desk.example.com"), 1),
            ("https://badexample.com,https://example.com", Some("badexample.com"), 1),
            ("http://127.0.0.1:8080,http://localhost:8080", Some("localhost"), 1),
            ("http://127.0.0.1:8080,http://[::1]:8080", None, 0),
        ] {
            let values = [("PUBLIC_ORIGINS".to_owned(), origins.to_owned())].into();
            let site = Site::of(&Config::from_values(&values).unwrap());
            assert_eq!(site.as_ref().map(Site::name), name, "{origins}");
            let allowed = site.map_or(0, |site| site.webauthn.get_allowed_origins().len());
            assert_eq!(allowed, count, "{origins}");
        }
    }
}
