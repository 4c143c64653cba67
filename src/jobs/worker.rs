//! The worker: takes jobs that are due and carries them out, a few at a time.
//!
//! Any number of workers may share a database. A job whose worker vanished is tried alone, when nothing else is under way
//! here, so that one that kills its worker takes no other with it.

use super::carry_out;
use crate::app::App;
use crate::clock::Moment;
use crate::error::Result;
use crate::services::outbox::{self, Claimed, End, LEASE, Wanted};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How many jobs are under way at once.
const AT_ONCE: usize = 8;
/// How often an idle worker looks for what other instances have written, or what has become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long jobs under way may go on after the worker was told to stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);
/// While mail cannot be sent at all, one is tried this often at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Works until `stop` says so, then finishes what is under way and gives back what is not finished in time.
pub async fn work(app: &App, mut stop: watch::Receiver<bool>) {
    let mut post = PostOffice::default();
    let mut taken: Vec<Rc<Claimed>> = Vec::new();
    let mut running = FuturesUnordered::new();
    while !*stop.borrow_and_update() {
        if running.len() <= AT_ONCE / 2 {
            match take(app, &post, running.len()).await {
                Ok(claimed) => {
                    let claimed = claimed.into_iter().map(Rc::new);
                    for job in claimed {
                        taken.push(Rc::clone(&job));
                        running.push(attend(app, job));
                    }
                }
                Err(error) => tracing::debug!(%error, "the outbox cannot be read just now"),
            }
        }
        tokio::select! {
            Some((job, end)) = running.next(), if !running.is_empty() => {
                taken.retain(|other| other.id != job.id);
                post.learn(app.clock.moment(), end.as_ref());
            }
            () = app.outbox_news.notified() => {}
            () = sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    let finish = async {
        while let Some((job, _)) = running.next().await {
            taken.retain(|other| other.id != job.id);
        }
    };
    let _ = timeout(STOP_WITHIN, finish).await;
    drop(running);
    for job in taken {
        if let Err(error) = app.bookkeep(async |tx| outbox::give_back(tx, &job).await).await {
            tracing::debug!(id = %job.id, %error, "a job could not be given back; its lease will run out");
        }
    }
}

/// Does everything that is due, until nothing is, and returns how much that was: for the shell and for tests.
///
/// # Errors
/// Where the outbox cannot be read.
pub async fn work_off(app: &App) -> Result<usize> {
    let (post, mut done) = (PostOffice::default(), 0);
    loop {
        let claimed = take(app, &post, 0).await?;
        if claimed.is_empty() {
            return Ok(done);
        }
        done += claimed.len();
        let jobs = claimed.into_iter().map(|job| attend(app, Rc::new(job)));
        let mut running: FuturesUnordered<_> = jobs.collect();
        while running.next().await.is_some() {}
    }
}

async fn take(app: &App, post: &PostOffice, running: usize) -> Result<Vec<Claimed>> {
    let state = post.state(app.clock.moment());
    let most = if state == State::ToBeTried { 1 } else { AT_ONCE - running };
    let most = i64::try_from(most).unwrap_or(1);
    let mail = state != State::Closed;
    let lease = app.clock.id();
    app.bookkeep(async |tx| {
        let found = outbox::claim(tx, lease, Wanted { most, abandoned: false, mail }).await?;
        if !found.is_empty() || running > 0 {
            return Ok(found);
        }
        outbox::claim(tx, lease, Wanted { most: 1, abandoned: true, mail }).await
    })
    .await
}

/// Carries a job out and keeps its lease alive meanwhile. A job whose lease is lost is left alone.
async fn attend(app: &App, job: Rc<Claimed>) -> (Rc<Claimed>, Option<End>) {
    let keep = async {
        loop {
            sleep(LEASE / 3).await;
            if let Ok(false) = app.bookkeep(async |tx| outbox::extend(tx, &job).await).await {
                return;
            }
        }
    };
    let ended = tokio::select! {
        ended = carry_out(app, &job) => ended,
        () = keep => Ok(None),
    };
    let ended = ended.unwrap_or_else(|error| {
        tracing::warn!(id = %job.id, %error, "how a job ended could not be noted; it will be tried again");
        None
    });
    (job, ended)
}

/// Whether mail can be sent at all, as this worker has found out.
#[derive(Debug, Default)]
struct PostOffice {
    failures: u32,
    closed_until: Option<Moment>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    /// It was closed; one mail may try.
    ToBeTried,
}

impl PostOffice {
    fn state(&self, now: Moment) -> State {
        match self.closed_until {
            None => State::Open,
            Some(until) if now < until => State::Closed,
            Some(_) => State::ToBeTried,
        }
    }

    /// Takes in how a mail ended; jobs of other kinds say nothing.
    fn learn(&mut self, now: Moment, end: Option<&End>) {
        match end {
            Some(End::Away(why)) if self.state(now) != State::Closed => {
                let pause = Duration::from_secs(1 << self.failures.min(6)).min(LONGEST_PAUSE);
                tracing::warn!(why, ?pause, "mail cannot be sent just now");
                self.failures += 1;
                self.closed_until = Some(now.plus(pause));
            }
            Some(End::Away(_)) | None => {}
            Some(_) => *self = Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_mail_is_away_one_is_tried_now_and_then() {
        let mut post = PostOffice::default();
        let away = End::Away("nobody answers".into());
        let second = |n: u64| Moment(n * 1_000_000);
        assert_eq!(post.state(second(0)), State::Open);
        for _ in 0..16 {
            post.learn(second(0), Some(&away)); // all that were under way
        }
        assert_eq!(
            (post.state(second(0)), post.state(second(1))),
            (State::Closed, State::ToBeTried)
        );
        post.learn(second(1), Some(&away));
        assert_eq!(
            (post.state(second(2)), post.state(second(3))),
            (State::Closed, State::ToBeTried)
        );
        for n in 0..20 {
            post.learn(second(100 * n), Some(&away));
        }
        assert_eq!(
            post.state(second(1915)),
            State::ToBeTried,
            "never longer than the longest pause"
        );
        post.learn(second(1915), None);
        assert_eq!(post.state(second(1915)), State::ToBeTried);
        post.learn(second(1915), Some(&End::Refused("no such person".into())));
        assert_eq!(post.state(second(1915)), State::Open, "a refusal is an answer");
    }
}
