//! Subscribers as staff see them.

use super::leave::off_the_list;
use super::{Keeper, Reason, Status};
use crate::error::{Error, Result};
use crate::services::input::{self, Valid};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Which to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only these.
    pub status: Option<Status>,
    /// Only those in whose address this stands, in any case.
    pub text: String,
    /// Only those older than this one.
    pub before: Option<Uuid>,
}

/// A subscriber in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// Where mail goes.
    pub email: String,
    /// How far they have come.
    pub status: Status,
    /// none, daily or weekly.
    pub digest: String,
    /// By which door.
    pub source: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Up to `limit` subscribers, the last to come first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Listed,
        r#"select id, email, status as "status: Status", digest, source, created_at from subscribers
            where ($1::text is null or status = $1) and ($2::text is null or email ilike $2)
              and ($3::uuid is null or id < $3)
            order by id desc limit $4"#,
        filter.status.map(Status::as_str),
        input::containing(&filter.text),
        filter.before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// A subscriber with everything known about them.
#[derive(Debug)]
pub struct Shown {
    /// UUID v7.
    pub id: Uuid,
    /// Where mail goes.
    pub email: String,
    /// How far they have come.
    pub status: Status,
    /// Names of the topics they chose; none are all.
    pub topics: Vec<String>,
    /// none, daily or weekly.
    pub digest: String,
    /// An IANA time zone.
    pub time_zone: String,
    /// By which door.
    pub source: String,
    /// What they agreed to: the version of our words, or what whoever brought them over says.
    pub consent: String,
    /// Our words, where it is these.
    pub words: Option<String>,
    /// When they did.
    pub consent_at: OffsetDateTime,
    /// When they confirmed it.
    pub confirmed_at: Option<OffsetDateTime>,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// Why.
    pub remark: Option<String>,
}

/// One subscriber.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, _by: &Keeper<'_>, id: Uuid) -> Result<Shown> {
    sqlx::query_as!(
        Shown,
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at,
                  ended_at, remark, (select words from consents where version = consent),
                  array(select name from subscriber_topics join topics on slug = topic
                         where subscriber_id = id order by name) as "topics!"
             from subscribers where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// How many get mail.
///
/// # Errors
/// As any statement.
pub async fn count_confirmed(db: &mut PgConnection, _by: &Keeper<'_>) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from subscribers where status = 'confirmed'"#
    );
    Ok(count.fetch_one(db).await?)
}

/// The form that takes somebody off the list.
#[derive(Debug, Deserialize, Validate)]
pub struct NewEnd {
    /// One of [`Reason::ALL`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_reason"))]
    pub reason: String,
}

impl NewEnd {
    fn reason(&self) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == self.reason)
    }
}

fn known_reason(text: &str) -> Result<(), ValidationError> {
    if Reason::ALL.iter().any(|reason| reason.as_str() == text) {
        return Ok(());
    }
    Err(ValidationError::new("reason")
        .with_message("Say why: asked, bounced or complained.".into()))
}

/// Takes somebody off the list.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn end(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: Uuid,
    new: &Valid<NewEnd>,
    now: OffsetDateTime,
) -> Result<()> {
    let reason = new.reason().unwrap_or(Reason::Asked);
    off_the_list(db, id, reason, None, now).await
}

/// The subscriber with this address.
///
/// # Errors
/// [`Error::Invalid`] where there is none.
pub async fn by_email(db: &mut PgConnection, _by: &Keeper<'_>, email: &str) -> Result<Uuid> {
    let id =
        sqlx::query_scalar!("select id from subscribers where lower(email) = lower($1)", email);
    let missing = || Error::field("email", "There is no subscriber with this address.");
    id.fetch_optional(db).await?.ok_or_else(missing)
}
