//! Tasks that come round again, and what has become of them.

use super::Context;
use crate::app::App;
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::{Gate, cursor};
use crate::jobs::tasks::Task;
use crate::policies;
use crate::services::runs::{self, Counts, Run};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::runs as template;
use templates::{FormState, View};
use time::OffsetDateTime;
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/runs`
pub struct Index;

/// Which runs.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/runs";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Index {
    type At = ();
    type Query = Query;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        query: &Query,
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        let before: Option<Uuid> = query.before.parse().ok();
        let mut tasks = Vec::new();
        for task in Task::ALL {
            tasks.push(standing(db, app, task).await?);
        }
        let found = runs::list(db, who, before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |run| run.id);
        let rows: Vec<template::Run> = found.into_iter().map(Into::into).collect();
        let place = (older, before.is_none());
        Ok(template::index(&tasks, &rows, place, app.config.scheduler, blank))
    }
}

/// The page without the tasks, for a form that was refused.
///
/// # Errors
/// As any statement.
pub async fn refused(db: &mut PgConnection, who: &Staff, state: &FormState) -> Result<View> {
    let found = runs::list(db, who, None, cursor::ask(PER_PAGE)).await?;
    let (found, older) = cursor::cut(found, PER_PAGE, |run| run.id);
    let rows: Vec<template::Run> = found.into_iter().map(Into::into).collect();
    Ok(template::index(&[], &rows, (older, true), true, state))
}

/// How many tasks have not come to their end for too long.
///
/// # Errors
/// As any statement.
pub async fn count_silent(db: &mut PgConnection, app: &App) -> Result<i64> {
    let mut silent = 0;
    for task in Task::ALL.into_iter().filter(|task| task.off(&app.config).is_none()) {
        let last_done_at = runs::last_done(&mut *db, task.name()).await?;
        silent += i64::from(task.plan().is_silent(app.clock.now(), last_done_at));
    }
    Ok(silent)
}

async fn standing(db: &mut PgConnection, app: &App, task: Task) -> Result<template::Task> {
    let (plan, now): (_, OffsetDateTime) = (task.plan(), app.clock.now());
    let row = runs::of_slot(&mut *db, task.name(), plan.slot(now)).await?;
    let last_done_at = runs::last_done(&mut *db, task.name()).await?;
    let next_due_at = plan.next(now, row.as_ref());
    Ok(template::Task {
        name: task.name(),
        title: plan.title,
        off: task.off(&app.config),
        last_done_at,
        next_due_at,
        is_due: next_due_at <= now,
        is_silent: plan.is_silent(now, last_done_at),
        is_running: runs::is_under_way(db, task.name()).await?,
    })
}

impl From<Run> for template::Run {
    fn from(run: Run) -> Self {
        let title = Task::called(&run.task).map(|task| task.plan().title.to_owned());
        let counts: Counts = serde_json::from_value(run.output).unwrap_or_default();
        Self {
            title: title.unwrap_or(run.task),
            slot: run.slot,
            trigger: run.trigger,
            state: run.state,
            attempts: run.attempts,
            started_at: run.started_at,
            worked_ms: run.worked_ms,
            output: counts.into_iter().collect(),
            remark: run.remark,
        }
    }
}
