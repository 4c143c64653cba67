//! Acting upon what other programs have told us.

use super::Job;
use super::tasks::{self, Task};
use crate::app::App;
use crate::error::{Error, Result};
use crate::payments;
use crate::services::inbox::{self, Looked, Surroundings};
use crate::services::outbox::End;
use crate::services::payments as services_payments;
use crate::services::runs::By;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Looks at whatever an event is about, where it is somebody's who is asked for that. No transaction is open meanwhile.
///
/// # Errors
/// Where they cannot be asked just now.
pub async fn look(app: &App, event: Uuid) -> Result<Looked> {
    match app.ask(async |db| services_payments::told(db, event).await).await? {
        Some((kind, payload)) => payments::look(app, &kind, &payload).await,
        None => Ok(Looked::NoNeed),
    }
}

/// Acts upon an event, in the transaction that ends the job.
pub async fn act(app: &App, tx: &mut PgConnection, event: Uuid, looked: &Looked) -> Result<()> {
    let sender = app.postman.sender(&app.config).map_err(Error::Internal)?;
    let with = Surroundings {
        now: app.clock.now(),
        id: &|| app.clock.id(),
        sender: sender.email.as_ref(),
        looked,
        no_folder: Task::Sync.off(&app.config),
    };
    inbox::act(tx, event, &with).await
}

/// Whether an event says something that no later try makes sense of.
pub fn is_hopeless(job: &Job, error: &Error) -> bool {
    matches!((job, error), (Job::Inbox { .. }, Error::Invalid(_) | Error::Malformed(_)))
}

/// Runs a task. What was new when the event came may have come too late for the run that is under way, so it waits for that
/// one.
pub async fn task_due(app: &App, task: Task, slot: OffsetDateTime) -> End {
    match tasks::run_to_the_end(app, By::webhook(), task, slot).await {
        Ok(_) => End::Done,
        Err(Error::Conflict { retry_after_seconds, why }) => {
            End::Later(Duration::from_secs(retry_after_seconds), why.to_owned())
        }
        Err(Error::Off(why)) => End::Dropped(why),
        Err(error) => End::Failed(error.with_cause()),
    }
}
