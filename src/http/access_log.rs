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

type Lines = Arc<Mutex<Gathered>>;

/// What one thread has noted and nobody has taken yet.
#[derive(Default)]
struct Gathered {
    text: Vec<u8>,
    /// The second of the last line, as it is written; it changes once for thousands of lines.
    second: (i64, String),
}

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
        if lines.text.len() < MOST_KEPT {
            lines.append(line);
        }
    });
}

fn write_out(ends: &mpsc::Receiver<mpsc::Sender<()>>) {
    loop {
        let end = ends.recv_timeout(FLUSH_EVERY);
        let threads =
            LOG.get().map(|log| log.threads.lock().unwrap_or_else(PoisonError::into_inner).clone());
        for lines in threads.into_iter().flatten() {
            let taken =
                std::mem::take(&mut lines.lock().unwrap_or_else(PoisonError::into_inner).text);
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

impl Gathered {
    fn append(&mut self, line: &Line<'_>) {
        let second = line.at.unix_timestamp();
        if self.second.0 != second || self.second.1.is_empty() {
            let whole = line.at.replace_nanosecond(0).unwrap_or(line.at);
            self.second = (second, whole.format(&Rfc3339).unwrap_or_default().replace('Z', ""));
        }
        // Routes and cache results are ours; a method is a token (RFC 9110 §5.6.2), which holds no quote.
        let out = &mut self.text;
        out.extend_from_slice(br#"{"timestamp":""#);
        out.extend_from_slice(self.second.1.as_bytes());
        out.push(b'.');
        digits(out, line.at.microsecond().into(), 6, 10);
        out.extend_from_slice(br#"Z","level":"INFO","request":""#);
        digits(out, line.id.number(), 16, 16);
        for (name, value) in [
            (r#"","method":""#, line.method),
            (r#"","route":""#, line.route),
            (r#"","cache":""#, line.cache),
        ] {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(br#"","status":"#);
        digits(out, line.status.into(), 1, 10);
        out.extend_from_slice(br#","micros":"#);
        digits(out, u64::try_from(line.took.as_micros()).unwrap_or(u64::MAX), 1, 10);
        out.extend_from_slice(b"}\n");
    }
}

/// Writes `number` to `base`, with at least so many digits.
fn digits(out: &mut Vec<u8>, mut number: u64, least: usize, base: u64) {
    let start = out.len();
    while number > 0 || out.len() - start < least {
        out.push(b"0123456789abcdef"[(number % base) as usize]);
        number /= base;
    }
    out[start..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_line_is_one_json_document() {
        let line = |at| Line {
            id: RequestId::next(7),
            at,
            method: "GET",
            route: "/posts/{slug}",
            status: 200,
            cache: "frontdesk; hit",
            took: Duration::from_micros(1234),
        };
        let mut gathered = Gathered::default();
        gathered.append(&line(datetime!(2026-11-20 13:30:52.000_042 UTC)));
        gathered.append(&line(datetime!(2026-11-20 13:30:53 UTC)));
        let text = String::from_utf8(gathered.text).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["timestamp"], "2026-11-20T13:30:52.000042Z");
        assert_eq!(lines[1]["timestamp"], "2026-11-20T13:30:53.000000Z");
        assert_eq!(lines[0]["request"].as_str().unwrap().len(), 16);
        assert_eq!((&lines[0]["status"], &lines[0]["micros"]), (&200.into(), &1234.into()));
        assert_eq!(lines[0]["route"], "/posts/{slug}");
    }
}
