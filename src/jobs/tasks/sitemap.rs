//! Search engines are told which public addresses are new, changed or gone since they were last told (IndexNow).

use super::{Plan, Progress, Turn};
use crate::error::Result;
use crate::jobs::Job;
use crate::pages::{home, newsletter, posts};
use crate::services::announcements::{self, Lengths};
use crate::services::outbox::{self, New};

/// When it is due.
pub const PLAN: Plan = Plan::hourly("Tell search engines");

/// How many addresses one message may name, by the protocol. Each part of the work is one message.
const MOST: i64 = 10_000;

/// Leaves a job for each message, in the transaction that notes what it is to say; then forgets what is gone and told.
///
/// # Errors
/// As any statement.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    let (app, run) = (turn.app(), turn.run());
    let origin = app.config.canonical_origin().to_string();
    let lengths = Lengths {
        home: home::LATEST.into(),
        posts: posts::PER_PAGE.into(),
        newsletter: newsletter::ON_FIRST_PAGE.into(),
        issues: newsletter::PER_PAGE.into(),
    };
    let announced = turn.in_parts("addresses_announced", async |tx, most| {
        let id = app.clock.id();
        let found = announcements::note(tx, &origin, lengths, id, most.map(|_| MOST)).await?;
        if let Some(run) = run.filter(|_| found > 0) {
            let new = New {
                id,
                job: &Job::Announce,
                cause: format!("run:{}", run.id()),
                recipient: None,
                once: None,
                not_before: None,
            };
            outbox::put(tx, &new).await?;
        }
        Ok(found)
    });
    if announced.await? == Progress::Unfinished {
        return Ok(Progress::Unfinished);
    }
    turn.in_parts("addresses_forgotten", async |tx, most| announcements::forget(tx, most).await)
        .await
}
