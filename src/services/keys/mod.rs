//! Keys of partners' programs: who is let in with one, and how often. Shown once, kept as SHA-256.
//!
//! There is no cache of keys: each request has its key looked up, so whatever is done to one holds from then on, everywhere. A key
//! that is wrong takes the same path as one that is right: one look-up by hash.

mod admission;
mod desk;
mod new;
mod scopes;
mod secret;
mod sites;

pub use admission::{Admission, Knocking, admit};
pub use desk::{
    By, Key, OldSecret, Overlap, Reader, Rotation, by_id, create, list, revoke, rotate,
};
pub use new::{EXPIRIES, NewKey};
pub use scopes::{
    CacheWrite, EventsRead, LeadsStatus, LeadsWrite, Offered, OrdersRead, PostsRead, PostsWrite,
    SCOPES, Scope, SubscribersRead, SubscribersWrite, WebhooksWrite, names,
};
pub use secret::{Kind, Presented, Secret};
pub use sites::{admit_from, is_named};

use crate::error::Result;
use sqlx::PgConnection;
use std::marker::PhantomData;
use uuid::Uuid;

/// A partner's program with a key that is good for `S`. Only [`Admission::partner`] makes one.
#[derive(Debug)]
pub struct Partner<S> {
    key: Uuid,
    kind: Kind,
    per_minute: Option<u32>,
    minute: Option<Left>,
    day: Option<Left>,
    sites: Vec<String>,
    stale: bool,
    scope: PhantomData<S>,
}

impl<S> Partner<S> {
    /// Which key.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// Whether what it does is for tests.
    pub fn is_test(&self) -> bool {
        self.kind == Kind::Test
    }

    /// How many requests it may make a minute, where that was said.
    pub fn per_minute(&self) -> Option<u32> {
        self.per_minute
    }

    /// What is left of this minute, counted by this process.
    pub fn minute(&self) -> Option<Left> {
        self.minute
    }

    /// What is left of this day, on all instances together.
    pub fn day(&self) -> Option<Left> {
        self.day
    }

    /// The limits of its own that apply to it, with the names that programs know them by.
    pub fn limits(&self) -> impl Iterator<Item = (Quota, Left)> {
        let minute = self.minute.map(|left| (Quota::Minute, left));
        minute.into_iter().chain(self.day.map(|left| (Quota::Day, left)))
    }

    /// The sites whose scripts may send its key.
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// The same program, of which this is known, too.
    #[must_use]
    pub fn with_minute(self, minute: Option<Left>) -> Self {
        Self { minute, ..self }
    }

    /// Whether it is time to note that the key is in use.
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}

/// A limit that a key may have of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// So many requests a minute, counted by each process.
    Minute,
    /// So many a day, whichever instance is asked.
    Day,
}

impl Quota {
    /// As programs know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "key-minute",
            Self::Day => "key-day",
        }
    }

    /// How long it lasts.
    pub fn seconds(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::Day => 24 * 60 * 60,
        }
    }
}

/// How much of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many there are.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// In how many seconds all of them are there again.
    pub reset_seconds: u64,
}

/// What the holder of a missing or wrong key is told.
pub const REFUSED: &str = "Send a valid API key as x-api-key or as Authorization: Bearer.";

/// Notes that a key is in use, and in which network: at most once a minute, whoever else is about to.
///
/// # Errors
/// As any statement.
pub async fn note_use(db: &mut PgConnection, key: Uuid, network: &str) -> Result<()> {
    sqlx::query!(
        "with idle as (select id from api_keys where id = $1
                          and (last_used_at is null or last_used_at < now() - interval '1 minute') for no key update skip locked)
         update api_keys set last_used_at = now(), last_used_network = $2 from idle where api_keys.id = idle.id",
        key,
        network,
    )
    .execute(db)
    .await?;
    Ok(())
}
