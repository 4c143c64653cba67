//! What somebody is asked by mail, to be answered once: "is this your address?", "is that you?".
//!
//! A link is an id and 128 random bits, of which the database holds only the SHA-256. The random part is made when the mail
//! is written, so it is in no job, and staff who look at the outbox do not see it. A GET changes nothing, as programs open
//! every link in a mail; the button on its page does.

use crate::digest;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::alarms::Alarm;
use crate::services::email_changes::Side;
use crate::services::identities::Identity;
use crate::services::outbox;
use crate::services::staff::Role;
use crate::services::strangers::mailbox;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::time::Duration;
use uuid::Uuid;

/// How many mails for one purpose a mailbox gets within a quarter of an hour, and within a day, whoever types its address; and
/// as many again when that is done on devices of its owner.
const TO_MAILBOX: (i64, i64) = (3, 12);

/// How many mails about what has happened to it the owner of an account gets within a quarter of an hour.
const TOLD: i64 = 20;

/// The refusal of a link that is none, or none any more.
pub const OVER: Error =
    Error::Over("This link has been used, or is too old. Ask for a new one; the last mail counts.");

/// What happens when a link is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "kebab-case")]
pub enum Intent {
    /// An account is made.
    SignUp {
        /// What others will see.
        name: String,
        /// PHC string, where a password was chosen.
        password_hash: Option<String>,
        /// In which browser that was done, as a hash of what it keeps. Whoever has the mailbox need not know that password.
        #[serde(default)]
        browser: Option<String>,
        /// Who they are at the identity provider that they came from, where they did.
        #[serde(default)]
        identity: Option<Identity>,
        /// The path to go on to.
        #[serde(default)]
        next: String,
    },
    /// A session is begun.
    SignIn {
        /// The path to go on to.
        next: String,
        /// Whether an account was asked for, by somebody who has one.
        had_one: bool,
    },
    /// Another password is chosen.
    Reset,
    /// Somebody is to run the site too.
    Invite {
        /// What they may do.
        role: Role,
        /// The owner who says so.
        by: Uuid,
    },
    /// Nothing: there is no account with this address, and its mailbox alone is told so.
    Nothing,
    /// One of two mailboxes agrees to another address for an account.
    ChangeEmail {
        /// Which change.
        change: Uuid,
        /// Which of the two.
        side: Side,
    },
    /// Nothing: somebody wants this address for their account, and there is one with it.
    Taken,
    /// Everyone is signed out, because that was not they.
    Alarm {
        /// What has happened.
        alarm: Alarm,
    },
    /// Nothing: the account has another address, and the operator has seen to that.
    Moved,
    /// Nothing: the account is gone.
    Farewell,
}

impl Intent {
    /// How long it may be used (OWASP Forgot Password Cheat Sheet: short).
    pub fn lifetime(&self) -> Duration {
        let minutes = match self {
            Self::SignUp { .. }
            | Self::ChangeEmail { .. }
            | Self::Taken
            | Self::Moved
            | Self::Farewell => 24 * 60,
            Self::Invite { .. } | Self::Alarm { .. } => 7 * 24 * 60,
            Self::SignIn { .. } | Self::Reset | Self::Nothing => 15,
        };
        Duration::from_secs(minutes * 60)
    }
}

/// A link to be mailed.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: Uuid,
    /// Where the mail goes.
    pub email: &'a str,
    /// Whose account it is about.
    pub account: Option<Uuid>,
    /// Whether it was asked for on a device that has signed in with this address.
    pub at_home: bool,
    /// What it is for.
    pub intent: &'a Intent,
}

/// Has a link mailed, unless its mailbox has been sent too many: then nothing happens, and whoever asked cannot tell.
///
/// # Errors
/// As any statement.
pub async fn send(db: &mut PgConnection, new: &New<'_>) -> Result<()> {
    let (mailbox, _) = mailbox(new.email);
    // In a statement of its own: what a twin commits while we wait here must be counted by the next one.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('links ' || $1, 0))", mailbox)
        .execute(&mut *db)
        .await?;
    let made = sqlx::query!(
        "insert into mailed_links (id, account_id, email, mailbox, at_home, intent, expires_at)
         select $1, $2, $3, $4, $9, $5, now() + make_interval(secs => $6)
          where (select count(*) from mailed_links
                  where mailbox = $4 and at_home = $9 and asked and intent ->> 'to' = $5::jsonb ->> 'to'
                    and created_at > now() - interval '15 minutes') < $7
            and (select count(*) from mailed_links
                  where mailbox = $4 and at_home = $9 and asked and intent ->> 'to' = $5::jsonb ->> 'to'
                    and created_at > now() - interval '1 day') < $8",
        new.id,
        new.account,
        new.email,
        mailbox,
        Json(new.intent) as _,
        new.intent.lifetime().as_secs_f64(),
        TO_MAILBOX.0,
        TO_MAILBOX.1,
        new.at_home,
    );
    match made.execute(&mut *db).await?.rows_affected() {
        0 => Ok(()),
        _ => mail(db, new).await,
    }
}

/// Has a link mailed that nobody has asked for: it tells the owner of an account what has happened to it. Only so many of
/// them are sent: whoever makes them happen has said what there is to say by then.
///
/// # Errors
/// As any statement.
pub async fn tell(db: &mut PgConnection, new: &New<'_>) -> Result<()> {
    let (mailbox, _) = mailbox(new.email);
    let made = sqlx::query!(
        "insert into mailed_links (id, account_id, email, mailbox, at_home, asked, intent, expires_at)
         select $1, $2, $3, $4, $5, false, $6, now() + make_interval(secs => $7)
          where (select count(*) from mailed_links
                  where account_id = $2 and not asked and created_at > now() - interval '15 minutes') < $8",
        new.id,
        new.account,
        new.email,
        mailbox,
        new.at_home,
        Json(new.intent) as _,
        new.intent.lifetime().as_secs_f64(),
        TOLD,
    );
    match made.execute(&mut *db).await?.rows_affected() {
        0 => Ok(()),
        _ => mail(db, new).await,
    }
}

async fn mail(db: &mut PgConnection, new: &New<'_>) -> Result<()> {
    let job = outbox::New {
        id: new.id,
        job: &Job::Mail(Mail::Link { link: new.id }),
        cause: match (new.account, new.intent) {
            (Some(id), _) => format!("account:{id}"),
            (None, Intent::Invite { .. }) => "invite".to_owned(),
            (None, _) => "sign-up".to_owned(),
        },
        recipient: Some(new.email),
        once: None,
        not_before: None,
    };
    outbox::put(db, &job).await
}

/// What stands in the mail: the id, and the random part.
pub struct Token {
    id: Uuid,
    random: [u8; 16],
}

impl Token {
    /// Reads the last part of an address.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = digest::unhex(text)?.try_into().ok()?;
        let (id, random) = bytes.split_at(16);
        Some(Self { id: Uuid::from_slice(id).ok()?, random: random.try_into().ok()? })
    }

    /// The last part of the address.
    pub fn reveal(&self) -> String {
        format!("{}{}", self.id.simple(), digest::hex(&self.random))
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.random).to_vec()
    }
}

/// Makes a random part for a mail that is about to go. `shown`: it is kept for owners to read, as nobody carries mail.
///
/// # Errors
/// As any statement.
pub async fn mint(db: &mut PgConnection, id: Uuid, random: [u8; 16], shown: bool) -> Result<Token> {
    let token = Token { id, random };
    sqlx::query!(
        "update mailed_links set hashes = array_append(hashes, $2), shown = case when $3 then $4::bytea end where id = $1",
        id,
        token.hash(),
        shown,
        &token.random,
    )
    .execute(db)
    .await?;
    Ok(token)
}

/// The token that is kept for owners to read.
///
/// # Errors
/// As any statement.
pub async fn shown(db: &mut PgConnection, id: Uuid) -> Result<Option<Token>> {
    let shown = sqlx::query_scalar!("select shown from mailed_links where id = $1", id);
    let shown = shown.fetch_optional(db).await?.flatten();
    Ok(shown.and_then(|shown| shown.try_into().ok()).map(|random| Token { id, random }))
}

/// A link that is still good, and what it is for.
#[derive(Debug)]
pub struct Held {
    /// Where the mail went: whoever has the link has this mailbox.
    pub email: String,
    /// Whose account it is about.
    pub account: Option<Uuid>,
    /// What it is for.
    pub intent: Json<Intent>,
}

/// The link behind `token`, if it is still good.
///
/// # Errors
/// [`OVER`].
pub async fn held(db: &mut PgConnection, token: &str) -> Result<Held> {
    let Some(token) = Token::parse(token) else { return Err(OVER) };
    sqlx::query_as!(
        Held,
        r#"select email, account_id as account, intent as "intent: Json<Intent>" from mailed_links
            where id = $1 and $2 = any(hashes) and used_at is null and expires_at > now()"#,
        token.id,
        token.hash(),
    )
    .fetch_optional(db)
    .await?
    .ok_or(OVER)
}

/// The same, and it is used: nobody will have it again.
///
/// # Errors
/// [`OVER`].
pub async fn take(db: &mut PgConnection, token: &str) -> Result<Held> {
    let Some(token) = Token::parse(token) else { return Err(OVER) };
    sqlx::query_as!(
        Held,
        r#"update mailed_links set used_at = now()
            where id = $1 and $2 = any(hashes) and used_at is null and expires_at > now()
           returning email, account_id as account, intent as "intent: Json<Intent>""#,
        token.id,
        token.hash(),
    )
    .fetch_optional(db)
    .await?
    .ok_or(OVER)
}

/// Ends all links that are about an account, but for those that say what has happened to it: whoever does harm does not take
/// their remedy away.
///
/// # Errors
/// As any statement.
pub async fn revoke(db: &mut PgConnection, account: Uuid) -> Result<()> {
    sqlx::query!(
        "update mailed_links set used_at = now() where account_id = $1 and used_at is null and asked",
        account
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends these too.
///
/// # Errors
/// As any statement.
pub async fn revoke_all(db: &mut PgConnection, account: Uuid) -> Result<()> {
    sqlx::query!(
        "update mailed_links set used_at = now() where account_id = $1 and used_at is null",
        account
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a mail says of a link: where it goes, and what for. None where it is over.
///
/// # Errors
/// As any statement.
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<Option<Held>> {
    Ok(sqlx::query_as!(
        Held,
        r#"select email, account_id as account, intent as "intent: Json<Intent>" from mailed_links
            where id = $1 and used_at is null and expires_at > now()"#,
        id,
    )
    .fetch_optional(db)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_way_through_a_mail() {
        let token = Token { id: Uuid::from_u128(7), random: [9; 16] };
        let read = Token::parse(&token.reveal()).unwrap();
        assert_eq!((read.id, read.random), (token.id, token.random));
        for nonsense in ["", "x", &token.reveal()[1..], &format!("{}g", &token.reveal()[1..])] {
            assert!(Token::parse(nonsense).is_none(), "{nonsense}");
        }
    }
}
