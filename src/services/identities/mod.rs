//! Who may come in because an identity provider says who they are.
//!
//! An identity is an issuer and what it calls somebody. An address proves nothing but where somebody gets mail, and only
//! where the provider says that it is theirs: with that an account can be made, and none can be entered. An identity is
//! added to an account by somebody who has just proven both.

mod errands;

pub use errands::{
    ADDRESS_WITHIN, Arrival, BACK_WITHIN, Errand, Leaving, Ticket, arrival, expect, receive, take,
};

use crate::error::{Error, OnConstraint, Result};
use crate::identity::{Email, Refusal, Vouched};
use crate::services::sessions::Member;
use crate::services::{accounts, passkeys};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Who somebody is at a provider, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// Whom they mean.
    pub subject: String,
    /// What we call the issuer, in addresses.
    pub provider: String,
}

/// How somebody stands with us whom a provider has vouched for.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// They have an account.
    Known,
    /// They can have one at once: the address is theirs, and nobody else's.
    New,
    /// They have to say, and show, where they get mail.
    WithoutAddress,
    /// They do not get in like this.
    Refused(Refusal),
}

/// How somebody stands with us.
///
/// # Errors
/// As any statement.
pub async fn standing(db: &mut PgConnection, vouched: &Vouched) -> Result<Standing> {
    let active = sqlx::query_scalar!(
        "select active from identities join accounts on accounts.id = account_id where issuer = $1 and subject = $2",
        vouched.issuer(),
        vouched.subject(),
    );
    match active.fetch_optional(&mut *db).await? {
        Some(true) => return Ok(Standing::Known),
        Some(false) => return Ok(Standing::Refused(Refusal::Closed)),
        None => {}
    }
    let Some(Email { address, is_verified: true }) = vouched.email() else {
        return Ok(Standing::WithoutAddress);
    };
    let taken = sqlx::query_scalar!(
        r#"select exists (select from accounts where lower(email) = lower($1)) as "taken!""#,
        address
    );
    Ok(match taken.fetch_one(db).await? {
        true => Standing::Refused(Refusal::AddressTaken),
        false => Standing::New,
    })
}

/// An account, and where its owner gets mail.
#[derive(Debug)]
pub struct Owned {
    /// Which.
    pub account: Uuid,
    /// Where.
    pub email: String,
}

/// The active account of somebody who is known, and that they have come.
///
/// # Errors
/// [`Error::NotFound`] where there is none any more.
pub async fn recognise(db: &mut PgConnection, vouched: &Vouched, provider: &str) -> Result<Owned> {
    sqlx::query_as!(
        Owned,
        "update identities set last_used_at = now(), provider = $3, email = $4
           from accounts where accounts.id = account_id and active and issuer = $1 and subject = $2
         returning account_id as account, accounts.email",
        vouched.issuer(),
        vouched.subject(),
        provider,
        vouched.email().map(|email| email.address.as_str()),
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Makes an account for somebody who is new.
///
/// # Errors
/// [`Error::Invalid`] where it, or its address, was somebody's a moment before.
pub async fn introduce(
    db: &mut PgConnection,
    id: Uuid,
    vouched: &Vouched,
    provider: &str,
) -> Result<Owned> {
    let Some(Email { address, is_verified: true }) = vouched.email() else {
        return Err(Error::field("email", "This address is not known to be theirs."));
    };
    // Whoever has no name there is called as their mailbox is, until they change it.
    let name = vouched.name().unwrap_or(address.split('@').next().unwrap_or_default());
    let name = if name.chars().count() < 2 { address } else { name };
    let new = accounts::New { id, email: address, name, password_hash: None };
    accounts::create(&mut *db, &new).await?;
    add(db, id, vouched, provider).await?;
    Ok(Owned { account: id, email: address.clone() })
}

/// Adds who somebody is at a provider to the account that they are signed in to, and says whether it was not there yet.
///
/// # Errors
/// [`Error::Invalid`] where it is another account's.
pub async fn link(
    db: &mut PgConnection,
    who: &Member,
    vouched: &Vouched,
    provider: &str,
) -> Result<bool> {
    let known = sqlx::query_scalar!(
        "select account_id from identities where issuer = $1 and subject = $2",
        vouched.issuer(),
        vouched.subject(),
    );
    match known.fetch_optional(&mut *db).await? {
        Some(account) if account == who.id() => Ok(false),
        _ => add(db, who.id(), vouched, provider).await.map(|()| true),
    }
}

async fn add(
    db: &mut PgConnection,
    account: Uuid,
    vouched: &Vouched,
    provider: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into identities (issuer, subject, account_id, provider, email) values ($1, $2, $3, $4, $5)",
        vouched.issuer(),
        vouched.subject(),
        account,
        provider,
        vouched.email().map(|email| email.address.as_str()),
    )
    .execute(db)
    .await
    .on_constraint("identities_pkey", || Error::field("", "This is another account’s."))?;
    Ok(())
}

/// Adds who somebody was at a provider when they asked for an account, now that a mailbox has said yes: where that is still
/// the same browser. Anyone may give a stranger's address, and a stranger who says yes must not let them in. Nothing
/// happens where it has become another account's since.
///
/// # Errors
/// As any statement.
pub async fn keep(
    db: &mut PgConnection,
    account: Uuid,
    identity: &Identity,
    browser: &Ticket,
) -> Result<()> {
    let arrival = arrival(&mut *db, browser).await?;
    if arrival.is_none_or(|arrival| arrival.identity() != *identity) {
        return Ok(());
    }
    sqlx::query!(
        "insert into identities (issuer, subject, account_id, provider) values ($1, $2, $3, $4) on conflict do nothing",
        identity.issuer,
        identity.subject,
        account,
        identity.provider,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One of somebody's identities, as they see it.
#[derive(Debug)]
pub struct Linked {
    /// Who says so.
    pub issuer: String,
    /// Whom they mean.
    pub subject: String,
    /// What we call the issuer.
    pub provider: String,
    /// The address they have there.
    pub email: Option<String>,
    /// When they last came from there.
    pub last_used_at: OffsetDateTime,
}

/// All of them.
///
/// # Errors
/// As any statement.
pub async fn of(db: &mut PgConnection, who: &Member) -> Result<Vec<Linked>> {
    Ok(sqlx::query_as!(
        Linked,
        "select issuer, subject, provider, email, last_used_at from identities where account_id = $1 order by created_at",
        who.id(),
    )
    .fetch_all(db)
    .await?)
}

/// How this site lets people in, besides what their accounts hold.
#[derive(Debug, Clone, Copy)]
pub struct Doors<'a> {
    /// Whether links to sign in are mailed.
    pub mail: bool,
    /// The issuers that are believed. Whom another one knows, because it was configured once, does not get in by that.
    pub issuers: &'a [String],
}

/// Whether somebody could not sign in any more without this one of their identities.
///
/// # Errors
/// As any statement.
pub async fn is_last(
    db: &mut PgConnection,
    who: &Member,
    (one, all): (&Linked, &[Linked]),
    doors: Doors<'_>,
) -> Result<bool> {
    let another =
        |other: &Linked| !std::ptr::eq(one, other) && doors.issuers.contains(&other.issuer);
    if doors.mail || all.iter().any(another) || passkeys::has_any(&mut *db, who.id()).await? {
        return Ok(false);
    }
    Ok(accounts::password_hash(db, who).await?.is_none())
}

/// Whether an account can be entered by any.
///
/// # Errors
/// As any statement.
pub async fn has_any(db: &mut PgConnection, account: Uuid, issuers: &[String]) -> Result<bool> {
    let has = sqlx::query_scalar!(
        r#"select exists (select from identities where account_id = $1 and issuer = any($2)) as "has!""#,
        account,
        issuers,
    );
    Ok(has.fetch_one(db).await?)
}

/// Takes one away.
///
/// # Errors
/// [`Error::Forbidden`] where they could not sign in without it, [`Error::NotFound`] where it is none of theirs.
pub async fn unlink(
    db: &mut PgConnection,
    who: &Member,
    issuer: &str,
    subject: &str,
    doors: Doors<'_>,
) -> Result<()> {
    let has_password = accounts::lock(&mut *db, who.id()).await?;
    let removed = sqlx::query!(
        "delete from identities where issuer = $1 and subject = $2 and account_id = $3",
        issuer,
        subject,
        who.id(),
    );
    if removed.execute(&mut *db).await?.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    let otherwise = has_password
        || doors.mail
        || passkeys::has_any(&mut *db, who.id()).await?
        || has_any(db, who.id(), doors.issuers).await?;
    match otherwise {
        true => Ok(()),
        false => {
            Err(Error::Forbidden("This is your only way to sign in. Choose a password first."))
        }
    }
}
