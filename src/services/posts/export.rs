//! Posts, taken along.

use super::{Audience, Status, Summary, to_file};
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::export::{Part, Row};
use sqlx::PgConnection;
use uuid::Uuid;

/// The columns of a table of posts.
pub const COLUMNS: [&str; 10] = [
    "id",
    "slug",
    "title",
    "summary",
    "topic",
    "status",
    "audience",
    "published_at",
    "updated_at",
    "body",
];

/// Up to `limit` posts of any status after `after`, the first that was made first.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: &Operator,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Part> {
    let posts = sqlx::query_as!(
        Summary,
        r#"select posts.id, posts.slug, title, summary, body, topics.name as topic, published_at, updated_at,
                  audience as "audience: Audience",
                  case when status = 'published' and published_at > statement_timestamp() then 'scheduled' else status end
                      as "status!: Status"
             from posts join topics on topics.slug = topic
            where $1::uuid is null or posts.id > $1 order by posts.id limit $2"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    let row = |post: Summary| {
        let file = Some((format!("{}.md", post.slug), to_file(&post)));
        let fields = serde_json::to_value(&post).map_err(|error| Error::Internal(error.into()))?;
        Ok((post.id, Row { fields, file }))
    };
    Ok(Part::of(posts.into_iter().map(row).collect::<Result<_>>()?, limit))
}
