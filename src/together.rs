//! What arrives at the same time is done together: one transaction, one commit, one wait for the disk, however many there are.
//!
//! Nobody waits for company. Who comes first begins at once; who comes meanwhile is in the next batch, which begins when this one
//! has ended. Each thread has a line of its own, so there is no lock that another thread wants. The work itself belongs to nobody's
//! request: whoever hangs up takes no one else's answer along. And nobody waits for ever longer where the work goes slowly: who has
//! stood in line for as long as one batch may take is told so, and tried no more.

use crate::app::App;
use crate::clock::Moment;
use crate::error::{Error, Result};
use actix_web::web::Data;
use anyhow::anyhow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thread_local::ThreadLocal;
use tokio::sync::oneshot;

/// How many are done at once, at most: so many that one more saves nothing worth having, so few that nobody waits long.
const MOST: usize = 64;
/// How long anyone stands in line: as long as the database may take for what is before them.
const PATIENCE: Duration = Duration::from_secs(2);

/// One kind of work that is done together.
pub struct Together<I: Send, O: Send> {
    lines: ThreadLocal<Shared<I, O>>,
}

type Shared<I, O> = Arc<Mutex<Line<I, O>>>;

/// Those who wait on one thread.
struct Line<I, O> {
    waiting: Vec<Waiting<I, O>>,
    is_at_work: bool,
}

/// One of them: what they want, since when, and where they are told.
type Waiting<I, O> = (I, Moment, oneshot::Sender<Result<O>>);

impl<I, O> Line<I, O> {
    const fn empty() -> Self {
        Self { waiting: Vec::new(), is_at_work: false }
    }

    /// The next batch. Who has stood there for too long is told that it will not be.
    fn next(&mut self, now: Moment) -> Vec<Waiting<I, O>> {
        let is_over = |(_, since, _): &mut Waiting<I, O>| now.since(*since) > PATIENCE;
        for (_, _, tell) in self.waiting.extract_if(.., is_over) {
            let _ = tell.send(Err(Error::unavailable("the line is too long")));
        }
        let most = self.waiting.len().min(MOST);
        self.waiting.drain(..most).collect()
    }
}

impl<I: Send, O: Send> Default for Together<I, O> {
    fn default() -> Self {
        Self { lines: ThreadLocal::new() }
    }
}

impl<I: Send + 'static, O: Send + 'static> Together<I, O> {
    /// Has `one` done with whatever else of its kind is there by then. `work` answers each of those it is given, in their order;
    /// it is the same for all.
    ///
    /// # Errors
    /// What `work` answers; [`Error::Unavailable`] where it ended without an answer, or the line was too long.
    pub async fn join<W>(&self, app: &Data<App>, one: I, work: W) -> Result<O>
    where
        W: AsyncFn(&App, &[I]) -> Vec<Result<O>> + 'static,
    {
        let line = self.lines.get_or(|| Shared::new(Line::empty().into()));
        let (tell, told) = oneshot::channel();
        let begins = {
            let mut line = hold(line);
            line.waiting.push((one, app.clock.moment(), tell));
            !std::mem::replace(&mut line.is_at_work, true)
        };
        if begins {
            let (app, line) = (Data::clone(app), Arc::clone(line));
            actix_web::rt::spawn(async move { work_off(&app, AtWork(line), work).await });
        }
        told.await.unwrap_or_else(|_| Err(Error::unavailable("the work ended without an answer")))
    }
}

async fn work_off<I, O>(
    app: &App,
    at: AtWork<I, O>,
    work: impl AsyncFn(&App, &[I]) -> Vec<Result<O>>,
) {
    loop {
        let next = hold(&at.0).next(app.clock.moment());
        let (batch, tell): (Vec<I>, Vec<_>) =
            next.into_iter().map(|(one, _, tell)| (one, tell)).unzip();
        if batch.is_empty() {
            return;
        }
        let outcomes = work(app, &batch).await;
        for (tell, outcome) in tell.into_iter().zip(outcomes) {
            let _ = tell.send(outcome); // whoever has hung up need not be told
        }
    }
}

/// That somebody works a line off. However that ends, the next one to come begins anew; who waited for work that broke off is
/// told so by the end of their channel.
struct AtWork<I, O>(Shared<I, O>);

impl<I, O> Drop for AtWork<I, O> {
    fn drop(&mut self) {
        let mut line = hold(&self.0);
        line.waiting.clear();
        line.is_at_work = false;
    }
}

fn hold<I, O>(line: &Mutex<Line<I, O>>) -> MutexGuard<'_, Line<I, O>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each is told of a batch that `error` kept from being done. Where the database was away, it would not be there for one alone
/// either; else whose fault it is shows once each comes alone.
pub async fn apart<I, O>(
    error: Error,
    all: &[I],
    alone: impl AsyncFn(&I) -> Result<O>,
) -> Vec<Result<O>> {
    match (error, all) {
        (error @ Error::Unavailable(_), all) => each(&error, all.len()),
        (error, [_]) => vec![Err(error)],
        (_, all) => {
            let mut outcomes = Vec::with_capacity(all.len());
            for one in all {
                outcomes.push(alone(one).await);
            }
            outcomes
        }
    }
}

/// What each of `count` is told where `error` kept all of them from being done: it was nobody's own fault.
pub fn each<O>(error: &Error, count: usize) -> Vec<Result<O>> {
    let cause = error.with_cause();
    let told = |_| match error {
        Error::Unavailable(_) => Err(Error::Unavailable(anyhow!(cause.clone()))),
        _ => Err(Error::Internal(anyhow!(cause.clone()))),
    };
    (0..count).map(told).collect()
}
