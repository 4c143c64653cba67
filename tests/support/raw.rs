//! Requests as bytes: what no well-behaved client would send.

use super::{Answer, TestApp};
use reqwest::header::{HeaderMap, HeaderName};
use std::io::{Read, Write};
use std::net::TcpStream;

impl TestApp {
    /// A connection of one's own.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.origin.strip_prefix("http://").unwrap()).unwrap()
    }

    /// Sends `request`, with `{host}` for the site's own name, and reads until the server closes the connection, or
    /// has sent one answer to a request that asks for that. Nothing is answered where nothing came back.
    pub async fn raw(&self, request: &str) -> Option<Answer> {
        let mut stream = self.connect();
        let request = request.replace("{host}", self.origin.strip_prefix("http://").unwrap());
        let exchange = move || {
            // The server may have refused, and closed, before it was all sent.
            let _ = stream.write_all(request.as_bytes());
            read_answer(&mut stream)
        };
        actix_web::web::block(exchange).await.unwrap()
    }
}

/// The answer that comes on this connection before it is closed.
pub fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A connection that was reset may have brought an answer before.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    let headers: HeaderMap = lines.map(header).collect();
    let location = headers.get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
    Some(Answer { status, location, headers, body: body.to_owned() })
}
