//! What can go wrong with a private Postgres, and what the person who runs it is told to do.

use std::{io, path::PathBuf};

/// Why a private Postgres could not be started, found or stopped, worded for the person who runs
/// the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process owns the folder and runs its cluster.
    #[error(
        "{} is in use by {}: stop it, or choose another DATA_DIR",
        folder.display(),
        process(*owner)
    )]
    InUse {
        /// The folder in question.
        folder: PathBuf,
        /// The process that owns it, where that could be read.
        owner: Option<u32>,
    },

    /// Postgres' server programs are nowhere to be found.
    #[error(
        "no Postgres server programs found: {INSTALL}, or set DATABASE_URL to a Postgres that runs elsewhere"
    )]
    NotInstalled,

    /// Only versions below [`OLDEST_MAJOR`](crate::OLDEST_MAJOR) were found.
    #[error(
        "Postgres {found} is too old: {INSTALL}, or set DATABASE_URL to a Postgres of version 15 or newer"
    )]
    TooOld {
        /// The newest version there is.
        found: u32,
    },

    /// The folder holds the data of a version whose programs are not installed (any more).
    #[error(
        "the data in {} belongs to Postgres {major}, which is not installed: install \
         postgresql-{major} again (or move the folder away to start empty)",
        data.display()
    )]
    MajorMissing {
        /// The version that wrote the data.
        major: u32,
        /// The data folder.
        data: PathBuf,
    },

    /// Running as root, which Postgres refuses, and none of the other users can work in the folder.
    #[error(
        "Postgres does not run as root, and {tried} cannot work in {}: make every folder above it \
         searchable (chmod o+x), start as another user, or set DATABASE_URL",
        folder.display()
    )]
    Unreachable {
        /// The folder in question.
        folder: PathBuf,
        /// Who was tried, for the message.
        tried: String,
    },

    /// The data belongs to another user than the one that runs this process.
    #[error("the data in {} belongs to user {owner}: start as that user", data.display())]
    WrongOwner {
        /// The data folder.
        data: PathBuf,
        /// Name or number of the user who owns it.
        owner: String,
    },

    /// A server is at work on the data that this program did not start, or that would not stop.
    #[error("Postgres is still at work in {}: stop {} first", folder.display(), process(*pid))]
    StillRunning {
        /// The folder in question.
        folder: PathBuf,
        /// The server's process, where known.
        pid: Option<u32>,
    },

    /// No process runs a cluster in this folder.
    #[error("no Postgres is running in {}", folder.display())]
    NotRunning {
        /// The folder in question.
        folder: PathBuf,
    },

    /// The data folder could not be made.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How initdb ended.
        status: String,
        /// The last lines it wrote.
        output: String,
    },

    /// The server ended although nobody asked it to, or did not end well.
    #[error("Postgres ended ({status}): {log}")]
    Ended {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        log: String,
    },

    /// The server takes no connections within the time allowed.
    #[error("Postgres is not ready after {seconds} s: {log}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },

    /// The server did not finish a fast shutdown in time and was stopped the hard way. Nothing that
    /// was committed is lost: the next start recovers it from the write-ahead log.
    #[error(
        "Postgres did not shut down within {seconds} s and was stopped at once; the next start recovers"
    )]
    StopForced {
        /// How long it was waited for.
        seconds: u64,
    },

    /// The folder's path is too long for a socket in it, and no short folder can be made elsewhere.
    #[error(
        "the path {} is too long for a socket, and no private folder could be made in /tmp or \
         XDG_RUNTIME_DIR: choose a shorter DATA_DIR",
        folder.display()
    )]
    NoSocketFolder {
        /// The folder in question.
        folder: PathBuf,
    },

    /// The operating system refused something.
    #[error("could not {attempt}: {cause}")]
    System {
        /// What was tried.
        attempt: String,
        /// What the system said.
        cause: io::Error,
    },
}

#[cfg(target_os = "macos")]
const INSTALL: &str = "install PostgreSQL 15 or newer (brew install postgresql@17)";
#[cfg(not(target_os = "macos"))]
const INSTALL: &str = "install PostgreSQL 15 or newer (Debian, Ubuntu: apt-get install postgresql)";

fn process(owner: Option<u32>) -> String {
    owner.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

/// Adds to an I/O error what was being tried.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|cause| Error::System { attempt: what(), cause })
    }
}
