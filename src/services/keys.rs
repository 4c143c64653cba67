//! Keys of partners' programs: `fd_live_`, 30 random letters and digits, 6 of checksum. Shown once, kept as SHA-256.
//!
//! The checksum lets leak scanners and typing mistakes be told from real keys without asking; it proves nothing. A key
//! that is wrong in any way takes the same path as one that is right: one look-up by hash.

use crate::clock::{Clock, LETTERS};
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::marker::PhantomData;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// What a key may be used for: one type per scope, so that a service can ask for the right one.
pub trait Scope: 'static {
    /// As it is written.
    const NAME: &'static str;
}

/// `leads:write`: hand in leads, and see the own ones.
#[derive(Debug)]
pub struct LeadsWrite;

impl Scope for LeadsWrite {
    const NAME: &'static str = "leads:write";
}

/// `posts:write`: write posts.
#[derive(Debug)]
pub struct PostsWrite;

impl Scope for PostsWrite {
    const NAME: &'static str = "posts:write";
}

/// `posts:read`: read what is published, whoever it is for.
#[derive(Debug)]
pub struct PostsRead;

impl Scope for PostsRead {
    const NAME: &'static str = "posts:read";
}

/// `cache:write`: have pages rendered again.
#[derive(Debug)]
pub struct CacheWrite;

impl Scope for CacheWrite {
    const NAME: &'static str = "cache:write";
}

/// Every scope there is.
pub const SCOPES: [&str; 4] =
    [LeadsWrite::NAME, PostsWrite::NAME, PostsRead::NAME, CacheWrite::NAME];

/// A partner's program with a key that is good for `S`. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Partner<S> {
    key: Uuid,
    scope: PhantomData<S>,
}

impl<S> Partner<S> {
    /// Which key.
    pub fn key(&self) -> Uuid {
        self.key
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, Validate)]
pub struct NewKey {
    /// Who it is for.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 2,
            max = 100,
            message = "Enter a name of 2 to 100 characters: whose key it is."
        ),
        custom(function = "input::one_line")
    )]
    pub name: String,
    /// What it may do.
    #[serde(default)]
    #[validate(custom(function = "known_scopes"))]
    pub scopes: Vec<String>,
}

fn known_scopes(scopes: &[String]) -> Result<(), ValidationError> {
    let known = scopes.iter().all(|scope| SCOPES.contains(&scope.as_str()));
    if known && !scopes.is_empty() {
        return Ok(());
    }
    let message = format!("Choose from: {}.", SCOPES.join(", "));
    Err(ValidationError::new("scopes").with_message(message.into()))
}

/// A key in full, to be shown once.
#[derive(Debug)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn generate(clock: &Clock) -> Self {
        let mut secret = format!("fd_live_{}", clock.letters(30));
        let mut sum = checksum(&secret);
        for _ in 0..6 {
            secret.push(char::from(LETTERS[(sum % 62) as usize]));
            sum /= 62;
        }
        Self(secret)
    }

    /// The whole key.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its beginning, by which people tell keys apart.
    pub fn prefix(&self) -> &str {
        &self.0[..12]
    }

    fn hash(&self) -> Vec<u8> {
        hash(self.0.as_bytes())
    }
}

fn hash(key: &[u8]) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

fn checksum(text: &str) -> u32 {
    let digest = Sha256::digest(text);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// A key as it can be listed.
#[derive(Debug, Serialize)]
pub struct Key {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub name: String,
    /// Its beginning.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Since when it is refused.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// Keeps a new key.
///
/// # Errors
/// As any statement.
pub async fn create(
    db: &mut PgConnection,
    _by: &Operator,
    id: Uuid,
    new: &Valid<NewKey>,
    secret: &Secret,
) -> Result<()> {
    sqlx::query!(
        "insert into api_keys (id, name, prefix, hash, scopes) values ($1, $2, $3, $4, $5)",
        id,
        new.name,
        secret.prefix(),
        secret.hash(),
        &new.scopes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All keys, newest first.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection, _by: &Operator) -> Result<Vec<Key>> {
    Ok(sqlx::query_as!(
        Key,
        "select id, name, prefix, scopes, created_at, revoked_at from api_keys order by id desc"
    )
    .fetch_all(db)
    .await?)
}

/// Has the key refused from now on, on every instance. Once is enough; twice is the same.
///
/// # Errors
/// [`Error::NotFound`] where there is no such key.
pub async fn revoke(db: &mut PgConnection, _by: &Operator, id: Uuid) -> Result<()> {
    let revoked = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1",
        id
    );
    match revoked.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// The partner behind a presented key that is good for `S`.
///
/// # Errors
/// [`Error::Unproven`] for a key that is not good; [`Error::Forbidden`] for a good one without this scope.
pub async fn admit<S: Scope>(db: &mut PgConnection, presented: &[u8]) -> Result<Partner<S>> {
    let presented = hash(presented);
    let found = sqlx::query!(
        "select id, hash, scopes from api_keys where hash = $1 and revoked_at is null",
        presented,
    )
    .fetch_optional(db)
    .await?;
    let same = |hash: &[u8]| bool::from(hash.ct_eq(&presented));
    match found {
        Some(key) if !same(&key.hash) => Err(Error::Unproven(REFUSED)),
        None => Err(Error::Unproven(REFUSED)),
        Some(key) if key.scopes.iter().any(|scope| scope == S::NAME) => {
            Ok(Partner { key: key.id, scope: PhantomData })
        }
        Some(_) => Err(Error::Forbidden("This API key does not have the scope this needs.")),
    }
}

/// What the holder of a missing or wrong key is told.
pub const REFUSED: &str = "Send a valid API key as x-api-key or as Authorization: Bearer.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_form_and_differ() {
        let clock = Clock::default();
        let (one, other) = (Secret::generate(&clock), Secret::generate(&clock));
        assert_eq!(one.reveal().len(), "fd_live_".len() + 36);
        assert!(one.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        assert!(one.reveal().starts_with(one.prefix()));
        assert_ne!(one.reveal(), other.reveal());
    }
}
