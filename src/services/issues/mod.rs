//! Issues of the newsletter, as staff write and send them.

mod sending;

pub use sending::{When, Whom, align, pause, queue, recall, resume, send, settle};

use crate::error::{Error, Result};
use crate::services::batches::{self, Progress};
use crate::services::input::{self, Valid};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// How far an issue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Being written.
    Draft,
    /// It will be sent by itself.
    Scheduled,
    /// Its mails are on their way.
    Sending,
    /// Those that are left wait.
    Paused,
    /// None is left.
    Sent,
}

impl Status {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Sent => "sent",
        }
    }
}

/// An issue as it is written.
#[derive(Debug, Deserialize, Validate)]
pub struct Draft {
    /// The subject of its mails, and the heading of its page.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 200, message = "Enter a subject of at most 200 characters."),
        custom(function = "input::one_line")
    )]
    pub subject: String,
    /// Its place in the address; made from the subject where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::slug"))]
    pub slug: Option<String>,
    /// The slug of a topic, where it is only for those who want to hear of that.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::one_line"))]
    pub topic: Option<String>,
    /// Markdown.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 1, max = 200_000, message = "Write a text of at most 200,000 characters."),
        custom(function = "input::markdown")
    )]
    pub body: String,
    /// The `updated_at` of the text that was changed: not to write over what someone else has saved since.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub version: Option<OffsetDateTime>,
}

impl Draft {
    /// Its place in the address: the given one, or one made from the subject.
    fn place(&self) -> Result<String> {
        let made = || input::slug_of(&self.subject);
        self.slug.clone().or_else(made).ok_or_else(|| {
            Error::field("slug", "Give an address: none can be made from this subject.")
        })
    }
}

/// An issue, with how far it has come.
#[derive(Debug)]
pub struct Issue {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The subject of its mails.
    pub subject: String,
    /// Markdown.
    pub body: String,
    /// The slug of the topic it is for.
    pub topic: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// When it is to be sent.
    pub scheduled_at: Option<OffsetDateTime>,
    /// When that began.
    pub started_at: Option<OffsetDateTime>,
    /// When that ended.
    pub finished_at: Option<OffsetDateTime>,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
    /// What has become of its mails.
    pub progress: Progress,
}

/// An issue in a list.
#[derive(Debug)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// The subject of its mails.
    pub subject: String,
    /// Its place in the address.
    pub slug: String,
    /// The slug of the topic it is for.
    pub topic: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

/// A topic that an issue can be for.
#[derive(Debug)]
pub struct Topic {
    /// Its place in the address.
    pub slug: String,
    /// What people read.
    pub name: String,
}

/// All topics, by name.
///
/// # Errors
/// As any statement.
pub async fn topics(db: &mut PgConnection, _by: &Staff) -> Result<Vec<Topic>> {
    Ok(sqlx::query_as!(Topic, "select slug, name from topics order by name").fetch_all(db).await?)
}

/// Up to `limit` issues, the last written first, older than `before`.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Staff,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select id, subject, slug, topic, status as "status: Status", updated_at from issues
            where $1::uuid is null or id < $1 order by id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// The issue `id`, and what has become of its mails.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, _by: &Staff, id: Uuid) -> Result<Issue> {
    let row = sqlx::query!(
        r#"select id, slug, subject, body, topic, status as "status: Status", scheduled_at, started_at, finished_at,
                  updated_at, delivered, failed, dropped from issues where id = $1"#,
        id,
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or(Error::NotFound)?;
    let counted = batches::progress(db, id).await?;
    let noted = Progress {
        waiting: 0,
        done: row.delivered.into(),
        dead: row.failed.into(),
        dropped: row.dropped.into(),
    };
    Ok(Issue {
        id: row.id,
        slug: row.slug,
        subject: row.subject,
        body: row.body,
        topic: row.topic,
        status: row.status,
        scheduled_at: row.scheduled_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        updated_at: row.updated_at,
        // Rows of the outbox do not stay for ever.
        progress: if counted.total() < noted.total() { noted } else { counted },
    })
}

/// Writes a new issue, with `id`.
///
/// # Errors
/// [`Error::Invalid`] where the slug belongs to another issue or is no place for one, or there is no such topic.
pub async fn create(
    db: &mut PgConnection,
    _by: &Staff,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<()> {
    sqlx::query!(
        "insert into issues (id, slug, subject, body, topic, status) values ($1, $2, $3, $4, $5, 'draft')",
        id,
        draft.place()?,
        draft.subject,
        draft.body,
        draft.topic,
    )
    .execute(db)
    .await
    .map_err(meaning)?;
    Ok(())
}

/// Writes the issue `id` anew. Once it was begun to be sent its address stays: it stands in mails.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] as for [`create`], while it is being sent, and where it is not the given version
/// any more.
pub async fn update(
    db: &mut PgConnection,
    by: &Staff,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<()> {
    let saved = sqlx::query!(
        "update issues set slug = case when started_at is null then $2 else slug end, subject = $3, body = $4,
                topic = case when started_at is null then $5 else topic end, updated_at = now()
          where id = $1 and status <> 'sending' and ($6::timestamptz is null or updated_at = $6)",
        id,
        draft.place()?,
        draft.subject,
        draft.body,
        draft.topic,
        draft.version,
    )
    .execute(&mut *db)
    .await
    .map_err(meaning)?;
    if saved.rows_affected() == 1 {
        return Ok(());
    }
    Err(match by_id(db, by, id).await?.status {
        Status::Sending => {
            Error::field("", "It is being sent. Pause it, change it, and let it go on.")
        }
        _ => Error::field(
            "version",
            "Someone has changed this issue since you opened it. What you wrote is below; send it again to replace theirs.",
        ),
    })
}

/// What a constraint that was violated means.
fn meaning(error: sqlx::Error) -> Error {
    let constraint = error.as_database_error().and_then(|cause| cause.constraint());
    let (field, message) = match constraint {
        Some("issues_slug_key") => ("slug", "Another issue has this address. Choose another."),
        Some("issues_slug_free") => ("slug", "Another page has this address. Choose another."),
        Some("issues_topic_fkey") => ("topic", "Choose one of the topics in the list."),
        _ => return error.into(),
    };
    Error::field(field, message)
}

/// What a mail says of an issue.
#[derive(Debug)]
pub struct ForMail {
    /// Its place in the address.
    pub slug: String,
    /// Its subject.
    pub subject: String,
    /// Markdown.
    pub body: String,
}

/// The issue `id`, for a mail.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<ForMail> {
    sqlx::query_as!(ForMail, "select slug, subject, body from issues where id = $1", id)
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound)
}
