//! Posts and their topics.
//!
//! Every slug a post ever had keeps leading to it; another post cannot take one. What is withdrawn says so. Which pages
//! a change touches is not said here but beside the tables (`migrations/`), so that a person in psql need not know.

mod audience;
mod draft;
mod export;
mod file;
mod published;
mod revision;

pub use audience::{Audience, Reader};
pub use draft::Draft;
pub use export::{COLUMNS, export};
pub use file::{of_file, to_file};
pub use published::{
    Card, Listing, Neighbour, Post, Published, by_slug, published, published_after, related, told,
    topic, topics,
};
pub use revision::{Revision, own, revise};

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::input::{Timestamp, Valid};
use crate::services::keys::{Partner, PostsWrite};
use crate::services::sessions::Staff;
use crate::tags::Tag;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Who may see a post.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema,
)]
#[schemars(rename = "PostStatus")]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Staff.
    #[default]
    Draft,
    /// Everyone, once its time has come. Stored as published, with a time of publication that lies ahead.
    Scheduled,
    /// Everyone.
    Published,
    /// Nobody: it was withdrawn.
    Archived,
}

impl Status {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

/// Who writes posts, and their proof.
#[derive(Debug)]
pub enum Author<'a> {
    /// Staff, in the editor.
    Staff(&'a Staff),
    /// A program.
    Partner(&'a Partner<PostsWrite>),
    /// The operator.
    Operator(&'a Operator),
}

impl Author<'_> {
    /// The key that writes, where it is one.
    fn key(&self) -> Option<Uuid> {
        match self {
            Self::Partner(partner) => Some(partner.key()),
            Self::Staff(_) | Self::Operator(_) => None,
        }
    }
}

/// A topic.
#[derive(Debug, Clone, Serialize)]
pub struct Topic {
    /// Its place in the address.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// A sentence about it.
    pub description: String,
}

/// Names of all topics, for the editor.
///
/// # Errors
/// As any statement.
pub async fn topic_names(db: &mut PgConnection, _by: &Staff) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select name from topics order by name").fetch_all(db).await?)
}

// Whether a post's time has come is judged by the statement's clock below, not by the transaction's: whoever waited for a
// twin's transaction began before it did.

/// A post as those see it who may write it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// Markdown.
    pub body: String,
    /// Its topic's name.
    pub topic: String,
    /// Who may see it.
    pub status: Status,
    /// Whom its text is for.
    pub audience: Audience,
    /// When it appeared.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub published_at: Option<OffsetDateTime>,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub updated_at: OffsetDateTime,
}

/// A post in the staff's list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// Its topic's name.
    pub topic: String,
    /// Who may see it.
    pub status: Status,
    /// Whom its text is for.
    pub audience: Audience,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Up to `limit` posts of any status, the last made first, older than `before`.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Author<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select posts.id, posts.slug, title, topics.name as topic, updated_at, audience as "audience: Audience",
                  case when status = 'published' and published_at > statement_timestamp() then 'scheduled' else status end
                      as "status!: Status"
             from posts join topics on topics.slug = topic
            where $1::uuid is null or posts.id < $1 order by posts.id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// The post `id` as it is stored, for whoever may write it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn stored(db: &mut PgConnection, _by: &Author<'_>, id: Uuid) -> Result<Summary> {
    sqlx::query_as!(
        Summary,
        r#"select posts.id, posts.slug, title, summary, body, topics.name as topic, published_at, updated_at,
                  audience as "audience: Audience",
                  case when status = 'published' and published_at > statement_timestamp() then 'scheduled' else status end
                      as "status!: Status"
             from posts join topics on topics.slug = topic where posts.id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// The id of the post that is named by it, or by its slug.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn named(db: &mut PgConnection, _by: &Author<'_>, name: &str) -> Result<Uuid> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let id = sqlx::query_scalar!("select id from posts where slug = $1", name);
    id.fetch_optional(db).await?.ok_or(Error::NotFound)
}

/// What changes for visitors when the post `id` is published or withdrawn, as the triggers will say (`migrations/`).
///
/// # Errors
/// [`Error::NotFound`].
pub async fn touches(db: &mut PgConnection, _by: &Author<'_>, id: Uuid) -> Result<Vec<Tag>> {
    let topic = sqlx::query_scalar!("select topic from posts where id = $1", id);
    let topic = topic.fetch_optional(db).await?.ok_or(Error::NotFound)?;
    Ok(vec![Tag::Posts, Tag::Post(id), Tag::Topic(topic)])
}

/// Writes a new post, with `id`. The same once more within 24 hours is the same post.
///
/// # Errors
/// [`Error::Invalid`] where the slug belongs to another post, or none can be made from the title.
pub async fn create(
    db: &mut PgConnection,
    by: &Author<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<Summary> {
    let (slug, (status, at)) = (draft.place()?, draft.publication()?);
    let topic = settle_topic(db, &draft.topic).await?;
    if let Some(twin) = twin(db, &slug, &topic, draft, status).await? {
        return stored(db, by, twin).await;
    }
    sqlx::query_as!(
        Summary,
        r#"insert into posts (id, slug, title, summary, body, topic, status, published_at, audience, api_key_id)
           values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, case when $7 <> 'draft' then now() end), $9, $10)
           returning id, slug, title, summary, body, (select name from topics where topics.slug = topic) as "topic!",
                     published_at, updated_at, audience as "audience: Audience",
                     case when status = 'published' and published_at > statement_timestamp() then 'scheduled' else status end
                      as "status!: Status""#,
        id,
        slug,
        draft.title,
        draft.summary,
        draft.body,
        topic,
        status as Status,
        at,
        draft.audience.unwrap_or_default() as Audience,
        by.key(),
    )
    .fetch_one(db)
    .await
    .on_constraint("posts_slug_key", slug_taken)
}

/// The post that is already what `draft` asks for, written within a day: whoever lost the first answer asks again.
async fn twin(
    db: &mut PgConnection,
    slug: &str,
    topic: &str,
    draft: &Draft,
    status: Status,
) -> Result<Option<Uuid>> {
    // In a statement of its own: what a twin commits while we wait here must be visible to the next one.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('post ' || $1, 0))", slug)
        .execute(&mut *db)
        .await?;
    let twin = sqlx::query_scalar!(
        "select id from posts where slug = $1 and topic = $2 and title = $3 and summary = $4 and body = $5
            and status = $6 and audience = $7 and created_at > now() - interval '24 hours'",
        slug,
        topic,
        draft.title,
        draft.summary,
        draft.body,
        status as Status,
        draft.audience.unwrap_or_default() as Audience,
    );
    Ok(twin.fetch_optional(db).await?)
}

/// Writes the post `id` anew. Its time of publication is that of the first time, unless it is given, and whom it is for stays
/// unless it is said: nobody opens a post by leaving something out.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where the slug belongs to another post, or the post is not the given version
/// any more.
pub async fn update(
    db: &mut PgConnection,
    _by: &Author<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<Summary> {
    let (slug, (status, at)) = (draft.place()?, draft.publication()?);
    let topic = settle_topic(db, &draft.topic).await?;
    let saved = sqlx::query_as!(
        Summary,
        r#"update posts set slug = $2, title = $3, summary = $4, body = $5, topic = $6, status = $7,
                  audience = coalesce($10, audience),
                  published_at = coalesce($8, case when $7 = 'draft' then published_at else least(coalesce(published_at, now()), now()) end)
            where id = $1 and ($9::timestamptz is null or updated_at = $9)
           returning id, slug, title, summary, body, (select name from topics where topics.slug = topic) as "topic!",
                     published_at, updated_at, audience as "audience: Audience",
                     case when status = 'published' and published_at > statement_timestamp() then 'scheduled' else status end
                      as "status!: Status""#,
        id,
        slug,
        draft.title,
        draft.summary,
        draft.body,
        topic,
        status as Status,
        at,
        draft.version,
        draft.audience as Option<Audience>,
    )
    .fetch_optional(&mut *db)
    .await
    .on_constraint("posts_slug_key", slug_taken)?;
    match saved {
        Some(saved) => Ok(saved),
        None => Err(not_saved(db, id).await?),
    }
}

/// Why a post was not saved: it is not there, or not as its writer saw it any more.
async fn not_saved(db: &mut PgConnection, id: Uuid) -> Result<Error> {
    let exists =
        sqlx::query_scalar!(r#"select exists (select from posts where id = $1) as "exists!""#, id);
    Ok(if exists.fetch_one(db).await? {
        let message = "Someone has saved this post since you opened it. What you wrote is below; send it again to replace theirs.";
        Error::field("version", message)
    } else {
        Error::NotFound
    })
}

impl Summary {
    /// The fields of the draft that would leave it as it is, for whoever changes some of them.
    pub fn as_draft(&self) -> Value {
        // When it is to appear stays too, where it has not yet.
        let planned = self.published_at.filter(|_| self.status == Status::Scheduled);
        let said = |at: OffsetDateTime| at.format(&Rfc3339).ok();
        json!({
            "title": self.title,
            "slug": self.slug,
            "summary": self.summary,
            "topic": self.topic,
            "body": self.body,
            "status": self.status.as_str(),
            "publish_at": planned.and_then(said),
            "version": said(self.updated_at),
        })
    }

    /// What everyone sees of its text.
    pub fn for_everyone(&self) -> String {
        self.audience.for_everyone(self.id, &self.summary, &self.body)
    }
}

fn slug_taken() -> Error {
    Error::field("slug", "Another post has, or once had, this address. Choose another.")
}

/// The slug of the topic called `name`, which is made where there is none.
async fn settle_topic(db: &mut PgConnection, name: &str) -> Result<String> {
    let slug = slug::slugify(name);
    if let Some(known) = topic_called(db, name, &slug).await? {
        return Ok(known);
    }
    // Named without a target: were only the slug's index to settle it, a twin met first in the names' index would be an
    // error.
    sqlx::query!(
        "insert into topics (slug, name) values ($1, $2) on conflict do nothing",
        slug,
        name
    )
    .execute(&mut *db)
    .await?;
    Ok(topic_called(db, name, &slug).await?.unwrap_or(slug))
}

/// The slug of the topic that is called `name`, or else lives at `slug`.
async fn topic_called(db: &mut PgConnection, name: &str, slug: &str) -> Result<Option<String>> {
    let known = sqlx::query_scalar!(
        "select slug from topics where lower(name) = lower($1) or slug = $2
          order by lower(name) = lower($1) desc limit 1",
        name,
        slug
    );
    Ok(known.fetch_optional(db).await?)
}
