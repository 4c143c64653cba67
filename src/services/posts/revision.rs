//! A program that changes what it has written: what it does not name stays, and all rules are those of the editor.

use super::{Audience, Author, Draft, Status, Summary, draft, update};
use crate::error::{Error, Result};
use crate::services::input::{self, Valid};
use crate::services::keys::{Partner, PostsWrite};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use time::format_description::well_known::Rfc3339;
use validator::Validate;

/// What is to be changed. What is not named stays.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "PostRevision")]
pub struct Revision {
    /// The heading.
    #[serde(default, deserialize_with = "input::given_line")]
    #[schemars(with = "String")]
    title: Option<String>,
    /// Its place in the address. The one it has had keeps leading to it.
    #[serde(default, deserialize_with = "input::optional_line")]
    slug: Option<String>,
    /// One sentence for lists.
    #[serde(default, deserialize_with = "input::given_line")]
    #[schemars(with = "String")]
    summary: Option<String>,
    /// The name of a topic; a new name is a new topic.
    #[serde(default, deserialize_with = "input::given_line")]
    #[schemars(with = "String")]
    topic: Option<String>,
    /// Markdown.
    #[serde(default, deserialize_with = "input::given_block")]
    #[schemars(with = "String")]
    body: Option<String>,
    /// Who may see it.
    #[serde(default, deserialize_with = "draft::given_status")]
    #[schemars(with = "Status")]
    status: Option<Status>,
    /// Whom the text is for.
    #[serde(default, deserialize_with = "draft::audience")]
    audience: Option<Audience>,
    /// For a scheduled post: from when on. RFC 3339, or date and time in UTC.
    #[serde(default, deserialize_with = "input::optional_line")]
    publish_at: Option<String>,
}

/// The post at `slug` as it is stored, where this program has written it. Nobody else changes it until this transaction
/// has ended, where it is to be changed.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn own(
    db: &mut PgConnection,
    by: &Partner<PostsWrite>,
    slug: &str,
    is_to_be_changed: bool,
) -> Result<Summary> {
    let id = sqlx::query_scalar!(
        "select id from posts where slug = $1 and api_key_id = $2",
        slug,
        by.key(),
    );
    let id = id.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if is_to_be_changed {
        sqlx::query!("select id from posts where id = $1 for update", id)
            .fetch_optional(&mut *db)
            .await?;
    }
    super::stored(db, &Author::Partner(by), id).await
}

/// Changes a post that this program has written, as `seen`.
///
/// # Errors
/// Those of the editor; [`Error::Stale`] where somebody was quicker.
pub async fn revise(
    db: &mut PgConnection,
    by: &Partner<PostsWrite>,
    seen: Summary,
    new: &Valid<Revision>,
) -> Result<Summary> {
    let id = seen.id;
    let draft = Valid::check(new.applied_to(seen))?;
    match update(db, &Author::Partner(by), id, &draft).await {
        Err(Error::Invalid(fields)) if fields.contains_key("version") => Err(Error::Stale),
        saved => saved,
    }
}

impl Revision {
    fn applied_to(&self, seen: Summary) -> Draft {
        let status = self.status.unwrap_or(seen.status);
        // When it is to appear stays too, where it has not yet.
        let planned = seen.published_at.filter(|_| seen.status == Status::Scheduled);
        let planned = planned.and_then(|at| at.format(&Rfc3339).ok());
        Draft {
            title: self.title.clone().unwrap_or(seen.title),
            slug: self.slug.clone().or(Some(seen.slug)),
            summary: self.summary.clone().unwrap_or(seen.summary),
            topic: self.topic.clone().unwrap_or(seen.topic),
            body: self.body.clone().unwrap_or(seen.body),
            status,
            audience: self.audience,
            publish_at: self.publish_at.clone().or(planned),
            version: Some(seen.updated_at),
        }
    }
}
