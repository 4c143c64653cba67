//! The words that people agree to by sending a form (`templates::consent`), kept so that they can be told later.

use crate::error::{Error, Result};
use anyhow::anyhow;
use serde::Serialize;
use sqlx::PgConnection;
use templates::consent::{ALL, Consent};
use time::OffsetDateTime;

/// The words somebody gave us something under.
#[derive(Debug, Serialize)]
pub struct Given {
    /// Which.
    pub version: String,
    /// What they say.
    pub words: String,
    /// When they were agreed to.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Writes the words of this program down.
///
/// # Errors
/// Where a version says something else already: what people agreed to would be told wrongly from then on.
pub async fn settle(db: &mut PgConnection) -> Result<()> {
    let column = |of: fn(&Consent) -> &'static str| ALL.map(|one| of(&one).to_owned());
    let changed = sqlx::query_scalar!(
        r#"with ours as (select * from unnest($1::text[], $2::text[], $3::text[]) as ours (version, form, words)),
                kept as (insert into consents (version, form, words) select version, form, words from ours
                         on conflict (version) do nothing)
           select version as "version!" from ours join consents using (version)
            where (ours.form, ours.words) <> (consents.form, consents.words)"#,
        &column(|one| one.version),
        &column(|one| one.form),
        &column(|one| one.words),
    );
    match changed.fetch_optional(db).await? {
        None => Ok(()),
        Some(version) => Err(Error::Internal(anyhow!(
            "people have agreed to other words of the name {version}; give those of this program another"
        ))),
    }
}
