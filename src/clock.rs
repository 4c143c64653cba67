//! Time and chance. Everything that depends on them is handed one of these, so that a test can hold them still.
//!
//! This is the one place that asks the machine for either (`clippy.toml` bans it elsewhere).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::{ContextV7, Timestamp, Uuid};

/// Moments since the process began, in microseconds. Never goes back; unrelated to the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `earlier` before this one, or the beginning.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(micros(earlier)))
    }

    /// The moment `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(micros(later)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The time of day, moments, ids and random bytes.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    ahead: AtomicU64,
    ids: std::sync::Mutex<ContextV7>,
}

impl Default for Clock {
    #[allow(clippy::disallowed_methods)] // the one place that may
    fn default() -> Self {
        Self { began: Instant::now(), ahead: AtomicU64::new(0), ids: ContextV7::new().into() }
    }
}

impl Clock {
    /// The current moment.
    #[allow(clippy::disallowed_methods)] // the one place that may
    pub fn moment(&self) -> Moment {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Moment(micros(Instant::now().duration_since(self.began)) + ahead)
    }

    /// The time of day, UTC.
    #[allow(clippy::disallowed_methods)] // the one place that may
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::from_micros(self.ahead.load(Ordering::Relaxed))
    }

    /// A new UUID v7 (RFC 9562): ids made later by this process sort later.
    pub fn id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let context = self.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.nanosecond()))
    }

    /// `N` bytes nobody can guess.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing safe could be done without it.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// `count` letters and digits nobody can guess, all of them equally likely.
    pub fn letters(&self, count: usize) -> String {
        let mut letters = String::with_capacity(count);
        while letters.len() < count {
            // 248 is the largest multiple of 62 in a byte; above it some letters would be likelier.
            let bytes = self.random::<32>().into_iter().filter(|byte| *byte < 248);
            letters.extend(
                bytes
                    .take(count - letters.len())
                    .map(|byte| char::from(LETTERS[usize::from(byte % 62)])),
            );
        }
        letters
    }

    /// Moves this clock ahead, for tests of what happens later.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(micros(by), Ordering::Relaxed);
    }
}

/// What keys and generated passwords are made of.
pub const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
