//! One JSON line per request: which, where, how it ended, how long it took, what the cache did.
//!
//! No query values, no bodies, no addresses of people. Each thread gathers its lines and writes them together, so that
//! logging costs no system call and no lock per request.

use super::front::RequestId;
use std::cell::RefCell;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Lines wait at most so long.
pub const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// Or until there is this much of them, in bytes.
const FLUSH_AT: usize = 32 * 1024;

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

struct Lines(Vec<u8>);

impl Lines {
    fn flush(&mut self) {
        if !self.0.is_empty() {
            // A log nobody takes must not stop the site.
            let _ = std::io::stdout().lock().write_all(&self.0);
            self.0.clear();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

thread_local! {
    static LINES: RefCell<Lines> = const { RefCell::new(Lines(Vec::new())) };
}

static ON: AtomicBool = AtomicBool::new(false);

/// Has lines written to stdout from now on. `frontdesk serve` does; a library says nothing unasked.
pub fn switch_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Notes a request.
pub fn write(line: &Line<'_>) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    LINES.with_borrow_mut(|lines| {
        append(&mut lines.0, line);
        if lines.0.len() >= FLUSH_AT {
            lines.flush();
        }
    });
}

/// Writes out this thread's lines every now and then, for as long as the thread lives.
pub async fn keep_flushing() {
    loop {
        tokio::time::sleep(FLUSH_EVERY).await;
        LINES.with_borrow_mut(Lines::flush);
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
