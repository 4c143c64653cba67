//! Having a task run out of turn.

use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::jobs::Job;
use crate::jobs::tasks::Task;
use crate::pages::admin::runs::refused;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::outbox::{self, New};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};

/// `/admin/runs/{task}/now`
pub struct RunNow;

impl Gate for RunNow {
    const PATH: &'static str = "/admin/runs/{task}/now";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::Staff;
}

impl Action for RunNow {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        at: &String,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let task = Task::called(at).ok_or(Error::NotFound)?;
        if let Some(why) = task.off(&visit.app.config) {
            return Err(Error::Off(why));
        }
        // A slot of its own: what was asked for is done, whatever was done in its turn. The worker does it.
        let job = Job::Run { task, slot: visit.app.clock.now() };
        let new = New {
            id: visit.app.clock.id(),
            job: &job,
            cause: format!("staff:{}", who.id()),
            recipient: None,
            once: None,
            not_before: None,
        };
        visit
            .record(who, async |tx| {
                outbox::put(tx, &new).await?;
                Ok((Act::TaskRun.on("task", task.name()), paths::admin_runs()))
            })
            .await
            .map(|done| done.saying(Flash::RunAskedFor))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        _: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        refused(db, who, state).await
    }
}
