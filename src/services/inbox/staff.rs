//! The inbox as staff and the operator see it, and what they may do with it.

use super::put_job;
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input;
use crate::services::sessions::{self, Owner};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// How many dead events are replayed at once.
const MOST_REPLAYED: i64 = 5_000;

/// Who looks at it.
#[derive(Debug)]
pub enum Reader<'a> {
    /// Staff, in the browser.
    Staff(&'a sessions::Staff),
    /// The operator.
    Operator(&'a Operator),
}

impl Reader<'_> {
    /// What an event says may be about anybody: only those who own the site read it.
    fn may_read_payloads(&self) -> bool {
        match self {
            Self::Staff(staff) => staff.is_owner(),
            Self::Operator(_) => true,
        }
    }
}

/// Who has it acted upon once more.
#[derive(Debug)]
pub enum Keeper<'a> {
    /// An owner, in the browser.
    Owner(&'a Owner),
    /// The operator.
    Operator(&'a Operator),
}

/// Which events to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this sender.
    pub source: Option<String>,
    /// Only those older than this one.
    pub before: Option<Uuid>,
}

/// An event.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// Who sent it.
    pub source: String,
    /// What they call it.
    pub event_id: String,
    /// Of which type it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// waiting, done, failed, dead or ignored.
    pub state: String,
    /// How often it was tried to act upon it.
    pub attempts: i32,
    /// Why it is ignored, or what went wrong.
    pub remark: Option<String>,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// When it was over with.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}

/// Something that it has changed.
#[derive(Debug, Serialize)]
pub struct Effect {
    /// On what, such as `outbox:{id}`.
    pub object: String,
    /// Of which kind.
    pub kind: String,
    /// What else there is to say.
    pub detail: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// An event with everything known of it.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The event.
    #[serde(flatten)]
    pub event: Listed,
    /// What it has changed.
    pub effects: Vec<Effect>,
    /// How many bytes it came as; none where they are not kept any more.
    pub size: Option<i64>,
    /// Those, as far as they are text; none for those who may not read them.
    pub payload: Option<String>,
}

/// Up to `limit` events, the last to come first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Reader<'_>,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Listed,
        "select id, source, event_id, type as kind, state, attempts, remark, received_at, ended_at from inbox
          where ($1::text is null or state = $1) and ($2::text is null or source = $2) and ($3::uuid is null or id < $3)
          order by id desc limit $4",
        filter.state,
        filter.source,
        filter.before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// How many of this sender, or of all, are in each state.
///
/// # Errors
/// As any statement.
pub async fn count(
    db: &mut PgConnection,
    _by: &Reader<'_>,
    source: Option<&str>,
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select state, count(*) as "count!" from inbox where $1::text is null or source = $1 group by state order by state"#,
        source,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.state, row.count)).collect())
}

/// One event.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, by: &Reader<'_>, id: Uuid) -> Result<Shown> {
    let event = sqlx::query_as!(
        Listed,
        "select id, source, event_id, type as kind, state, attempts, remark, received_at, ended_at from inbox where id = $1",
        id,
    );
    let event = event.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let payload = sqlx::query_scalar!("select payload from inbox where id = $1", id);
    let payload = payload.fetch_one(&mut *db).await?;
    let effects = sqlx::query_as!(
        Effect,
        r#"select object as "object!", kind as "kind!", detail, at as "at!" from
               (select object, kind, detail, at from inbox_effects where event = $1
                union all select object, kind, detail, at from stripe_effects where event = $1) both_of_them
            order by at, object"#,
        id,
    );
    Ok(Shown {
        event,
        effects: effects.fetch_all(db).await?,
        size: payload.as_ref().and_then(|bytes| i64::try_from(bytes.len()).ok()),
        payload: payload
            .filter(|_| by.may_read_payloads())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    })
}

/// What has become of asking for an event to be acted upon once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It will be.
    Again,
    /// It was done before, and nothing is done twice.
    DoneBefore,
}

/// Has an event acted upon once more, from the first try. `job` is a fresh id.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where what it said is not kept any more.
pub async fn replay(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: Uuid,
    job: Uuid,
) -> Result<Replayed> {
    let event = sqlx::query!(
        r#"select state, job, payload is not null as "kept!" from inbox where id = $1 for update"#,
        id,
    );
    let event = event.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if event.state == "done" {
        return Ok(Replayed::DoneBefore);
    }
    if !event.kept {
        return Err(Error::field("", "What it said is not kept any more."));
    }
    let revived = sqlx::query!(
        "update outbox set state = 'waiting', attempts = 0, due_at = now(), ended_at = null, tried_since = null, remark = null
          where id = $1 and lease is null and state in ('dead', 'waiting')",
        event.job,
    );
    let revived = revived.execute(&mut *db).await?.rows_affected() == 1;
    let job = if revived { event.job } else { Some(job) };
    sqlx::query!(
        "update inbox set state = 'waiting', attempts = 0, remark = null, ended_at = null, job = $2 where id = $1",
        id,
        job,
    )
    .execute(&mut *db)
    .await?;
    if let Some(job) = job.filter(|_| !revived) {
        put_job(db, id, job).await?;
    }
    Ok(Replayed::Again)
}

/// Which dead events are meant.
#[derive(Debug, Default, Deserialize, Validate)]
pub struct OfSource {
    /// Those of this sender; of any, where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::one_line"))]
    pub source: Option<String>,
}

/// Has dead events acted upon once more and says how many; the oldest first, where there are more than can be turned at once.
///
/// # Errors
/// [`Error::Invalid`] where there are none.
pub async fn replay_dead(db: &mut PgConnection, _by: &Keeper<'_>, of: &OfSource) -> Result<u64> {
    // The events follow their jobs (0025).
    let revived = sqlx::query!(
        "with dead as (select outbox.id from inbox join outbox on outbox.id = inbox.job
                where inbox.state = 'dead' and outbox.state = 'dead' and inbox.payload is not null
                  and ($1::text is null or source = $1)
                order by inbox.id limit $2 for update of outbox skip locked)
         update outbox set state = 'waiting', attempts = 0, due_at = now(), ended_at = null, tried_since = null, remark = null
           from dead where outbox.id = dead.id",
        of.source,
        MOST_REPLAYED,
    );
    match revived.execute(db).await?.rows_affected() {
        0 => Err(Error::field("", "Nothing is dead any more.")),
        revived => Ok(revived),
    }
}
