//! What the owner of an account is told because it may have been somebody else, and what they can do then.

use crate::error::Result;
use crate::services::email_changes::Side;
use crate::services::links::{self, Held, Intent, OVER};
use crate::services::{accounts, passkeys, sessions};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// What has happened. Nothing that anyone could have typed stands in it: it is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Alarm {
    /// There is another password.
    PasswordChanged,
    /// Somebody was let in on a device that nobody has signed in on before.
    NewDevice {
        /// What kind of device, in our words.
        device: String,
        /// The network.
        network: String,
    },
    /// An app may act for the account from now on.
    AppAllowed {
        /// What the operator calls it.
        app: String,
    },
}

/// Tells whoever has the mailbox of `account`. `id` is a fresh one.
///
/// # Errors
/// As any statement.
pub async fn raise(db: &mut PgConnection, id: Uuid, account: Uuid, alarm: Alarm) -> Result<()> {
    let to = accounts::for_mail(&mut *db, account).await?;
    let intent = Intent::Alarm { alarm };
    let link = links::New {
        id,
        email: &to.email,
        account: Some(account),
        at_home: false,
        intent: &intent,
    };
    links::tell(db, &link).await
}

/// Whose account a link is about with which they can say that it was not they: those of alarms, and the one that asks for
/// another address.
///
/// # Errors
/// [`OVER`] for every other.
pub fn account_of(held: &Held) -> Result<Uuid> {
    match (&held.intent.0, held.account) {
        (Intent::Alarm { .. } | Intent::ChangeEmail { side: Side::Old, .. }, Some(account)) => {
            Ok(account)
        }
        _ => Err(OVER),
    }
}

/// Whoever holds the link was not the one who did that: every session and every app is out, on every instance, what was
/// asked for by mail is over, and so are the password, which somebody may know, and the passkeys, which may be theirs. A second
/// factor stays: it opens nothing by itself. Says whose account it is.
///
/// # Errors
/// [`OVER`].
pub async fn lock(db: &mut PgConnection, token: &str) -> Result<Uuid> {
    let account = account_of(&links::take(&mut *db, token).await?)?;
    // Before the account is held, as whoever signs in with a passkey, or agrees to another address, has these first too.
    passkeys::remove_all(&mut *db, account).await?;
    sqlx::query!("delete from email_changes where account_id = $1", account)
        .execute(&mut *db)
        .await?;
    sqlx::query!("update accounts set password_hash = null where id = $1", account)
        .execute(&mut *db)
        .await?;
    sessions::end_others(&mut *db, account, None).await?;
    links::revoke_all(db, account).await?;
    Ok(account)
}
