//! What the operator does for somebody who has lost phone, recovery codes and all.

use crate::error::{Error, Result};
use crate::mail::AccountEvent;
use crate::policies::Operator;
use crate::services::{account_notices, accounts, passkeys, second_factors, sessions};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was taken away.
#[derive(Debug, Serialize)]
pub struct Reset {
    /// Whose.
    #[serde(skip)]
    pub account: Uuid,
    /// Whether there was a second factor.
    pub second_factor: bool,
    /// How many passkeys there were.
    pub passkeys: usize,
}

/// Takes second factor, recovery codes and passkeys away, and ends every session: whoever finds the phone is not to get in
/// with it. `id` is that of the mail that tells its owner.
///
/// # Errors
/// [`Error::Invalid`] where there is no such account.
pub async fn reset(db: &mut PgConnection, _by: &Operator, id: Uuid, email: &str) -> Result<Reset> {
    let account = accounts::by_email(&mut *db, email).await?;
    let Some(accounts::Account { id: account, .. }) = account else {
        return Err(Error::field("email", "There is no account with this email address."));
    };
    let reset = Reset {
        account,
        second_factor: second_factors::turn_off(&mut *db, account).await?,
        passkeys: passkeys::remove_all(&mut *db, account).await?,
    };
    sessions::end_others(&mut *db, account, None).await?;
    account_notices::tell(db, id, account, AccountEvent::FactorsReset, None).await?;
    Ok(reset)
}
