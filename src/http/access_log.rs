//! One JSON line per request: which, where, how it ended, how long it took, what the cache did.
//!
//! No query values, no bodies, no addresses of people. Each thread gathers its lines, and one thread of its own writes
//! them out together: a request pays neither a system call nor a lock that anyone else holds for long. A log that nobody
//! takes does not stop the site; then lines are lost.

use super::front::RequestId;
use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Lines wait at most so long.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// So much is kept of each thread's while nobody takes it, in bytes.
const MOST_KEPT: usize = 4 * 1024 * 1024;
/// How long the end of the process waits for the last lines to be taken.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// What is known of a request when it has been answered.
pub struct Line<'a> {
    /// Which.
    pub id: RequestId,
    /// When it had been answered.
    pub at: OffsetDateTime,
    /// How.
    pub method: &'a str,
    /// Where: the route, not the address.
    pub route: &'static str,
    /// How it ended.
    pub status: u16,
    /// `Cache-Status`.
    pub cache: &'a str,
    /// How long it took.
    pub took: Duration,
}

type Lines = Arc<Mutex<Vec<u8>>>;

/// The log of this process, once it is on.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    threads: Mutex<Vec<Lines>>,
    end: Mutex<mpsc::Sender<mpsc::Sender<()>>>,
}

thread_local! {
    static LINES: OnceLock<Lines> = const { OnceLock::new() };
}

/// Has lines written to stdout from now on. `frontdesk serve` does; a library says nothing unasked.
pub fn switch_on() {
    let (end, ends) = mpsc::channel();
    if LOG.set(Log { threads: Mutex::default(), end: end.into() }).is_ok() {
        std::thread::spawn(move || write_out(&ends));
    }
}

/// Writes out what there is, before the process ends.
pub fn finish() {
    let Some(log) = LOG.get() else { return };
    let (done, is_done) = mpsc::channel();
    let asked = log.end.lock().unwrap_or_else(PoisonError::into_inner).send(done);
    if asked.is_ok() {
        let _ = is_done.recv_timeout(LAST_WITHIN);
    }
}

/// Notes a request.
pub fn write(line: &Line<'_>) {
    let Some(log) = LOG.get() else { return };
    LINES.with(|lines| {
        let lines = lines.get_or_init(|| {
            let lines = Lines::default();
            log.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&lines));
            lines
        });
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MOST_KEPT {
            append(&mut lines, line);
        }
    });
}

fn write_out(ends: &mpsc::Receiver<mpsc::Sender<()>>) {
    loop {
        let end = ends.recv_timeout(FLUSH_EVERY);
        let threads =
            LOG.get().map(|log| log.threads.lock().unwrap_or_else(PoisonError::into_inner).clone());
        for lines in threads.into_iter().flatten() {
            let taken = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
            let _ = std::io::stdout().lock().write_all(&taken);
        }
        match end {
            Ok(done) => {
                let _ = done.send(()); // whoever asked may have stopped waiting
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn append(out: &mut Vec<u8>, line: &Line<'_>) {
    let Line { id, at, method, route, status, cache, took } = line;
    let micros = took.as_micros();
    // Writing to memory does not fail. Routes and cache results are ours; a method is a token (RFC 9110 §5.6.2), which
    // holds no quote.
    out.extend_from_slice(br#"{"timestamp":""#);
    let _ = at.format_into(out, &Rfc3339);
    let _ = writeln!(
        out,
        r#"","level":"INFO","request":"{id}","method":"{method}","route":"{route}","status":{status},"micros":{micros},"cache":"{cache}"}}"#
    );
}
