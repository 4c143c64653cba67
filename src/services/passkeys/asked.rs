//! What devices are asked to sign. It is kept until it is answered, once, for five minutes.

use super::{PATIENCE, Site, kept};
use crate::error::{Error, Result};
use crate::services::accounts;
use crate::services::sessions::Member;
use anyhow::anyhow;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use webauthn_rs::prelude::WebauthnError;

/// More than anybody has devices.
const MOST: usize = 20;

/// The refusal of an answer to a question that nobody asked, or that was answered.
pub const OVER: Error = Error::Over("This has taken too long, or was used already. Begin again.");
/// What a device was asked, and may still answer.
#[derive(Debug)]
pub struct Asked {
    /// What the passkey will be called, or the path to go on to.
    pub note: String,
    /// What the browser is told.
    pub options: Value,
    pub(super) state: Value,
}

/// Asks for a passkey to be made for `who`, one that is found without a name being typed first.
///
/// # Errors
/// [`Error::Invalid`] where there are too many.
pub async fn ask_to_add(
    db: &mut PgConnection,
    site: &Site,
    who: &Member,
    id: Uuid,
    name: &str,
) -> Result<()> {
    let known =
        sqlx::query_scalar!("select credential_id from passkeys where account_id = $1", who.id());
    let known = known.fetch_all(&mut *db).await?;
    if known.len() >= MOST {
        return Err(Error::field("name", "You have twenty passkeys. Remove one first."));
    }
    let profile = accounts::profile(&mut *db, who).await?;
    let (options, state) = site
        .webauthn
        .start_passkey_registration(who.id(), &profile.email, &profile.name, Some(known))
        .map_err(defect)?;
    let mut options = kept(&options)?;
    let selection = &mut options["publicKey"]["authenticatorSelection"];
    selection["residentKey"] = "required".into();
    selection["requireResidentKey"] = true.into();
    ask(db, id, Some(who.id()), name, options, kept(&state)?).await
}

/// Asks whoever is there for a passkey of theirs, to sign in.
///
/// # Errors
/// As any statement.
pub async fn ask_to_sign_in(
    db: &mut PgConnection,
    site: &Site,
    id: Uuid,
    next: &str,
) -> Result<()> {
    let (options, state) = site.webauthn.start_discoverable_authentication().map_err(defect)?;
    ask(db, id, None, next, kept(&options)?, kept(&state)?).await
}

async fn ask(
    db: &mut PgConnection,
    id: Uuid,
    account: Option<Uuid>,
    note: &str,
    options: Value,
    state: Value,
) -> Result<()> {
    sqlx::query!(
        "insert into passkey_challenges (id, account_id, note, options, state, expires_at)
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))",
        id,
        account,
        note,
        options["publicKey"],
        state,
        PATIENCE.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was asked under this id, of this account, or of nobody in particular.
///
/// # Errors
/// [`OVER`].
pub async fn asked(db: &mut PgConnection, id: Uuid, account: Option<Uuid>) -> Result<Asked> {
    sqlx::query_as!(
        Asked,
        "select note, options, state from passkey_challenges
          where id = $1 and account_id is not distinct from $2 and expires_at > now()",
        id,
        account,
    )
    .fetch_optional(db)
    .await?
    .ok_or(OVER)
}

/// The same, and it is used up: nobody will answer it again.
///
/// # Errors
/// [`OVER`].
pub async fn take(db: &mut PgConnection, id: Uuid, account: Option<Uuid>) -> Result<Asked> {
    sqlx::query_as!(
        Asked,
        "delete from passkey_challenges
          where id = $1 and account_id is not distinct from $2 and expires_at > now()
         returning note, options, state",
        id,
        account,
    )
    .fetch_optional(db)
    .await?
    .ok_or(OVER)
}

fn defect(error: WebauthnError) -> Error {
    Error::Internal(anyhow!("{error}"))
}
