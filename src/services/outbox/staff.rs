//! The outbox as staff see it, and what they may do with it.

use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::services::input;
use crate::services::sessions::Staff;
use anyhow::Context;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// How many dead jobs are tried again at once: a few hundred milliseconds' work.
const MOST_RETRIED: i64 = 5_000;

/// A row, for staff.
#[derive(Debug)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// What kind of job.
    pub kind: String,
    /// What; none where this program does not know it.
    pub job: Option<Job>,
    /// What for.
    pub cause: String,
    /// Whom it reaches.
    pub recipient: Option<String>,
    /// waiting, done, dead or dropped.
    pub state: String,
    /// Whether it is held with its batch.
    pub held: bool,
    /// How often it was tried.
    pub attempts: i32,
    /// When it may be tried (again).
    pub due_at: OffsetDateTime,
    /// What became of it.
    pub remark: Option<String>,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
}

/// Which rows to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only mail to this address.
    pub recipient: Option<String>,
    /// Only those older than this one.
    pub before: Option<Uuid>,
}

/// Up to `limit` rows, the last written first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Staff,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, kind, job, cause, recipient, state, held, attempts, due_at, remark, created_at, ended_at
           from outbox
          where ($1::text is null or state = $1) and ($2::text is null or recipient = lower($2))
            and ($3::uuid is null or id < $3) and ($5::text is null or kind = $5)
          order by id desc limit $4",
        filter.state,
        filter.recipient,
        filter.before,
        limit,
        filter.kind,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Into::into).collect())
}

/// One row.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, _by: &Staff, id: Uuid) -> Result<Listed> {
    let row = sqlx::query_as!(
        Row,
        "select id, kind, job, cause, recipient, state, held, attempts, due_at, remark, created_at, ended_at
           from outbox where id = $1",
        id,
    );
    Ok(row.fetch_optional(db).await?.ok_or(Error::NotFound)?.into())
}

/// How many rows of this kind, or of any, are in each state.
///
/// # Errors
/// As any statement.
pub async fn count(
    db: &mut PgConnection,
    _by: &Staff,
    kind: Option<&str>,
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select state, count(*) as "count!" from outbox where $1::text is null or kind = $1
            group by state order by state"#,
        kind,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.state, row.count)).collect())
}

/// Has a dead job tried again, from the first try, or a waiting one at once.
///
/// # Errors
/// [`Error::Invalid`] where it is done, or someone is at it.
pub async fn retry(db: &mut PgConnection, _by: &Staff, id: Uuid) -> Result<()> {
    let retried = sqlx::query!(
        "update outbox set state = 'waiting', attempts = 0, due_at = now(), ended_at = null, tried_since = null
          where id = $1 and lease is null and state in ('dead', 'waiting')",
        id,
    );
    if retried.execute(db).await?.rows_affected() == 1 {
        return Ok(());
    }
    Err(Error::field("", "It cannot be tried again: it is done, or being tried right now."))
}

/// Which jobs are meant.
#[derive(Debug, Default, Deserialize, Validate)]
pub struct OfKind {
    /// Those of this kind; of any, where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "known_kind"))]
    pub kind: Option<String>,
}

fn known_kind(kind: &str) -> Result<(), ValidationError> {
    if Job::KINDS.contains(&kind) {
        return Ok(());
    }
    Err(ValidationError::new("kind").with_message("There is no such kind of job.".into()))
}

/// Has dead jobs tried again, from the first try, and says how many; the oldest first, where there are more than can be
/// turned at once.
///
/// # Errors
/// [`Error::Invalid`] where there are none.
pub async fn retry_dead(db: &mut PgConnection, _by: &Staff, of: &OfKind) -> Result<u64> {
    let retried = sqlx::query!(
        "with dead as (select id from outbox where state = 'dead' and ($1::text is null or kind = $1)
                order by id limit $2 for update skip locked)
         update outbox set state = 'waiting', attempts = 0, due_at = now(), ended_at = null, tried_since = null
           from dead where outbox.id = dead.id",
        of.kind,
        MOST_RETRIED,
    );
    match retried.execute(db).await?.rows_affected() {
        0 => Err(Error::field("", "Nothing is dead any more.")),
        retried => Ok(retried),
    }
}

struct Row {
    id: Uuid,
    kind: String,
    job: serde_json::Value,
    cause: String,
    recipient: Option<String>,
    state: String,
    held: bool,
    attempts: i32,
    due_at: OffsetDateTime,
    remark: Option<String>,
    created_at: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
}

impl From<Row> for Listed {
    fn from(row: Row) -> Self {
        let Row { id, kind, job, cause, recipient, state, held, attempts, due_at, remark, .. } =
            row;
        Self {
            id,
            kind,
            job: serde_json::from_value(job).context("a job").ok(),
            cause,
            recipient,
            state,
            held,
            attempts,
            due_at,
            remark,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}
