//! The system calls that the standard library does not offer, each behind a safe function. All
//! `unsafe` of the repository is in this file.
#![allow(unsafe_code, reason = "fork, user lookup and signals have no safe interface in std")]

use std::{
    ffi::{CStr, CString},
    io,
    os::{fd::RawFd, unix::process::CommandExt},
    process::Command,
    ptr,
};

/// A user of this machine, as the password database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// The user and the group this process acts as.
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: both calls only read the process's credentials and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Looks a user up by name.
pub fn user_named(name: &CStr) -> Option<User> {
    // SAFETY: `name` is NUL-terminated and outlives the call; the other pointers come from `lookup`
    // and are valid.
    lookup(|entry, buffer, size, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), entry, buffer, size, found)
    })
}

/// Looks a user up by number.
pub fn user_numbered(uid: u32) -> Option<User> {
    // SAFETY: the pointers come from `lookup` and are valid for the call.
    lookup(|entry, buffer, size, found| unsafe {
        libc::getpwuid_r(uid, entry, buffer, size, found)
    })
}

fn lookup(
    ask: impl Fn(
        *mut libc::passwd,
        *mut libc::c_char,
        libc::size_t,
        *mut *mut libc::passwd,
    ) -> libc::c_int,
) -> Option<User> {
    // Directory services may return long entries; beyond a megabyte something is wrong, and no name
    // is an answer.
    for size in [1 << 12, 1 << 16, 1 << 20] {
        let mut buffer: Vec<libc::c_char> = vec![0; size];
        // SAFETY: `passwd` is a plain C struct of integers and pointers, for which all zeroes is a
        // valid value.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = ptr::null_mut();
        match ask(&mut entry, buffer.as_mut_ptr(), buffer.len(), &mut found) {
            libc::ERANGE => continue,
            0 if !found.is_null() => {
                // SAFETY: on success `pw_name` points to a NUL-terminated string inside `buffer`,
                // which is still alive.
                let name = unsafe { CStr::from_ptr(entry.pw_name) }.to_string_lossy().into_owned();
                return Some(User { name, uid: entry.pw_uid, gid: entry.pw_gid });
            }
            _ => return None,
        }
    }
    None
}

/// What Postgres does on a signal. These three are its whole shutdown protocol, and the last
/// resort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Fast shutdown: open sessions are ended, everything is written, the server exits.
    Fast,
    /// Immediate shutdown: nothing is written; the next start recovers from the write-ahead log.
    Immediate,
    /// No shutdown at all.
    Kill,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Fast => libc::SIGINT,
            Self::Immediate => libc::SIGQUIT,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// Sends a signal to a process. The caller makes sure that the number still means the process it
/// thinks of.
pub fn send(pid: u32, signal: Signal) -> io::Result<()> {
    // SAFETY: kill takes two integers. `process_number` never yields 0 or a negative number, which
    // would mean groups.
    check(unsafe { libc::kill(process_number(pid)?, signal.number()) })
}

fn process_number(pid: u32) -> io::Result<libc::pid_t> {
    libc::pid_t::try_from(pid)
        .ok()
        .filter(|pid| *pid > 0)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Blocks until the child `pid` has ended, and leaves it unreaped: until somebody reaps it, its
/// number cannot be given to another process, so that signals sent in the meantime cannot hit a
/// stranger.
pub fn wait_unreaped(pid: u32) -> io::Result<()> {
    let pid = libc::id_t::from(pid);
    loop {
        // SAFETY: `siginfo_t` is a plain C struct, for which all zeroes is a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is valid for writing during the call; the rest are integers.
        let answer = check(unsafe {
            libc::waitid(libc::P_PID, pid, &mut info, libc::WEXITED | libc::WNOWAIT)
        });
        match answer {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => return other,
        }
    }
}

/// Who a child process becomes before it runs its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The same user as this process.
    Same,
    /// The same user, seen from inside a user namespace as another one. Postgres refuses to run as
    /// root; in here root goes by the name of an ordinary user while its files stay root's, and it
    /// has no privileges left.
    Mapped {
        /// The user it appears to be.
        uid: u32,
        /// The group it appears to be in.
        gid: u32,
    },
    /// Really another user.
    Other {
        /// The user it becomes.
        uid: u32,
        /// The group it becomes a member of; all others are given up.
        gid: u32,
    },
}

/// What a child does between fork and exec.
#[derive(Debug)]
pub struct Birth {
    /// Who it becomes.
    pub identity: Identity,
    /// A file that stays open in the child and everything it starts: the lock that says "somebody
    /// is at work here".
    pub keep_open: Option<RawFd>,
    /// What it gets when the thread that started it ends, which is also when this process is
    /// killed.
    pub when_orphaned: Signal,
    /// A folder it must be able to write to, or else the start fails.
    pub must_write_to: Option<CString>,
    /// A folder it must be able to enter, or else the start fails.
    pub must_enter: Option<CString>,
}

/// Makes `command` go through `birth` when it is started.
pub fn prepare(command: &mut Command, birth: Birth) {
    let parent = std::process::id();
    let (uid, gid) = effective_ids();
    // Formatted here: after the fork, memory must not be allocated.
    let (uid_map, gid_map) = match birth.identity {
        Identity::Mapped { uid: u, gid: g } => (format!("{u} {uid} 1"), format!("{g} {gid} 1")),
        _ => Default::default(),
    };
    let step = move || {
        new_session()?;
        default_signals()?;
        match birth.identity {
            Identity::Same => {}
            Identity::Mapped { .. } => enter_namespace(uid_map.as_bytes(), gid_map.as_bytes())?,
            Identity::Other { uid, gid } => become_user(uid, gid)?,
        }
        if let Some(file) = birth.keep_open {
            // SAFETY: `file` is open here, because it was when the process forked; the rest are
            // integers.
            check(unsafe { libc::fcntl(file, libc::F_SETFD, 0) })?;
        }
        // After the change of identity, which would clear it.
        die_with_parent(parent, birth.when_orphaned.number())?;
        if let Some(folder) = &birth.must_enter {
            // SAFETY: `folder` is NUL-terminated and alive.
            check(unsafe { libc::access(folder.as_ptr(), libc::X_OK) })?;
        }
        if let Some(folder) = &birth.must_write_to {
            // SAFETY: `folder` is NUL-terminated and alive.
            check(unsafe { libc::access(folder.as_ptr(), libc::R_OK | libc::W_OK | libc::X_OK) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only calls that POSIX lists as async-signal-safe, and bare
    // Linux system calls, are made; nothing allocates, locks or unwinds. What the closure owns was
    // made before the fork.
    unsafe { command.pre_exec(step) };
}

/// A session of its own, hence a process group of its own: Ctrl-C in the terminal and the end of
/// the terminal reach the application alone, which ends the child when it has finished its own
/// work.
fn new_session() -> io::Result<()> {
    // SAFETY: setsid takes no arguments.
    check(unsafe { libc::setsid() })
}

/// A shell starts background jobs with SIGINT ignored, and that would be inherited: a death notice
/// that arrives before Postgres has installed its handlers would go unheard.
fn default_signals() -> io::Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGHUP] {
        // SAFETY: SIG_DFL is a valid disposition for each of these.
        if unsafe { libc::signal(signal, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn enter_namespace(uid_map: &[u8], gid_map: &[u8]) -> io::Result<()> {
    // SAFETY: unshare takes an integer; the child has a single thread, as a new user namespace
    // demands.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER) })?;
    // Without a privilege in the outer namespace a group map is accepted only when setgroups is
    // denied first.
    write_whole(c"/proc/self/setgroups", b"deny")?;
    write_whole(c"/proc/self/uid_map", uid_map)?;
    write_whole(c"/proc/self/gid_map", gid_map)
}

#[cfg(not(target_os = "linux"))]
fn enter_namespace(_uid_map: &[u8], _gid_map: &[u8]) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// Writes in a single call, as the files in /proc want it.
#[cfg(target_os = "linux")]
fn write_whole(path: &CStr, content: &[u8]) -> io::Result<()> {
    // SAFETY: `path` is NUL-terminated.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(file)?;
    // SAFETY: `file` is open, `content` is valid for its length.
    let written = unsafe { libc::write(file, content.as_ptr().cast(), content.len()) };
    let result =
        if written == content.len() as isize { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: `file` was opened above and is closed once.
    unsafe { libc::close(file) };
    result
}

fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // Groups first: once the user has changed, there is no right left to change them.
    // SAFETY: an empty list of groups needs no pointer.
    check(unsafe { libc::setgroups(0, ptr::null()) })?;
    // SAFETY: setgid and setuid take integers.
    check(unsafe { libc::setgid(gid) })?;
    // SAFETY: as above.
    check(unsafe { libc::setuid(uid) })
}

#[cfg(target_os = "linux")]
fn die_with_parent(parent: u32, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) })?;
    // The parent may have died before the wish was noted; then the notice will never come.
    // SAFETY: getppid takes no arguments.
    if unsafe { libc::getppid() } as u32 == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

/// Elsewhere the kernel has no such service: a server that outlived its owner is found and stopped
/// at the next start.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_parent: u32, _signal: libc::c_int) -> io::Result<()> {
    Ok(())
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
