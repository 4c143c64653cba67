//! A private Postgres in a folder: found, set up, started and stopped by the program that uses it.
//!
//! Who starts Frontdesk for the first time has a folder and no database. This crate turns the
//! folder into a database that a real site can live on: durable, with checksums, reachable through
//! a socket that only its user can open, and gone when the process is gone, however that ended.
//!
//! - [`Cluster::start`] owns a cluster. A second owner is refused with [`Error::InUse`].
//! - [`url_of_running`] is for that second process: it finds the cluster of the first.
//!
//! It refuses to listen on the network, to upgrade data from one major version to the next, and to
//! share a folder.

mod error;
mod folder;
mod identity;
mod programs;
mod server;
mod socket;
mod sys;

pub use error::Error;

use error::Attempt;
use folder::{Folder, LogExtract, PAUSE, last_lines};
use identity::Runner;
use server::Server;
use socket::SocketFolder;
use std::{
    fs::{self, File},
    os::unix::{fs::DirBuilderExt, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};
use sys::Signal;

/// The oldest version of Postgres that is used.
pub const OLDEST_MAJOR: u32 = 15;

/// The role that the cluster is set up with, which may do everything in it.
const ROLE: &str = "frontdesk";
/// Recovery after a power cut takes as long as there is to read; giving up on it would only start
/// it anew.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long [`url_of_running`] waits.
const FIND_LIMIT: Duration = Duration::from_secs(60);
/// How long a fast shutdown may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What the data is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A real site: what was committed survives a power cut.
    Durable,
    /// Tests, on a memory file system: nothing is ever waited for, and a power cut may leave the
    /// data unreadable.
    Throwaway,
}

/// A running cluster that this process owns. Dropping it shuts it down, as [`Cluster::stop`] does,
/// without a report.
///
/// If the process is killed, Linux tells the server to shut down. On other systems the next start
/// finds the server and stops it first.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    socket: SocketFolder,
    log: LogExtract,
    // Last: fields are dropped in this order, and the folder is free only when the server is gone.
    _ownership: File,
}

impl Cluster {
    /// Starts the cluster in a folder, which is made and set up at first. Returns when it takes
    /// connections: after some 50 ms, the first time after one to three seconds.
    ///
    /// May be called from any thread. It blocks; in an asynchronous program, call it before the
    /// runtime starts or on a thread for blocking work.
    ///
    /// # Arguments
    ///
    /// - `folder`: a folder for this cluster and nothing else. The data will be in `{folder}/{major
    ///   version}`.
    /// - `durability`: what the data is worth. It may change from one start to the next.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if another process owns the folder, [`Error::NotInstalled`],
    /// [`Error::TooOld`] or [`Error::MajorMissing`] if the programs are missing,
    /// [`Error::Unreachable`] or [`Error::WrongOwner`] if no user can be found to run them as,
    /// [`Error::StillRunning`] if a server does not give way, [`Error::Initdb`], [`Error::Ended`]
    /// or [`Error::NotReady`] if Postgres fails, and [`Error::System`] for the rest.
    pub fn start(folder: &Path, durability: Durability) -> Result<Self, Error> {
        Self::start_with(folder, durability, true)
    }

    /// `namespaces` is false in tests of what happens where the kernel refuses them.
    fn start_with(folder: &Path, durability: Durability, namespaces: bool) -> Result<Self, Error> {
        let folder = Folder::create(folder)?;
        let ownership = folder.own()?;
        let work = folder.wait_until_quiet()?;
        folder.clear_leftovers()?;

        let existing = folder.data()?;
        let programs =
            programs::find(existing.as_ref().map(|(major, path)| (*major, path.as_path())))?;
        let major = programs.major;
        let data = existing.map(|(_, path)| path);
        let runner = Runner::choose(programs, &folder, data.as_deref(), namespaces)?;
        let data = match data {
            Some(data) => data,
            None => set_up(&folder, major, durability, &runner, &work)?,
        };
        let socket = SocketFolder::prepare(&folder, runner.other_user(), runner.user)?;
        let log = folder.log()?;

        let mut command = runner.command("postgres", &work, Signal::Fast);
        command.arg("-D").arg(&data).args(settings(durability));
        command.arg("-k").arg(socket.path());
        let stdout = log.file.try_clone().attempt(|| "open the log a second time".into())?;
        command.stdout(stdout).stderr(log.file);
        let server = Server::spawn(command)?;
        // From here on the lock is the server's alone: it is free as soon as the last of its
        // processes has ended.
        drop(work);

        let cluster = Self { server, socket, log: log.extract, _ownership: ownership };
        cluster.wait_until_ready(&folder)?;
        Ok(cluster)
    }

    fn wait_until_ready(&self, folder: &Folder) -> Result<(), Error> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.server.ended() {
                return Err(Error::Ended { status: status.to_string(), log: self.log.tail() });
            }
            if folder.postmaster()?.is_some_and(|it| it.pid == self.pid() && it.ready) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::NotReady {
                    seconds: START_LIMIT.as_secs(),
                    log: self.log.tail(),
                });
            }
            thread::sleep(PAUSE);
        }
    }

    /// The address of a database in this cluster, for sqlx and for psql. It holds no secret.
    ///
    /// # Arguments
    ///
    /// - `database`: its name. It is not checked whether it exists; `postgres` always does.
    pub fn url(&self, database: &str) -> String {
        socket::url(self.socket.path(), ROLE, database)
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether the server is still there.
    pub fn is_running(&self) -> bool {
        self.server.ended().is_none()
    }

    /// Calls `tell` once if the server ends although nobody asked it to, on a thread of its own.
    ///
    /// # Arguments
    ///
    /// - `tell`: gets an [`Error::Ended`] with the end of the server's log. A second call replaces
    ///   the first one's.
    pub fn on_unexpected_end(&self, tell: impl FnOnce(Error) + Send + 'static) {
        let log = self.log.clone();
        self.server.on_unexpected_end(move |status| {
            tell(Error::Ended { status: status.to_string(), log: log.tail() });
        });
    }

    /// Shuts the server down and waits for it. Open sessions are ended, so finish their work first.
    ///
    /// # Errors
    ///
    /// [`Error::StopForced`] if it did not finish within ten seconds and had to be stopped at once,
    /// [`Error::Ended`] if it did not end well or had ended before. Either way it is gone, and
    /// nothing committed is lost.
    pub fn stop(self) -> Result<(), Error> {
        let stopped = self.server.stop(STOP_LIMIT);
        self.socket.dismantle();
        match stopped {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::Ended { status: status.to_string(), log: self.log.tail() }),
            Err(server::Forced) => Err(Error::StopForced { seconds: STOP_LIMIT.as_secs() }),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // After `stop` there is nothing left to do here.
        let _ = self.server.stop(STOP_LIMIT);
        self.socket.dismantle();
    }
}

/// The address of a database in a cluster that another process runs in this folder: for a command
/// on the shell beside a running site. Waits until the cluster takes connections, at most a minute.
///
/// # Arguments
///
/// - `folder`: the folder that the other process gave to [`Cluster::start`].
/// - `database`: the name of the database.
///
/// # Errors
///
/// [`Error::NotRunning`] as soon as it is clear that no process owns the folder,
/// [`Error::NotReady`] after a minute, [`Error::System`] if the folder is closed to this user.
pub fn url_of_running(folder: &Path, database: &str) -> Result<String, Error> {
    let folder = Folder::open(folder)?;
    let deadline = Instant::now() + FIND_LIMIT;
    loop {
        if !folder.is_owned()? {
            return Err(Error::NotRunning { folder: folder.path().to_owned() });
        }
        // A server that was killed leaves a file behind that still says "ready"; only the socket
        // tells the truth.
        if let Some(postmaster) = folder.postmaster()?
            && postmaster.ready
            && UnixStream::connect(socket::socket_in(&postmaster.socket_folder)).is_ok()
        {
            return Ok(socket::url(&postmaster.socket_folder, ROLE, database));
        }
        if Instant::now() > deadline {
            return Err(Error::NotReady {
                seconds: FIND_LIMIT.as_secs(),
                log: "another process is starting it".into(),
            });
        }
        thread::sleep(PAUSE * 4);
    }
}

/// Makes the data folder under another name and renames it when it is complete.
fn set_up(
    folder: &Folder,
    major: u32,
    durability: Durability,
    runner: &Runner,
    work: &File,
) -> Result<PathBuf, Error> {
    let (draft, data) = (folder.join(&format!("{major}.new")), folder.join(&major.to_string()));
    // What is there was left by a start that was cut short. Nobody is at work on it, for we hold
    // the lock.
    if draft.exists() {
        fs::remove_dir_all(&draft).attempt(|| format!("remove {}", draft.display()))?;
    }
    // Made here and not by initdb, which may run as a user who has no right to.
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .attempt(|| format!("make the folder {}", draft.display()))?;
    runner.give(&draft)?;
    let mut command = runner.command("initdb", work, Signal::Kill);
    initdb_arguments(&mut command, &draft, durability);
    let output = command.output().attempt(|| "start initdb".into())?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        return Err(Error::Initdb { status: output.status.to_string(), output: last_lines(&text) });
    }
    fs::rename(&draft, &data)
        .and_then(|()| File::open(folder.path())?.sync_all())
        .attempt(|| format!("rename {}", draft.display()))?;
    Ok(data)
}

fn initdb_arguments(command: &mut Command, data: &Path, durability: Durability) {
    command.arg("-D").arg(data).args([
        "-U",
        ROLE,
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
    ]);
    // The socket's folder decides who comes in. Should anyone ever switch TCP on, nobody comes in
    // that way.
    command.args(["--auth-local=trust", "--auth-host=reject"]);
    // Text sorts by code point: the same everywhere, and an update of the C library cannot turn
    // indexes invalid.
    if cfg!(target_os = "macos") {
        command.args(["--locale=C", "--lc-ctype=UTF-8"]);
    } else {
        command.arg("--locale=C.UTF-8");
    }
    if durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
}

/// What the server is told on the command line, where it overrides whatever the files in the data
/// folder say.
fn settings(durability: Durability) -> Vec<String> {
    let always = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "timezone=UTC",
        "log_timezone=UTC",
        // One site. What Postgres does not take, the file cache has.
        "shared_buffers=64MB",
        // Queries of a site are short: compiling them costs more than running them.
        "jit=off",
        "log_destination=stderr",
        "logging_collector=off",
        "log_line_prefix=%m [%p] ",
        // What people send in must not reach a log. An error of a statement goes to the
        // application, which knows what may be told; its message may quote the value it is about.
        // "log" is above "error" here: what remains is what the server has to say about itself, and
        // the rest is the same rule again for what might slip through.
        "log_min_messages=log",
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
        "log_statement=none",
        "log_min_duration_statement=-1",
    ];
    let by_worth: &[&str] = match durability {
        Durability::Durable => {
            &["max_connections=100", "fsync=on", "synchronous_commit=on", "full_page_writes=on"]
        }
        Durability::Throwaway => &[
            // Many tests at once, each with a pool of its own.
            "max_connections=200",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
        ],
    };
    let port = format!("port={}", socket::PORT);
    let all = always.iter().chain(by_worth).copied().chain([port.as_str()]);
    all.flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
}

#[cfg(test)]
mod tests;
