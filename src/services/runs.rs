//! Runs: one for each task and slot, however many schedulers, operators and instances ask for it.
//!
//! The row is what decides. Whoever writes it has the run for a while (a lease) and says now and then that they are still
//! at it; an end is noted only while the lease is still their own, so whoever was frozen for too long changes nothing any
//! more. A run that stopped for lack of time, failed, or whose worker vanished is taken up again in the same row.

use crate::error::{Error, OnConstraint, Result};
use crate::policies::{Operator, Scheduler};
use crate::services::input::Timestamp;
use crate::services::sessions::Staff;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long someone has a run without saying that they are still at it.
pub const LEASE: Duration = Duration::from_secs(30);
/// When it is worth asking again for a task that is under way.
const ASK_AGAIN_SECONDS: u64 = 10;

/// How many of what a run has done.
pub type Counts = BTreeMap<String, i64>;

/// Who has a task run. Only proofs make one.
#[derive(Debug, Clone, Copy)]
pub struct By(&'static str);

impl By {
    /// A scheduler outside, with a secret.
    pub fn cron(_: &Scheduler) -> Self {
        Self("cron")
    }

    /// The operator.
    pub fn operator(_: &Operator) -> Self {
        Self("shell")
    }

    /// The scheduler of this program.
    pub(crate) fn own_scheduler() -> Self {
        Self("scheduler")
    }

    /// The worker, because an event says that it is due.
    pub(crate) fn webhook() -> Self {
        Self("webhook")
    }

    /// The worker, for staff who have asked for it.
    pub(crate) fn worker() -> Self {
        Self("staff")
    }
}

/// A run as it is told of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Run {
    /// UUID v7.
    #[serde(rename = "run")]
    pub id: Uuid,
    /// Of which task.
    pub task: String,
    /// What period it is done for, by its beginning.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub slot: OffsetDateTime,
    /// cron, shell, scheduler, staff or webhook: who had it run last.
    pub trigger: String,
    /// running, unfinished, done, failed or skipped.
    pub state: String,
    /// How often someone has set about it.
    pub attempts: i32,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub started_at: OffsetDateTime,
    /// When it was last left.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<OffsetDateTime>,
    /// How long it was worked on.
    pub worked_ms: i64,
    /// How many of what.
    pub output: serde_json::Value,
    /// What went wrong.
    pub remark: Option<String>,
}

/// A run that someone has begun, and nobody else may.
#[derive(Debug)]
pub struct Mine {
    id: Uuid,
    lease: Uuid,
    before: Counts,
}

impl Mine {
    /// Which run.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// What has become of asking for a run.
#[derive(Debug)]
pub enum Begun {
    /// It is to be done now, by whoever asked.
    Mine(Mine),
    /// It was done before.
    Done(Run),
}

/// Begins the run of `task` for `slot`, or takes it up where someone has left it. `id` and `lease` are fresh.
///
/// # Errors
/// [`Error::Conflict`] while the task is under way, for this slot or another.
pub async fn begin(
    db: &mut PgConnection,
    by: By,
    (id, lease): (Uuid, Uuid),
    task: &str,
    slot: OffsetDateTime,
) -> Result<Begun> {
    give_up_older(&mut *db, task, slot).await?;
    let begun = sqlx::query!(
        "insert into runs (id, task, slot, trigger, state, lease, lease_until)
         values ($1, $2, $3, $4, 'running', $5, now() + make_interval(secs => $6)) on conflict do nothing",
        id,
        task,
        slot,
        by.0,
        lease,
        LEASE.as_secs_f64(),
    );
    if begun.execute(&mut *db).await?.rows_affected() == 1 {
        return Ok(Begun::Mine(Mine { id, lease, before: Counts::new() }));
    }
    let taken_up = sqlx::query!(
        "update runs set state = 'running', trigger = $3, attempts = attempts + 1, lease = $4,
                lease_until = now() + make_interval(secs => $5), ended_at = null, remark = null
          where task = $1 and slot = $2
            and (state in ('unfinished', 'failed', 'skipped') or state = 'running' and lease_until <= now())
         returning id, output",
        task,
        slot,
        by.0,
        lease,
        LEASE.as_secs_f64(),
    );
    let taken_up =
        taken_up.fetch_optional(&mut *db).await.on_constraint("runs_one_at_a_time", busy)?;
    if let Some(row) = taken_up {
        let before = serde_json::from_value(row.output).unwrap_or_default();
        return Ok(Begun::Mine(Mine { id: row.id, lease, before }));
    }
    match of_slot(db, task, slot).await? {
        Some(run) if run.state == "done" => Ok(Begun::Done(run)),
        _ => Err(busy()),
    }
}

fn busy() -> Error {
    let why = "This task is under way. Ask again when it is done.";
    Error::Conflict { why, retry_after_seconds: ASK_AGAIN_SECONDS }
}

/// What was left of an older slot is not taken up again: the newer run does it too.
async fn give_up_older(db: &mut PgConnection, task: &str, slot: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update runs set state = 'failed', lease = null, lease_until = null, ended_at = coalesce(ended_at, now()),
                remark = 'It was not finished before it was due again.'
          where task = $1 and slot < $2 and (state = 'unfinished' or state = 'running' and lease_until <= now())",
        task,
        slot,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says that someone is still at it. False where the lease was lost: then they must stop.
///
/// At the end of a transaction that does a part of the work it is the fence: lost, nothing of it is kept.
///
/// # Errors
/// As any statement.
pub async fn extend(db: &mut PgConnection, mine: &Mine) -> Result<bool> {
    let extended = sqlx::query!(
        "update runs set lease_until = now() + make_interval(secs => $3)
          where id = $1 and lease = $2 and lease_until > now()",
        mine.id,
        mine.lease,
        LEASE.as_secs_f64(),
    );
    Ok(extended.execute(db).await?.rows_affected() == 1)
}

/// How someone left a run.
#[derive(Debug)]
pub enum End {
    /// Nothing is left to do.
    Done,
    /// The time was up; whoever comes next goes on.
    Unfinished,
    /// Says why.
    Failed(String),
}

/// Notes how a run was left. None where the lease was lost, and nothing was noted: someone else has it, or may.
///
/// # Errors
/// As any statement.
pub async fn end(
    db: &mut PgConnection,
    mine: &Mine,
    end: &End,
    counts: &Counts,
    worked: Duration,
) -> Result<Option<Run>> {
    let (state, remark) = match end {
        End::Done => ("done", None),
        End::Unfinished => ("unfinished", None),
        End::Failed(why) => ("failed", Some(why.chars().take(500).collect::<String>())),
    };
    let mut output = mine.before.clone();
    for (what, count) in counts {
        *output.entry(what.clone()).or_default() += count;
    }
    let output = serde_json::to_value(output).map_err(|error| Error::Internal(error.into()))?;
    Ok(sqlx::query_as!(
        Run,
        "update runs set state = $3, remark = $4, output = $5, worked_ms = worked_ms + $6, ended_at = now(),
                lease = null, lease_until = null
          where id = $1 and lease = $2 and lease_until > now()
         returning id, task, slot, trigger, state, attempts, started_at, ended_at, worked_ms, output, remark",
        mine.id,
        mine.lease,
        state,
        remark,
        output,
        i64::try_from(worked.as_millis()).unwrap_or(i64::MAX),
    )
    .fetch_optional(db)
    .await?)
}

/// Notes that nobody did `task` in time for `slot`, and that it is left out.
///
/// # Errors
/// As any statement.
pub async fn skip(
    db: &mut PgConnection,
    by: By,
    id: Uuid,
    task: &str,
    slot: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "insert into runs (id, task, slot, trigger, state, attempts, ended_at, remark)
         values ($1, $2, $3, $4, 'skipped', 0, now(), 'Nobody began with it in time.') on conflict do nothing",
        id,
        task,
        slot,
        by.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The run of `task` for `slot`, if anyone has begun with it.
///
/// # Errors
/// As any statement.
pub async fn of_slot(
    db: &mut PgConnection,
    task: &str,
    slot: OffsetDateTime,
) -> Result<Option<Run>> {
    Ok(sqlx::query_as!(
        Run,
        "select id, task, slot, trigger, state, attempts, started_at, ended_at, worked_ms, output, remark
           from runs where task = $1 and slot = $2",
        task,
        slot,
    )
    .fetch_optional(db)
    .await?)
}

/// When `task` last came to its end.
///
/// # Errors
/// As any statement.
pub async fn last_done(db: &mut PgConnection, task: &str) -> Result<Option<OffsetDateTime>> {
    let last = sqlx::query_scalar!(
        "select max(ended_at) from runs where task = $1 and state = 'done'",
        task
    );
    Ok(last.fetch_one(db).await?)
}

/// Whether someone has `task` under way.
///
/// # Errors
/// As any statement.
pub async fn is_under_way(db: &mut PgConnection, task: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from runs where task = $1 and state = 'running' and lease_until > now()) as "under_way!""#,
        task,
    )
    .fetch_one(db)
    .await?)
}

/// Up to `limit` runs, the last begun first, older than `before`.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Staff,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>> {
    Ok(sqlx::query_as!(
        Run,
        "select id, task, slot, trigger, state, attempts, started_at, ended_at, worked_ms, output, remark
           from runs where $1::uuid is null or id < $1 order by id desc limit $2",
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}
