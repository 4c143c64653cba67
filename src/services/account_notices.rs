//! What an account's owner is told by mail because it matters who did it.

use crate::error::{Result, found};
use crate::jobs::Job;
use crate::mail::{AccountEvent, Mail};
use crate::services::{accounts, outbox};
use sqlx::PgConnection;
use uuid::Uuid;

/// Has them told. `once`: not if they were told under this name already.
///
/// # Errors
/// As any statement.
pub async fn tell(
    db: &mut PgConnection,
    id: Uuid,
    account: Uuid,
    event: AccountEvent,
    once: Option<String>,
) -> Result<()> {
    let Some(to) = found(accounts::for_mail(&mut *db, account).await)? else { return Ok(()) };
    let new = outbox::New {
        id,
        job: &Job::Mail(Mail::AccountNotice { account, event }),
        cause: format!("account:{account}"),
        recipient: Some(&to.email),
        once,
        not_before: None,
    };
    outbox::put(db, &new).await
}
