//! Having pages rendered again on every instance, though nothing in the database has changed: through the same table as
//! every change, so that no instance is forgotten.

use crate::error::Result;
use crate::policies::Operator;
use crate::services::keys::{CacheWrite, Partner};
use crate::tags::{EVERYTHING, Tag};
use serde::Deserialize;
use sqlx::PgConnection;
use validator::{Validate, ValidationError};

/// Who asks for it, and their proof.
#[derive(Debug)]
pub enum By<'a> {
    /// A program.
    Partner(&'a Partner<CacheWrite>),
    /// The operator.
    Operator(&'a Operator),
}

/// What to render again. At least one of them, at most a hundred.
#[derive(Debug, Default, Deserialize, Validate)]
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

fn something(asked: &Revalidation) -> Result<(), ValidationError> {
    match asked.tags.len() + asked.paths.len() {
        1..=100 => Ok(()),
        _ => Err(ValidationError::new("count").with_message("Name 1 to 100 tags or paths.".into())),
    }
}

fn known_tags(tags: &[String]) -> Result<(), ValidationError> {
    if tags.iter().all(|tag| tag == EVERYTHING || tag.parse::<Tag>().is_ok()) {
        return Ok(());
    }
    let message = "Use posts, post:ID, topics, topic:SLUG, page:NAME, path:/ADDRESS or *.";
    Err(ValidationError::new("tag").with_message(message.into()))
}

fn own_paths(paths: &[String]) -> Result<(), ValidationError> {
    if paths.iter().all(|path| path.starts_with('/') && path.len() <= 4096) {
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
    asked: &crate::services::input::Valid<Revalidation>,
) -> Result<()> {
    let paths = asked.paths.iter().map(|path| Tag::Path(path.clone()).to_string());
    let tags: Vec<String> = asked.tags.iter().cloned().chain(paths).collect();
    sqlx::query!("select cache_invalidate(false, variadic $1::text[])", &tags).execute(db).await?;
    Ok(())
}
