//! What is too old to keep is announced to the owners, and deleted a day later.
//!
//! Leads are announced by mail. Rows of the outbox go without one, as every mail is itself such a row in the end; what is
//! to go stands on the page of runs.

use super::{Plan, Progress, Turn};
use crate::app::App;
use crate::error::Result;
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::outbox::{self, New};
use crate::services::retention::{self, Kind, Step};
use crate::services::runs::Mine;
use crate::services::staff;
use sqlx::PgConnection;
use std::time::Duration;

/// When it is due.
pub const PLAN: Plan = Plan::daily("Retention", 4);

/// The mail waits a little, so that it counts all that was marked with the first of it.
const MAIL_AFTER: Duration = Duration::from_secs(5 * 60);

/// In this order: what was spared does not go, and what is marked now goes another day.
const STEPS: [(Kind, Step, &str); 6] = [
    (Kind::Leads, Step::Spare, "leads_spared"),
    (Kind::Leads, Step::Delete, "leads_deleted"),
    (Kind::Leads, Step::Mark, "leads_to_go"),
    (Kind::Outbox, Step::Spare, "outbox_spared"),
    (Kind::Outbox, Step::Delete, "outbox_deleted"),
    (Kind::Outbox, Step::Mark, "outbox_to_go"),
];

/// Takes every step in turn.
///
/// # Errors
/// As any statement.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    let (app, run) = (turn.app(), turn.run());
    for (kind, step, what) in STEPS {
        let days = match kind {
            Kind::Leads => app.config.retention_leads_days,
            Kind::Outbox => app.config.retention_outbox_days,
        };
        let taken = turn.in_parts(what, async |tx, most| {
            let found = retention::sweep(tx, kind, step, days, most).await?;
            if let Some(run) =
                run.filter(|_| (kind, step) == (Kind::Leads, Step::Mark) && found > 0)
            {
                announce(app, tx, run).await?;
            }
            Ok(found)
        });
        if taken.await? == Progress::Unfinished {
            return Ok(Progress::Unfinished);
        }
    }
    Ok(Progress::Finished)
}

/// Written in the transaction that marks the first of them: nothing goes without it.
async fn announce(app: &App, tx: &mut PgConnection, run: &Mine) -> Result<()> {
    for owner in staff::owners(tx).await? {
        let new = New {
            id: app.clock.id(),
            job: &Job::Mail(Mail::RetentionNotice { staff: owner.id }),
            cause: format!("run:{}", run.id()),
            recipient: Some(&owner.email),
            once: Some(format!("retention-notice:{}:{}", run.id(), owner.id)),
            not_before: Some(app.clock.now() + MAIL_AFTER),
        };
        outbox::put(tx, &new).await?;
    }
    Ok(())
}
