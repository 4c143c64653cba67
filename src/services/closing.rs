//! The end of an account, as its owner wants it.
//!
//! What belongs to the account goes with it, by the references of the tables. What they wrote to the business is the business's
//! too, and stays until it is asked to erase that as well (`people::erase`).

use crate::error::{Error, Result};
use crate::services::input;
use crate::services::links::{self, Intent};
use crate::services::sessions::Member;
use crate::services::{accounts, sessions};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

/// Why an account cannot be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// It is that of the only owner.
    LastOwner,
    /// It is that of one of us.
    Staff,
}

impl Tie {
    /// What to do first.
    pub fn advice(self) -> &'static str {
        match self {
            Self::LastOwner => {
                "You are the only owner of this site, so nobody could run it without you. Make somebody else an owner first."
            }
            Self::Staff => {
                "You are one of the people who run this site. Hand over what you do, and have an owner take that from you first: then the account is yours alone, and can go."
            }
        }
    }
}

/// What ties the account of `who` to the site.
///
/// # Errors
/// As any statement.
pub async fn tie(db: &mut PgConnection, who: &Member) -> Result<Option<Tie>> {
    let tied = sqlx::query_scalar!(
        r#"select role = 'owner' and not exists (
                  select from staff other join accounts on accounts.id = other.id
                   where other.role = 'owner' and active and other.id <> staff.id) as "last!"
             from staff where id = $1"#,
        who.id(),
    );
    let tied = tied.fetch_optional(db).await?;
    Ok(tied.map(|last| if last { Tie::LastOwner } else { Tie::Staff }))
}

/// What is typed by whoever means it.
#[derive(Debug, Deserialize, Validate)]
pub struct Close {
    /// The address of the account.
    #[serde(default, deserialize_with = "input::line")]
    pub confirmation: String,
}

/// Closes the account of `who`: it, its sessions and its apps are gone, on every instance, and a last mail says so. `id` is a
/// fresh one.
///
/// # Errors
/// [`Error::Invalid`] where the address is not theirs, or the account is that of one of us.
pub async fn close(db: &mut PgConnection, who: &Member, form: &Close, id: Uuid) -> Result<()> {
    let email = accounts::profile(&mut *db, who).await?.email;
    if !email.eq_ignore_ascii_case(&form.confirmation) {
        let message = "Type the address of your account, to confirm that you mean it.";
        return Err(Error::field("confirmation", message));
    }
    if let Some(tie) = tie(&mut *db, who).await? {
        return Err(Error::field("", tie.advice()));
    }
    sessions::end_others(&mut *db, who.id(), None).await?;
    // Whoever becomes one of us at this moment waits, and then refers to nothing.
    sqlx::query!("delete from accounts where id = $1", who.id()).execute(&mut *db).await?;
    let intent = Intent::Farewell;
    let link = links::New { id, email: &email, account: None, at_home: false, intent: &intent };
    links::tell(db, &link).await
}
