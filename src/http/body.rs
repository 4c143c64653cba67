//! Reading a request's body: bounded in size and in time.
//!
//! actix's own time-out covers the head alone; a body that trickles in would hold a place for ever.

use crate::error::{Error, Result};
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, EXPECT};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// No body may take longer.
const LONGEST: Duration = Duration::from_secs(10);
/// For so long it may be as slow as it likes.
const GRACE: Duration = Duration::from_secs(3);
/// Then it must have brought this many bytes for each second.
const SLOWEST: usize = 1024;
/// How much of a body that is too large is still taken in, so that the sender gets to read the answer.
const DRAINED: usize = 4 * 1024 * 1024;

/// The body, of at most `limit` bytes.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::TooSlow`], or [`Error::Malformed`] where it breaks off.
pub async fn read(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<Bytes> {
    let length = request.headers().get(CONTENT_LENGTH);
    let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_much = announced.is_some_and(|all| all > limit);
    // Who asks first, or means to send far more than would be taken in for courtesy, is told at once.
    let asks = request.headers().contains_key(EXPECT);
    if too_much && (asks || announced.is_some_and(|all| all > limit + DRAINED)) {
        return Err(too_large(limit));
    }
    let began = now();
    let mut body = BytesMut::with_capacity(announced.unwrap_or(1024).min(limit));
    let mut received = 0;
    loop {
        let earned = GRACE + Duration::from_secs((received / SLOWEST) as u64);
        let chunk = timeout_at(began + earned.min(LONGEST), payload.next()).await;
        let too_slow = || if too_much { too_large(limit) } else { Error::TooSlow };
        match chunk.map_err(|_| too_slow())? {
            None if received <= limit => return Ok(body.freeze()),
            None => return Err(too_large(limit)),
            Some(Err(error)) => {
                return Err(Error::Malformed(format!("The body breaks off: {error}.")));
            }
            Some(Ok(chunk)) => {
                received += chunk.len();
                if received <= limit {
                    body.extend_from_slice(&chunk);
                } else if received > limit + DRAINED
                    || announced.is_some_and(|all| all > limit + DRAINED)
                {
                    return Err(too_large(limit));
                }
            }
        }
    }
}

#[allow(clippy::disallowed_methods)] // tokio's own clock, which its timers are bound to
fn now() -> Instant {
    Instant::now()
}

fn too_large(limit: usize) -> Error {
    Error::TooLarge { limit_kib: limit / 1024 }
}
