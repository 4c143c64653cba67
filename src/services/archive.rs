//! The newsletter's issues as everyone reads them: those that were sent, or are being sent.

use crate::error::{Absence, Found, Result};
use crate::tags::{Read, Tag};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// An issue in a list.
#[derive(Debug)]
pub struct Line {
    /// Its place in the address.
    pub slug: String,
    /// Its heading.
    pub subject: String,
    /// When it went out.
    pub sent_at: OffsetDateTime,
}

/// A part of a list that is read page by page.
#[derive(Debug)]
pub struct Listing {
    /// What stands on this page.
    pub lines: Vec<Line>,
    /// How many pages there are; at least one.
    pub last: u32,
}

/// An issue.
#[derive(Debug)]
pub struct Issue {
    /// Its place in the address.
    pub slug: String,
    /// Its heading.
    pub subject: String,
    /// Markdown.
    pub body: String,
    /// When it went out.
    pub sent_at: OffsetDateTime,
}

/// Issues, the last sent first: page `number`, counted from 1, of `size` each. There is nothing after the last page.
///
/// # Errors
/// As any statement.
pub async fn sent(db: &mut PgConnection, number: u32, size: u32) -> Result<Read<Found<Listing>>> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from issues where started_at is not null"#
    );
    let total = total.fetch_one(&mut *db).await?;
    let last = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(size).max(1);
    if number == 0 || number > last {
        return Ok(Read::new(Err(Absence::NotFound), [Tag::Issues]));
    }
    let lines = sqlx::query_as!(
        Line,
        r#"select slug, subject, started_at as "sent_at!" from issues where started_at is not null
            order by started_at desc, id desc offset $1 limit $2"#,
        i64::from((number - 1) * size),
        i64::from(size),
    )
    .fetch_all(db)
    .await?;
    Ok(Read::new(Ok(Listing { lines, last }), [Tag::Issues]))
}

/// The issue at `slug`.
///
/// # Errors
/// As any statement.
pub async fn by_slug(db: &mut PgConnection, slug: &str) -> Result<Read<Found<Issue>>> {
    let issue = sqlx::query_as!(
        Issue,
        r#"select slug, subject, body, started_at as "sent_at!" from issues where slug = $1 and started_at is not null"#,
        slug,
    )
    .fetch_optional(db)
    .await?;
    Ok(Read::new(issue.ok_or(Absence::NotFound), [Tag::Issue(slug.to_owned())]))
}
