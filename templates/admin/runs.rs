//! Tasks that come round again: when each is due, and every run.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A task.
pub struct Task {
    /// As addresses name it.
    pub name: &'static str,
    /// As staff call it.
    pub title: &'static str,
    /// Why it is not run at all.
    pub off: Option<&'static str>,
    /// When it last came to its end.
    pub last_done_at: Option<OffsetDateTime>,
    /// When it is next due.
    pub next_due_at: OffsetDateTime,
    /// Whether that was before now.
    pub is_due: bool,
    /// Whether it has not come to its end for too long.
    pub is_silent: bool,
    /// Whether someone is at it.
    pub is_running: bool,
}

/// A run.
pub struct Run {
    /// As staff call its task.
    pub title: String,
    /// The beginning of the period it is for.
    pub slot: OffsetDateTime,
    /// Who had it run.
    pub trigger: String,
    /// running, unfinished, done, failed or skipped.
    pub state: String,
    /// How often someone has set about it.
    pub attempts: i32,
    /// When it was begun.
    pub started_at: OffsetDateTime,
    /// How long it was worked on.
    pub worked_ms: i64,
    /// How many of what.
    pub output: Vec<(String, i64)>,
    /// What went wrong.
    pub remark: Option<String>,
}

/// All tasks, and the list of runs, newest first. `is_on` says whether this program runs them by itself.
pub fn index(
    tasks: &[Task],
    runs: &[Run],
    (older, first): (Option<Uuid>, bool),
    is_on: bool,
    state: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            h1 { "Runs" }
            @if !is_on { p { "Nothing runs by itself: SCHEDULER is off. A scheduler outside has to ask for it." } }
        }
        @for task in tasks {
            @if task.is_silent && task.off.is_none() {
                p.flash role="status" { strong { (task.title) } " has not come to its end for too long." }
            }
        }
        (table_of_tasks(tasks, state))
        h2 { "What was run" }
        @if runs.is_empty() { p.empty { "Nothing yet." } } @else { (table_of_runs(runs)) }
        (pager((!first).then(paths::admin_runs), older.map(paths::admin_runs_before)))
    };
    page(&form::title(state, "Runs"), &paths::admin_runs(), main)
}

fn table_of_tasks(tasks: &[Task], state: &FormState) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Task" }
                    th scope="col" { "Last done" }
                    th scope="col" { "Next due" }
                    th scope="col" { "Out of turn" }
                }
            }
            tbody { @for task in tasks { (row_of_task(task, state)) } }
        }
    }
}

fn row_of_task(task: &Task, state: &FormState) -> Markup {
    html! {
        tr {
            th scope="row" {
                (task.title) " "
                @if task.off.is_some() { (badge("off")) }
                @else if task.is_running { (badge("running")) }
                @else if task.is_silent { (badge("silent")) }
                span.sub { code { (task.name) } }
            }
            td data-label="Last done" { @match task.last_done_at { Some(at) => (format::moment(at)), None => "never" } }
            td data-label="Next due" {
                @if let Some(why) = task.off { (why) } @else { (format::moment(task.next_due_at)) @if task.is_due { span.sub { "due now" } } }
            }
            td data-label="Out of turn" {
                @if task.off.is_none() {
                    (form::Form::new(state).action(paths::admin_run_now(task.name)).button("Run now", "Asking…").show(html! {}))
                }
            }
        }
    }
}

fn table_of_runs(runs: &[Run]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Task" }
                    th scope="col" { "State" }
                    th scope="col" { "What it did" }
                    th scope="col" { "Took" }
                    th scope="col" { "Because of" }
                    th scope="col" { "Begun" }
                }
            }
            tbody {
                @for run in runs {
                    tr {
                        th scope="row" { (run.title) span.sub { "for " (format::moment(run.slot)) } }
                        td data-label="State" {
                            (badge(&run.state))
                            @if let Some(remark) = &run.remark { span.sub dir="auto" { (remark) } }
                        }
                        td data-label="What it did" { (did(run)) }
                        td.number data-label="Took" { (took(run)) }
                        td data-label="Because of" { (run.trigger) }
                        td data-label="Begun" { (format::moment(run.started_at)) }
                    }
                }
            }
        }
    }
}

fn did(run: &Run) -> Markup {
    let some: Vec<String> = run
        .output
        .iter()
        .filter(|(_, count)| *count != 0)
        .map(|(what, count)| format!("{count} {}", what.replace('_', " ")))
        .collect();
    html! { @if some.is_empty() { "nothing to do" } @else { (some.join(", ")) } }
}

fn took(run: &Run) -> Markup {
    html! {
        (run.worked_ms) " ms"
        @if run.attempts > 1 { span.sub { (run.attempts) " attempts" } }
    }
}
