//! The worker: takes jobs that are due and carries them out, a few at a time.
//!
//! Any number of workers may share a database. A job whose worker vanished may be what killed it, so it is tried alone: it
//! takes no other with it. Such jobs have their turn after so many others, and when there are no others: neither can a
//! long queue keep them waiting, nor can they keep a worker from everything else by killing it.

use super::{Job, carry_out, keep_alive};
use crate::app::App;
use crate::clock::Moment;
use crate::error::Result;
use crate::services::outbox::{self, Claimed, End, LEASE, Wanted};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How many jobs are under way at once.
const AT_ONCE: usize = 8;
/// After so many other jobs, one whose worker vanished has its turn.
const TURN_AFTER: usize = 2 * AT_ONCE;
/// How often an idle worker looks for what other instances have written, or what has become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long jobs under way may go on after the worker was told to stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);
/// While mail cannot be sent at all, one is tried this often at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Works until `stop` says so, then finishes what is under way and gives back what is not finished in time.
pub async fn work(app: &App, mut stop: watch::Receiver<bool>) {
    let mut desk = Desk::new(app);
    while !*stop.borrow_and_update() {
        if let Err(error) = desk.take().await {
            tracing::debug!(%error, "the outbox cannot be read just now");
        }
        tokio::select! {
            Some((job, end)) = desk.running.next(), if !desk.running.is_empty() => desk.put_away(&job, end.as_ref()),
            () = app.outbox_news.notified() => {}
            () = sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    let finish = async {
        while let Some((job, end)) = desk.running.next().await {
            desk.put_away(&job, end.as_ref());
        }
    };
    let _ = timeout(STOP_WITHIN, finish).await;
    drop(desk.running);
    for job in desk.taken {
        if let Err(error) = app.bookkeep(async |tx| outbox::give_back(tx, &job).await).await {
            tracing::debug!(id = %job.id, %error, "a job could not be given back; its lease will run out");
        }
    }
}

/// Does everything that is due, until nothing is, and returns how much that was: for the shell and for tests. Where mail
/// cannot be sent, it is left where it is.
///
/// # Errors
/// Where the outbox cannot be read.
pub async fn work_off(app: &App) -> Result<usize> {
    let (mut desk, mut done) = (Desk::new(app), 0);
    loop {
        desk.take().await?;
        if desk.running.is_empty() {
            return Ok(done);
        }
        while let Some((job, end)) = desk.running.next().await {
            done +=
                usize::from(!matches!(end, Some(End::Away(_) | End::Failed(_) | End::Later(..))));
            desk.put_away(&job, end.as_ref());
        }
        if desk.post.closed_until.is_some() {
            desk.post.closed_until = Some(Moment(u64::MAX)); // whoever called will call again
        }
    }
}

/// What a worker is at.
struct Desk<'a> {
    app: &'a App,
    post: PostOffice,
    turns: Turns,
    taken: Vec<Rc<Claimed>>,
    running: FuturesUnordered<LocalBoxFuture<'a, (Rc<Claimed>, Option<End>)>>,
}

impl<'a> Desk<'a> {
    fn new(app: &'a App) -> Self {
        let (post, turns) = (PostOffice::default(), Turns::default());
        Self { app, post, turns, taken: Vec::new(), running: FuturesUnordered::new() }
    }

    /// Takes more, where there is room. What is under way goes on meanwhile: it may have the very connections to the
    /// database that this waits for.
    async fn take(&mut self) -> Result<()> {
        let Self { app, post, turns, running, .. } = self;
        if running.len() > AT_ONCE / 2 || turns.is_alone(running.len()) {
            return Ok(());
        }
        let mut ended = Vec::new();
        let found = {
            let mut found = pin!(take(app, post, turns, running.len()));
            loop {
                tokio::select! {
                    found = &mut found => break found,
                    Some(one) = running.next(), if !running.is_empty() => ended.push(one),
                }
            }
        };
        for (job, end) in ended {
            self.put_away(&job, end.as_ref());
        }
        for job in found?.into_iter().map(Rc::new) {
            self.taken.push(Rc::clone(&job));
            self.running.push(attend(self.app, job).boxed_local());
        }
        Ok(())
    }

    fn put_away(&mut self, job: &Claimed, end: Option<&End>) {
        self.taken.retain(|other| other.id != job.id);
        self.post.learn(self.app.clock.moment(), job, end);
    }
}

async fn take(
    app: &App,
    post: &PostOffice,
    turns: &mut Turns,
    running: usize,
) -> Result<Vec<Claimed>> {
    let state = post.state(app.clock.moment());
    let most = if state == State::ToBeTried { 1 } else { AT_ONCE - running };
    let most = i64::try_from(most).unwrap_or(1);
    let mail = state == State::Open || (state == State::ToBeTried && running == 0);
    let lease = app.clock.id();
    let (found, alone) = app
        .bookkeep(async |tx| {
            if turns.since >= TURN_AFTER && outbox::has_suspects(tx, mail).await? {
                if running > 0 {
                    return Ok((Vec::new(), false)); // first these come to their end
                }
            } else {
                let wanted = Wanted { most, suspects: 0, mail };
                let found = outbox::claim(tx, lease, wanted).await?;
                if !found.is_empty() || running > 0 {
                    return Ok((found, false));
                }
            }
            let wanted = Wanted { most: 0, suspects: 1, mail };
            Ok((outbox::claim(tx, lease, wanted).await?, true))
        })
        .await?;
    turns.took(found.len(), alone);
    Ok(found)
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turns {
    /// How many jobs were taken since one whose worker vanished had its turn.
    since: usize,
    /// Whether such a one was taken last.
    alone: bool,
}

impl Turns {
    fn took(&mut self, count: usize, alone: bool) {
        self.alone = alone && count > 0;
        self.since = if alone { 0 } else { self.since + count };
    }

    /// Whether one is under way that nothing may be under way with.
    fn is_alone(&self, running: usize) -> bool {
        self.alone && running > 0
    }
}

/// Carries a job out and keeps its lease alive meanwhile. A job whose lease is lost is left alone.
async fn attend(app: &App, job: Rc<Claimed>) -> (Rc<Claimed>, Option<End>) {
    let extend = async || app.bookkeep(async |tx| outbox::extend(tx, &job).await).await;
    let ended = tokio::select! {
        ended = carry_out(app, &job) => ended,
        () = keep_alive(LEASE, extend) => Ok(None),
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

    /// Takes in how a job ended; those of other kinds say nothing of mail.
    fn learn(&mut self, now: Moment, job: &Claimed, end: Option<&End>) {
        if matches!(job.job, Some(Job::Mail(_))) {
            self.hear(now, end);
        }
    }

    /// Takes in how a mail ended.
    fn hear(&mut self, now: Moment, end: Option<&End>) {
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
            post.hear(second(0), Some(&away)); // all that were under way
        }
        assert_eq!(
            (post.state(second(0)), post.state(second(1))),
            (State::Closed, State::ToBeTried)
        );
        post.hear(second(1), Some(&away));
        assert_eq!(
            (post.state(second(2)), post.state(second(3))),
            (State::Closed, State::ToBeTried)
        );
        for n in 0..20 {
            post.hear(second(100 * n), Some(&away));
        }
        assert_eq!(
            post.state(second(1915)),
            State::ToBeTried,
            "never longer than the longest pause"
        );
        post.hear(second(1915), None);
        assert_eq!(post.state(second(1915)), State::ToBeTried);
        post.hear(second(1915), Some(&End::Refused("no such person".into())));
        assert_eq!(post.state(second(1915)), State::Open, "a refusal is an answer");
    }
}
