//! How often one caller may come to one door: a token bucket (GCRA) per door and network, by the `governor` crate.
//!
//! Counted in this process: with several instances each grants its share. Where that is not enough a limit is declared to hold
//! *everywhere*: then whoever is let pass here is counted in the database too, for all instances together.

use super::Gate;
use crate::app::App;
use crate::digest;
use crate::error::{Error, Result};
use crate::services::limits::{self, Draw, Drawn};
use crate::together::{self, Together};
use actix_web::web::Data;
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
    everywhere: bool,
}

impl Limit {
    /// `count` at once, and as many again evenly over each minute.
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: Duration::from_secs(60), everywhere: false }
    }

    /// `count` at once, and as many again evenly over each quarter of an hour.
    pub const fn per_quarter_hour(count: u32) -> Self {
        Self { count, per: Duration::from_secs(900), everywhere: false }
    }

    /// The same, counted for all instances together.
    #[must_use]
    pub const fn everywhere(self) -> Self {
        Self { everywhere: true, ..self }
    }

    /// Counts one more for the bucket `of`, wherever the others came, if this limit holds everywhere; then says how many may
    /// follow at once. Where the database is away what each instance counts by itself has to do.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub async fn draw(self, app: &Data<App>, of: [u8; 32]) -> Result<u32> {
        if !self.everywhere {
            return Ok(self.count);
        }
        let draw = Draw { bucket: of, size: self.count, pause: self.pause() };
        match app.draws.join(app, draw, draw_all).await {
            Ok(Drawn::Taken(remaining)) => Ok(remaining),
            Ok(Drawn::Empty(wait)) => {
                Err(Error::TooMany { retry_after_seconds: wait.as_secs() + 1 })
            }
            Err(Error::Unavailable(_)) => Ok(self.count),
            Err(error) => Err(error),
        }
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

    /// How long until one more may come.
    fn pause(self) -> Duration {
        self.per / self.count.max(1)
    }

    fn quota(self) -> Quota {
        let count = NonZeroU32::new(self.count).unwrap_or(NonZeroU32::MIN);
        Quota::with_period(self.pause()).unwrap_or(Quota::per_minute(count)).allow_burst(count)
    }
}

/// Those who are being counted everywhere at the same time.
pub type Draws = Together<Draw, Drawn>;

async fn draw_all(app: &App, all: &[Draw]) -> Vec<Result<Drawn>> {
    match app.ask(async |db| limits::draw(db, all).await).await {
        Ok(drawn) => drawn.into_iter().map(Ok).collect(),
        Err(error) => {
            tracing::warn!(%error, "how often callers come is counted by each instance alone");
            together::each(&Error::unavailable("nobody counts for all"), all.len())
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} per {} min", self.count, self.per.as_secs() / 60)?;
        if self.everywhere { f.write_str(" in all") } else { Ok(()) }
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

/// Counts a request of `network` that may change something at the door `G`: here, and everywhere if its limit holds there. Says
/// how many more may follow at once.
///
/// # Errors
/// [`Error::TooMany`].
pub async fn count_in_all<G: Gate>(app: &Data<App>, network: IpAddr) -> Result<u32> {
    let here = app.limits.count::<G>(network)?;
    let name = std::any::type_name::<G>();
    let bucket = digest::of_parts(["door", name, &network.to_string()]);
    Ok(G::LIMIT.draw(app, bucket).await?.min(here))
}

/// The counters of all doors.
#[derive(Default)]
pub struct Limits {
    doors: RwLock<HashMap<&'static str, Arc<Counter<IpAddr>>>>,
}

impl Limits {
    /// Counts a request of `network` at the door `G`, here, and says how many more may follow at once.
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
