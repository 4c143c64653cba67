//! How often one caller may come to one door: a token bucket (GCRA) per door and network, by the `governor` crate.
//!
//! Counted in this process: with several instances each grants its share.

use super::Gate;
use crate::error::{Error, Result};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How many requests one caller may make.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    count: u32,
    per: Duration,
}

impl Limit {
    /// `count` at once, and as many again evenly over each minute.
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: Duration::from_secs(60) }
    }

    /// `count` at once, and as many again evenly over each quarter of an hour.
    pub const fn per_quarter_hour(count: u32) -> Self {
        Self { count, per: Duration::from_secs(900) }
    }

    fn quota(self) -> Quota {
        let count = NonZeroU32::new(self.count).unwrap_or(NonZeroU32::MIN);
        Quota::with_period(self.per / count.get())
            .unwrap_or(Quota::per_minute(count))
            .allow_burst(count)
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} per {} min", self.count, self.per.as_secs() / 60)
    }
}

/// One limit, and everyone it has counted lately.
pub struct Counter<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    until_sweep: AtomicU32,
}

impl<K: Hash + Eq + Clone> Counter<K> {
    /// Nobody counted yet.
    pub fn new(limit: Limit) -> Self {
        Self {
            limiter: RateLimiter::keyed(limit.quota()),
            until_sweep: AtomicU32::new(SWEEP_EVERY),
        }
    }

    /// Counts one request of `who`.
    ///
    /// # Errors
    /// [`Error::TooMany`], with the time after which another is allowed.
    pub fn count(&self, who: &K) -> Result<()> {
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.until_sweep.store(SWEEP_EVERY, Ordering::Relaxed);
            self.limiter.retain_recent(); // whoever has not come lately need not be remembered
        }
        self.limiter.check_key(who).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            Error::TooMany { retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

const SWEEP_EVERY: u32 = 10_000;

/// The counters of all doors.
#[derive(Default)]
pub struct Limits {
    doors: RwLock<HashMap<&'static str, Arc<Counter<IpAddr>>>>,
}

impl Limits {
    /// Counts a request of `network` at the door `G`.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub fn count<G: Gate>(&self, network: IpAddr) -> Result<()> {
        self.door::<G>().count(&network)
    }

    fn door<G: Gate>(&self) -> Arc<Counter<IpAddr>> {
        let name = std::any::type_name::<G>();
        let doors = self.doors.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = doors.get(name) {
            return Arc::clone(counter);
        }
        drop(doors);
        let mut doors = self.doors.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(name).or_insert_with(|| Arc::new(Counter::new(G::LIMIT))))
    }
}
