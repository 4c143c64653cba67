//! From the button to the last mail.
//!
//! Each subscriber gets an issue once: their row in the outbox has a name of its own, whoever writes it and however often.
//! Rows are written a thousand at a time, each time in a transaction that also says where to go on, so that neither a crash
//! nor a long list does any harm.

use super::Status;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::batches::{self, Batch};
use crate::services::input::{self, Valid};
use crate::services::outbox::{self, New};
use crate::services::sessions::Staff;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// How many mails are put into the outbox at a time.
const AT_ONCE: i64 = 1000;
/// How many are held or let go at a time: a few hundred milliseconds' work.
const TURNED_AT_ONCE: i64 = 3000;

/// When to send it.
#[derive(Debug, Deserialize, Validate)]
pub struct When {
    /// Now, where nothing is said. RFC 3339, or date and time in UTC.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::moment_form"))]
    pub send_at: Option<String>,
}

/// Has the issue sent, now or later; `id` is a fresh one. Said twice it is said once.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a time that has passed: whoever mistypes a year does not mean now.
pub async fn send(
    db: &mut PgConnection,
    _by: &Staff,
    id: Uuid,
    issue: Uuid,
    when: &Valid<When>,
) -> Result<()> {
    let at = when.send_at.as_deref().and_then(input::moment);
    let begun = sqlx::query_scalar!(
        r#"update issues set scheduled_at = coalesce($2, now()), updated_at = now(),
                  status = case when $2 > now() then 'scheduled' else 'sending' end,
                  started_at = case when $2 > now() then null else now() end
            where id = $1 and status in ('draft', 'scheduled') and ($2::timestamptz is null or $2 > now())
           returning scheduled_at as "scheduled_at!""#,
        issue,
        at,
    );
    if let Some(at) = begun.fetch_optional(&mut *db).await? {
        return put(db, id, Whom { issue, at, after: None }).await;
    }
    match status(db, issue).await? {
        Status::Draft | Status::Scheduled => {
            let past = "This time has passed. Say one that is to come, or nothing to send it now.";
            Err(Error::field("send_at", past))
        }
        Status::Paused => Err(Error::field("", "It is paused. Let it go on instead.")),
        _ => Ok(()), // someone was quicker
    }
}

async fn status(db: &mut PgConnection, issue: Uuid) -> Result<Status> {
    let status = sqlx::query_scalar!(
        r#"select status as "status: Status" from issues where id = $1"#,
        issue
    );
    status.fetch_optional(db).await?.ok_or(Error::NotFound)
}

/// Which subscribers are next to have their mails put into the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whom {
    /// Of which issue.
    pub issue: Uuid,
    /// For what time it was asked for: what was asked for before and changed since is not meant.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The last who have theirs.
    pub after: Option<Uuid>,
}

async fn put(db: &mut PgConnection, id: Uuid, whom: Whom) -> Result<()> {
    let place = whom.after.unwrap_or_default();
    let new = New {
        id,
        job: &Job::QueueIssue(whom),
        cause: format!("issue:{}", whom.issue),
        recipient: None,
        once: Some(format!(
            "issue-queue:{}:{}:{place}",
            whom.issue,
            whom.at.unix_timestamp_nanos()
        )),
        not_before: Some(whom.at),
    };
    outbox::put(db, &new).await
}

/// Puts the mails of the next subscribers into the outbox, and says where to go on. `id` makes ids; the mails become due
/// `apart`.
///
/// # Errors
/// As any statement.
pub async fn queue(
    db: &mut PgConnection,
    id: impl Fn() -> Uuid,
    whom: Whom,
    apart: Option<Duration>,
) -> Result<()> {
    // Taken first, so that a pause comes before all of these or after.
    let issue = sqlx::query!(
        r#"update issues set status = case when status = 'scheduled' then 'sending' else status end,
                  started_at = coalesce(started_at, now())
            where id = $1 and scheduled_at = $2 and status in ('scheduled', 'sending', 'paused') and queued_at is null
           returning topic, status as "status: Status""#,
        whom.issue,
        whom.at,
    );
    let Some(issue) = issue.fetch_optional(&mut *db).await? else { return Ok(()) };
    let next = sqlx::query!(
        "select id, email from subscribers
          where status = 'confirmed' and ($1::uuid is null or id > $1)
            and ($2::text is null or all_topics
                 or exists (select from subscriber_topics where subscriber_id = id and topic = $2))
            and not exists (select from suppressions where suppressions.email = lower(subscribers.email)
                               and purpose in ('all', 'newsletter'))
          order by id limit $3",
        whom.after,
        issue.topic,
        AT_ONCE,
    );
    let next = next.fetch_all(&mut *db).await?;
    let mail = |subscriber| Job::Mail(Mail::Issue { issue: whom.issue, subscriber });
    let jobs: Vec<Job> = next.iter().map(|subscriber| mail(subscriber.id)).collect();
    let rows = next.iter().zip(&jobs).map(|(subscriber, job)| New {
        id: id(),
        job,
        cause: format!("issue:{}", whom.issue),
        recipient: Some(&subscriber.email),
        once: Some(format!("issue:{}:{}", whom.issue, subscriber.id)),
        not_before: None,
    });
    let batch = Batch { id: Some(whom.issue), held: issue.status == Status::Paused, apart };
    batches::put(db, &batch, &rows.collect::<Vec<_>>()).await?;
    match next.last() {
        Some(last) if i64::try_from(next.len()).is_ok_and(|count| count == AT_ONCE) => {
            put(db, id(), Whom { after: Some(last.id), ..whom }).await
        }
        _ => {
            sqlx::query!("update issues set queued_at = now() where id = $1", whom.issue)
                .execute(&mut *db)
                .await?;
            settle(db, Some(whom.issue)).await
        }
    }
}

/// Notes that an issue, or any, is sent, where none of its mails is left.
///
/// Asked in a transaction of its own after each mail that leaves none behind that nobody has (`outbox::Noted`): whoever ends
/// last sees that all others have ended. Where a worker dies between the two, the next who asks about any issue finds out.
///
/// # Errors
/// As any statement.
pub async fn settle(db: &mut PgConnection, issue: Option<Uuid>) -> Result<()> {
    sqlx::query!(
        "update issues set status = 'sent', finished_at = now(), delivered = counted.done, failed = counted.dead,
                dropped = counted.dropped
           from (select id, (select count(*) from outbox where batch = issues.id and state = 'done') as done,
                        (select count(*) from outbox where batch = issues.id and state = 'dead') as dead,
                        (select count(*) from outbox where batch = issues.id and state = 'dropped') as dropped
                   from issues where status = 'sending' and queued_at is not null and ($1::uuid is null or id = $1)
                    and not exists (select from outbox where batch = issues.id and state = 'waiting')) counted
          where issues.id = counted.id and issues.status = 'sending'",
        issue,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a draft of a scheduled issue again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where it is being sent by now.
pub async fn recall(db: &mut PgConnection, _by: &Staff, issue: Uuid) -> Result<()> {
    let recalled = sqlx::query!(
        "update issues set status = 'draft', scheduled_at = null where id = $1 and status = 'scheduled'",
        issue,
    );
    if recalled.execute(&mut *db).await?.rows_affected() == 1 {
        return Ok(());
    }
    match status(db, issue).await? {
        Status::Draft => Ok(()),
        _ => Err(Error::field("", "It is being sent already. You can pause it.")),
    }
}

/// Holds the mails that are left. What is under way goes out. `id` is a fresh one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where it is not being sent.
pub async fn pause(db: &mut PgConnection, _by: &Staff, id: Uuid, issue: Uuid) -> Result<()> {
    let paused = sqlx::query!(
        "update issues set status = 'paused' where id = $1 and status = 'sending'",
        issue
    );
    if paused.execute(&mut *db).await?.rows_affected() == 1 {
        return align(db, id, issue, None).await;
    }
    match status(db, issue).await? {
        Status::Paused => Ok(()),
        _ => Err(Error::field("", "There is nothing to pause: it is not being sent.")),
    }
}

/// Lets the mails that are left go, `apart`. `id` is a fresh one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where it is not paused.
pub async fn resume(
    db: &mut PgConnection,
    _by: &Staff,
    id: Uuid,
    issue: Uuid,
    apart: Option<Duration>,
) -> Result<()> {
    let resumed = sqlx::query!(
        "update issues set status = 'sending' where id = $1 and status = 'paused'",
        issue
    );
    if resumed.execute(&mut *db).await?.rows_affected() == 1 {
        align(db, id, issue, apart).await?;
        return settle(db, Some(issue)).await;
    }
    match status(db, issue).await? {
        Status::Sending | Status::Sent => Ok(()),
        _ => Err(Error::field("", "There is nothing to go on with: it was not paused.")),
    }
}

/// Has the mails that wait held or let go, as the issue says: as many as a transaction can take, and the others by the job
/// it leaves, whose id is `id`.
///
/// # Errors
/// As any statement.
pub async fn align(
    db: &mut PgConnection,
    id: Uuid,
    issue: Uuid,
    apart: Option<Duration>,
) -> Result<()> {
    // Held until the end, so that whoever presses the other button meanwhile comes after.
    let status = sqlx::query_scalar!(
        r#"select status as "status: Status" from issues where id = $1 for update"#,
        issue,
    );
    let turned = match status.fetch_optional(&mut *db).await? {
        Some(Status::Paused) => batches::hold(db, issue, TURNED_AT_ONCE).await?,
        Some(Status::Sending) => batches::let_go(db, issue, apart, TURNED_AT_ONCE).await?,
        _ => 0,
    };
    if i64::try_from(turned).is_ok_and(|turned| turned < TURNED_AT_ONCE) {
        return Ok(());
    }
    let new = New {
        id,
        job: &Job::AlignIssue { issue },
        cause: format!("issue:{issue}"),
        recipient: None,
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await
}
