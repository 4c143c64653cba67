//! `frontdesk run …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::error::Result;
use crate::jobs::tasks::{self, Outcome, Task};
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::runs::{self, By, Counts};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What to run.
#[derive(Debug, Args)]
pub struct Run {
    /// The task. Done once per slot: for one that was done there is nothing to do.
    #[arg(required_unless_present = "list")]
    task: Option<Task>,
    /// Only say what would be done now.
    #[arg(long)]
    dry_run: bool,
    /// List the tasks instead, and when each is due.
    #[arg(long, conflicts_with_all = ["task", "dry_run"])]
    list: bool,
}

/// A task in the list.
#[derive(Debug, Serialize)]
struct Listed {
    task: &'static str,
    off: Option<&'static str>,
    #[serde(with = "time::serde::rfc3339::option")]
    last_done_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    next_due_at: OffsetDateTime,
}

impl Run {
    /// Does it.
    ///
    /// # Errors
    /// What went wrong, or that it is under way.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let Some(task) = self.task else {
            let mut found = Vec::new();
            for task in Task::ALL {
                found.push(listed(app, task).await?);
            }
            return output.print(&found, || found.iter().map(line).collect());
        };
        if self.dry_run {
            let counts = tasks::foresee(app, task).await?;
            let shown = json!({ "task": task.name(), "dry_run": true, "output": counts });
            return output.print(&shown, || format!("This would be done:\n{}", lines(&counts)));
        }
        let slot = task.plan().slot(app.clock.now());
        let operator = Operator::at_the_shell();
        let outcome = tasks::run_to_the_end(app, By::operator(&operator), task, slot).await?;
        if outcome.ran {
            // Not in the transaction of the deed, which is many; the run itself has a row from its beginning.
            let line = Act::TaskRun.on("task", task.name());
            record(app, &operator, async |_| Ok(((), line))).await?;
        }
        output.print(&outcome, || said(&outcome))
    }
}

fn said(outcome: &Outcome) -> String {
    if !outcome.ran {
        return "It was done for this slot before.\n".to_owned();
    }
    let counts: Counts = serde_json::from_value(outcome.run.output.clone()).unwrap_or_default();
    format!("It is done.\n{}", lines(&counts))
}

fn lines(counts: &Counts) -> String {
    let mut lines = String::new();
    for (what, count) in counts {
        // A String takes whatever is written to it.
        let _ = writeln!(lines, "{count:>8}  {what}");
    }
    lines
}

async fn listed(app: &App, task: Task) -> Result<Listed> {
    let (plan, now) = (task.plan(), app.clock.now());
    let (row, last_done_at) = app
        .read(async |db| {
            let row = runs::of_slot(&mut *db, task.name(), plan.slot(now)).await?;
            Ok((row, runs::last_done(db, task.name()).await?))
        })
        .await?;
    let next_due_at = plan.next(now, row.as_ref());
    Ok(Listed { task: task.name(), off: task.off(&app.config), last_done_at, next_due_at })
}

fn line(listed: &Listed) -> String {
    let Listed { task, off, last_done_at, next_due_at } = listed;
    let said = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    match off {
        Some(why) => format!("{task:<12}  off: {why}\n"),
        None => {
            let last = last_done_at.map_or("never".to_owned(), said);
            format!("{task:<12}  done {last}  due {}\n", said(*next_due_at))
        }
    }
}
