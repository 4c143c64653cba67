//! Passwords: argon2id (OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1), a few at a time.
//!
//! A check costs 20 ms of a core and 19 MiB, so anyone could bring the site down by asking for many. At most one runs
//! per two cores, at most 16 wait, none waits longer than two seconds; the rest is told to come back. Never called
//! inside a transaction.

use crate::clock::Clock;
use crate::error::{Error, Result};
use anyhow::anyhow;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, password_hash::PasswordHasher};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::Semaphore;

const MOST_WAITING: usize = 16;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where passwords are hashed and checked.
pub struct Passwords {
    running: Semaphore,
    waiting: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let at_once = (cores / 2).max(1);
        Self { running: Semaphore::new(at_once), waiting: Semaphore::new(at_once + MOST_WAITING) }
    }
}

impl Passwords {
    /// The hash to store for `password`, as a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many are waiting.
    pub async fn hash(&self, clock: &Clock, password: &str) -> Result<String> {
        let (password, salt) = (password.to_owned(), clock.random::<16>());
        self.run(move || hash_now(&password, &salt)).await?
    }

    /// Whether `password` is the one behind `hash`. Without a hash, for an account that does not exist, the same work
    /// is done in the same time, and the answer is no.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many are waiting.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool> {
        static NOBODYS: LazyLock<String> =
            LazyLock::new(|| hash_now("a password nobody has", &[0; 16]).unwrap_or_default());
        let password = password.to_owned();
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODYS.clone());
            let parsed = PasswordHash::new(&hash).map_err(|e| Error::Internal(anyhow!("{e}")))?;
            let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(right && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::unavailable("too many passwords are being checked");
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = tokio::time::timeout(LONGEST_WAIT, self.running.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))
    }
}

fn hash_now(password: &str, salt: &[u8]) -> Result<String> {
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| Error::Internal(anyhow!("{error}")))
}
