//! Who is signed in. The browser holds 256 random bits; the database holds their SHA-256.

use crate::digest;
use crate::error::{Error, Result};
use crate::services::staff::Role;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long a session lasts from sign-in.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A member of staff who has signed in. Only [`resume`] makes one, so holding one is the proof.
#[derive(Debug, Clone)]
pub struct Staff {
    id: Uuid,
    name: String,
    role: Role,
}

impl Staff {
    /// Who it is.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What others see.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether they may do everything.
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }
}

/// An owner who has signed in. Only [`Owner::among`] makes one.
#[derive(Debug, Clone)]
pub struct Owner(Staff);

impl Owner {
    /// The same person, where they are one.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn among(staff: Staff) -> Result<Self> {
        match staff.is_owner() {
            true => Ok(Self(staff)),
            false => Err(Error::Forbidden("This is for the owner of the site alone.")),
        }
    }

    /// The owner as a member of staff.
    pub fn staff(&self) -> &Staff {
        &self.0
    }
}

/// What the browser holds: 256 random bits, in hexadecimal digits.
pub struct SessionToken([u8; 32]);

impl SessionToken {
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

/// What is needed to judge a sign-in, for an address that is in use.
pub struct Account {
    /// Whose it is.
    pub id: Uuid,
    /// PHC string.
    pub password_hash: String,
}

/// The active account behind `email`.
///
/// # Errors
/// As any statement.
pub async fn account(db: &mut PgConnection, email: &str) -> Result<Option<Account>> {
    Ok(sqlx::query_as!(
        Account,
        "select id, password_hash from staff where lower(email) = lower($1) and active",
        email,
    )
    .fetch_optional(db)
    .await?)
}

/// Begins a session. Old ones that have run out are swept away in passing.
///
/// # Errors
/// As any statement.
pub async fn begin(db: &mut PgConnection, staff: Uuid, token: &SessionToken) -> Result<()> {
    sqlx::query!("delete from sessions where expires_at < now()").execute(&mut *db).await?;
    sqlx::query!(
        "insert into sessions (token_hash, staff_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))",
        token.hash(),
        staff,
        LIFETIME.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The person behind a session that is still good.
///
/// # Errors
/// As any statement.
pub async fn resume(db: &mut PgConnection, token: &SessionToken) -> Result<Option<Staff>> {
    Ok(sqlx::query_as!(
        Staff,
        r#"select staff.id, staff.name, staff.role as "role: Role"
             from sessions join staff on staff.id = sessions.staff_id
            where token_hash = $1 and expires_at > now() and staff.active"#,
        token.hash(),
    )
    .fetch_optional(db)
    .await?)
}

/// Ends a session, wherever it is used.
///
/// # Errors
/// As any statement.
pub async fn end(db: &mut PgConnection, token: &SessionToken) -> Result<()> {
    sqlx::query!("delete from sessions where token_hash = $1", token.hash()).execute(db).await?;
    Ok(())
}
