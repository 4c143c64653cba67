//! Tokens with which a member's app acts for them (RFC 6749, RFC 9700).
//!
//! An access token is good for a quarter of an hour, a refresh token for one exchange. All that come one from the other are a
//! family, which is a session as any other: it is listed among them, ends with them and runs out as they do. Each token is
//! 256 random bits behind a prefix that leak scanners know; the database has their SHA-256.

mod codes;
mod refresh;

pub use codes::{Asked, end_codes, issue, redeem};
pub use refresh::refresh;

use crate::digest;
use crate::error::{Error, OAuthRefusal, Result};
use crate::services::sessions::{self, Device, SessionToken};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long an access token is good.
const ACCESS: Duration = Duration::from_secs(900);
/// What an app may do with one: see the account's name and address, and change the name.
pub const SCOPE: &str = "account";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To be let in.
    Access,
    /// To get another pair.
    Refresh,
    /// To get the first.
    Code,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => "fd_at_",
            Self::Refresh => "fd_rt_",
            Self::Code => "fd_ac_",
        }
    }
}

/// A token in full, handed out once.
#[derive(Clone)]
pub struct Secret {
    kind: Kind,
    random: [u8; 32],
}

impl Secret {
    /// A new one, of random bytes.
    pub fn new(kind: Kind, random: [u8; 32]) -> Self {
        Self { kind, random }
    }

    /// Reads one that was sent; none where it is none of this kind.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(kind.prefix())?;
        // One token, one text.
        let random = digest::unhex(digits).filter(|random| digest::hex(random) == digits)?;
        Some(Self { kind, random: random.try_into().ok()? })
    }

    /// As it is sent.
    pub fn reveal(&self) -> String {
        format!("{}{}", self.kind.prefix(), digest::hex(&self.random))
    }

    /// As the database knows it: with its prefix, so that no cookie and no other kind has the same.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.reveal()).to_vec()
    }
}

/// What an app is given (RFC 6749 §5.1).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    scope: &'static str,
}

/// Begins a family, for an app that was registered or for any other. Gives it with its first pair; `chance` gives random bytes.
///
/// # Errors
/// As any statement.
pub async fn begin(
    db: &mut PgConnection,
    account: Uuid,
    app: Option<Uuid>,
    device: &Device,
    chance: impl Fn() -> [u8; 32],
) -> Result<(Uuid, Issued)> {
    // The bytes of its cookie are in nobody's hands.
    let nobodys = SessionToken::new(chance());
    let family = sessions::begin_for_app(&mut *db, account, &nobodys, device, app).await?;
    let pair = Pair {
        access: Secret::new(Kind::Access, chance()),
        refresh: Secret::new(Kind::Refresh, chance()),
    };
    pair.keep(db, family).await?;
    Ok((family, pair.issued(Duration::ZERO)))
}

/// Two tokens that are handed out together.
struct Pair {
    access: Secret,
    refresh: Secret,
}

impl Pair {
    async fn keep(&self, db: &mut PgConnection, family: Uuid) -> Result<()> {
        sqlx::query!(
            "insert into app_tokens (hash, session_id, kind, expires_at)
             select $2::bytea, id, 'access', least(expires_at, now() + make_interval(secs => $4)) from sessions where id = $1
             union all select $3::bytea, id, 'refresh', expires_at from sessions where id = $1",
            family,
            self.access.hash(),
            self.refresh.hash(),
            ACCESS.as_secs_f64(),
        )
        .execute(db)
        .await?;
        Ok(())
    }

    /// Whether it has been given for the next.
    async fn is_used(&self, db: &mut PgConnection) -> Result<bool> {
        let used = sqlx::query_scalar!(
            r#"select used_at is not null as "used!" from app_tokens where hash = $1"#,
            self.refresh.hash()
        );
        Ok(used.fetch_optional(db).await?.unwrap_or(true))
    }

    /// The answer, where they were made so long ago.
    fn issued(&self, age: Duration) -> Issued {
        Issued {
            access_token: self.access.reveal(),
            token_type: "Bearer",
            expires_in: ACCESS.saturating_sub(age).as_secs(),
            refresh_token: self.refresh.reveal(),
            scope: SCOPE,
        }
    }
}

/// Ends the family of a token of whichever kind, also of one that was used (RFC 7009). A token that is none is over already.
///
/// # Errors
/// [`Error::OAuth`] where it is another app's.
pub async fn revoke(db: &mut PgConnection, presented: &str, app: Option<Uuid>) -> Result<()> {
    let token = Secret::parse(Kind::Refresh, presented);
    let Some(token) = token.or_else(|| Secret::parse(Kind::Access, presented)) else {
        return Ok(());
    };
    let family = sqlx::query!(
        "select sessions.id, app_id from app_tokens join sessions on sessions.id = session_id where hash = $1",
        token.hash(),
    );
    match family.fetch_optional(&mut *db).await? {
        None => Ok(()),
        Some(family) if app.is_some() && family.app_id != app => {
            Err(Error::OAuth(OAuthRefusal::Client))
        }
        Some(family) => sessions::end_family(db, family.id).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_kind_and_has_one_text() {
        for kind in [Kind::Access, Kind::Refresh, Kind::Code] {
            let token = Secret::new(kind, [171; 32]);
            let text = token.reveal();
            assert_eq!(Secret::parse(kind, &text).map(|token| token.random), Some([171; 32]));
            for other in [Kind::Access, Kind::Refresh, Kind::Code] {
                assert_eq!(Secret::parse(other, &text).is_some(), other == kind);
                let as_other = Secret::new(other, [171; 32]);
                assert_eq!(as_other.hash() == token.hash(), other == kind);
            }
            let short = &text[..text.len() - 2];
            for wrong in ["", short, &text.to_uppercase(), &format!("{text}00"), &text[6..]] {
                assert!(Secret::parse(kind, wrong).is_none(), "{wrong}");
            }
            let capitals = format!("{}{}", kind.prefix(), text[6..].to_uppercase());
            assert!(Secret::parse(kind, &capitals).is_none());
        }
    }
}
