//! The scheduler: looks now and then what is due, and runs it. Any number of instances may look; the row of a run has room
//! for one.

use super::tasks::plan::Due;
use super::tasks::{self, Task};
use crate::app::App;
use crate::error::{Error, Result};
use crate::services::runs::{self, By};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often to look, and by how much more at most, so that instances that were started together do not look together.
const LOOK_EVERY: Duration = Duration::from_secs(55);
const JITTER_MS: u16 = 10_000;

/// Looks until `stop` says so. A run that is under way then is left as it is: its lease runs out, and whoever looks next goes
/// on with it.
pub async fn keep_time(app: &App, mut stop: watch::Receiver<bool>) {
    let looking = async {
        sleep(jitter(app) / 10).await;
        loop {
            look(app).await;
            sleep(LOOK_EVERY + jitter(app)).await;
        }
    };
    tokio::select! {
        () = looking => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

fn jitter(app: &App) -> Duration {
    let chance = u16::from_ne_bytes(app.clock.random()) % JITTER_MS;
    Duration::from_millis(chance.into())
}

/// Runs what is due to its end, and says how many runs that were.
pub async fn look(app: &App) -> usize {
    let mut ran = 0;
    for task in Task::ALL {
        match attend(app, task).await {
            Ok(did) => ran += usize::from(did),
            Err(Error::Conflict { .. }) => {} // someone else was quicker
            Err(error) => {
                tracing::warn!(task = task.name(), cause = error.with_cause(), "a task failed");
            }
        }
    }
    ran
}

async fn attend(app: &App, task: Task) -> Result<bool> {
    if task.off(&app.config).is_some() {
        return Ok(false);
    }
    let (plan, now) = (task.plan(), app.clock.now());
    let slot = plan.slot(now);
    let row = app.ask(async |db| runs::of_slot(db, task.name(), slot).await).await?;
    let by = By::own_scheduler();
    match plan.due(now, row.as_ref()) {
        Due::Not => Ok(false),
        Due::Skip => {
            let id = app.clock.id();
            app.bookkeep(async |tx| runs::skip(tx, by, id, task.name(), slot).await).await?;
            Ok(false)
        }
        Due::Now => Ok(tasks::run_to_the_end(app, by, task, slot).await?.ran),
    }
}
