//! A subscription that goes along when its reader has another address.

use super::leave::{Reason, off_the_list};
use crate::error::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Whether mail goes to this address.
///
/// # Errors
/// As any statement.
pub async fn is_subscribed(db: &mut PgConnection, email: &str) -> Result<bool> {
    let is = sqlx::query_scalar!(
        r#"select exists (select from subscribers where lower(email) = lower($1) and status = 'confirmed') as "is!""#,
        email,
    );
    Ok(is.fetch_one(db).await?)
}

/// The subscription of `old` is that of `new` from now on; both mailboxes have agreed. Who has one there already keeps that
/// one, and who has left there stays away.
///
/// # Errors
/// As any statement.
pub async fn follow(
    db: &mut PgConnection,
    old: &str,
    new: &str,
    now: OffsetDateTime,
) -> Result<()> {
    // As for whoever subscribes: nobody comes in between.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('subscriber ' || lower($1), 0))",
        new
    )
    .execute(&mut *db)
    .await?;
    // Somebody has typed the new address once, and nobody has confirmed that.
    sqlx::query!(
        "delete from subscribers where lower(email) = lower($1) and status = 'pending'",
        new
    )
    .execute(&mut *db)
    .await?;
    let moved = sqlx::query!(
        "update subscribers set email = $2 where lower(email) = lower($1) and status = 'confirmed'
            and not exists (select from subscribers where lower(email) = lower($2))",
        old,
        new,
    );
    if moved.execute(&mut *db).await?.rows_affected() == 1 || !is_subscribed(&mut *db, new).await? {
        return Ok(());
    }
    let left = sqlx::query_scalar!(
        "select id from subscribers where lower(email) = lower($1) and status = 'confirmed'",
        old
    );
    match left.fetch_optional(&mut *db).await? {
        Some(id) => {
            off_the_list(db, id, Reason::Asked, Some("They read it at another address."), now).await
        }
        None => Ok(()),
    }
}
