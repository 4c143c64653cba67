//! Rows of the outbox that belong together: written, held, let go and counted as one.

use crate::error::{Error, Result};
use crate::services::outbox::New;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How rows are written.
#[derive(Debug, Default)]
pub struct Batch {
    /// What they belong to.
    pub id: Option<Uuid>,
    /// Whether they are held from the start.
    pub held: bool,
    /// How far apart they become due, after those of the batch that wait already.
    pub apart: Option<Duration>,
}

/// Writes them down. Where the effect of one is there already, that one is not written.
///
/// # Errors
/// As any statement.
pub async fn put(db: &mut PgConnection, batch: &Batch, rows: &[New<'_>]) -> Result<()> {
    let jobs: Result<Vec<_>, _> = rows.iter().map(|row| serde_json::to_value(row.job)).collect();
    let jobs = jobs.map_err(|error| Error::Internal(error.into()))?;
    let text = |of: fn(&New<'_>) -> String| rows.iter().map(of).collect::<Vec<String>>();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let priorities: Vec<i16> = rows.iter().map(|row| row.job.priority()).collect();
    sqlx::query!(
        "with free as (select greatest(now(), case when $10::float8 > 0 then
                 (select max(due_at) from outbox where batch = $8 and state = 'waiting') + make_interval(secs => $10) end) as at)
         insert into outbox (id, kind, job, cause, recipient, once, priority, batch, held, due_at)
         select id, kind, job, cause, lower(nullif(recipient, '')), nullif(once, ''), priority, $8, $9,
                free.at + make_interval(secs => (place - 1) * $10)
           from free, unnest($1::uuid[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[], $7::smallint[])
                      with ordinality as given (id, kind, job, cause, recipient, once, priority, place)
         on conflict (once) do nothing",
        &ids,
        &text(|row| row.job.kind().to_owned()),
        &jobs,
        &text(|row| row.cause.clone()),
        &text(|row| row.recipient.unwrap_or_default().to_owned()),
        &text(|row| row.once.clone().unwrap_or_default()),
        &priorities,
        batch.id,
        batch.held,
        batch.apart.unwrap_or_default().as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Holds up to `limit` of what waits, what is due first; returns how many those were. What is under way goes on.
///
/// # Errors
/// As any statement.
pub async fn hold(db: &mut PgConnection, id: Uuid, limit: i64) -> Result<u64> {
    let held = sqlx::query!(
        "update outbox set held = true where id in (
             select id from outbox where batch = $1 and state = 'waiting' and not held order by due_at limit $2)",
        id,
        limit,
    );
    Ok(held.execute(db).await?.rows_affected())
}

/// Lets up to `limit` of what is held go, `apart` from now on, after what goes already; returns how many those were.
///
/// # Errors
/// As any statement.
pub async fn let_go(
    db: &mut PgConnection,
    id: Uuid,
    apart: Option<Duration>,
    limit: i64,
) -> Result<u64> {
    let gone = sqlx::query!(
        "with free as (select greatest(now(), (select max(due_at) from outbox
                 where batch = $1 and state = 'waiting' and not held) + make_interval(secs => $2::float8)) as at),
              next as (select id, row_number() over (order by due_at, id) - 1 as place from (
                 select id, due_at from outbox where batch = $1 and state = 'waiting' and held
                  order by due_at, id limit $3) as held)
         update outbox set held = false,
                due_at = case when $2 > 0 and lease is null then free.at + make_interval(secs => place * $2) else due_at end
           from free, next where outbox.id = next.id",
        id,
        apart.unwrap_or_default().as_secs_f64(),
        limit,
    );
    Ok(gone.execute(db).await?.rows_affected())
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Still to be done.
    pub waiting: i64,
    /// Done.
    pub done: i64,
    /// Never will be.
    pub dead: i64,
    /// There was no reason to any more.
    pub dropped: i64,
}

impl Progress {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.waiting + self.ended()
    }

    /// Those that have come to an end, whichever.
    pub fn ended(&self) -> i64 {
        self.done + self.dead + self.dropped
    }
}

/// Counts a batch.
///
/// # Errors
/// As any statement.
pub async fn progress(db: &mut PgConnection, id: Uuid) -> Result<Progress> {
    Ok(sqlx::query_as!(
        Progress,
        r#"select count(*) filter (where state = 'waiting') as "waiting!", count(*) filter (where state = 'done') as "done!",
                  count(*) filter (where state = 'dead') as "dead!", count(*) filter (where state = 'dropped') as "dropped!"
             from outbox where batch = $1"#,
        id,
    )
    .fetch_one(db)
    .await?)
}
