//! The page cache: bodies of pages that look the same to everyone, and what keeps them true on every instance.
//!
//! There is no push channel. Every write leaves tags in its own transaction (migrations); every instance asks for them
//! when a reader needs to know ([`poll`]); [`coherence`] and [`reader`] decide what may be served; [`flights`] lets one rendering
//! serve everyone who waits for it. An idle site asks nothing. Refused here: serving what cannot be confirmed while the
//! database answers, and trusting any rendering without judging it again.

pub mod coherence;
#[cfg(test)]
mod explorer;
mod flights;
mod poll;
mod reader;
pub mod snapshot;

use crate::clock::{Clock, Moment};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::http::prepared::Prepared;
use crate::tags::{Dependencies, Tag};
use coherence::{Coherence, Confirmed, Kept, Mark};
use flights::{Flights, Place};
pub use poll::touched;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use reader::{Next, Reader};
use snapshot::Token;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use templates::{Document, Holes};
use tokio::time::timeout;

/// How long the last good page is shown while the database is away.
const OUTLIVE: Duration = Duration::from_secs(24 * 3600);

/// A page as a renderer leaves it.
#[derive(Debug)]
pub struct Rendered {
    /// The whole document.
    pub document: Document,
    /// The route it is at, for the log.
    pub route: &'static str,
    /// What it depends on.
    pub seen: Dependencies,
}

/// A page that is kept.
#[derive(Debug)]
pub struct Entry {
    /// The whole document, as anyone gets it.
    pub prepared: Prepared,
    /// Where it differs from one visitor to the next.
    pub holes: Holes,
    /// The route it is at, for the log.
    pub route: &'static str,
    stamp: u64,
    marks: Box<[Arc<Mark>]>,
    rendered_at: Moment,
    until: Option<Moment>,
}

impl Kept for Entry {
    fn stamp(&self) -> u64 {
        self.stamp
    }

    fn marks(&self) -> &[Arc<Mark>] {
        &self.marks
    }

    fn until(&self) -> Option<Moment> {
        self.until
    }
}

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

#[derive(Clone)]
struct Weight;

impl Weighter<String, Arc<Entry>> for Weight {
    fn weight(&self, key: &String, entry: &Arc<Entry>) -> u64 {
        // Beside the page: key, marks, and the cache's own bookkeeping.
        (key.len() + entry.prepared.weight() + entry.marks.len() * 8 + 256) as u64
    }
}

/// Every kept page of this instance.
pub struct PageCache {
    coherence: Coherence,
    entries: Cache<String, Arc<Entry>, Weight>,
    flights: Flights,
    /// Whoever holds this is polling.
    polling: tokio::sync::Mutex<()>,
    /// A snapshot of at least a retention ago, to prune by: when it was taken, and its xmin.
    prune_mark: Mutex<Option<(Moment, u64)>>,
}

impl PageCache {
    /// An empty cache of at most `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        let expected = usize::try_from(max_bytes / 16_384).unwrap_or(usize::MAX).max(64);
        Self {
            coherence: Coherence::default(),
            entries: Cache::with_weighter(expected, max_bytes, Weight),
            flights: Flights::default(),
            polling: tokio::sync::Mutex::default(),
            prune_mark: Mutex::default(),
        }
    }

    /// The page under `key`: kept and true, or rendered now.
    ///
    /// `token` names a write the reader must see. `render` opens its own snapshot.
    ///
    /// # Errors
    /// Those of `render`; [`Error::Unavailable`] where the database is away and no page may be shown instead.
    pub async fn page(
        &self,
        db: &Db,
        clock: &Clock,
        key: &str,
        token: Option<Token>,
        render: impl AsyncFn() -> Result<Rendered>,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let mut reader = Reader::new(clock.moment(), token);
        match self.find_or_render(db, clock, key, &mut reader, render).await {
            Err(Error::Unavailable(cause)) => {
                let entry = self.outliving(key, clock.moment()).ok_or(Error::Unavailable(cause))?;
                Ok((entry, Outcome::Unreachable))
            }
            found => found,
        }
    }

    /// The page under `key` if it can be served at `now` without waiting for anything. The caller sees to a due poll.
    pub fn at_once(&self, now: Moment, key: &str) -> Option<(Arc<Entry>, Confirmed)> {
        let confirmed = self.coherence.confirmed(now);
        if confirmed == Confirmed::TooLongAgo {
            return None;
        }
        let entry = self.entries.get(key).filter(|entry| self.coherence.is_fresh(&**entry, now))?;
        Some((entry, confirmed))
    }

    async fn find_or_render(
        &self,
        db: &Db,
        clock: &Clock,
        key: &str,
        reader: &mut Reader,
        render: impl AsyncFn() -> Result<Rendered>,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let mut outcome = Outcome::Hit;
        loop {
            let kept = self.entries.get(key);
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
                (Next::RenderAlone, _) => {
                    return Ok((self.render_and_keep(clock, key, &render).await?, missing));
                }
                (Next::Render | Next::Serve, _) => match self.flights.board(key) {
                    // Someone may have landed between our look at the cache and our boarding.
                    Place::Pilot(_landing) if self.is_fresh(key, clock.moment()) => {}
                    Place::Pilot(_landing) => {
                        return Ok((self.render_and_keep(clock, key, &render).await?, missing));
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

    fn is_fresh(&self, key: &str, now: Moment) -> bool {
        self.entries.get(key).is_some_and(|entry| self.coherence.is_fresh(&*entry, now))
    }

    async fn render_and_keep(
        &self,
        clock: &Clock,
        key: &str,
        render: &impl AsyncFn() -> Result<Rendered>,
    ) -> Result<Arc<Entry>> {
        let rendering = self.coherence.begin_rendering(); // before the snapshot is opened
        let rendered_at = clock.moment();
        let rendered = match render().await {
            Ok(rendered) => rendered,
            Err(error) => {
                if !matches!(error, Error::Unavailable(_)) {
                    self.entries.remove(key); // moved, withdrawn, deleted: the old page is of no more use
                }
                return Err(error);
            }
        };
        let mut tags = rendered.seen.tags;
        tags.push(Tag::Path(key.to_owned()));
        let (stamp, marks) = self.coherence.end_rendering(rendering, &tags);
        let holes = rendered.document.holes();
        let entry = Arc::new(Entry {
            prepared: Prepared::new(
                "text/html; charset=utf-8",
                "no-cache",
                rendered.document.text.into(),
            ),
            holes,
            route: rendered.route,
            stamp,
            marks,
            rendered_at,
            until: rendered.seen.true_for.map(|time| rendered_at.plus(time)),
        });
        if self.entries.get(key).is_none_or(|kept| kept.stamp <= stamp) {
            self.entries.insert(key.to_owned(), Arc::clone(&entry));
        }
        Ok(entry)
    }

    /// The last good page, while the database is away.
    fn outliving(&self, key: &str, now: Moment) -> Option<Arc<Entry>> {
        let entry = self.entries.get(key)?;
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
        let since = seen.as_ref().map(|(_, snapshot)| snapshot);
        loop {
            let started = clock.moment();
            let polled = db.poll(async |db| poll::ask(db, started, since).await).await?;
            if let Some(polled) = polled {
                self.coherence.apply(polled);
                return Ok(());
            }
            db.write(async |db| poll::name_boot(db, clock.id()).await).await?;
        }
    }

    /// The token of a write: what its author must be able to see.
    pub fn token(&self, xid: u64) -> Option<Token> {
        self.coherence.seen().map(|(incarnation, _)| Token { incarnation, xid })
    }

    /// Deletes rows nobody can ask for any more. Cheap to call often: works once per retention.
    ///
    /// The rule is by transaction, not by the rows' time: a row may become visible long after it was written.
    ///
    /// # Errors
    /// As any write.
    pub async fn prune(&self, db: &Db, clock: &Clock) -> Result<()> {
        let Some((_, snapshot)) = self.coherence.seen() else { return Ok(()) };
        let now = clock.moment();
        let due = {
            let mut mark = self.prune_mark.lock().unwrap_or_else(PoisonError::into_inner);
            match *mark {
                Some((at, _)) if now.since(at) < coherence::RETENTION => None,
                _ => mark.replace((now, snapshot.xmin())),
            }
        };
        let Some((_, xmin)) = due else { return Ok(()) };
        db.write(async |db| poll::prune(db, xmin).await).await
    }

    /// Keys of the entries that would be served now, for tests that render each of them again.
    pub fn fresh_keys(&self, now: Moment) -> Vec<String> {
        let fresh = self.entries.iter().filter(|(_, entry)| self.coherence.is_fresh(&**entry, now));
        fresh.map(|(key, _)| key).collect()
    }
}
