//! Something that stands before an instance and breaks every promise: it answers each page from memory for a second,
//! whoever asks.

use frontdesk::clock::{Clock, Moment};
use std::collections::HashMap;
use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEEP: Duration = Duration::from_secs(1);

/// By the first line of the request, as if nothing else in it mattered.
type Kept = Mutex<HashMap<String, (Moment, Vec<u8>)>>;

/// Starts one before `origin`, and says where. It ends with the process.
pub fn before(origin: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behind: Arc<str> = origin.trim_start_matches("http://").into();
    let (kept, clock) = (Arc::new(Kept::default()), Arc::new(Clock::default()));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (behind, kept, clock) = (behind.clone(), kept.clone(), clock.clone());
            std::thread::spawn(move || answer(stream, &behind, &kept, &clock));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, behind: &str, kept: &Kept, clock: &Clock) -> Result<()> {
    let request = request(&mut stream)?;
    let line = request.lines().next().unwrap_or_default().to_owned();
    let known = kept.lock().unwrap().get(&line).cloned();
    let fresh = known.filter(|(at, _)| clock.moment().since(*at) < KEEP);
    if let Some((_, bytes)) = fresh {
        return stream.write_all(&bytes);
    }
    let mut upstream = TcpStream::connect(behind)?;
    upstream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    upstream.read_to_end(&mut bytes)?;
    if line.starts_with("GET ") && bytes.starts_with(b"HTTP/1.1 200 ") {
        kept.lock().unwrap().insert(line, (clock.moment(), bytes.clone()));
    }
    stream.write_all(&bytes)
}

/// One request, which asks for the connection to be closed after it.
fn request(stream: &mut TcpStream) -> Result<String> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut part)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
            return Ok(format!("{head}\r\nconnection: close\r\n\r\n{body}"));
        }
    }
}
