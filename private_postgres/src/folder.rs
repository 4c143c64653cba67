//! What lies in the folder of a cluster, and who may touch it.
//!
//! | name | what it is |
//! |---|---|
//! | `owner.lock` | locked by the process that owns the cluster; holds its number |
//! | `server.lock` | locked while any Postgres program is at work here |
//! | `15/` | the data, named by the major version that wrote it |
//! | `15.new/` | data in the making; worthless unless renamed |
//! | `socket/`, or `socket.path` | the socket's folder, or where it is when this path is too long |
//! | `postgres.log`, `postgres.log.1` | what the server has to say, and the same from earlier |
//!
//! The locks are flocks. They vanish with the processes that hold them, however those end, and need
//! no process numbers, which the system gives out again and which mean nothing between two
//! containers that share the folder.

use crate::{
    Error,
    error::Attempt,
    sys::{self, Signal},
};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// A log beyond this is put aside at the next start.
const LOG_LIMIT: u64 = 10 << 20;
/// How many lines of the log go into an error message.
const LOG_TAIL: usize = 12;
/// How long another process may take to see whether the folder is owned (see [`Folder::is_owned`]).
const GLANCE: Duration = Duration::from_millis(300);
/// How long the server of an owner that was killed may take to shut down by itself.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long it may take after it was told to drop everything.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// The folder may belong to a lesser user than this process's; its files are not followed
/// elsewhere.
const NO_LINKS: i32 = libc::O_NOFOLLOW;
/// How long to wait before looking again.
pub const PAUSE: Duration = Duration::from_millis(5);

/// The folder of one cluster.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder unless it is there. It is closed to other users; what has to be made above
    /// it is not, because the server may have to pass through as one of them.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let attempt = || format!("make or open the folder {}", path.display());
        path.parent().map_or(Ok(()), fs::create_dir_all).attempt(attempt)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).attempt(attempt)?;
        // The working directory may change, and Postgres changes its own.
        Ok(Self { path: fs::canonicalize(path).attempt(attempt)? })
    }

    /// The folder if it is there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        match fs::canonicalize(path) {
            Ok(path) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotRunning { folder: path.to_owned() })
            }
            Err(error) => Err(error).attempt(|| format!("look into {}", path.display())),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The data in the folder and the version that wrote it; the newest, if somebody has left
    /// several.
    pub fn data(&self) -> Result<Option<(u32, PathBuf)>, Error> {
        let entries =
            fs::read_dir(&self.path).attempt(|| format!("look into {}", self.path.display()))?;
        let data = entries
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            // Data that is closed to us is data all the same, and not a place for new data.
            .filter(|(_, path): &(u32, PathBuf)| {
                path.join("PG_VERSION").try_exists().unwrap_or(true)
            })
            .max();
        Ok(data)
    }

    /// Takes possession of the folder for as long as the file is open.
    pub fn own(&self) -> Result<File, Error> {
        let path = self.join("owner.lock");
        let mut file = open_lock(&path)?;
        let deadline = Instant::now() + GLANCE;
        while !try_lock(&file, &path)? {
            if Instant::now() > deadline {
                return Err(Error::InUse { folder: self.path.clone(), owner: read_number(&path) });
            }
            thread::sleep(PAUSE);
        }
        let note = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).attempt(|| format!("write to {}", path.display()))?;
        Ok(file)
    }

    /// Whether some process owns the folder. To find out, the lock must be taken for a moment,
    /// shared; [`Folder::own`] allows for that.
    pub fn is_owned(&self) -> Result<bool, Error> {
        let path = self.join("owner.lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).attempt(|| format!("open {}", path.display())),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => {
                Err(error).attempt(|| format!("lock {}", path.display()))
            }
        }
    }

    /// Waits until no Postgres program is at work in the folder, and returns the lock that every
    /// program started from now on is to hold.
    ///
    /// An owner that was killed leaves a server behind. On Linux the kernel has told it to shut
    /// down; elsewhere nobody has. Either way it is told again here.
    pub fn wait_until_quiet(&self) -> Result<File, Error> {
        let path = self.join("server.lock");
        let file = open_lock(&path)?;
        let started = Instant::now();
        let mut told = None;
        while !try_lock(&file, &path)? {
            let waited = started.elapsed();
            if waited > PATIENCE + LAST_PATIENCE {
                return Err(Error::StillRunning {
                    folder: self.path.clone(),
                    pid: self.postmaster()?.map(|p| p.pid),
                });
            }
            let signal = if waited > PATIENCE { Signal::Immediate } else { Signal::Fast };
            if told != Some(signal)
                && let Some(postmaster) = self.postmaster()?.filter(Postmaster::is_alive)
                && sys::send(postmaster.pid, signal).is_ok()
            {
                told = Some(signal);
            }
            thread::sleep(PAUSE);
        }
        Ok(file)
    }

    /// Removes what a server that did not shut down has left. To be called with the lock of
    /// [`Folder::wait_until_quiet`] in hand.
    ///
    /// Postgres would clear most of this away itself, but where the number in the file now belongs
    /// to some other process, as it does after every restart of a container, it takes that one for
    /// a server and refuses to start.
    pub fn clear_leftovers(&self) -> Result<(), Error> {
        let Some(postmaster) = self.postmaster()? else { return Ok(()) };
        // It does not hold our lock, so somebody has started it by hand.
        if postmaster.is_alive() {
            return Err(Error::StillRunning {
                folder: self.path.clone(),
                pid: Some(postmaster.pid),
            });
        }
        remove_file(&postmaster.data.join("postmaster.pid"))
    }

    /// What the server has written down about itself, if there is one or was one that did not shut
    /// down.
    pub fn postmaster(&self) -> Result<Option<Postmaster>, Error> {
        let Some((_, data)) = self.data()? else { return Ok(None) };
        let file = data.join("postmaster.pid");
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Postmaster::parse(data, &text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt(|| format!("read {}", file.display())),
        }
    }

    /// The server's log, for appending.
    pub fn log(&self) -> Result<Log, Error> {
        let path = self.join("postgres.log");
        if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT) {
            fs::rename(&path, self.join("postgres.log.1"))
                .attempt(|| format!("rename {}", path.display()))?;
        }
        let open = || -> io::Result<(File, u64)> {
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .custom_flags(NO_LINKS)
                .open(&path)?;
            let from = file.metadata()?.len();
            Ok((file, from))
        };
        let (file, from) = open().attempt(|| format!("open {}", path.display()))?;
        Ok(Log { file, extract: LogExtract { path, from } })
    }
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub struct Postmaster {
    pub pid: u32,
    pub data: PathBuf,
    pub socket_folder: PathBuf,
    /// Whether it accepts connections.
    pub ready: bool,
}

impl Postmaster {
    /// One thing per line: process, data folder, start, port, socket folder, TCP address, shared
    /// memory, state. The file grows line by line while the server starts.
    fn parse(data: PathBuf, text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            data,
            socket_folder: lines.get(4).copied().unwrap_or_default().into(),
            ready: lines.get(7) == Some(&"ready"),
        })
    }

    /// Whether the process still exists and is a server at work on this data, and not one that got
    /// the number later.
    #[cfg(target_os = "linux")]
    fn is_alive(&self) -> bool {
        // A server works in its data folder, which may be a link to another disk. Where we may not
        // look, it is another user's process, and no server of ours.
        let works_in = fs::read_link(format!("/proc/{}/cwd", self.pid)).ok();
        works_in.is_some() && works_in == fs::canonicalize(&self.data).ok()
    }

    /// Whether the process still exists and is a server, and not some program that got the number
    /// later.
    #[cfg(not(target_os = "linux"))]
    fn is_alive(&self) -> bool {
        let ps = || {
            let number = self.pid.to_string();
            std::process::Command::new("ps").args(["-o", "command=", "-p", &number]).output()
        };
        ps().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
    }
}

/// The server's log.
#[derive(Debug)]
pub struct Log {
    /// For the server to append to.
    pub file: File,
    pub extract: LogExtract,
}

/// The part of a log that was written since this start.
#[derive(Clone, Debug)]
pub struct LogExtract {
    path: PathBuf,
    from: u64,
}

impl LogExtract {
    /// Its last lines.
    pub fn tail(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.from.max(length.saturating_sub(16 << 10))))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => last_lines(&text),
            Err(error) => format!("{} cannot be read: {error}", self.path.display()),
        }
    }
}

/// The end of what a program has written, for an error message.
pub fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}

/// Removes a file that may not be there.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).attempt(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_LINKS);
    options.open(path).attempt(|| format!("open {}", path.display()))
}

fn try_lock(file: &File, path: &Path) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => {
            Err(error).attempt(|| format!("lock {}", path.display()))
        }
    }
}

fn read_number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_server_is_ready_when_the_eighth_line_says_so() {
        let text = "17\n/data/15\n1700000000\n5432\n/data/socket\n\n  5432001  0\nready   \n";
        let postmaster = Postmaster::parse("/data/15".into(), text).unwrap();
        assert_eq!((postmaster.pid, postmaster.ready), (17, true));
        assert_eq!(postmaster.socket_folder, Path::new("/data/socket"));
        assert!(
            !Postmaster::parse("/data/15".into(), &text.replace("ready", "stopping"))
                .unwrap()
                .ready
        );
        assert!(!Postmaster::parse("/data/15".into(), "17\n/data/15\n").unwrap().ready);
        assert_eq!(Postmaster::parse("/data/15".into(), ""), None);
    }

    #[test]
    fn data_that_is_closed_to_us_is_data_all_the_same() {
        if sys::effective_ids().0 == 0 {
            eprintln!("passed over: nothing is closed to root");
            return;
        }
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::create(above.path()).unwrap();
        let data = folder.join("15");
        fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
        assert_eq!(folder.data().unwrap(), None, "an empty folder is none");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o000)).unwrap();
        assert_eq!(folder.data().unwrap(), Some((15, data)));
    }

    #[test]
    fn a_message_shows_the_end_of_the_log_and_no_empty_lines() {
        assert_eq!(last_lines(b"one\n\ntwo\n"), "one\ntwo");
        let long: String = (1..=100).map(|n| format!("{n}\n")).collect();
        assert_eq!(last_lines(long.as_bytes()).lines().count(), LOG_TAIL);
        assert!(last_lines(long.as_bytes()).ends_with("100"));
    }
}
