//! Tasks that come round again, each in its own file, and the one way they are run.
//!
//! A new task is a file beside this one with a `PLAN` and a `run`, a variant of [`Task`], and a line in each of its
//! matches; the cron door, the shell, the scheduler and the page of runs then have it by themselves. A task brings things
//! up to date rather than doing the work of one day: a run makes up for all that were missed before it.

mod cleanup;
mod digest;
mod payments;
pub mod plan;
mod retention;
mod sitemap;
mod sync;
mod turn;

pub use plan::{Missed, Plan};
pub use turn::{Progress, Turn};

use super::keep_alive;
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::services::runs::{self, Begun, By, Counts, End, LEASE, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// What has run out is deleted.
    Cleanup,
    /// New posts go out by mail to those who chose that.
    Digest,
    /// What is too old to keep is announced, and deleted a day later.
    Retention,
    /// A folder of Markdown files becomes posts.
    Sync,
    /// Search engines are told which pages are new, changed or gone.
    Sitemap,
    /// What is known of payments is compared with what Stripe knows.
    Payments,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Cleanup, Self::Digest, Self::Retention, Self::Sync, Self::Sitemap, Self::Payments];

    /// As addresses and commands name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cleanup => "cleanup",
            Self::Digest => "digest",
            Self::Retention => "retention",
            Self::Sync => "sync",
            Self::Sitemap => "sitemap",
            Self::Payments => "payments",
        }
    }

    /// The task of that name.
    pub fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    /// When it is due, and how long it may take.
    pub fn plan(self) -> &'static Plan {
        match self {
            Self::Cleanup => &cleanup::PLAN,
            Self::Digest => &digest::PLAN,
            Self::Retention => &retention::PLAN,
            Self::Sync => &sync::PLAN,
            Self::Sitemap => &sitemap::PLAN,
            Self::Payments => &payments::PLAN,
        }
    }

    /// Why it is not run at all, where something has to be configured first.
    pub fn off(self, config: &Config) -> Option<&'static str> {
        match self {
            Self::Sync if config.sync_folder.is_none() => Some("SYNC_FOLDER is not set."),
            Self::Sitemap if config.indexnow_url.is_none() => Some("INDEXNOW_URL is not set."),
            Self::Payments if config.stripe_key.is_none() => Some(crate::payments::OFF),
            _ => None,
        }
    }

    async fn carry_out(self, turn: &mut Turn<'_>) -> Result<Progress> {
        match self {
            Self::Cleanup => cleanup::run(turn).await,
            Self::Digest => digest::run(turn).await,
            Self::Retention => retention::run(turn).await,
            Self::Sync => sync::run(turn).await,
            Self::Sitemap => sitemap::run(turn).await,
            Self::Payments => payments::run(turn).await,
        }
    }
}

/// What has become of asking for a run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcome {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// Whether anything was done now.
    pub ran: bool,
    /// Whether there is more to do: ask once more.
    pub continues: bool,
}

/// Runs `task` for the slot of this moment, or goes on with it, unless that was done before.
///
/// # Errors
/// As [`run`].
pub async fn run_now(app: &App, by: By, task: Task) -> Result<Outcome> {
    run(app, by, task, task.plan().slot(app.clock.now())).await
}

/// Runs `task` for `slot`, or goes on with it, for as long as its plan allows.
///
/// # Errors
/// [`Error::Off`] where it is not configured; [`Error::Conflict`] while it is under way, or where someone else has taken it
/// meanwhile; else what went wrong, which is noted.
pub async fn run(app: &App, by: By, task: Task, slot: OffsetDateTime) -> Result<Outcome> {
    if let Some(why) = task.off(&app.config) {
        return Err(Error::Off(why));
    }
    let ids = (app.clock.id(), app.clock.id());
    let begun = app.bookkeep(async |tx| runs::begin(tx, by, ids, task.name(), slot).await);
    let mine = match begun.await? {
        Begun::Done(run) => return Ok(Outcome { run, ran: false, continues: false }),
        Begun::Mine(mine) => mine,
    };
    let began = app.clock.moment();
    let mut turn = Turn::new(app, &mine, began.plus(task.plan().budget));
    let extend = async || app.bookkeep(async |tx| runs::extend(tx, &mine).await).await;
    let progress = tokio::select! {
        progress = task.carry_out(&mut turn) => progress,
        () = keep_alive(LEASE, extend) => Err(turn::lost()),
    };
    let end = match &progress {
        Ok(Progress::Finished) => End::Done,
        Ok(Progress::Unfinished) => End::Unfinished,
        Err(error) => End::Failed(error.with_cause()),
    };
    let worked = app.clock.moment().since(began);
    let noted = app.bookkeep(async |tx| runs::end(tx, &mine, &end, turn.counts(), worked).await);
    let noted = noted.await?;
    progress?;
    let run = noted.ok_or_else(turn::lost)?;
    Ok(Outcome { run, ran: true, continues: matches!(end, End::Unfinished) })
}

/// As [`run_now`], again and again until nothing is left to do: for those whom nobody waits for.
///
/// # Errors
/// As [`run`].
pub async fn run_to_the_end(
    app: &App,
    by: By,
    task: Task,
    slot: OffsetDateTime,
) -> Result<Outcome> {
    loop {
        let outcome = run(app, by, task, slot).await?;
        if !outcome.continues {
            return Ok(outcome);
        }
    }
}

/// Says what `task` would do now. Nothing is changed and nothing is noted.
///
/// # Errors
/// [`Error::Off`], or what would go wrong.
pub async fn foresee(app: &App, task: Task) -> Result<Counts> {
    if let Some(why) = task.off(&app.config) {
        return Err(Error::Off(why));
    }
    let mut turn = Turn::dry(app);
    task.carry_out(&mut turn).await?;
    Ok(turn.counts().clone())
}
