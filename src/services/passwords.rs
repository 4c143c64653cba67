//! Passwords: argon2id (OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1), a few at a time.
//!
//! A check costs 20 ms of a core and 19 MiB, so anyone could bring the site down by asking for many. At most one runs
//! per two cores, at most 16 wait, none waits longer than two seconds; the rest is told to come back. Never called
//! inside a transaction.
//!
//! They run in threads of their own, so that the memory they need is the same each time, and after everything else: pages
//! come first. Whoever hangs up keeps their place until their password is checked, or hanging up would be the way to have
//! many checked at once.

use crate::clock::Clock;
use crate::error::{Error, Result};
use anyhow::anyhow;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, password_hash::PasswordHasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

const MOST_WAITING: usize = 16;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

type Work = Box<dyn FnOnce() + Send>;

/// Where passwords are hashed and checked.
pub struct Passwords {
    at_once: usize,
    most: usize,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    usual: Arc<AtomicU64>,
    threads: Sender<Work>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let at_once = (cores / 2).max(1);
        let most = at_once + MOST_WAITING;
        Self {
            at_once,
            most,
            running: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::new(Semaphore::new(most)),
            usual: Arc::default(),
            threads: threads(at_once),
        }
    }
}

/// So many threads that do what is sent to them, until nobody can send any more.
fn threads(count: usize) -> Sender<Work> {
    let (sender, receiver) = channel::<Work>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        std::thread::spawn(move || work_off(&receiver));
    }
    sender
}

/// How much later than others: 10 of 19, so that sign-ins still get a tenth of a core that has too much to do.
const NICENESS: i32 = 10;

fn work_off(receiver: &Mutex<Receiver<Work>>) {
    // On Linux that is this thread alone. Where it cannot be said, they run like all others.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
    }
    loop {
        // Whoever waits here holds the lock; the others wait for that.
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // A thread that ended would never be there again.
        let _ = catch_unwind(AssertUnwindSafe(work));
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

    /// Whether there is a place for one more, for doors that would otherwise do other work first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where there is none.
    pub fn ensure_room(&self) -> Result<()> {
        let ahead = self.most - self.waiting.available_permits().min(self.most);
        let wait = self.usual.load(Ordering::Relaxed) * (ahead / self.at_once) as u64;
        // Whoever would have to wait too long is told so now, and not when they have.
        match ahead < self.most && Duration::from_micros(wait) < LONGEST_WAIT / 2 {
            true => Ok(()),
            false => Err(busy()),
        }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.ensure_room()?;
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.running).acquire_owned());
        let turn = turn.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let (usual, (done, outcome)) = (Arc::clone(&self.usual), oneshot::channel());
        let work = move || {
            let began = now();
            let outcome = work();
            learn(&usual, began.elapsed());
            drop((turn, place));
            let _ = done.send(outcome); // or they have hung up
        };
        self.threads.send(Box::new(work)).map_err(|_| busy())?;
        outcome.await.map_err(|_| Error::Internal(anyhow!("a password check has failed")))
    }
}

fn busy() -> Error {
    Error::unavailable("too many passwords are being checked")
}

/// How long a check takes of late, in microseconds: each counts an eighth.
fn learn(usual: &AtomicU64, took: Duration) {
    let (before, took) = (usual.load(Ordering::Relaxed), took.as_micros());
    let took = u64::try_from(took).unwrap_or(u64::MAX);
    usual.store(if before == 0 { took } else { before / 8 * 7 + took / 8 }, Ordering::Relaxed);
}

#[allow(clippy::disallowed_methods)] // how long something takes, which no test moves
fn now() -> Instant {
    Instant::now()
}

fn hash_now(password: &str, salt: &[u8]) -> Result<String> {
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| Error::Internal(anyhow!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Something to do that ends when it is told to.
    fn endless() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (end, ended) = mpsc::channel();
        (end, move || {
            let _ = ended.recv();
        })
    }

    #[tokio::test]
    async fn whoever_hangs_up_keeps_their_place_until_it_is_done() {
        let passwords = Passwords::default();
        let free = passwords.running.available_permits();
        let (end, work) = endless();
        let hung_up = tokio::time::timeout(Duration::from_millis(50), passwords.run(work)).await;
        assert!(hung_up.is_err());
        assert_eq!(passwords.running.available_permits(), free - 1);
        assert_eq!(passwords.waiting.available_permits(), passwords.most - 1);
        end.send(()).unwrap();
        while passwords.waiting.available_permits() < passwords.most {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(passwords.verify("x", None).await.is_ok_and(|right| !right));
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_told_at_once() {
        let passwords = Passwords { at_once: 1, ..Passwords::default() };
        learn(&passwords.usual, LONGEST_WAIT);
        assert!(passwords.ensure_room().is_ok(), "nobody is before them");
        let (end, work) = endless();
        let _ = tokio::time::timeout(Duration::from_millis(50), passwords.run(work)).await;
        assert!(matches!(passwords.run(|| ()).await, Err(Error::Unavailable(_))));
        end.send(()).unwrap();
        for _ in 0..40 {
            learn(&passwords.usual, Duration::from_millis(20));
        }
        assert!(passwords.usual.load(Ordering::Relaxed) < 40_000);
    }

    #[tokio::test]
    async fn a_check_that_panics_takes_no_thread_along() {
        let passwords = Passwords::default();
        for _ in 0..3 {
            assert!(passwords.run::<()>(|| panic!("a test")).await.is_err());
        }
        let hash = passwords.hash(&Clock::default(), "a sentence").await.unwrap();
        assert!(passwords.verify("a sentence", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("a Sentence", Some(hash)).await.unwrap());
    }
}
