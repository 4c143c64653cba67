//! A task's turn: the parts of its work, each in a transaction of its own, until nothing is left or the time is up.

use crate::app::App;
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::services::runs::{self, Counts, Mine};
use sqlx::PgConnection;

/// How many rows one transaction changes at most.
const BATCH: i64 = 1_000;

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is left to do.
    Finished,
    /// The time was up.
    Unfinished,
}

/// What a task has while it runs. Without a run of its own it only says what it would do.
pub struct Turn<'a> {
    app: &'a App,
    mine: Option<&'a Mine>,
    until: Moment,
    counts: Counts,
}

impl<'a> Turn<'a> {
    pub(super) fn new(app: &'a App, mine: &'a Mine, until: Moment) -> Self {
        Self { app, mine: Some(mine), until, counts: Counts::new() }
    }

    pub(super) fn dry(app: &'a App) -> Self {
        Self { app, mine: None, until: Moment(u64::MAX), counts: Counts::new() }
    }

    /// The application.
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// The run; none where nothing is to be changed.
    pub fn run(&self) -> Option<&'a Mine> {
        self.mine
    }

    /// Whether there is time for another part.
    pub fn has_time(&self) -> bool {
        self.app.clock.moment() < self.until
    }

    /// What was done so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Notes that `count` more of `what` were done.
    pub fn count(&mut self, what: &str, count: i64) {
        *self.counts.entry(what.to_owned()).or_default() += count;
    }

    /// Does a part of the work in one transaction. Nothing of it is kept where the run is someone else's by then.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Conflict`] where the lease was lost.
    pub async fn part<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        let Some(mine) = self.mine else { return self.app.bookkeep(work).await };
        let done = self.app.work(async |tx| {
            let done = work(&mut *tx).await?;
            // Last, so that the row is not locked for as long as the work takes.
            if runs::extend(tx, mine).await? { Ok(done) } else { Err(lost()) }
        });
        Ok(done.await?.value)
    }

    /// Does `work` again and again, up to so many rows at a time, until it finds no more. Where nothing is to be changed it
    /// is asked once, for all there are.
    ///
    /// # Errors
    /// As [`Turn::part`].
    pub async fn in_parts(
        &mut self,
        what: &str,
        work: impl AsyncFn(&mut PgConnection, Option<i64>) -> Result<i64>,
    ) -> Result<Progress> {
        let most = self.mine.map(|_| BATCH);
        loop {
            let found = self.part(async |tx| work(tx, most).await).await?;
            self.count(what, found);
            if most.is_none_or(|most| found < most) {
                return Ok(Progress::Finished);
            }
            if !self.has_time() {
                return Ok(Progress::Unfinished);
            }
        }
    }
}

pub(super) fn lost() -> Error {
    let why =
        "This run took longer than it may without a sign of life; someone else has it, or may.";
    Error::Conflict { why, retry_after_seconds: 1 }
}
