//! Another server, in this process: it is told things, keeps them, and answers as the test has it.

use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The server. It ends with the process.
#[derive(Clone)]
pub struct Peer {
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    answers: VecDeque<String>,
    silent: bool,
}

/// What it was told.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The request line and the headers, in lower case.
    pub head: String,
    /// The document.
    pub body: Value,
}

impl Peer {
    /// Starts it; it answers 200 until it is told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let peer = Self { origin, state: Arc::default() };
        let serving = peer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (peer, stream) = (serving.clone(), stream.unwrap());
                std::thread::spawn(move || peer.serve(stream));
            }
        });
        peer
    }

    /// The next requests are answered like this, one after the other: a status, headers, and what it says.
    pub fn will_answer(&self, answers: &[(u16, &str, &str)]) {
        let written = answers.iter().map(|(status, headers, body)| {
            let length = body.len();
            format!("HTTP/1.1 {status} So\r\n{headers}content-length: {length}\r\n\r\n{body}")
        });
        self.state.lock().unwrap().answers.extend(written);
    }

    /// Whether it says nothing to what it is told from now on.
    pub fn set_silent(&self, silent: bool) {
        self.state.lock().unwrap().silent = silent;
    }

    /// What it was told since this was last asked.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.state.lock().unwrap().heard)
    }

    /// Waits until it has been told something, and leaves it to be heard.
    pub async fn is_told(&self) {
        for _ in 0..600 {
            if !self.state.lock().unwrap().heard.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nobody said anything");
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or_default() == 0 {
                return;
            }
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let answer = {
            let mut state = self.state.lock().unwrap();
            state.heard.push(Heard { head, body });
            if state.silent {
                None
            } else {
                let well = || "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned();
                Some(state.answers.pop_front().unwrap_or_else(well))
            }
        };
        match answer {
            Some(answer) => drop(reader.get_mut().write_all(answer.as_bytes())),
            // Whoever asks waits until they hang up.
            None => drop(reader.read_to_end(&mut Vec::new())),
        }
    }
}
