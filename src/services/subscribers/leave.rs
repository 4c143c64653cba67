//! How a subscription ends.

use super::{Holder, Managing};
use crate::error::{Error, Result};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Why somebody is written to no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// They said so.
    Asked,
    /// There is no such mailbox.
    Bounced,
    /// They told their provider that our mail is unwanted.
    Complained,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Asked, Self::Bounced, Self::Complained];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    fn status(self) -> &'static str {
        match self {
            Self::Asked | Self::Complained => "unsubscribed",
            Self::Bounced => "bounced",
        }
    }
}

/// Whoever holds the link gets no more mail. Said twice it is said once.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn leave(
    db: &mut PgConnection,
    by: &Holder<Managing>,
    now: OffsetDateTime,
) -> Result<()> {
    off_the_list(db, by.id, Reason::Asked, None, now).await
}

/// A mail to the subscriber was refused for good, in the words of whoever refused it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn bounced(
    db: &mut PgConnection,
    id: Uuid,
    why: &str,
    now: OffsetDateTime,
) -> Result<()> {
    off_the_list(db, id, Reason::Bounced, Some(why), now).await
}

/// The subscriber has told their provider that our mail is unwanted.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn complained(db: &mut PgConnection, id: Uuid, now: OffsetDateTime) -> Result<()> {
    off_the_list(db, id, Reason::Complained, None, now).await
}

/// What ended a subscription first stays its end, but for a complaint, which weighs more. What is still in the outbox is
/// dropped when its turn comes.
pub(super) async fn off_the_list(
    db: &mut PgConnection,
    id: Uuid,
    reason: Reason,
    why: Option<&str>,
    now: OffsetDateTime,
) -> Result<()> {
    let remark = why.map(|why| why.chars().take(500).collect::<String>());
    let ended = sqlx::query!(
        "update subscribers set status = $2, ended_at = $3, remark = coalesce($4, $5)
          where id = $1 and (status in ('pending', 'confirmed') or $5 = 'complained' or (awaited and $5 = 'asked'))",
        id,
        reason.status(),
        now,
        remark,
        reason.as_str(),
    );
    ended.execute(&mut *db).await?;
    let email = sqlx::query_scalar!("select email from subscribers where id = $1", id);
    let email = email.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if reason == Reason::Asked {
        return Ok(());
    }
    sqlx::query!(
        "insert into suppressions (email, purpose, reason)
         select lower($1), purpose, $2 from unnest(array['newsletter', 'digest']) as purpose on conflict do nothing",
        email,
        reason.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}
