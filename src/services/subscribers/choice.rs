//! What a subscriber chooses to get.

use super::{Holder, Managing, Status, held, set_topics};
use crate::error::{Error, Result};
use crate::services::input::{self, Valid};
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use validator::{Validate, ValidationError};

/// How often somebody may want a digest.
pub const DIGESTS: [&str; 3] = ["none", "daily", "weekly"];

/// The form.
#[derive(Debug, Deserialize, Validate)]
pub struct Choices {
    /// Topics by slug; nothing is everything.
    #[serde(default, deserialize_with = "input::list")]
    #[validate(custom(function = "input::lines"))]
    pub topics: Vec<String>,
    /// One of [`DIGESTS`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_digest"))]
    pub digest: String,
    /// An IANA time zone.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::one_line"))]
    pub time_zone: String,
}

fn known_digest(text: &str) -> Result<(), ValidationError> {
    if DIGESTS.contains(&text) {
        return Ok(());
    }
    Err(ValidationError::new("digest").with_message("Choose one of the three.".into()))
}

/// A topic, and whether it was chosen.
#[derive(Debug)]
pub struct TopicChoice {
    /// Its place in the address.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// Whether this subscriber has asked for it by name.
    pub chosen: bool,
}

/// What is stored.
#[derive(Debug)]
pub struct Stored {
    /// Where mail goes.
    pub email: String,
    /// Whether it does.
    pub status: Status,
    /// All topics there are.
    pub topics: Vec<TopicChoice>,
    /// One of [`DIGESTS`].
    pub digest: String,
    /// An IANA time zone.
    pub time_zone: String,
}

/// What whoever holds the link has chosen.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn choices(db: &mut PgConnection, by: &Holder<Managing>) -> Result<Stored> {
    let row = sqlx::query!(
        r#"select email, status as "status: Status", digest, time_zone from subscribers where id = $1"#,
        by.id,
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or(Error::NotFound)?;
    let topics = sqlx::query_as!(
        TopicChoice,
        r#"select slug, name, exists (select from subscriber_topics where subscriber_id = $1 and topic = slug) as "chosen!"
             from topics order by name"#,
        by.id,
    );
    let topics = topics.fetch_all(db).await?;
    let (digest, time_zone) = (row.digest, row.time_zone);
    Ok(Stored { email: row.email, status: row.status, topics, digest, time_zone })
}

/// Keeps what whoever holds the link chooses. A digest that was not wanted before begins with what appears from now on.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a time zone that the database does not know, or one who gets no mail.
pub async fn choose(
    db: &mut PgConnection,
    by: &Holder<Managing>,
    new: &Valid<Choices>,
    now: OffsetDateTime,
) -> Result<()> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from pg_timezone_names where name = $1) as "known!""#,
        new.time_zone,
    );
    if !known.fetch_one(&mut *db).await? {
        return Err(Error::field("time_zone", "Use a time zone such as Europe/Berlin or UTC."));
    }
    let chosen = sqlx::query!(
        "update subscribers set digest = $2, time_zone = $3,
                digest_from = case when digest = 'none' then $4 else digest_from end
          where id = $1 and status = 'confirmed'",
        by.id,
        new.digest,
        new.time_zone,
        now,
    );
    if chosen.execute(&mut *db).await?.rows_affected() == 1 {
        return set_topics(db, by.id, &new.topics).await;
    }
    held(db, by).await?;
    Err(Error::field("", "You get no mail from us. Subscribe first, then choose."))
}
