//! The server's process, and the thread that looks after it.

use crate::{
    Error,
    error::Attempt,
    sys::{self, Signal},
};
use std::{
    fmt, io,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How long the server may take to end its sessions when it stops at once; it ends those that hang
/// after five seconds.
const HARD_STOP_LIMIT: Duration = Duration::from_secs(10);

/// A server that this process has started.
///
/// A thread of its own starts it, waits for its end, and does nothing else. The kernel's death
/// notice goes out when the *thread* that started the server ends; this one ends after the server,
/// or with the whole process.
#[derive(Debug)]
pub struct Server {
    pid: u32,
    life: Arc<Life>,
}

#[derive(Debug, Default)]
struct Life {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How it ended. While this is empty its number is its own: the process is reaped and this is
    /// filled in under one lock, and signals are sent under the same.
    ended: Option<ExitStatus>,
    asked_to_stop: bool,
    tell: Option<Box<dyn FnOnce(ExitStatus) + Send>>,
}

/// The server had to be stopped the hard way.
#[derive(Debug, PartialEq, Eq)]
pub struct Forced;

impl Server {
    /// Starts the server.
    pub fn spawn(command: Command) -> Result<Self, Error> {
        let life = Arc::new(Life::default());
        let (send, receive) = mpsc::channel();
        let keeper = Keeper { life: Arc::clone(&life), command };
        thread::Builder::new()
            .name("postgres keeper".into())
            .spawn(move || keeper.run(&send))
            .attempt(|| "start a thread".into())?;
        let started =
            receive.recv().unwrap_or_else(|_| Err(io::Error::other("its thread has ended")));
        Ok(Self { pid: started.attempt(|| "start postgres".into())?, life })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.life.lock().ended
    }

    /// Has `tell` called if the server ends unasked, or at once if it has already.
    pub fn on_unexpected_end(&self, tell: impl FnOnce(ExitStatus) + Send + 'static) {
        let mut state = self.life.lock();
        match state.ended {
            Some(status) if !state.asked_to_stop => {
                drop(state);
                thread::spawn(move || tell(status));
            }
            Some(_) => {}
            None => state.tell = Some(Box::new(tell)),
        }
    }

    /// Stops it: politely, after `limit` at once, and if even that does not help, by force. Returns
    /// when it is gone.
    pub fn stop(&self, limit: Duration) -> Result<ExitStatus, Forced> {
        if let Some(status) = self.life.signal_and_wait(self.pid, Signal::Fast, limit) {
            return Ok(status);
        }
        for signal in [Signal::Immediate, Signal::Kill] {
            if self.life.signal_and_wait(self.pid, signal, HARD_STOP_LIMIT).is_some() {
                break;
            }
        }
        Err(Forced)
    }
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal_and_wait(&self, pid: u32, signal: Signal, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        state.asked_to_stop = true;
        if state.ended.is_none() {
            // It cannot fail: the process is ours and, ended or not, still has its number.
            let _ = sys::send(pid, signal);
        }
        while state.ended.is_none() {
            let left = deadline.checked_duration_since(Instant::now())?;
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended
    }
}

/// What the thread needs.
struct Keeper {
    life: Arc<Life>,
    command: Command,
}

impl Keeper {
    fn run(mut self, started: &mpsc::Sender<io::Result<u32>>) {
        let child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => {
                // Whoever asked has stopped listening only if it is gone itself.
                let _ = started.send(Err(error));
                return;
            }
        };
        // The command holds copies of the log's file.
        drop(self.command);
        let _ = started.send(Ok(child.id()));
        Self::see_it_off(&self.life, child);
    }

    fn see_it_off(life: &Life, mut child: Child) {
        // If the system call is missing, reaping below waits as well; a signal could then, in
        // theory, go astray.
        let _ = sys::wait_unreaped(child.id());
        let mut state = life.lock();
        let status = child.wait().unwrap_or_default();
        state.ended = Some(status);
        life.changed.notify_all();
        let tell = state.tell.take().filter(|_| !state.asked_to_stop);
        drop(state);
        if let Some(tell) = tell {
            tell(status);
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("ended", &self.ended).finish_non_exhaustive()
    }
}
