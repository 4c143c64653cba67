//! Readers who come when they come, however long others are kept waiting: load at fixed moments, without coordinated
//! omission. Who finds every connection taken waits, and has been waiting since the moment they came.
//!
//! One thread that keeps looking: timers and wake-ups cost more than a kept page does. At high rates it takes a
//! processor for itself and gives way to whoever else wants it; at low rates it sleeps between looks.

use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const GIVE_UP: Duration = Duration::from_secs(10);
/// A server closes what nobody uses; before it may, a reader opens another connection.
const STALE: Duration = Duration::from_secs(3);
/// Between looks, where this is little beside the time between readers.
const NAP: Duration = Duration::from_micros(50);

/// Who comes, and when.
pub struct Readers<'a> {
    /// Where to.
    pub authority: &'a str,
    /// What is asked for, one after the other and from the beginning again.
    pub requests: &'a [Vec<u8>],
    /// How many can ask at the same time.
    pub connections: usize,
    /// One in each of these; as fast as will go if zero.
    pub every: Duration,
    /// How many requests.
    pub count: usize,
}

/// What they got.
#[derive(Default)]
pub struct Answers {
    /// From the moment each came until its answer was there, shortest first.
    latencies: Vec<Duration>,
    /// The same with the status of each answer, in the order of the answers.
    pub by_status: Vec<(u16, Duration)>,
    /// Answers that were none, or not a page.
    pub failed: usize,
    /// Bodies, in bytes.
    pub bytes: usize,
}

impl Answers {
    /// How long this part of the readers waited at most, in milliseconds.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in a list
    pub fn millis(&self, part: f64) -> f64 {
        let at = (self.latencies.len() as f64 * part) as usize;
        self.latencies.get(at).map_or(f64::INFINITY, |latency| latency.as_secs_f64() * 1000.0)
    }

    /// Those of one status alone.
    pub fn of_status(&self, status: u16) -> Self {
        let these = self.by_status.iter().filter(|(answered, _)| *answered == status);
        let mut latencies: Vec<_> = these.map(|(_, latency)| *latency).collect();
        latencies.sort();
        Self { latencies, ..Self::default() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }
}

impl Readers<'_> {
    /// Has them all come and go.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn come(&self) -> Result<Answers> {
        let connect = |_| Connection::open(self.authority);
        let mut connections = (0..self.connections).map(connect).collect::<Result<Vec<_>>>()?;
        let (mut answers, mut sent, mut buffer) = (Answers::default(), 0, [0; 64 * 1024]);
        let start = Instant::now();
        while answers.latencies.len() < self.count {
            let mut quiet = true;
            for connection in &mut connections {
                let due = start + self.every * u32::try_from(sent)?;
                if let Some(came) = connection.serves_since {
                    let Some(answer) = connection.look(came, &mut buffer).transpose() else {
                        continue;
                    };
                    quiet = false;
                    let latency = came.elapsed();
                    answers.latencies.push(latency);
                    let status = answer.as_ref().map_or(0, |(status, _)| *status);
                    answers.by_status.push((status, latency));
                    match answer {
                        Ok((200, bytes)) => answers.bytes += bytes,
                        Ok(_) => answers.failed += 1,
                        Err(_) => {
                            answers.failed += 1;
                            *connection = Connection::open(self.authority)?;
                        }
                    }
                } else if sent < self.count && due <= Instant::now() {
                    quiet = false;
                    let came = if self.every.is_zero() { Instant::now() } else { due };
                    if connection.last_used.elapsed() > STALE {
                        *connection = Connection::open(self.authority)?;
                    }
                    connection.send(&self.requests[sent % self.requests.len()], came)?;
                    sent += 1;
                }
            }
            if quiet {
                self.pause();
            }
        }
        answers.latencies.sort();
        Ok(answers)
    }

    fn pause(&self) {
        if !self.every.is_zero() && self.every < NAP * 10 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
    }
}

/// A GET request. `headers` end in a line break each.
pub fn get(authority: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{headers}\r\n").into_bytes()
}

/// One of many callers, as a proxy would say it.
pub fn caller(number: usize) -> String {
    format!("x-forwarded-for: 10.0.{}.{}\r\n", number / 250 % 250, number % 250)
}

/// A connection, for one reader at a time.
struct Connection {
    stream: TcpStream,
    last_used: Instant,
    /// When the one who is waiting for an answer came.
    serves_since: Option<Instant>,
    got: Vec<u8>,
}

impl Connection {
    fn open(authority: &str) -> Result<Self> {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, last_used: Instant::now(), serves_since: None, got: Vec::new() })
    }

    fn send(&mut self, request: &[u8], came: Instant) -> Result<()> {
        (self.serves_since, self.last_used) = (Some(came), Instant::now());
        self.got.clear();
        self.stream.write_all(request).context("a request fits into what the system takes at once")
    }

    /// Status and length of the answer, once it is there.
    fn look(&mut self, came: Instant, buffer: &mut [u8]) -> Result<Option<(u16, usize)>> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("the connection was closed"),
            Ok(read) => self.got.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if came.elapsed() > GIVE_UP {
                    bail!("no answer");
                }
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let answer = whole(&self.got)?;
        if answer.is_some() {
            self.serves_since = None;
        }
        Ok(answer)
    }
}

/// Status and length of an answer, if all of it is there.
fn whole(got: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = got.windows(4).position(|at| at == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&got[..end])?;
    let status = head.get(9..12).context("no status")?.parse()?;
    let length = crate::site::header(head, "content-length").unwrap_or("0").parse()?;
    Ok((got.len() >= end + 4 + length).then_some((status, length)))
}
