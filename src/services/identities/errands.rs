//! Somebody who was sent to an identity provider, until they are back; and somebody who is back, until they have said where
//! they get mail. Both are known by what their browser holds.

use crate::digest;
use crate::error::Result;
use crate::identity::{Asked, Vouched};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long somebody may stay away.
pub const BACK_WITHIN: Duration = Duration::from_secs(600);
/// How long somebody may take to say, and show, where they get mail: as long as the link that shows it is good.
pub const ADDRESS_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// What a browser holds, or brings back: 256 random bits, in hexadecimal digits. The database holds their SHA-256.
#[derive(Clone)]
pub struct Ticket([u8; 32]);

impl Ticket {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what was brought.
    pub fn parse(text: &str) -> Option<Self> {
        digest::unhex(text)?.try_into().ok().map(Self)
    }

    /// What is to be brought back.
    pub fn reveal(&self) -> String {
        digest::hex(&self.0)
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

/// Somebody who leaves.
pub struct Leaving<'a> {
    /// What the provider sends back with them.
    pub state: &'a Ticket,
    /// What their browser holds.
    pub browser: &'a Ticket,
    /// Where they go.
    pub provider: &'a str,
    /// What the answer must fit.
    pub asked: &'a Asked,
    /// The path to go on to.
    pub next: &'a str,
    /// The session that wants to add who they are there.
    pub session: Option<Uuid>,
}

/// Expects somebody back.
///
/// # Errors
/// As any statement.
pub async fn expect(db: &mut PgConnection, leaving: &Leaving<'_>) -> Result<()> {
    sqlx::query!(
        "insert into identity_errands (state_hash, browser_hash, provider, nonce, verifier, next, session_id, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))",
        leaving.state.hash(),
        leaving.browser.hash(),
        leaving.provider,
        leaving.asked.nonce,
        leaving.asked.verifier,
        leaving.next,
        leaving.session,
        BACK_WITHIN.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What somebody had set out for who is back. Only [`take`] makes one, once.
#[derive(Debug)]
pub struct Errand {
    provider: String,
    nonce: String,
    verifier: String,
    next: String,
    session: Option<Uuid>,
}

impl Errand {
    /// Where they went.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// What the answer must fit.
    pub fn asked(&self) -> Asked {
        Asked { nonce: self.nonce.clone(), verifier: self.verifier.clone() }
    }

    /// The path to go on to.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// The session that wanted to add who they are there.
    pub fn session(&self) -> Option<Uuid> {
        self.session
    }
}

/// Has somebody back who was expected in this browser, and expects them no more.
///
/// # Errors
/// As any statement.
pub async fn take(
    db: &mut PgConnection,
    state: &Ticket,
    browser: &Ticket,
) -> Result<Option<Errand>> {
    Ok(sqlx::query_as!(
        Errand,
        "delete from identity_errands where state_hash = $1 and browser_hash = $2 and expires_at > now()
            returning provider, nonce, verifier, next, session_id as session",
        state.hash(),
        browser.hash(),
    )
    .fetch_optional(db)
    .await?)
}

/// Somebody whom a provider has vouched for, and who has yet to say where they get mail. Only [`arrival`] makes one.
#[derive(Debug)]
pub struct Arrival {
    issuer: String,
    subject: String,
    provider: String,
    name: Option<String>,
    email: Option<String>,
}

impl Arrival {
    /// Where they come from.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// What they are called there.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address that they may have there.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Who they are there.
    pub fn identity(&self) -> super::Identity {
        super::Identity {
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            provider: self.provider.clone(),
        }
    }
}

/// Waits for somebody to say where they get mail.
///
/// # Errors
/// As any statement.
pub async fn receive(
    db: &mut PgConnection,
    browser: &Ticket,
    vouched: &Vouched,
    provider: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into identity_arrivals (browser_hash, issuer, subject, provider, name, email, expires_at)
            values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))",
        browser.hash(),
        vouched.issuer(),
        vouched.subject(),
        provider,
        vouched.name(),
        vouched.email().map(|email| email.address.as_str()),
        ADDRESS_WITHIN.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whoever waits in this browser.
///
/// # Errors
/// As any statement.
pub async fn arrival(db: &mut PgConnection, browser: &Ticket) -> Result<Option<Arrival>> {
    Ok(sqlx::query_as!(
        Arrival,
        "select issuer, subject, provider, name, email from identity_arrivals
          where browser_hash = $1 and expires_at > now()",
        browser.hash(),
    )
    .fetch_optional(db)
    .await?)
}
