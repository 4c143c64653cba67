//! Which file of the folder that is kept in step has become which post, and what it said then.

use crate::error::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// A file that has become a post.
#[derive(Debug)]
pub struct Synced {
    /// SHA-256 of what it said.
    pub hash: Vec<u8>,
    /// The post.
    pub post: Uuid,
}

/// What the file at `path` has become.
///
/// # Errors
/// As any statement.
pub async fn of_path(db: &mut PgConnection, path: &str) -> Result<Option<Synced>> {
    let found = sqlx::query_as!(
        Synced,
        "select hash, post_id as post from synced_files where path = $1",
        path
    );
    Ok(found.fetch_optional(db).await?)
}

/// Notes what it has become.
///
/// # Errors
/// As any statement.
pub async fn note(db: &mut PgConnection, path: &str, synced: &Synced) -> Result<()> {
    sqlx::query!(
        "insert into synced_files (path, hash, post_id) values ($1, $2, $3)
             on conflict (path) do update set hash = excluded.hash, post_id = excluded.post_id, at = now()",
        path,
        synced.hash,
        synced.post,
    )
    .execute(db)
    .await?;
    Ok(())
}
