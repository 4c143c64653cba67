//! Addresses that want no mail of a purpose, or cannot be reached.

use crate::error::Result;
use crate::mail::Purpose;
use sqlx::PgConnection;

/// Whether no mail of this purpose may go to `email`.
///
/// # Errors
/// As any statement.
pub async fn holds(db: &mut PgConnection, email: &str, purpose: Purpose) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from suppressions where email = lower($1) and purpose in ('all', $2)) as "holds!""#,
        email,
        purpose.as_str(),
    )
    .fetch_one(db)
    .await?)
}
