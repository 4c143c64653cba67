//! What happens after commit: each kind of job, and the worker that carries them out.
//!
//! A job either works in the database alone, and then its effect and its end are one transaction, or it does one thing
//! outside, and may do that twice if its worker dies between the deed and the note of it. No job does both; but one may look at
//! something outside before it works in the database.

mod announce;
pub mod digests;
mod inbox;
mod leads;
mod mail;
pub mod scheduler;
pub mod tasks;
pub mod webhooks;
pub mod worker;

use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::Mail;
use crate::payments;
use crate::services::inbox::Looked;
use crate::services::issues::{self, Whom};
use crate::services::outbox::{self, Claimed, End, Noted};
use crate::services::runs::By;
use crate::services::subscribers;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tasks::Task;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

/// How soon it is tried again to note an end.
const NOTE_AGAIN: Duration = Duration::from_millis(250);

/// Something to do, as the outbox keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Job {
    /// A lead has come in: tell staff, thank the sender.
    LeadArrived {
        /// Which.
        lead: Uuid,
    },
    /// Put the mails of an issue into the outbox, some at a time.
    QueueIssue(Whom),
    /// Have the mails of an issue held or let go, some at a time.
    AlignIssue {
        /// Which.
        issue: Uuid,
    },
    /// Send one mail to one person.
    Mail(Mail),
    /// Tell search engines of the addresses that are this job's to tell of.
    Announce,
    /// Run a task out of turn, because staff have asked for it.
    Run {
        /// Which.
        task: Task,
        /// When they did.
        #[serde(with = "time::serde::rfc3339")]
        slot: OffsetDateTime,
    },
    /// Act upon an event of another program.
    Inbox {
        /// Which.
        event: Uuid,
    },
    /// See a call to Stripe through that nobody has seen through.
    StripeCall {
        /// Which.
        call: Uuid,
    },
    /// See the beginning of a checkout through.
    Checkout {
        /// Which.
        checkout: Uuid,
    },
    /// Run a task because an event says that there is something new; after the run that is under way, where there is one.
    TaskDue {
        /// Which.
        task: Task,
        /// When that was said.
        #[serde(with = "time::serde::rfc3339")]
        slot: OffsetDateTime,
    },
}

impl Job {
    /// Every kind there is.
    pub const KINDS: [&str; 10] = [
        "mail",
        "lead-arrived",
        "queue-issue",
        "align-issue",
        "announce",
        "run",
        "inbox",
        "task-due",
        "stripe-call",
        "checkout",
    ];

    /// The kind, as the outbox files it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LeadArrived { .. } => "lead-arrived",
            Self::QueueIssue(_) => "queue-issue",
            Self::AlignIssue { .. } => "align-issue",
            Self::Mail(_) => "mail",
            Self::Announce => "announce",
            Self::Run { .. } => "run",
            Self::Inbox { .. } => "inbox",
            Self::TaskDue { .. } => "task-due",
            Self::StripeCall { .. } => "stripe-call",
            Self::Checkout { .. } => "checkout",
        }
    }

    /// What staff call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LeadArrived { .. } => "A lead has come in",
            Self::QueueIssue(_) => "An issue is to be sent",
            Self::AlignIssue { .. } => "An issue is paused, or goes on",
            Self::Mail(mail) => mail.name(),
            Self::Announce => "Search engines are to be told",
            Self::Run { .. } => "A task, out of turn",
            Self::Inbox { .. } => "Another program has told us something",
            Self::TaskDue { .. } => "A task, as there is something new",
            Self::StripeCall { .. } => "Something is asked of Stripe",
            Self::Checkout { .. } => "A checkout is begun",
        }
    }

    /// What is more urgent has a smaller number.
    pub fn priority(&self) -> i16 {
        match self {
            Self::LeadArrived { .. } | Self::Run { .. } | Self::AlignIssue { .. } => 0,
            Self::Inbox { .. }
            | Self::TaskDue { .. }
            | Self::StripeCall { .. }
            | Self::Checkout { .. } => 1,
            Self::QueueIssue(_) | Self::Announce => 2,
            Self::Mail(mail) => mail.priority(),
        }
    }
}

/// Does what is due until `stop` says so: jobs of the outbox, and webhooks beside them.
pub async fn work(app: &App, stop: watch::Receiver<bool>) {
    tokio::join!(worker::work(app, stop.clone()), webhooks::work(app, stop));
}

/// Does everything that is due, until nothing is, and returns how much that was: for the shell and for tests.
///
/// # Errors
/// Where it cannot be read what is.
pub async fn work_off(app: &App) -> Result<usize> {
    let done = worker::work_off(app).await?;
    Ok(done + webhooks::work_off(app).await?)
}

/// Carries it out, notes how it ended, and says so; none where that was noted with the effect.
///
/// # Errors
/// Where the end could not be noted. The job is tried again once the lease has run out.
async fn carry_out(app: &App, claimed: &Claimed) -> Result<Option<End>> {
    let end = match &claimed.job {
        None => End::Failed("This program does not know such a job.".to_owned()),
        Some(Job::Mail(mail)) => mail::send(app, claimed.id, mail).await,
        Some(Job::Announce) => announce::tell(app, claimed.id).await,
        Some(Job::Run { task, slot }) => out_of_turn(app, *task, *slot).await,
        Some(Job::TaskDue { task, slot }) => inbox::task_due(app, *task, *slot).await,
        Some(Job::StripeCall { call }) => payments::complete(app, *call).await,
        Some(Job::Checkout { checkout }) => payments::complete_checkout(app, *checkout).await,
        Some(job) => match look_and_work(app, claimed, job).await {
            Ok(()) => return Ok(None),
            Err(error) if inbox::is_hopeless(job, &error) => End::Refused(error.with_cause()),
            Err(error) => End::Failed(error.with_cause()),
        },
    };
    if let Noted::LastOf(issue) = note(app, claimed, &end).await? {
        app.bookkeep(async |tx| issues::settle(tx, Some(issue)).await).await?;
    }
    Ok(Some(end))
}

/// Its end may be lost and it may be run again: that finds the row of the run, and does nothing twice.
async fn out_of_turn(app: &App, task: Task, slot: OffsetDateTime) -> End {
    match tasks::run_to_the_end(app, By::worker(), task, slot).await {
        Ok(_) => End::Done,
        Err(Error::Conflict { .. }) => End::Dropped("It was under way already."),
        Err(Error::Off(why)) => End::Dropped(why),
        Err(error) => End::Failed(error.with_cause()),
    }
}

async fn look_and_work(app: &App, claimed: &Claimed, job: &Job) -> Result<()> {
    let looked = match job {
        Job::Inbox { event } => inbox::look(app, *event).await?,
        _ => Looked::NoNeed,
    };
    inside(app, claimed, async |tx| in_database(app, tx, job, &looked).await).await
}

/// The jobs that work in the database alone.
async fn in_database(
    app: &App,
    tx: &mut sqlx::PgConnection,
    job: &Job,
    looked: &Looked,
) -> Result<()> {
    let apart = app.config.newsletter_apart();
    match job {
        Job::LeadArrived { lead } => leads::arrived(app, tx, *lead).await,
        Job::QueueIssue(whom) => issues::queue(tx, || app.clock.id(), *whom, apart).await,
        Job::AlignIssue { issue } => issues::align(tx, app.clock.id(), *issue, apart).await,
        Job::Inbox { event } => inbox::act(app, tx, *event, looked).await,
        Job::Mail(_)
        | Job::Announce
        | Job::Run { .. }
        | Job::TaskDue { .. }
        | Job::StripeCall { .. }
        | Job::Checkout { .. } => Err(Error::unavailable("this job is not the database's alone")),
    }
}

/// A job that works in the database alone: its effect and its end are one transaction.
async fn inside(
    app: &App,
    claimed: &Claimed,
    work: impl AsyncFnOnce(&mut sqlx::PgConnection) -> Result<()>,
) -> Result<()> {
    let written = app.work(async |tx| {
        work(&mut *tx).await?;
        match outbox::end(tx, claimed, &End::Done).await? {
            Noted::Here | Noted::LastOf(_) => Ok(()),
            Noted::Lost => Err(Error::unavailable("someone else has this job by now")),
        }
    });
    written.await.map(|written| written.value)
}

/// Notes how a job ended. While the database is away that is tried again and again, as long as the lease lasts: what was
/// done outside would otherwise be done twice.
async fn note(app: &App, claimed: &Claimed, end: &End) -> Result<Noted> {
    loop {
        let noted = app.bookkeep(async |tx| {
            let noted = outbox::end(tx, claimed, end).await?;
            if let (End::Unreachable(why), Some(Job::Mail(mail))) = (end, &claimed.job)
                && let Some(subscriber) = mail.subscriber().filter(|_| noted != Noted::Lost)
            {
                subscribers::bounced(tx, subscriber, why, app.clock.now()).await?;
            }
            Ok(noted)
        });
        match noted.await {
            Err(Error::Unavailable(_)) => sleep(NOTE_AGAIN).await,
            noted => {
                if let Ok(Noted::Lost) = noted {
                    tracing::warn!(id = %claimed.id, "a job took longer than its lease; how it ended is not noted");
                }
                return noted;
            }
        }
    }
}

/// Keeps a lease of `lease` alive by `extend`, which says whether it could; ends when it was lost.
async fn keep_alive(lease: Duration, extend: impl AsyncFn() -> Result<bool>) {
    loop {
        sleep(lease / 3).await;
        if let Ok(false) = extend().await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_one_that_staff_can_ask_for() {
        let (id, at) = (Uuid::nil(), OffsetDateTime::UNIX_EPOCH);
        for job in [
            Job::LeadArrived { lead: id },
            Job::QueueIssue(Whom { issue: id, at, after: None }),
            Job::AlignIssue { issue: id },
            Job::Mail(Mail::Test { staff: id }),
            Job::Announce,
            Job::Run { task: Task::Cleanup, slot: at },
            Job::Inbox { event: id },
            Job::TaskDue { task: Task::Sync, slot: at },
            Job::StripeCall { call: id },
            Job::Checkout { checkout: id },
        ] {
            assert!(Job::KINDS.contains(&job.kind()), "{}", job.kind());
            let kept = serde_json::to_value(&job).unwrap();
            assert_eq!(kept["do"], job.kind());
            assert_eq!(serde_json::from_value::<Job>(kept).unwrap(), job);
        }
    }
}
