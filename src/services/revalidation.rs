//! Having pages rendered again on every instance, though nothing in the database has changed: through the same table as
//! every change, so that no instance is forgotten.

use super::inbox::Told;
use super::input::{self, Valid};
use crate::cache::coherence::Seen;
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::keys::{CacheWrite, Partner};
use crate::services::sessions::Staff;
use crate::tags::{EVERYTHING, Tag};
use anyhow::Context;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use validator::{Validate, ValidationError};

/// Who asks for it, and their proof.
#[derive(Debug)]
pub enum By<'a> {
    /// A program.
    Partner(&'a Partner<CacheWrite>),
    /// Staff.
    Staff(&'a Staff),
    /// The operator.
    Operator(&'a Operator),
    /// Another program, by an event.
    Webhook(&'a Told),
}

/// What to render again. At least one of them, at most a hundred.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[validate(schema(function = "something"))]
pub struct Revalidation {
    /// Whatever depends on one of these; `*` is everything.
    #[serde(default)]
    #[validate(custom(function = "known_tags"))]
    pub tags: Vec<String>,
    /// The pages at these addresses.
    #[serde(default)]
    #[validate(custom(function = "own_paths"))]
    pub paths: Vec<String>,
}

/// One thing to render again, as a form says it.
#[derive(Debug, Deserialize, Validate)]
pub struct Drop {
    /// Whatever depends on this; `*` is everything.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_tag"))]
    pub tag: String,
}

impl Drop {
    /// The same as a list of one.
    ///
    /// # Errors
    /// Where it breaks its own rules.
    pub fn alone(&self) -> Result<Valid<Revalidation>> {
        Valid::check(Revalidation { tags: vec![self.tag.clone()], ..Revalidation::default() })
    }
}

fn something(asked: &Revalidation) -> Result<(), ValidationError> {
    match asked.tags.len() + asked.paths.len() {
        1..=100 => Ok(()),
        _ => Err(ValidationError::new("count").with_message("Name 1 to 100 tags or paths.".into())),
    }
}

fn known_tags(tags: &[String]) -> Result<(), ValidationError> {
    tags.iter().try_for_each(|tag| known_tag(tag))
}

fn known_tag(tag: &str) -> Result<(), ValidationError> {
    match tag.parse() {
        Ok(Tag::Path(path)) => own_path(&path),
        Ok(_) => Ok(()),
        Err(_) if tag == EVERYTHING => Ok(()),
        Err(_) => {
            let message = "Use posts, post:ID, slug:SLUG, topics, topic:SLUG, page:NAME, issues, issue:SLUG, path:/ADDRESS or *.";
            Err(ValidationError::new("tag").with_message(message.into()))
        }
    }
}

fn own_paths(paths: &[String]) -> Result<(), ValidationError> {
    paths.iter().try_for_each(|path| own_path(path))
}

fn own_path(path: &str) -> Result<(), ValidationError> {
    if path.starts_with('/') && path.len() <= 4096 {
        return Ok(());
    }
    Err(ValidationError::new("path").with_message("Start each path with a slash.".into()))
}

/// Has everything asked for rendered again when it is next wanted.
///
/// # Errors
/// As any statement.
pub async fn revalidate(
    db: &mut PgConnection,
    _by: &By<'_>,
    asked: &Valid<Revalidation>,
) -> Result<()> {
    let paths = asked.paths.iter().map(|path| Tag::Path(path.clone()).to_string());
    let tags: Vec<String> = asked.tags.iter().cloned().chain(paths).collect();
    sqlx::query!("select cache_invalidate(false, variadic $1::text[])", &tags).execute(db).await?;
    Ok(())
}

/// A change that was made to something.
#[derive(Debug)]
pub struct Cause {
    /// What it touched.
    pub tag: String,
    /// The transaction.
    pub xid: u64,
    /// When it was written.
    pub at: OffsetDateTime,
    /// Whether old pages must not be shown any more even while the database is away.
    pub hard: bool,
}

/// The latest changes to any of `tags` that could not be seen at `seen`, the last one first; at most 20.
///
/// # Errors
/// As any statement.
pub async fn causes(
    db: &mut PgConnection,
    _by: &Staff,
    tags: &[Tag],
    seen: &Seen,
) -> Result<Vec<Cause>> {
    let tags: Vec<String> =
        tags.iter().map(Tag::to_string).chain([EVERYTHING.to_owned()]).collect();
    let rows = sqlx::query!(
        r#"select tag, xid::text as "xid!", max(at) as "at!", bool_or(hard) as "hard!" from cache_inval
            where tag = any($1) and xid >= pg_snapshot_xmin($2::text::pg_snapshot)
              and not pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
            group by tag, cache_inval.xid order by cache_inval.xid desc, tag limit 20"#,
        &tags,
        seen.snapshot.to_string(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let xid = row.xid.parse().context("a transaction id").map_err(Error::Internal)?;
            Ok(Cause { tag: row.tag, xid, at: row.at, hard: row.hard })
        })
        .collect()
}
