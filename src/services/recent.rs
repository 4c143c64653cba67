//! Who has proven lately who they are, which is asked before what matters most (OWASP Authentication Cheat Sheet).

use crate::error::{Error, Result};
use crate::services::sessions::{self, Member, Owner, SessionToken, Staff};
use sqlx::PgConnection;
use std::ops::Deref;
use std::time::Duration;

/// A proof that somebody is signed in.
pub trait SignedIn {
    /// Who.
    fn member(&self) -> &Member;
}

impl SignedIn for Member {
    fn member(&self) -> &Member {
        self
    }
}

impl SignedIn for Staff {
    fn member(&self) -> &Member {
        Staff::member(self)
    }
}

impl SignedIn for Owner {
    fn member(&self) -> &Member {
        self.staff().member()
    }
}

/// A proof that somebody who is signed in is one of us.
pub trait OneOfUs {
    /// Who.
    fn one(&self) -> &Staff;

    /// Sees to it that what they do now is done while they still may.
    async fn hold(&self, db: &mut PgConnection) -> Result<()> {
        sessions::hold(db, self.one()).await
    }
}

impl OneOfUs for Staff {
    fn one(&self) -> &Staff {
        self
    }
}

impl OneOfUs for Owner {
    fn one(&self) -> &Staff {
        self.staff()
    }
}

/// The same person, who has proven who they are within [`sessions::RECENT`]. Only [`Recent::among`] makes one.
#[derive(Debug, Clone)]
pub struct Recent<G>(G);

impl<G: SignedIn> Recent<G> {
    /// The same person, where it was proven lately.
    ///
    /// # Errors
    /// [`Error::Unconfirmed`].
    pub fn among(grant: G) -> Result<Self> {
        match grant.member().is_recent() {
            true => Ok(Self(grant)),
            false => Err(Error::Unconfirmed),
        }
    }
}

impl<G> Deref for Recent<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.0
    }
}

impl<G: OneOfUs> OneOfUs for Recent<G> {
    fn one(&self) -> &Staff {
        self.0.one()
    }

    /// One after the other: two who end each other's sessions would wait for each other.
    async fn hold(&self, db: &mut PgConnection) -> Result<()> {
        one_at_a_time(&mut *db).await?;
        self.0.hold(db).await
    }
}

/// Waits until nobody else changes who may do what, and has whoever comes next wait.
///
/// # Errors
/// As any statement.
pub async fn one_at_a_time(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('staff', 0))").execute(db).await?;
    Ok(())
}

/// Notes that `who` has just proven who they are, and gives their session a new token: one that somebody else may have come
/// by is worth nothing from now on. Says how long the session lasts yet.
///
/// # Errors
/// [`Error::Unproven`] where it is over.
pub async fn renew(db: &mut PgConnection, who: &Member, token: &SessionToken) -> Result<Duration> {
    let lasts = sqlx::query_scalar!(
        r#"update sessions set token_hash = $2, proven_at = now(), seen_at = now() where id = $1 and expires_at > now()
           returning extract(epoch from expires_at - now())::float8 as "lasts!""#,
        who.session(),
        token.hash(),
    );
    let lasts = lasts.fetch_optional(db).await?.ok_or(Error::Unproven("Sign in first."))?;
    Ok(Duration::try_from_secs_f64(lasts).unwrap_or_default())
}
