//! Whoever has proven who they are once, and is asked for a second factor. The browser holds 256 random bits; the database
//! holds their SHA-256, whose account it is and what was proven.
//!
//! It is no session and opens no door but the page that asks: it lies in a table of its own, under a cookie of its own. It
//! ends after ten minutes, when it has led to a session, and with the sessions of its account.

use crate::digest;
use crate::error::{Error, Result};
use crate::services::accounts;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long it may be gone on with.
pub const LIFETIME: Duration = Duration::from_secs(600);

const OVER: Error =
    Error::Over("This sign-in was finished elsewhere, or has taken too long. Begin again.");

/// What was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Proof {
    /// That they know the password.
    Password,
    /// That the mailbox is theirs.
    Mail,
    /// Who they are to an identity provider.
    Provider,
}

/// What the browser holds: 256 random bits, in hexadecimal digits.
pub struct HalfToken([u8; 32]);

impl HalfToken {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        digest::unhex(text)?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn reveal(&self) -> String {
        digest::hex(&self.0)
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

/// Someone who has signed in by half. Only [`resume`] makes one.
#[derive(Debug, Clone)]
pub struct HalfWay {
    token_hash: Vec<u8>,
    account: Uuid,
    email: String,
    proof: Proof,
    next: String,
}

impl HalfWay {
    /// Whose account it is.
    pub fn account(&self) -> Uuid {
        self.account
    }

    /// Their address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// What was proven.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The path they want to go to.
    pub fn next(&self) -> &str {
        &self.next
    }
}

/// Begins one.
///
/// # Errors
/// As any statement.
pub async fn begin(
    db: &mut PgConnection,
    token: &HalfToken,
    account: Uuid,
    proof: Proof,
    next: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into half_sign_ins (token_hash, account_id, proof, next, expires_at)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5))",
        token.hash(),
        account,
        proof as Proof,
        next,
        LIFETIME.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whoever is half signed in, while that is good.
///
/// # Errors
/// As any statement.
pub async fn resume(db: &mut PgConnection, token: &HalfToken) -> Result<Option<HalfWay>> {
    Ok(sqlx::query_as!(
        HalfWay,
        r#"select token_hash, account_id as account, email, proof as "proof: Proof", next
             from half_sign_ins join accounts on accounts.id = account_id
            where token_hash = $1 and expires_at > now() and active"#,
        token.hash(),
    )
    .fetch_optional(db)
    .await?)
}

/// Uses it up: of several who come with the same, one alone gets on.
///
/// # Errors
/// [`Error::Over`].
pub async fn take(db: &mut PgConnection, half: &HalfWay) -> Result<()> {
    accounts::hold(&mut *db, half.account).await?;
    let taken = sqlx::query!(
        "delete from half_sign_ins using accounts
          where token_hash = $1 and expires_at > now() and accounts.id = account_id and active",
        half.token_hash,
    );
    match taken.execute(db).await?.rows_affected() {
        0 => Err(OVER),
        _ => Ok(()),
    }
}

/// Ends all of an account.
///
/// # Errors
/// As any statement.
pub async fn end_all(db: &mut PgConnection, account: Uuid) -> Result<()> {
    sqlx::query!("delete from half_sign_ins where account_id = $1", account).execute(db).await?;
    Ok(())
}
