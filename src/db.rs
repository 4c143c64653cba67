//! Connections to Postgres: how long we wait for one, for an answer, and what becomes of one that did not answer.
//!
//! The timeouts are ours, because the timers of a frozen server do not run. A connection whose work did not come to its
//! end, by timeout or because the caller went away, is closed and never handed to anyone else.

use crate::error::{Error, Result};
use anyhow::{Context, anyhow};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres};
use std::time::Duration;
use thread_local::ThreadLocal;

/// How long to wait for a free connection.
const ACQUIRE: Duration = Duration::from_millis(500);
/// How long one unit of work may take, from `begin` to `commit`.
const WORK: Duration = Duration::from_secs(2);

/// How many connections all threads together read with, about, and each of them at most.
const READERS: u32 = 48;
const READERS_EACH: u32 = 4;

/// Separate pools, so that one kind of work cannot starve another.
pub struct Db {
    /// Rendering of pages and everything else that only reads: a pool for each thread. What a connection hears arrives on
    /// the thread that opened it, and any other would have to be woken for each answer.
    reading: ThreadLocal<PgPool>,
    /// Writes.
    writing: PgPool,
    /// What workers do and note, with nobody waiting for it.
    working: PgPool,
    /// The page cache's polls; a poll is 0.1 ms and must never queue behind anything.
    polling: PgPool,
    options: PgConnectOptions,
}

/// How a snapshot begins.
const READ: &str = "begin isolation level repeatable read, read only";

/// One unchanging snapshot, read part by part.
pub struct Snapshot<'a>(&'a mut PgConnection);

impl Snapshot<'_> {
    /// Reads a part.
    ///
    /// # Errors
    /// Those of `work`, and [`Error::Unavailable`] where it takes too long.
    pub async fn part<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        bounded(work(&mut *self.0)).await
    }
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

impl Db {
    /// Pools for the database at `url`. Connects when first used.
    ///
    /// # Errors
    /// A URL that cannot be understood.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("frontdesk").disable_statement_logging();
        let pool = |most| pool(&options, most);
        let (writing, working, polling) = (pool(6), pool(3), pool(1));
        Ok(Self { reading: ThreadLocal::new(), writing, working, polling, options })
    }

    fn reading(&self) -> &PgPool {
        self.reading.get_or(|| {
            let threads = std::thread::available_parallelism().map_or(2, usize::from);
            let threads = u32::try_from(threads).unwrap_or(READERS);
            pool(&self.options, (READERS / (threads + 1)).clamp(1, READERS_EACH))
        })
    }

    /// One unchanging snapshot, read-only.
    pub async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        bounded(Lease::begin(self.reading(), READ, async |lease| {
            let outcome = work(lease.connection()).await;
            lease.end("commit").await?;
            outcome
        }))
        .await
    }

    /// One unchanging snapshot that is read in parts, each of which may take as long as [`Db::read`]: for what is longer
    /// than one reading may be.
    pub async fn read_in_parts<T>(
        &self,
        work: impl AsyncFnOnce(&mut Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        Lease::begin(self.reading(), READ, async |lease| {
            let outcome = work(&mut Snapshot(lease.connection())).await;
            bounded(lease.end("commit")).await?;
            outcome
        })
        .await
    }

    /// One transaction, committed if `work` succeeds.
    pub async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        transaction(&self.writing, work).await
    }

    /// One statement that writes, which is a transaction by itself: a quarter of the round trips of [`Db::write`]. Where the
    /// connection was lost it is run again, so it has to do nothing the second time.
    pub async fn put<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
        bounded(single(&self.writing, work)).await
    }

    /// As [`Db::write`], for what nobody waits for.
    pub async fn work<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        transaction(&self.working, work).await
    }

    /// One statement that reads, which is a snapshot by itself: a third of the round trips of [`Db::read`].
    pub async fn ask<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
        bounded(single(self.reading(), work)).await
    }

    /// The same on the connection kept for polls.
    pub async fn poll<T>(&self, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
        bounded(single(&self.polling, work)).await
    }

    /// Brings the schema up to date. Several processes may do so at once; an older schema waits for the newer.
    ///
    /// # Errors
    /// A Postgres older than 15, a migration that fails, a database that is away.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let mut connection =
            self.options.connect().await.context("could not reach the database")?;
        let version = connection.server_version_num().unwrap_or_default();
        anyhow::ensure!(version >= 150_000, "Postgres 15 or newer is needed; this is {version}");
        let foreign = sqlx::query_scalar!(
            r#"select to_regclass('_sqlx_migrations') is null and exists (select from pg_tables
                where schemaname = current_schema() and tablename in ('leads', 'posts', 'staff', 'sessions'))
               as "foreign!""#
        );
        anyhow::ensure!(
            !foreign.fetch_one(&mut connection).await?,
            "the database belongs to another program: it has tables of the same names. Give Frontdesk one of its own"
        );
        MIGRATIONS.run(&mut connection).await.context("could not bring the schema up to date")?;
        connection.close().await?;
        Ok(())
    }

    /// Whether the schema is the one this program was built with.
    ///
    /// # Errors
    /// A database that is away.
    pub async fn is_migrated(&self) -> Result<bool> {
        let latest = MIGRATIONS.iter().map(|migration| migration.version).max();
        let applied = self
            .read(async |db| {
                let latest =
                    sqlx::query_scalar!("select max(version) from _sqlx_migrations where success");
                Ok(latest.fetch_one(db).await?)
            })
            .await?;
        Ok(applied >= latest)
    }

    /// Closes every connection, waiting for work under way.
    pub async fn close(&self) {
        for reading in &self.reading {
            reading.close().await;
        }
        self.writing.close().await;
        self.working.close().await;
        self.polling.close().await;
    }
}

fn pool(options: &PgConnectOptions, most: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        // A ping before each use would be a round trip per request; `Lease::begin` tries again instead.
        .test_before_acquire(false)
        .connect_lazy_with(options.clone())
}

async fn transaction<T>(
    pool: &PgPool,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    bounded(Lease::begin(pool, "begin", async |lease| match work(lease.connection()).await {
        Ok(value) => lease.end("commit").await.map(|()| value),
        Err(error) => lease.end("rollback").await.and(Err(error)),
    }))
    .await
}

async fn bounded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(WORK, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Unavailable(anyhow!("the database did not answer in {WORK:?}"))),
    }
}

/// Runs `work`, one statement that reads, and again where the connection was dead.
async fn single<T>(pool: &PgPool, work: impl AsyncFn(&mut PgConnection) -> Result<T>) -> Result<T> {
    let mut left = pool.options().get_max_connections();
    loop {
        let mut lease = Lease::take(pool).await?;
        match work(lease.connection()).await {
            Err(Error::Unavailable(_)) if left > 0 => left -= 1,
            outcome => {
                // A refusal is an answer too.
                lease.ended = !matches!(outcome, Err(Error::Unavailable(_) | Error::Internal(_)));
                return outcome;
            }
        }
    }
}

/// A connection on loan. Dropped before its transaction ended, it is closed.
struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    ended: bool,
}

impl Lease {
    async fn take(pool: &PgPool) -> Result<Self> {
        Ok(Self { connection: Some(pool.acquire().await?), ended: false })
    }

    /// Runs `work` after `begin`. A connection that turns out to be dead, as all of them are after the server was
    /// restarted, is replaced: `begin` has no effect that could happen twice.
    async fn begin<T>(
        pool: &PgPool,
        begin: &'static str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut left = pool.options().get_max_connections();
        loop {
            let mut lease = Self::take(pool).await?;
            match sqlx::raw_sql(begin).execute(lease.connection()).await {
                Ok(_) => return work(&mut lease).await,
                Err(error) if left > 0 && Error::is_disconnect(&error) => left -= 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a lease holds its connection until it is dropped")
    }

    async fn end(&mut self, how: &'static str) -> Result<()> {
        sqlx::raw_sql(how).execute(self.connection()).await?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.ended
            && let Some(connection) = self.connection.take()
        {
            drop(connection.detach());
        }
    }
}
