//! What is to be done after a transaction has committed.
//!
//! A row is written in the transaction that causes it. A worker takes it for a while (a lease), carries it out, and notes
//! the end where the lease is still its own: who was frozen for too long changes nothing any more. Every try is counted
//! before it begins, so what kills its worker ends dead and not in a circle. Texts are not kept here: a job says what to do by
//! reference.
//!
//! A row that waits with a lease whose time has passed has lost its worker and is a *suspect*: it may be what killed it. A
//! lease is short and kept alive by heartbeats, rather than bound to a database session: it ends ten seconds after its
//! worker, whatever became of that, and connections may come from a pool in between.

mod staff;

pub use staff::{Filter, Listed, OfKind, by_id, count, list, retry, retry_dead};

use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::sessions::Staff;
use crate::services::staff as people;
use serde::Serialize;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a worker has a job without saying that it is still at it.
pub const LEASE: Duration = Duration::from_secs(10);
/// How often a job is tried. With the pauses between, a server that says "not now" is asked for some five hours; what kills
/// its worker does so for some minutes.
pub const MOST_TRIES: i32 = 14;
/// What cannot be done within this time, because something is away, is not done any more.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);

/// Something to be done.
#[derive(Debug)]
pub struct New<'a> {
    /// UUID v7.
    pub id: Uuid,
    /// What.
    pub job: &'a Job,
    /// What for, such as `lead:{id}`.
    pub cause: String,
    /// Whom it reaches, where it is a mail.
    pub recipient: Option<&'a str>,
    /// The effect there may be only one of. Where there is one, nothing is written.
    pub once: Option<String>,
    /// Not before.
    pub not_before: Option<OffsetDateTime>,
}

/// Writes it down.
///
/// # Errors
/// As any statement.
pub async fn put(db: &mut PgConnection, new: &New<'_>) -> Result<()> {
    put_all(db, [new]).await
}

/// Writes all of them down.
///
/// # Errors
/// As any statement.
pub async fn put_all<'a>(
    db: &mut PgConnection,
    all: impl IntoIterator<Item = &'a New<'a>>,
) -> Result<()> {
    let rows: Vec<Row<'_>> = all.into_iter().map(Row::of).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(&rows).map_err(|error| Error::Internal(error.into()))?;
    sqlx::query!(
        "insert into outbox (id, kind, job, cause, recipient, once, priority, due_at)
         select id, kind, job, cause, lower(recipient), once, priority, coalesce(not_before, now())
           from json_to_recordset($1::text::json) as new (id uuid, kind text, job jsonb, cause text, recipient text,
                once text, priority smallint, not_before timestamptz)
         on conflict (once) do nothing",
        rows,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A row of `outbox`.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    kind: &'static str,
    job: &'a Job,
    cause: &'a str,
    recipient: Option<&'a str>,
    once: Option<&'a str>,
    priority: i16,
    #[serde(with = "time::serde::rfc3339::option")]
    not_before: Option<OffsetDateTime>,
}

impl<'a> Row<'a> {
    fn of(new: &'a New<'_>) -> Self {
        Self {
            id: new.id,
            kind: new.job.kind(),
            job: new.job,
            cause: &new.cause,
            recipient: new.recipient,
            once: new.once.as_deref(),
            priority: new.job.priority(),
            not_before: new.not_before,
        }
    }
}

/// Writes down a mail to `who` themselves, who want to see what it is like.
///
/// # Errors
/// As any statement.
pub async fn put_for_myself(
    db: &mut PgConnection,
    who: &Staff,
    id: Uuid,
    mail: Mail,
    cause: String,
) -> Result<()> {
    let to = people::for_mail(&mut *db, who.id()).await?;
    let new = New {
        id,
        job: &Job::Mail(mail),
        cause,
        recipient: Some(&to.email),
        once: None,
        not_before: None,
    };
    put(db, &new).await
}

/// A job that someone has taken.
#[derive(Debug)]
pub struct Claimed {
    /// Which.
    pub id: Uuid,
    /// What to do; none where this program does not know how.
    pub job: Option<Job>,
    /// Which try this is, counted from 1.
    pub attempt: i32,
    lease: Uuid,
}

/// Which jobs to take.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// At most so many that nobody has had, or that have failed in good order.
    pub most: i64,
    /// At most so many of those whose worker vanished.
    pub suspects: i64,
    /// Mail too.
    pub mail: bool,
}

/// Takes jobs that are due. `lease` is a fresh id.
///
/// # Errors
/// As any statement.
pub async fn claim(db: &mut PgConnection, lease: Uuid, wanted: Wanted) -> Result<Vec<Claimed>> {
    if wanted.suspects > 0 {
        bury(&mut *db).await?;
    }
    let rows = sqlx::query!(
        "with fresh as (select id from outbox
                where state = 'waiting' and not held and due_at <= now() and lease is null and ($4 or kind <> 'mail')
                order by priority, due_at limit $2 for update skip locked),
              suspects as (select id from outbox
                where state = 'waiting' and not held and due_at <= now() and lease is not null and ($4 or kind <> 'mail')
                order by due_at limit $3 for update skip locked),
              due as (select id from fresh union all select id from suspects)
         update outbox set attempts = attempts + 1, lease = $1, due_at = now() + make_interval(secs => $5),
                tried_since = coalesce(tried_since, now())
           from due where outbox.id = due.id
         returning outbox.id, job, attempts",
        lease,
        wanted.most,
        wanted.suspects,
        wanted.mail,
        LEASE.as_secs_f64(),
    )
    .fetch_all(db)
    .await?;
    let claimed = rows.into_iter().map(|row| Claimed {
        id: row.id,
        job: serde_json::from_value(row.job).ok(),
        attempt: row.attempts,
        lease,
    });
    Ok(claimed.collect())
}

/// Whether there are suspects that may be tried.
///
/// # Errors
/// As any statement.
pub async fn has_suspects(db: &mut PgConnection, mail: bool) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from outbox where state = 'waiting' and not held and due_at <= now()
               and lease is not null and ($1 or kind <> 'mail')) as "has!""#,
        mail,
    )
    .fetch_one(db)
    .await?)
}

/// Whatever has used up its tries and whose worker vanished is dead.
async fn bury(db: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "update outbox set state = 'dead', ended_at = now(), lease = null, remark = 'Its worker did not come back.'
          where state = 'waiting' and lease is not null and due_at <= now() and attempts >= $1",
        MOST_TRIES,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says that someone is still at it. False where the lease was lost: then they must stop.
///
/// # Errors
/// As any statement.
pub async fn extend(db: &mut PgConnection, claimed: &Claimed) -> Result<bool> {
    let extended = sqlx::query!(
        "update outbox set due_at = now() + make_interval(secs => $3)
          where id = $1 and lease = $2 and state = 'waiting'",
        claimed.id,
        claimed.lease,
        LEASE.as_secs_f64(),
    );
    Ok(extended.execute(db).await?.rows_affected() == 1)
}

/// How a try ended.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done,
    /// It is done as far as it can be: it can be read here, and nobody carries it.
    Kept,
    /// There was no reason to do it any more. Says why.
    Dropped(&'static str),
    /// It may be done another time.
    Failed(String),
    /// It never will be.
    Refused(String),
    /// It never will be: the one it is for cannot be reached.
    Unreachable(String),
    /// Something that every such job needs is away; this one is not to blame.
    Away(String),
    /// It is asked to come back after so long: no fault of its own either.
    Later(Duration, String),
}

/// Whether it was noted how a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// No: the lease was lost. Someone else has it, or it has ended.
    Lost,
    /// Yes.
    Here,
    /// Yes, and nothing else of this batch waits but what someone has: it may have been the last.
    LastOf(Uuid),
}

/// Notes how a try ended, where the lease is still the worker's.
///
/// In the transaction of the effect, where that is one: then both happen or neither.
///
/// # Errors
/// As any statement.
pub async fn end(db: &mut PgConnection, claimed: &Claimed, end: &End) -> Result<Noted> {
    let (state, remark) = match end {
        End::Done => ("done", None),
        End::Kept => ("done", Some("Not sent: SMTP_URL is not set. It can be read here.")),
        End::Dropped(why) => ("dropped", Some(*why)),
        End::Refused(why) | End::Unreachable(why) => ("dead", Some(why.as_str())),
        End::Failed(why) if claimed.attempt >= MOST_TRIES => ("dead", Some(why.as_str())),
        End::Failed(why) | End::Away(why) | End::Later(_, why) => ("waiting", Some(why.as_str())),
    };
    let blameless = matches!(end, End::Away(_) | End::Later(..));
    let noted = sqlx::query_scalar!(
        r#"update outbox set lease = null, remark = $4, attempts = attempts - $5::int, state = ended.state,
                ended_at = case when ended.state <> 'waiting' then now() end,
                due_at = case when ended.state = 'waiting' then now() + make_interval(secs => $8) else due_at end
           from (select case when $6 and tried_since < now() - make_interval(secs => $7) then 'dead' else $3 end as state
                   from outbox where id = $1) as ended
          where id = $1 and lease = $2 and outbox.state = 'waiting'
         returning case when ended.state <> 'waiting' and not exists (select from outbox as other
                where other.batch = outbox.batch and other.state = 'waiting' and other.lease is null) then batch end"#,
        claimed.id,
        claimed.lease,
        state,
        remark.map(|remark| remark.chars().take(500).collect::<String>()),
        i32::from(blameless),
        blameless,
        GIVE_UP_AFTER.as_secs_f64(),
        pause(claimed, end).as_secs_f64(),
    );
    Ok(match noted.fetch_optional(db).await? {
        None => Noted::Lost,
        Some(None) => Noted::Here,
        Some(Some(batch)) => Noted::LastOf(batch),
    })
}

/// Gives a job back as if it had not been taken, because the worker has to stop.
///
/// # Errors
/// As any statement.
pub async fn give_back(db: &mut PgConnection, claimed: &Claimed) -> Result<()> {
    sqlx::query!(
        "update outbox set lease = null, attempts = attempts - 1, due_at = now()
          where id = $1 and lease = $2 and state = 'waiting'",
        claimed.id,
        claimed.lease,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How long until the next try: 2ⁿ seconds, and by chance up to half as much again, so that what failed together does not
/// come back together. Where something is away the worker itself waits; the job need not.
fn pause(claimed: &Claimed, end: &End) -> Duration {
    match end {
        End::Away(_) => Duration::from_secs(1),
        End::Later(wait, _) => (*wait).max(Duration::from_secs(1)),
        _ => {
            let chance = f64::from(claimed.id.as_bytes()[15]) / 512.0;
            Duration::from_secs(1 << claimed.attempt.clamp(0, MOST_TRIES)).mul_f64(1.0 + chance)
        }
    }
}
