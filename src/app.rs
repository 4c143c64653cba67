//! Everything a request may need that outlives it, and the two ways to the database.
//!
//! [`App::read`] gives one unchanging snapshot; [`App::write`] runs one transaction and is the only way to commit. The
//! pools are private to `db`.

use crate::actions::devices::Guesses;
use crate::api::webhooks::Deliveries;
use crate::cache::snapshot::Token;
use crate::cache::{Entry, Outcome, PageCache, Renderer};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::db::{Db, Snapshot};
use crate::error::Result;
use crate::http::key_limits::KeyLimits;
use crate::http::limit::{Draws, Limits};
use crate::identity::Providers;
use crate::intake::{Arrivals, Spool};
use crate::mail::Postman;
use crate::outgoing::Outgoing;
use crate::policies::AllKnocking;
use crate::services::passkeys;
use crate::services::passwords::Passwords;
use crate::services::secrets::Secrets;
use crate::services::submissions::Submission;
use crate::services::{consents, events, secrets, submissions};
use crate::stripe::Stripe;
use sqlx::PgConnection;
use std::sync::Arc;
use tokio::sync::Notify;

/// One per process, shared by all its threads.
pub struct App {
    /// What the operator decided.
    pub config: Config,
    /// Time and chance.
    pub clock: Clock,
    /// How often each caller has come to each door.
    pub limits: Limits,
    /// Those who are being counted for all instances together.
    pub draws: Draws,
    /// Those who knock with a key at the same time.
    pub knocking: AllKnocking,
    /// How often each key was used.
    pub keys: KeyLimits,
    /// How often each account was guessed at.
    pub guesses: Guesses,
    /// Where passwords are checked, a few at a time.
    pub passwords: Passwords,
    /// Keys this installation made for itself.
    pub secrets: Secrets,
    /// What passkeys are bound to; none where the site has no name.
    pub passkeys: Option<passkeys::Site>,
    /// Pages that look the same to everyone.
    pub cache: PageCache,
    /// Leads that are handed in at the same time.
    pub arrivals: Arrivals,
    /// What other programs tell us at the same time.
    pub deliveries: Deliveries,
    /// Where leads wait while the database is away.
    pub spool: Spool,
    /// Who else vouches for people.
    pub identity: Providers,
    /// Who carries mail.
    pub postman: Postman,
    /// How other servers are spoken to.
    pub outgoing: Outgoing,
    /// Who takes payments; none where they are off.
    pub stripe: Option<Stripe>,
    /// Told of every write: there may be something to do.
    pub outbox_news: Notify,
    /// The same, for whoever sends webhooks.
    pub webhook_news: Notify,
    /// Where this process begins to count its requests.
    pub seed: u64,
    db: Db,
}

impl App {
    /// Brings the database at `url` up to date and opens it.
    ///
    /// # Errors
    /// Where it is away, too old, or a migration fails.
    pub async fn open(config: Config, url: &str) -> anyhow::Result<Self> {
        let db = Db::new(url)?;
        db.migrate().await?;
        let clock = Clock::default();
        let fresh = Secrets::generate(&clock);
        let settle = async |tx: &mut PgConnection| {
            consents::settle(&mut *tx).await?;
            events::settle(&mut *tx).await?;
            secrets::settle(tx, &fresh).await
        };
        let secrets = db.write(settle).await?;
        Ok(Self {
            limits: Limits::default(),
            draws: Draws::default(),
            knocking: AllKnocking::default(),
            keys: KeyLimits::default(),
            guesses: Guesses::default(),
            passwords: Passwords::default(),
            cache: PageCache::new(config.cache_max_bytes),
            arrivals: Arrivals::default(),
            deliveries: Deliveries::default(),
            spool: Spool::new(config.data_dir.join("spool")),
            identity: Providers::new(&config)?,
            postman: Postman::new(&config)?,
            outgoing: Outgoing::new(&config)?,
            stripe: Stripe::of(&config)?,
            passkeys: passkeys::Site::of(&config),
            outbox_news: Notify::new(),
            webhook_news: Notify::new(),
            seed: u64::from_ne_bytes(clock.random()),
            config,
            clock,
            secrets,
            db,
        })
    }

    /// Runs `work` against one unchanging snapshot of the database.
    ///
    /// # Errors
    /// Those of `work`, and [`Error::Unavailable`](crate::Error::Unavailable) where the database is away.
    pub async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        self.db.read(work).await
    }

    /// As [`App::read`], part by part: for what is longer than one reading may be.
    ///
    /// # Errors
    /// As [`App::read`].
    pub async fn read_in_parts<T>(
        &self,
        work: impl AsyncFnOnce(&mut Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        self.db.read_in_parts(work).await
    }

    /// Asks the database one thing: `work` is one statement that reads, and at most counts that it did. Where the connection
    /// was lost it is asked again.
    ///
    /// # Errors
    /// As [`App::read`].
    pub async fn ask<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
        self.db.ask(work).await
    }

    /// Runs `work` in one transaction, commits it, and has this instance know what it changed before anyone is told.
    ///
    /// # Errors
    /// Those of `work`: then nothing was changed.
    pub async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<Written<T>> {
        self.know(self.db.write(async |tx| with_xid(tx, work).await).await?).await
    }

    /// Runs one statement that writes what no page shows: what it says it has done is committed. Where the connection was lost
    /// it is run again, so it has to do nothing the second time.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn put<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
        let done = self.db.put(work).await?;
        self.outbox_news.notify_one();
        Ok(done)
    }

    /// As [`App::write`], for a worker: nobody waits for it, and it starves nobody who does.
    ///
    /// # Errors
    /// As [`App::write`].
    pub async fn work<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<Written<T>> {
        self.know(self.db.work(async |tx| with_xid(tx, work).await).await?).await
    }

    /// What is to be done once a transaction has committed.
    async fn know<T>(&self, (value, xid): (T, Option<u64>)) -> Result<Written<T>> {
        self.outbox_news.notify_one();
        self.webhook_news.notify_one();
        let Some(xid) = xid else { return Ok(Written { value, token: None }) };
        // What was committed stays committed if this fails; the token makes every instance catch up.
        if let Err(error) = self.confirm_since(self.clock.moment()).await {
            tracing::warn!(%error, "could not poll after a write");
        }
        if let Err(error) = self.cache.prune(&self.db, &self.clock).await {
            tracing::warn!(%error, "could not prune old invalidations");
        }
        Ok(Written { value, token: self.cache.token(xid) })
    }

    /// Runs `work` in one transaction that no page shows and that gives nobody anything to do: the workers' own notes.
    ///
    /// # Errors
    /// Those of `work`: then nothing was changed.
    pub async fn bookkeep<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        self.db.work(work).await
    }

    /// As [`App::write`], with one effect and one answer however often the same form arrives.
    ///
    /// `submission` is the random id the form carried; a form without one is simply carried out.
    ///
    /// # Errors
    /// Those of `work`: then the id is free again.
    pub async fn write_once(
        &self,
        submission: Option<Submission>,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<String>,
    ) -> Result<Written<String>> {
        let Some(submission) = submission else { return self.write(work).await };
        self.write(async |tx| {
            if let Some(answered) = submissions::claim(tx, &submission).await? {
                return Ok(answered);
            }
            let location = work(&mut *tx).await?;
            submissions::answer(tx, &submission, &location).await?;
            Ok(location)
        })
        .await
    }

    /// Makes sure this instance knows everything committed before `since`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn confirm_since(&self, since: Moment) -> Result<()> {
        self.cache.confirm(&self.db, &self.clock, since).await
    }

    /// A cached page for someone, kept or rendered now: see [`PageCache::page`].
    ///
    /// # Errors
    /// Those of the page, and [`Error::Unavailable`](crate::Error::Unavailable) where nothing may be shown.
    pub async fn page(
        &self,
        page: &Arc<dyn Renderer>,
        token: Option<Token>,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let (entry, outcome) = self.have_kept(page, token).await?;
        self.cache.count(&entry, outcome);
        Ok((entry, outcome))
    }

    /// As [`App::page`], for nobody: it is not counted as asked for.
    ///
    /// # Errors
    /// As [`App::page`].
    pub async fn have_kept(
        &self,
        page: &Arc<dyn Renderer>,
        token: Option<Token>,
    ) -> Result<(Arc<Entry>, Outcome)> {
        let render = async || page.render(self).await;
        self.cache.page(&self.db, &self.clock, token, page, render).await
    }

    /// Learns of changes for the readers to come, without anyone waiting.
    pub async fn refresh(&self) {
        self.cache.refresh(&self.db, &self.clock).await;
    }

    /// Whether the schema is the one this program was built with.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn is_migrated(&self) -> Result<bool> {
        self.db.is_migrated().await
    }

    /// Closes all connections once the work under way has ended.
    pub async fn close(&self) {
        self.postman.close().await;
        self.db.close().await;
    }
}

async fn with_xid<T>(
    tx: &mut PgConnection,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
) -> Result<(T, Option<u64>)> {
    let value = work(&mut *tx).await?;
    Ok((value, crate::cache::touched(tx).await?))
}

/// The outcome of a committed write, with what its author must be able to see from now on.
#[derive(Debug)]
#[must_use = "the answer must carry the token, or its reader may be shown the old page elsewhere"]
pub struct Written<T> {
    /// What the work returned.
    pub value: T,
    /// The write; none where it touched no page.
    pub token: Option<Token>,
}

impl<T> Written<T> {
    /// An outcome no page shows.
    pub fn nothing(value: T) -> Self {
        Self { value, token: None }
    }

    /// The same write with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Written<U> {
        Written { value: f(self.value), token: self.token }
    }
}
