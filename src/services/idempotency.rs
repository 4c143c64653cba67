//! A program that asks twice with the same key is answered once: what it was told the first time, byte for byte.
//!
//! The key, the effect and the answer are one transaction. A twin waits for it, for a second at most; what is refused leaves
//! nothing behind, and the key is free again.

use crate::error::{Error, Result};
use sqlx::PgConnection;
use uuid::Uuid;

/// A request that carries a key.
#[derive(Debug)]
pub struct Keyed {
    /// Whose key it is.
    pub caller: Uuid,
    /// The key.
    pub key: String,
    /// SHA-256 of what is asked for.
    pub fingerprint: [u8; 32],
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The status.
    pub status: u16,
    /// Where to find what was made.
    pub location: Option<String>,
    /// Which version it was.
    pub etag: Option<String>,
    /// The document.
    pub body: Vec<u8>,
}

/// Takes the key, or gives what was answered before, and the transaction that did it.
///
/// # Errors
/// [`Error::Running`] while a twin is at work; [`Error::KeyReused`] where the key was for something else; [`Error::Over`] where the
/// answer named somebody who was erased since.
pub async fn claim(db: &mut PgConnection, keyed: &Keyed) -> Result<Option<(Stored, u64)>> {
    let taken = sqlx::query!(
        "with patience as materialized (select set_config('lock_timeout', '1s', true))
         insert into idempotency_keys (caller, key, fingerprint)
         select $1, $2, $3 from patience on conflict do nothing",
        keyed.caller,
        keyed.key,
        keyed.fingerprint.as_slice(),
    )
    .execute(&mut *db)
    .await;
    let taken =
        taken.map_err(|error| if is_locked(&error) { Error::Running } else { error.into() });
    if taken?.rows_affected() == 1 {
        return Ok(None);
    }
    let answered = sqlx::query!(
        r#"select fingerprint, status as "status!", location, etag, body, xid::text as "xid!"
             from idempotency_keys where caller = $1 and key = $2"#,
        keyed.caller,
        keyed.key,
    )
    .fetch_one(db)
    .await?;
    if answered.fingerprint != keyed.fingerprint {
        return Err(Error::KeyReused);
    }
    let stored = Stored {
        status: answered.status.unsigned_abs(),
        location: answered.location,
        etag: answered.etag,
        body: answered.body.ok_or(ERASED)?,
    };
    Ok(Some((stored, answered.xid.parse().unwrap_or_default())))
}

/// There is no answer any more that could be given, and what was asked for is not done a second time.
const ERASED: Error = Error::Over("This was done, and whom it was about has been erased since.");

/// Whether somebody else holds what was waited for (55P03).
fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|cause| cause.code()).is_some_and(|code| code == "55P03")
}

/// Keeps what is answered.
///
/// # Errors
/// As any statement.
pub async fn answer(db: &mut PgConnection, keyed: &Keyed, answer: &Stored) -> Result<()> {
    sqlx::query!(
        "update idempotency_keys set status = $3, location = $4, etag = $5, body = $6 where caller = $1 and key = $2",
        keyed.caller,
        keyed.key,
        answer.status.cast_signed(),
        answer.location.as_deref(),
        answer.etag.as_deref(),
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(())
}
