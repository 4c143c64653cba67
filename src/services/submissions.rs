//! A form on a live page carries a random id, written in the transaction that has the effect, with the answer.
//!
//! The same form sent twice, by a double click or a retry after a lost answer, has one effect and gets one answer. Forms
//! on cached pages cannot carry one; there the content decides (`leads::submit`).

use crate::error::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// The id one rendering of a form carried.
#[derive(Debug, Clone, Copy)]
pub struct Submission(pub Uuid);

/// Takes the id, or says where its first use led. A twin under way is waited for.
///
/// # Errors
/// As any statement.
pub async fn claim(db: &mut PgConnection, submission: &Submission) -> Result<Option<String>> {
    let taken = sqlx::query!(
        "insert into submissions (id) values ($1) on conflict do nothing",
        submission.0
    )
    .execute(&mut *db)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    // Claim and answer are one transaction, so whoever sees the one sees the other.
    let answered = sqlx::query_scalar!(
        r#"select location as "location!" from submissions where id = $1"#,
        submission.0,
    );
    Ok(Some(answered.fetch_one(db).await?))
}

/// Notes where this submission led.
///
/// # Errors
/// As any statement.
pub async fn answer(db: &mut PgConnection, submission: &Submission, location: &str) -> Result<()> {
    sqlx::query!("update submissions set location = $2 where id = $1", submission.0, location)
        .execute(db)
        .await?;
    Ok(())
}
