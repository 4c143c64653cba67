//! How often one caller may come to one door: a token bucket (GCRA) per door and network, by the `governor` crate.
//!
//! Counted in this process: with several instances each grants its share.

use super::Gate;
use crate::error::{Error, Result};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
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

    /// As programs read it (IETF draft "RateLimit header fields for HTTP"): a quota, and its window in seconds.
    pub fn policy(self) -> String {
        format!("\"door\";q={};w={}", self.count, self.per.as_secs())
    }

    /// How a caller stands who may come `remaining` times more at once: that, and the seconds until it is all of them again.
    pub fn standing(self, remaining: u32) -> String {
        let used = f64::from(self.count.saturating_sub(remaining));
        let full = (self.per.as_secs_f64() * used / f64::from(self.count.max(1))).ceil();
        format!("\"door\";r={remaining};t={full}")
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

type Limiter<K> =
    RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// One limit, and everyone it has counted lately.
pub struct Counter<K: Hash + Eq + Clone> {
    limiter: Limiter<K>,
    until_sweep: AtomicU32,
}

impl<K: Hash + Eq + Clone> Counter<K> {
    /// Nobody counted yet.
    pub fn new(limit: Limit) -> Self {
        Self {
            limiter: RateLimiter::keyed(limit.quota()).with_middleware(),
            until_sweep: AtomicU32::new(SWEEP_EVERY),
        }
    }

    /// Counts one request of `who`, and says how many more may follow at once.
    ///
    /// # Errors
    /// [`Error::TooMany`], with the time after which another is allowed.
    pub fn count(&self, who: &K) -> Result<u32> {
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.until_sweep.store(SWEEP_EVERY, Ordering::Relaxed);
            self.limiter.retain_recent(); // whoever has not come lately need not be remembered
        }
        let counted = self.limiter.check_key(who);
        counted.map(|state| state.remaining_burst_capacity()).map_err(|refused| {
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
    /// Counts a request of `network` at the door `G`, and says how many more may follow at once.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub fn count<G: Gate>(&self, network: IpAddr) -> Result<u32> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_told_how_they_stand() {
        let limit = Limit::per_minute(30);
        assert_eq!(limit.policy(), "\"door\";q=30;w=60");
        assert_eq!(limit.standing(30), "\"door\";r=30;t=0");
        assert_eq!(limit.standing(29), "\"door\";r=29;t=2");
        assert_eq!(limit.standing(0), "\"door\";r=0;t=60");
        let counter = Counter::new(limit);
        assert_eq!((counter.count(&1).unwrap(), counter.count(&1).unwrap()), (29, 28));
        assert_eq!(counter.count(&2).unwrap(), 29);
    }
}
