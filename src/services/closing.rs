//! The end of an account, as its owner wants it.
//!
//! What belongs to the account goes with it, by the references of the tables: sessions and apps, mailed links, half sign-ins,
//! second factor, passkeys, and that it is one of us. What they wrote to the business is the business's too, and stays until
//! it is asked to erase that as well (`people::erase`). What they did for it stays done, and on the record.

use crate::error::{Error, OnConstraint, Result};
use crate::services::input;
use crate::services::links::{self, Intent};
use crate::services::recent::{Recent, one_at_a_time};
use crate::services::sessions::Member;
use crate::services::{accounts, invites, sessions};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

/// What the last owner is told.
pub const LAST_OWNER: &str = "You are the only owner of this site, so nobody could run it without you. Make somebody else an owner first.";

/// Whether nobody would own the site without `who`.
///
/// # Errors
/// As any statement.
pub async fn is_last_owner(db: &mut PgConnection, who: &Member) -> Result<bool> {
    let is = sqlx::query_scalar!(
        r#"select exists (select from staff where id = $1 and role = 'owner')
              and not exists (select from staff join accounts using (id)
                               where role = 'owner' and active and id <> $1) as "is!""#,
        who.id(),
    );
    Ok(is.fetch_one(db).await?)
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
/// [`Error::Invalid`] where the address is not theirs, or the site would have no owner.
pub async fn close(
    db: &mut PgConnection,
    who: &Recent<Member>,
    form: &Close,
    id: Uuid,
) -> Result<()> {
    let email = accounts::profile(&mut *db, who).await?.email;
    if !email.eq_ignore_ascii_case(&form.confirmation) {
        let message = "Type the address of your account, to confirm that you mean it.";
        return Err(Error::field("confirmation", message));
    }
    if who.is_staff() {
        one_at_a_time(&mut *db).await?; // as whoever else changes who runs the site
    }
    sessions::end_others(&mut *db, who.id(), None).await?;
    invites::take_back_those_of(&mut *db, who.id()).await?;
    let closed = sqlx::query!("delete from accounts where id = $1", who.id());
    let closed = closed.execute(&mut *db).await;
    closed.on_constraint("staff_last_owner", || Error::field("", LAST_OWNER))?;
    let intent = Intent::Farewell;
    let link = links::New { id, email: &email, account: None, at_home: false, intent: &intent };
    links::tell(db, &link).await
}
