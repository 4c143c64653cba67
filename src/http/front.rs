//! The first thing a request meets and the last thing an answer passes: what holds for every door.
//!
//! Refused here, before routing: a `Host` that is not ours (421, closes DNS rebinding), heads and addresses too long,
//! compressed bodies (their size cannot be known before they are expanded), more connections from one caller than one
//! caller needs.

use super::access_log::{self, Line};
use super::errors::{Face, Route, shared};
use super::headers;
use super::prepared::CACHE_STATUS;
use super::server::Connection;
use crate::app::App;
use crate::error::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue,
};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

const LONGEST_HEAD: usize = 16 * 1024;
const LONGEST_URI: usize = 4 * 1024;

/// Names one request, in the log and where someone has to tell us about it.
#[derive(Debug, Clone, Copy)]
pub struct RequestId(u64);

impl RequestId {
    /// The next one of a process that began to count at `start`.
    pub fn next(start: u64) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Spread by an odd constant, so that neighbours differ at the first glance.
        let count = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(start ^ count)
    }
}

impl RequestId {
    /// As a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Wraps every route.
///
/// # Errors
/// None of its own.
pub async fn front(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let app = shared(request.request()).clone();
    let began = app.clock.moment();
    let id = RequestId::next(app.seed);
    request.extensions_mut().insert(id);
    let mut response = match refusal(request.request()) {
        Some(refusal) => request.into_response(refusal),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    headers::add(response.headers_mut());
    let route = response.request().extensions().get::<Route>().map_or("-", |route| route.0);
    access_log::write(&Line {
        id,
        at: app.clock.now(),
        method: response.request().method().as_str(),
        route, // a path that leads nowhere is anything anyone may have typed
        status: response.status().as_u16(),
        cache: response
            .headers()
            .get(CACHE_STATUS)
            .and_then(|cache| cache.to_str().ok())
            .unwrap_or("-"),
        took: app.clock.moment().since(began),
    });
    Ok(response)
}

fn refusal(request: &HttpRequest) -> Option<HttpResponse> {
    let app = shared(request);
    let uri = request.uri();
    let face = Face::of_path(request.path());
    let refuse = |status, title, detail| Some(plain(face, status, title, detail));
    if is_crowded(app, request.conn_data()) {
        let busy = Error::unavailable("too many connections from one address");
        let mut response = face.show(request, busy);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Some(response);
    }
    // An address in the absolute form goes before the header (RFC 9112 §3.2.2).
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or(host).unwrap_or_default();
    let health = matches!(uri.path(), "/healthz" | "/readyz"); // asked by address, and tells nothing
    if !health && app.config.origin_of_host(host).is_none() {
        let detail = "This server does not answer for that host.";
        return refuse(StatusCode::MISDIRECTED_REQUEST, "Wrong host", detail);
    }
    let length = uri.path_and_query().map_or(0, |at| at.as_str().len());
    if length > LONGEST_URI {
        return refuse(StatusCode::URI_TOO_LONG, "Address too long", "That address is too long.");
    }
    if is_head_too_long(request.headers()) {
        let detail = "The headers of this request are larger than 16 KiB.";
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large", detail);
    }
    if uri.path_and_query().is_some_and(|at| at.as_str().contains("%00")) {
        let error = Error::Malformed("The address holds a NUL character.".into());
        return Some(face.show(request, error));
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Some(
            face.show(request, Error::Unsupported("Send the body without a Content-Encoding.")),
        );
    }
    None
}

/// Whether a connection is more than its network may hold. Our own proxies may hold any number.
pub fn is_crowded(app: &App, connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| {
        let proxies = &app.config.trusted_proxies;
        connection.is_one_too_many()
            && !proxies.iter().any(|proxy| proxy.contains(&connection.from))
    })
}

/// Whether these headers are larger than anyone needs.
pub fn is_head_too_long(headers: &HeaderMap) -> bool {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
        > LONGEST_HEAD
}

/// A refusal in as few words as possible: no page of ours belongs on a host that is not ours.
fn plain(
    face: Face,
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
) -> HttpResponse {
    match face {
        Face::Page => HttpResponse::build(status)
            .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
            .body(detail),
        Face::Problem | Face::OAuth => HttpResponse::build(status)
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .json(serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail })),
    }
}
