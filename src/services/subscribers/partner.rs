//! What programs do with subscribers. Whoever a program says wants the newsletter is asked themselves, as by the form: a
//! program's word is no consent, and who has theirs in writing brings a list over as staff do (`import`). Whether somebody is
//! here already is told to whoever may read the list, and to nobody else.

use super::join::{Ask, From, ask};
use super::leave::off_the_list;
use super::{Reason, Status};
use crate::error::{Error, Result};
use crate::services::audit::{self, Act};
use crate::services::input::{self, Timestamp, Valid};
use crate::services::keys::{Partner, SubscribersRead, SubscribersWrite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// A subscriber as programs see them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Subscriber {
    /// UUID v7.
    pub id: Uuid,
    /// Where mail goes.
    pub email: String,
    /// How far they have come.
    pub status: Status,
    /// Slugs of the topics they chose; none are all.
    pub topics: Vec<String>,
    /// none, daily or weekly.
    pub digest: String,
    /// An IANA time zone.
    pub time_zone: String,
    /// By which door they came.
    pub source: String,
    /// What they agreed to: the version of our words, or what whoever brought them over says.
    pub consent: String,
    /// When they did.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub consent_at: OffsetDateTime,
    /// When they confirmed it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub confirmed_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<OffsetDateTime>,
    /// When they came.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub created_at: OffsetDateTime,
}

/// Which of them to list.
#[derive(Debug, Default)]
pub struct Which<'a> {
    /// Only these.
    pub status: Option<Status>,
    /// Only whoever has this address.
    pub email: Option<&'a str>,
    /// Only those who came before this one.
    pub after: Option<Uuid>,
}

/// Up to `limit` subscribers, the last to come first.
///
/// # Errors
/// As any statement.
pub async fn listed_for(
    db: &mut PgConnection,
    _by: &Partner<SubscribersRead>,
    which: &Which<'_>,
    limit: i64,
) -> Result<Vec<Subscriber>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Subscriber,
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at, ended_at,
                  created_at, array(select topic from subscriber_topics where subscriber_id = id order by topic) as "topics!"
             from subscribers
            where ($1::text is null or status = $1) and ($2::text is null or lower(email) = lower($2))
              and ($3::uuid is null or id < $3)
            order by id desc limit $4"#,
        which.status.map(Status::as_str),
        which.email,
        which.after,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// One subscriber.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_program(
    db: &mut PgConnection,
    _by: &Partner<SubscribersRead>,
    id: Uuid,
) -> Result<Subscriber> {
    one(db, id).await
}

/// One subscriber, for whoever is about to change something: nobody else does until this transaction has ended.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn held_for(
    db: &mut PgConnection,
    _by: &Partner<SubscribersWrite>,
    id: Uuid,
) -> Result<Subscriber> {
    sqlx::query!("select id from subscribers where id = $1 for update", id)
        .fetch_optional(&mut *db)
        .await?;
    one(db, id).await
}

/// Those of `ids` that are there, for whoever is told of them: it was seen to that they may learn of these.
///
/// # Errors
/// As any statement.
pub async fn told(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Subscriber>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as!(
        Subscriber,
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at, ended_at,
                  created_at, array(select topic from subscriber_topics where subscriber_id = id order by topic) as "topics!"
             from subscribers where id = any($1)"#,
        ids,
    )
    .fetch_all(db)
    .await?)
}

async fn one(db: &mut PgConnection, id: Uuid) -> Result<Subscriber> {
    sqlx::query_as!(
        Subscriber,
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at, ended_at,
                  created_at, array(select topic from subscriber_topics where subscriber_id = id order by topic) as "topics!"
             from subscribers where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Somebody who is said to want the newsletter.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct NewSubscriber {
    /// Where to ask them.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    #[schemars(required, email, example = &"nora@example.com")]
    email: String,
    /// Slugs of the topics they want to hear of; none are all. What is no topic is passed over.
    #[serde(default)]
    #[validate(
        length(max = 100, message = "Name at most 100 topics."),
        custom(function = "input::lines")
    )]
    topics: Vec<String>,
}

/// Has somebody asked whether they want the newsletter, as by the form. `network`: where the program called from.
///
/// # Errors
/// As any statement.
pub async fn ask_for(
    db: &mut PgConnection,
    by: &Partner<SubscribersWrite>,
    arrival: (Uuid, OffsetDateTime),
    network: &str,
    new: &Valid<NewSubscriber>,
) -> Result<()> {
    let (email, topics) = (new.email.clone(), new.topics.clone());
    let wish = Valid::check(Ask { email, topics, website: String::new() })?;
    ask(&mut *db, arrival, &From::Partner(by), &wish).await?;
    let line = Act::SubscriberAsked.to("subscribers");
    audit::note_program(db, arrival.0, by, network, line).await
}

/// How a program may end a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// They want no more of it.
    Unsubscribed,
    /// There is no such mailbox.
    Bounced,
}

impl Ended {
    fn reason(self) -> Reason {
        match self {
            Self::Unsubscribed => Reason::Asked,
            Self::Bounced => Reason::Bounced,
        }
    }
}

/// Takes somebody off the list, on the record as the key's; `id` is that of its line.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn end_for(
    db: &mut PgConnection,
    by: &Partner<SubscribersWrite>,
    (id, now, network): (Uuid, OffsetDateTime, &str),
    subscriber: Uuid,
    how: Ended,
) -> Result<()> {
    off_the_list(&mut *db, subscriber, how.reason(), None, now).await?;
    let line = Act::SubscriberEnded.on("subscriber", subscriber);
    let line = line.with("reason", how.reason().as_str());
    audit::note_program(db, id, by, network, line).await
}
