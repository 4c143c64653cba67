//! The page cache: bodies of pages that look the same to everyone, and what keeps them true on every instance.
//!
//! There is no push channel. Every write leaves tags in its own transaction (migrations); every instance asks for them
//! when a reader needs to know ([`poll`]); [`coherence`] and [`reader`] decide what may be served; [`flights`] lets one rendering
//! serve everyone who waits for it. An idle site asks nothing. Refused here: serving what cannot be confirmed while the
//! database answers, and trusting any rendering without judging it again.

pub mod coherence;
mod entry;
#[cfg(test)]
mod explorer;
mod flights;
pub mod hot;
mod poll;
mod reader;
pub mod report;
pub mod snapshot;

use crate::clock::{Clock, Moment};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::tags::Tag;
use coherence::{Coherence, Confirmed};
use entry::Weight;
pub use entry::{Entry, Page, Rendered, Renderer};
use flights::{Flights, Place};
pub use poll::touched;
use quick_cache::sync::Cache;
use reader::{Next, Reader};
use report::Tally;
use snapshot::Token;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long the last good page is shown while the database is away.
const OUTLIVE: Duration = Duration::from_secs(24 * 3600);

/// How an answer came to be: the value of `Cache-Status` (RFC 9211).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was kept and is true.
    Hit,
    /// It was kept and has changed.
    Stale,
    /// It was not kept.
    Miss,
    /// Someone else was rendering it already.
    Collapsed,
    /// It was kept, and the database cannot be asked.
    Unreachable,
}

impl Outcome {
    /// The field value of `Cache-Status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "frontdesk; hit",
            Self::Stale => "frontdesk; fwd=stale; stored",
            Self::Miss => "frontdesk; fwd=uri-miss; stored",
            Self::Collapsed => "frontdesk; fwd=stale; collapsed",
            Self::Unreachable => "frontdesk; hit; detail=database-unreachable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Every kept page of this instance.
pub struct PageCache {
    coherence: Coherence,
    pages: Cache<String, Arc<Entry>, Weight>,
    /// Addresses at which there is nothing. Apart, so that whoever makes up addresses cannot push pages out.
    absences: Cache<String, Arc<Entry>, Weight>,
    flights: Flights,
    tally: Tally,
    /// Whoever holds this is polling.
    polling: tokio::sync::Mutex<()>,
    /// Told of each poll that found something.
    news: Notify,
    /// A snapshot of at least a retention ago, to prune by: when it was taken, and its xmin.
    prune_mark: Mutex<Option<(Moment, u64)>>,
}

impl PageCache {
    /// An empty cache of at most `max_bytes`, a twentieth of it for addresses at which there is nothing.
    pub fn new(max_bytes: u64) -> Self {
        let space = |bytes: u64, each: u64| {
            let expected = usize::try_from(bytes / each).unwrap_or(usize::MAX).max(64);
            Cache::with_weighter(expected, bytes, Weight)
        };
        Self {
            coherence: Coherence::default(),
            pages: space(max_bytes - max_bytes / 20, 32_768),
            absences: space(max_bytes / 20, 4096),
            flights: Flights::default(),
            tally: Tally::default(),
            polling: tokio::sync::Mutex::default(),
            news: Notify::new(),
            prune_mark: Mutex::default(),
        }
    }

    /// The page that `renderer` draws, or that there is none: kept and true, or rendered now.
    ///
    /// `token` names a write the reader must see. `render` opens its own snapshot.
    ///
    /// # Errors
    /// Those of `render`; [`Error::Unavailable`] where the database is away and no page may be shown instead.
    pub async fn page(
        &self,
        db: &Db,
        clock: &Clock,
        token: Option<Token>,
        renderer: &Arc<dyn Renderer>,
        render: impl AsyncFn() -> Result<Rendered>,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let key = renderer.address();
        let work = Work { db, clock, key: &key, renderer, render };
        match self.find_or_render(&work, Reader::new(clock.moment(), token)).await {
            Err(Error::Unavailable(cause)) => {
                let entry =
                    self.outliving(&key, clock.moment()).ok_or(Error::Unavailable(cause))?;
                Ok((entry, Outcome::Unreachable))
            }
            found => found,
        }
    }

    /// Notes that someone was answered with `entry`.
    pub fn count(&self, entry: &Entry, outcome: Outcome) {
        entry.hit();
        if !matches!(outcome, Outcome::Miss | Outcome::Stale) {
            self.tally.served.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The page under `key` if it can be served at `now` without waiting for anything. The caller sees to a due poll.
    pub fn at_once(&self, now: Moment, key: &str) -> Option<(Arc<Entry>, Confirmed)> {
        let confirmed = self.coherence.confirmed(now);
        if confirmed == Confirmed::TooLongAgo {
            return None;
        }
        let entry = self.pages.get(key).filter(|entry| self.coherence.is_fresh(&**entry, now))?;
        self.count(&entry, Outcome::Hit);
        Some((entry, confirmed))
    }

    async fn find_or_render<R: AsyncFn() -> Result<Rendered>>(
        &self,
        work: &Work<'_, R>,
        mut reader: Reader,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let Work { db, clock, key, .. } = *work;
        let mut outcome = Outcome::Hit;
        loop {
            let kept = self.kept(key);
            let missing = if kept.is_some() { Outcome::Stale } else { Outcome::Miss };
            match (reader.next(&self.coherence, kept.as_deref(), clock.moment()), kept) {
                (Next::Serve, Some(entry)) => return Ok((entry, outcome)),
                (Next::Confirm { since, by }, _) => {
                    let confirmed =
                        timeout(by.since(clock.moment()), self.confirm(db, clock, since)).await;
                    confirmed.unwrap_or_else(|_| {
                        Err(Error::unavailable("the database did not answer a poll"))
                    })?;
                }
                (Next::CatchUp { since, by }, _) => {
                    tokio::time::sleep(since.since(clock.moment())).await;
                    let caught_up =
                        timeout(by.since(clock.moment()), self.confirm(db, clock, since)).await;
                    caught_up.unwrap_or(Ok(()))?;
                }
                (Next::Away, _) => {
                    return Err(Error::unavailable("the database did not answer a poll"));
                }
                (Next::RenderAlone, _) => return Ok((self.render_and_keep(work).await?, missing)),
                (Next::Render | Next::Serve, _) => match self.flights.board(key) {
                    // Someone may have landed between our look at the cache and our boarding.
                    Place::Pilot(_landing) if self.is_fresh(key, clock.moment()) => {}
                    Place::Pilot(_landing) => {
                        return Ok((self.render_and_keep(work).await?, missing));
                    }
                    Place::Passenger(flight) => {
                        flight.landed().await;
                        reader.landed();
                        outcome = Outcome::Collapsed;
                    }
                },
            }
        }
    }

    fn kept(&self, key: &str) -> Option<Arc<Entry>> {
        self.pages.get(key).or_else(|| self.absences.get(key))
    }

    fn is_fresh(&self, key: &str, now: Moment) -> bool {
        self.kept(key).is_some_and(|entry| self.coherence.is_fresh(&*entry, now))
    }

    async fn render_and_keep<R: AsyncFn() -> Result<Rendered>>(
        &self,
        Work { clock, key, renderer, render, .. }: &Work<'_, R>,
    ) -> Result<Arc<Entry>> {
        self.tally.rendered.fetch_add(1, Ordering::Relaxed);
        let rendering = self.coherence.begin_rendering(); // before the snapshot is opened
        let rendered_at = clock.moment();
        let Rendered { document, seen } = render().await?;
        let mut tags = seen.tags;
        tags.push(Tag::Path((*key).to_owned()));
        let judged = self.coherence.end_rendering(rendering, tags);
        let until = seen.true_for.map(|time| rendered_at.plus(time));
        let entry = Entry::new(document, Arc::clone(renderer), judged, rendered_at, until);
        let entry = Arc::new(entry);
        let before = self.kept(key);
        if let Some(before) = &before {
            entry.inherit(before);
        }
        if before.is_none_or(|before| before.judged.stamp <= entry.judged.stamp) {
            self.keep(key, &entry);
        }
        Ok(entry)
    }

    /// An address is in one of the two, or for a moment in both, which does no harm: each is judged on its own.
    fn keep(&self, key: &str, entry: &Arc<Entry>) {
        let (here, there) = match &entry.page {
            Ok(_) => (&self.pages, &self.absences),
            Err(_) => (&self.absences, &self.pages),
        };
        here.insert(key.to_owned(), Arc::clone(entry));
        there.remove(key);
    }

    /// The last good page, while the database is away.
    fn outliving(&self, key: &str, now: Moment) -> Option<Arc<Entry>> {
        let entry = self.kept(key)?;
        let young = now.since(entry.rendered_at) <= OUTLIVE;
        (young && self.coherence.may_outlive(&*entry)).then_some(entry)
    }

    /// Makes sure that a poll which started at `since` or later has been published.
    ///
    /// # Errors
    /// Where the database did not answer one.
    pub async fn confirm(&self, db: &Db, clock: &Clock, since: Moment) -> Result<()> {
        let known = || self.coherence.confirmed_at().is_some_and(|at| at >= since);
        if known() {
            return Ok(());
        }
        let _turn = self.polling.lock().await;
        // Whoever had the turn before may have polled for us.
        if known() { Ok(()) } else { self.poll(db, clock).await }
    }

    /// Polls unless someone is polling already.
    pub async fn refresh(&self, db: &Db, clock: &Clock) {
        if let Ok(_turn) = self.polling.try_lock()
            && let Err(error) = self.poll(db, clock).await
        {
            tracing::debug!(%error, "a background poll failed; readers will poll themselves");
        }
    }

    async fn poll(&self, db: &Db, clock: &Clock) -> Result<()> {
        let seen = self.coherence.seen();
        let since = seen.as_ref().map(|seen| &seen.snapshot);
        loop {
            let started = clock.moment();
            let polled = db.poll(async |db| poll::ask(db, started, since).await).await?;
            if let Some(polled) = polled {
                let is_news = !polled.changed.is_empty() || polled.everything.is_some();
                self.coherence.apply(polled);
                if is_news {
                    self.news.notify_one();
                }
                return Ok(());
            }
            db.write(async |db| poll::name_boot(db, clock.id()).await).await?;
        }
    }

    /// The token of a write: what its author must be able to see.
    pub fn token(&self, xid: u64) -> Option<Token> {
        self.coherence.seen().map(|seen| Token { incarnation: seen.incarnation, xid })
    }

    /// Deletes rows nobody can ask for any more. Cheap to call often: works once per retention.
    ///
    /// The rule is by transaction, not by the rows' time: a row may become visible long after it was written.
    ///
    /// # Errors
    /// As any write.
    pub async fn prune(&self, db: &Db, clock: &Clock) -> Result<()> {
        let Some(seen) = self.coherence.seen() else { return Ok(()) };
        let now = clock.moment();
        let due = {
            let mut mark = self.prune_mark.lock().unwrap_or_else(PoisonError::into_inner);
            match *mark {
                Some((at, _)) if now.since(at) < coherence::RETENTION => None,
                _ => mark.replace((now, seen.snapshot.xmin())),
            }
        };
        let Some((_, xmin)) = due else { return Ok(()) };
        db.write(async |db| poll::prune(db, xmin).await).await
    }

    /// Keys of the entries that would be served now, for tests that render each of them again.
    pub fn fresh_keys(&self, now: Moment) -> Vec<String> {
        let kept = self.pages.iter().chain(self.absences.iter());
        let fresh = kept.filter(|(_, entry)| self.coherence.is_fresh(&**entry, now));
        fresh.map(|(key, _)| key).collect()
    }
}

/// What it takes to render a page.
struct Work<'a, R> {
    db: &'a Db,
    clock: &'a Clock,
    key: &'a str,
    renderer: &'a Arc<dyn Renderer>,
    render: R,
}
