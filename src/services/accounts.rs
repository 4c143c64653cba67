//! People with an account: members, and the staff among them.
//!
//! An account's address was confirmed from its mailbox, or given by someone who may: there are no others. So whoever has
//! the mailbox has the account, and nobody can lie in wait for them under their address.

use crate::error::{Error, OnConstraint, Result};
use crate::mail::Person;
use crate::services::alarms::{self, Alarm};
use crate::services::input::{self, Valid};
use crate::services::sessions::Member;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// The refusal of an address that somebody has.
pub const TAKEN: &str = "There is an account with this email address already.";

/// Whoever did something here and has deleted their account since.
pub const GONE: &str = "somebody who has left";

/// What is needed to judge a sign-in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose it is.
    pub id: Uuid,
    /// PHC string; none for those who sign in without.
    pub password_hash: Option<String>,
}

/// The active account behind `email`.
///
/// # Errors
/// As any statement.
pub async fn by_email(db: &mut PgConnection, email: &str) -> Result<Option<Account>> {
    Ok(sqlx::query_as!(
        Account,
        "select id, password_hash from accounts where lower(email) = lower($1) and active",
        email,
    )
    .fetch_optional(db)
    .await?)
}

/// An account to be made: its address is known to be theirs.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: Uuid,
    /// Where they get mail.
    pub email: &'a str,
    /// What others see.
    pub name: &'a str,
    /// PHC string, where they have chosen a password.
    pub password_hash: Option<&'a str>,
}

/// Makes an account.
///
/// # Errors
/// [`Error::Invalid`] where the address is taken.
pub async fn create(db: &mut PgConnection, new: &New<'_>) -> Result<()> {
    sqlx::query!(
        "insert into accounts (id, email, name, password_hash) values ($1, $2, $3, $4)",
        new.id,
        new.email,
        new.name,
        new.password_hash,
    )
    .execute(db)
    .await
    .on_constraint("accounts_email_key", || Error::field("email", TAKEN))?;
    Ok(())
}

/// Someone with an account whom a mail is for.
///
/// # Errors
/// [`Error::NotFound`], also for one that is closed.
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<Person> {
    sqlx::query_as!(Person, "select name, email from accounts where id = $1 and active", id)
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound)
}

/// What its owner sees and changes.
#[derive(Debug)]
pub struct Profile {
    /// What others see.
    pub name: String,
    /// Where they get mail.
    pub email: String,
    /// Whether there is a password to sign in with.
    pub has_password: bool,
    /// How often it was changed.
    pub version: i32,
    /// Since when it is there.
    pub created_at: OffsetDateTime,
}

/// The account of `who`.
///
/// # Errors
/// As any statement.
pub async fn profile(db: &mut PgConnection, who: &Member) -> Result<Profile> {
    Ok(sqlx::query_as!(
        Profile,
        r#"select name, email, password_hash is not null as "has_password!", version, created_at from accounts where id = $1"#,
        who.id(),
    )
    .fetch_one(db)
    .await?)
}

/// The hash of the password of `who`, if there is one.
///
/// # Errors
/// As any statement.
pub async fn password_hash(db: &mut PgConnection, who: &Member) -> Result<Option<String>> {
    let hash = sqlx::query_scalar!("select password_hash from accounts where id = $1", who.id());
    Ok(hash.fetch_one(db).await?)
}

/// Holds an account while a way in to it comes or goes, so that of two that are given up at once one stays; says whether
/// there is a password.
///
/// # Errors
/// As any statement.
pub async fn lock(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let has_password = sqlx::query_scalar!(
        r#"select password_hash is not null as "has!" from accounts where id = $1 for update"#,
        account,
    );
    Ok(has_password.fetch_one(db).await?)
}

/// What its owner may write into it.
#[derive(Debug, Deserialize, Validate)]
pub struct Edited {
    /// What others see.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter a name of 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    pub name: String,
    /// The version that its writer saw.
    #[serde(default, deserialize_with = "input::lenient_number")]
    pub version: Option<u64>,
}

/// Keeps what its owner has written.
///
/// # Errors
/// [`Error::Invalid`] where somebody, in another window, has changed it since: sent once more it is kept, knowingly.
pub async fn edit(db: &mut PgConnection, who: &Member, new: &Valid<Edited>) -> Result<()> {
    let seen = new.version.and_then(|version| i32::try_from(version).ok()).unwrap_or_default();
    let kept = sqlx::query!(
        "update accounts set name = $2, version = version + 1 where id = $1 and version = $3",
        who.id(),
        new.name,
        seen,
    );
    if kept.execute(db).await?.rows_affected() == 1 {
        return Ok(());
    }
    let message = "Your account was changed in another window. Look at it, then save again to keep what stands here.";
    Err(Error::field("version", message))
}

/// Sets a password. Every other session ends with the old one, on every instance, and so do the links that were mailed; the
/// mailbox is told. `password_hash` was made beforehand: hashing does not belong in a transaction. `id` is a fresh one.
///
/// # Errors
/// As any statement.
pub async fn set_password(
    db: &mut PgConnection,
    id: Uuid,
    account: Uuid,
    but: Option<&Member>,
    password_hash: &str,
) -> Result<()> {
    sqlx::query!("update accounts set password_hash = $2 where id = $1", account, password_hash)
        .execute(&mut *db)
        .await?;
    super::sessions::end_others(&mut *db, account, but).await?;
    super::links::revoke(&mut *db, account).await?;
    alarms::raise(db, id, account, Alarm::PasswordChanged).await
}

/// Holds an account while somebody is let in to it, or put out: whoever comes second sees what the first has done. A statement
/// of its own for that, before any other lock on what belongs to the account.
///
/// # Errors
/// As any statement.
pub async fn hold(db: &mut PgConnection, account: Uuid) -> Result<()> {
    let held = sqlx::query!("select from accounts where id = $1 for no key update", account);
    held.execute(db).await?;
    Ok(())
}

/// Holds an account whose password was right a moment ago, and says whether it is yet: another may have been set meanwhile.
///
/// # Errors
/// As any statement.
pub async fn is_yet(db: &mut PgConnection, account: &Account) -> Result<bool> {
    hold(&mut *db, account.id).await?;
    let is = sqlx::query_scalar!(
        r#"select exists (select from accounts where id = $1 and password_hash = $2 and active) as "is!""#,
        account.id,
        account.password_hash,
    );
    Ok(is.fetch_one(db).await?)
}

/// Notes that somebody was let in, and says whether anybody ever was before.
///
/// # Errors
/// As any statement.
pub async fn entered(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let first = sqlx::query!(
        "update accounts set entered_at = now() where id = $1 and entered_at is null",
        account
    );
    Ok(first.execute(db).await?.rows_affected() == 0)
}

/// A password to be set, typed once: whoever mistypes it asks for a link.
#[derive(Deserialize, Validate)]
pub struct NewPassword {
    /// Plain text; only its hash is stored.
    #[serde(default)]
    #[validate(length(
        min = 12,
        max = 200,
        message = "Choose a password of 12 to 200 characters."
    ))]
    pub password: String,
}
