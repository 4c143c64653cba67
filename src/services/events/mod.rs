//! What happened: a feed that programs read on in, and what webhooks tell.
//!
//! Rows are written by triggers, in the transaction of the fact (`migrations/0027`), and hold nothing but what they are about. What
//! there is to say is read when it is asked for or sent, as it is then: so whoever was erased is in no event, and a program learns
//! by an event what it could read anyway.

mod types;

pub use types::{Subject, TYPES, Type, called, readable};

use crate::error::{Error, Result};
use crate::services::input::{self, Timestamp};
use crate::services::keys::{EventsRead, Partner};
use crate::services::leads::{self, Lead};
use crate::services::orders::{self, Ordered};
use crate::services::posts::{self, Published};
use crate::services::subscribers::{self, Subscriber};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Event {
    /// Which event, here as in webhooks: one that comes twice is the same.
    pub id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub timestamp: OffsetDateTime,
    /// What it is about.
    pub object: Object,
    /// Which event of this object it is: what happened to it later has a higher number, wherever it stands in the feed.
    pub sequence: i64,
    /// What it is about, as it is now; none where there is nothing to be seen of it any more.
    pub data: Option<Data>,
}

/// What an event is about, by reference.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventObject")]
pub struct Object {
    /// lead, post, subscriber or order.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Which.
    pub id: Uuid,
}

/// What an event is about, as the rest of the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventData")]
#[serde(untagged)]
pub enum Data {
    /// Somebody who wrote to us.
    Lead(Lead),
    /// A post.
    Post(Published),
    /// Somebody who gets the newsletter, or did.
    Subscriber(Subscriber),
    /// Something that was ordered.
    Order(Ordered),
}

/// Whoever is told of posts: it was seen to that they may read whatever is published. Only this module makes one.
#[derive(Debug)]
pub struct Entitled(());

/// A row, as it is kept.
#[derive(Debug)]
pub struct Row {
    id: Uuid,
    kind: String,
    at: OffsetDateTime,
    object: Uuid,
    sequence: i64,
}

/// The events to read.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Asked {
    /// The `next` of the answer before.
    #[serde(default)]
    after: Option<Uuid>,
    /// Only these types, comma-separated.
    #[serde(default, deserialize_with = "input::list")]
    #[schemars(with = "Option<String>")]
    #[validate(custom(function = "known_types"))]
    types: Vec<String>,
    /// At most so many.
    #[serde(default = "usual")]
    #[validate(range(min = 1, max = 200, message = "Ask for 1 to 200 events."))]
    limit: u16,
}

fn usual() -> u16 {
    50
}

/// Accepts types that there are.
///
/// # Errors
/// Where there is one that is none.
pub fn known_types(types: &[String]) -> Result<(), ValidationError> {
    if types.iter().all(|name| called(name).is_some()) {
        return Ok(());
    }
    let names = TYPES.map(|known| known.name).join(", ");
    Err(ValidationError::new("types").with_message(format!("Choose from: {names}.").into()))
}

/// A part of the feed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Feed")]
pub struct Feed {
    items: Vec<Event>,
    /// Where to go on, now or later: send it as `after`. None where nothing has happened yet.
    pub next: Option<Uuid>,
    /// Whether there is more already.
    pub has_more: bool,
}

/// What happened after `asked.after` that this program may learn of, in the order in which it can be read on without missing
/// anything: numbers are not taken in the order in which transactions commit, so it goes by transaction, and no further than all of
/// them have ended. Where two that overlap change one object, the one that began first may come first although it was the later to
/// change it: of one object the sequence says what came after what.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is none, or is not kept any more.
pub async fn feed(db: &mut PgConnection, by: &Partner<EventsRead>, asked: &Asked) -> Result<Feed> {
    let scopes = sqlx::query_scalar!("select scopes from api_keys where id = $1", by.key());
    let mut types = readable(&scopes.fetch_one(&mut *db).await?);
    types.retain(|name| asked.types.is_empty() || asked.types.iter().any(|asked| asked == name));
    let types: Vec<String> = types.into_iter().map(str::to_owned).collect();
    if let Some(after) = asked.after {
        let known = sqlx::query_scalar!("select n from events where id = $1", after);
        known.fetch_optional(&mut *db).await?.ok_or_else(|| Error::field("after", UNKNOWN))?;
    }
    let most = usize::from(asked.limit);
    let mut rows = sqlx::query_as!(
        Row,
        r#"with since as (select xid, n from events where id = $2
                union all select '0'::xid8, 0 where $2::uuid is null),
           -- Two walks along two indexes: what is for every program, and what this one has handed in.
           open as (select events.* from events, since where not confined and type = any($3)
                       and (events.xid, events.n) > (since.xid, since.n) and events.xid < pg_snapshot_xmin(pg_current_snapshot())
                     order by events.xid, events.n limit $4),
           own as (select events.* from events, since where key_id = $1 and type = any($3)
                       and (events.xid, events.n) > (since.xid, since.n) and events.xid < pg_snapshot_xmin(pg_current_snapshot())
                     order by events.xid, events.n limit $4)
           select id as "id!", type as "kind!", at as "at!", object as "object!", sequence as "sequence!"
             from (select * from open union all select * from own) as told order by xid, n limit $4"#,
        by.key(),
        asked.after,
        &types,
        i64::try_from(most).unwrap_or_default() + 1,
    )
    .fetch_all(&mut *db)
    .await?;
    let has_more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().map(|row| row.id).or(asked.after);
    Ok(Feed { items: told(db, rows).await?, next, has_more })
}

const UNKNOWN: &str = "There is no such event any more. Read from the beginning.";

/// The event with this number, to be sent to somebody who may learn of it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_number(db: &mut PgConnection, n: i64) -> Result<Event> {
    let row = sqlx::query_as!(
        Row,
        "select id, type as kind, at, object, sequence from events where n = $1",
        n,
    );
    let row = row.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    told(db, vec![row]).await?.pop().ok_or(Error::NotFound)
}

/// What there is to say of each, as it is now. Types that this program does not know are passed over.
async fn told(db: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Event>> {
    let about = |of: Subject| -> Vec<Uuid> {
        let about = rows.iter().filter(|row| called(&row.kind).is_some_and(|known| known.of == of));
        about.map(|row| row.object).collect()
    };
    let leads = leads::by_ids(&mut *db, &about(Subject::Lead)).await?;
    let posts = posts::told(&mut *db, &Entitled(()), &about(Subject::Post)).await?;
    let subscribers = subscribers::told(&mut *db, &about(Subject::Subscriber)).await?;
    let orders = orders::told(&mut *db, &about(Subject::Order)).await?;
    let leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    let posts: HashMap<_, _> = posts.into_iter().map(|post| (post.id, post)).collect();
    let subscribers: HashMap<_, _> = subscribers.into_iter().map(|one| (one.id, one)).collect();
    let orders: HashMap<_, _> = orders.into_iter().map(|one| (one.id, one)).collect();
    let event = |row: Row| {
        let of = called(&row.kind)?.of;
        let data = match of {
            Subject::Lead => leads.get(&row.object).cloned().map(Data::Lead),
            Subject::Post => posts.get(&row.object).cloned().map(Data::Post),
            Subject::Subscriber => subscribers.get(&row.object).cloned().map(Data::Subscriber),
            Subject::Order => orders.get(&row.object).cloned().map(Data::Order),
        };
        let object = Object { kind: of.as_str(), id: row.object };
        let Row { id, kind, at, sequence, .. } = row;
        Some(Event { id, kind, timestamp: at, object, sequence, data })
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

/// Tells of posts whose time has come: nobody writes then, so whoever sends webhooks looks. The row says whether it was told, so
/// nothing is told twice, and nothing is missed where the time was changed meanwhile.
///
/// # Errors
/// As any statement.
pub async fn appear(db: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "update posts set appeared = true where status = 'published' and not appeared and published_at <= now()"
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sees to it that a database that was restored from a copy can be read on in: transactions are counted anew there, and what lies ahead
/// of the count would come after whatever happens from now on.
///
/// # Errors
/// As any statement.
pub async fn settle(db: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "update events set xid = pg_current_xact_id()
          where (select xid from events order by n desc limit 1) > pg_current_xact_id()"
    )
    .execute(db)
    .await?;
    Ok(())
}
