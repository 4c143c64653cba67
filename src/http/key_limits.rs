//! How often a key may be used in a minute, where its owner has said so: a token bucket (GCRA) per key.
//!
//! Counted in this process, as the limits of doors are. Whether a key is good is not known here: of each secret that was
//! let in when it last came it is remembered whose it is, so that a key that comes too often is turned away before the database is asked.

use crate::clock::Moment;
use crate::error::{KeyRefusal, Result};
use crate::services::keys::{Left, Presented};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use uuid::Uuid;

/// How many secrets are remembered; past that all are forgotten, and counted anew.
const MOST: usize = 10_000;
/// How often this process notes at most that a key is in use.
const NOTE_EVERY: Duration = Duration::from_secs(10);

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// A key's own limit.
struct Bucket {
    limit: NonZeroU32,
    limiter: Limiter,
}

impl Bucket {
    fn new(limit: NonZeroU32) -> Self {
        let limiter = RateLimiter::direct(Quota::per_minute(limit)).with_middleware();
        Self { limit, limiter }
    }

    fn count(&self) -> Result<Left> {
        let limit = self.limit.get();
        let counted = self.limiter.check().map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            KeyRefusal::TooOften { limit, retry_after_seconds: wait.as_secs() + 1 }
        })?;
        let remaining = counted.remaining_burst_capacity();
        let spent = u64::from(limit.saturating_sub(remaining));
        Ok(Left { limit, remaining, reset_seconds: (spent * 60).div_ceil(u64::from(limit)) })
    }
}

#[derive(Default)]
struct Known {
    secrets: HashMap<Presented, Uuid>,
    keys: HashMap<Uuid, Arc<Bucket>>,
}

/// The limits of all keys.
#[derive(Default)]
pub struct KeyLimits {
    known: RwLock<Known>,
    noted: Mutex<HashMap<Uuid, Moment>>,
}

/// A request that was counted, or was not as nobody knew whose key it is.
pub struct Counted(Option<Left>);

impl KeyLimits {
    /// Counts a request with a key that was let in before.
    ///
    /// # Errors
    /// [`KeyRefusal::TooOften`].
    pub fn count(&self, presented: &Presented) -> Result<Counted> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let bucket = known.secrets.get(presented).and_then(|key| known.keys.get(key));
        bucket.map(|bucket| bucket.count()).transpose().map(Counted)
    }

    /// Remembers whose the key is that was let in, and counts the request if that is still to be done.
    ///
    /// # Errors
    /// [`KeyRefusal::TooOften`].
    pub fn settle(
        &self,
        presented: &Presented,
        key: Uuid,
        per_minute: Option<u32>,
        Counted(left): Counted,
    ) -> Result<Option<Left>> {
        let limit = per_minute.and_then(NonZeroU32::new);
        if left.map(|left| left.limit) == limit.map(NonZeroU32::get) {
            return Ok(left);
        }
        let bucket = self.remember(presented, key, limit);
        bucket.map(|bucket| bucket.count()).transpose()
    }

    /// Forgets a secret that was not let in: whoever has an old one must not use up what the key may do.
    pub fn forget(&self, presented: &Presented) {
        let is_known = |known: &Known| known.secrets.contains_key(presented);
        if is_known(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.secrets.remove(presented);
        }
    }

    fn remember(
        &self,
        presented: &Presented,
        key: Uuid,
        limit: Option<NonZeroU32>,
    ) -> Option<Arc<Bucket>> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(limit) = limit else {
            known.keys.remove(&key);
            return None;
        };
        if known.secrets.len() >= MOST {
            *known = Known::default();
        }
        known.secrets.insert(*presented, key);
        // Another secret of the same key may have been here before: they have one limit together.
        let bucket = known.keys.get(&key).filter(|bucket| bucket.limit == limit).cloned();
        let bucket = bucket.unwrap_or_else(|| Arc::new(Bucket::new(limit)));
        known.keys.insert(key, Arc::clone(&bucket));
        Some(bucket)
    }

    /// Whether it is this request's turn to note that the key is in use: many may have found that it is time to.
    pub fn is_to_be_noted(&self, key: Uuid, now: Moment) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key).is_some_and(|last| now.since(*last) < NOTE_EVERY) {
            return false;
        }
        if noted.len() >= MOST {
            noted.clear();
        }
        noted.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::services::keys::{Kind, Secret};

    fn secret(letter: &str) -> Presented {
        Presented::read(Secret::new(Kind::Live, &letter.repeat(30)).reveal().as_bytes()).unwrap()
    }

    #[test]
    fn two_secrets_of_one_key_have_one_limit() {
        let (limits, key) = (KeyLimits::default(), Uuid::from_u128(1));
        let come = |presented: &Presented, limit| {
            limits.settle(presented, key, limit, limits.count(presented)?)
        };
        let left = come(&secret("a"), Some(2)).unwrap().unwrap();
        assert_eq!((left.limit, left.remaining, left.reset_seconds), (2, 1, 30));
        assert_eq!(come(&secret("b"), Some(2)).unwrap().unwrap().remaining, 0);
        for presented in [secret("a"), secret("b")] {
            assert!(matches!(
                limits.count(&presented),
                Err(Error::Key(KeyRefusal::TooOften { .. }))
            ));
        }
        // Another key is another matter, and so is one without a limit.
        assert!(limits.settle(&secret("c"), Uuid::from_u128(2), Some(1), Counted(None)).is_ok());
        assert_eq!(come(&secret("d"), None).unwrap(), None);
    }
}
