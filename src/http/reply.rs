//! What a program is answered.

use super::cursor;
use super::session::CONSISTENCY_TOKEN;
use crate::app::Written;
use crate::cache::snapshot::Token;
use crate::digest::hex;
use crate::error::{Error, Result};
use crate::services::idempotency::Stored;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_TYPE, ETAG, EntityTag, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LINK,
    LOCATION,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The header that says that an answer is one of before.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A part of a list. In which order that is, its door says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    items: Vec<T>,
    /// The cursor of the next part; none where this is the last.
    next: Option<Uuid>,
}

/// What to answer.
pub struct Reply<T> {
    status: StatusCode,
    location: Option<String>,
    etag: Option<String>,
    next: Option<Uuid>,
    token: Option<Token>,
    is_tagged: bool,
    is_read: bool,
    is_replayed: bool,
    body: Body<T>,
}

enum Body<T> {
    Output(T),
    Written(Bytes),
}

impl<T> Reply<Page<T>> {
    /// 200: what fits of `found`, where one more than `size` was asked for, and where the rest of the list begins.
    pub fn part(found: Vec<T>, size: usize, id: impl Fn(&T) -> Uuid) -> Self {
        let (items, next) = cursor::cut(found, size, id);
        Self { next, ..Self::ok(Page { items, next }) }
    }
}

impl<T> Reply<T> {
    fn new(status: StatusCode, output: T) -> Self {
        Self {
            status,
            location: None,
            etag: None,
            next: None,
            token: None,
            is_tagged: false,
            is_read: false,
            is_replayed: false,
            body: Body::Output(output),
        }
    }

    /// 200: what was read.
    pub fn ok(output: T) -> Self {
        Self { is_read: true, is_tagged: true, ..Self::new(StatusCode::OK, output) }
    }

    /// 200: what was done.
    pub fn done(output: T) -> Self {
        Self::new(StatusCode::OK, output)
    }

    /// 200: what was done by a write of its own.
    pub fn written(written: Written<T>) -> Self {
        Self::done(written.value).knowing(written.token)
    }

    /// 201: what was made, and where to find it.
    pub fn created(output: T, location: Option<String>) -> Self {
        Self { location, ..Self::new(StatusCode::CREATED, output) }
    }

    /// 202: what was taken note of.
    pub fn accepted(output: T) -> Self {
        Self::new(StatusCode::ACCEPTED, output)
    }

    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// And which version it is.
    #[must_use]
    pub fn version(self, version: i32) -> Self {
        Self { etag: Some(format!("\"{version}\"")), ..self }
    }

    /// And that this is the thing as it is now, so that whoever changed it may change it again.
    #[must_use]
    pub fn as_it_is(self) -> Self {
        Self { is_tagged: true, ..self }
    }

    /// A part of a list, and the cursor of the next one.
    #[must_use]
    pub fn next(self, next: Option<Uuid>) -> Self {
        Self { next, ..self }
    }

    /// The same answer, that says this once: what is kept of it, for whoever asks again, says less.
    #[must_use]
    pub fn saying(self, output: T) -> Self {
        Self { body: Body::Output(output), ..self }
    }

    /// What its reader must be able to see from now on.
    pub(crate) fn knowing(self, token: Option<Token>) -> Self {
        Self { token, ..self }
    }
}

impl<T: Serialize> Reply<T> {
    /// What was answered before.
    ///
    /// # Errors
    /// Where it cannot have been.
    pub(super) fn stored(stored: Stored) -> Result<Self> {
        let status = StatusCode::from_u16(stored.status);
        Ok(Self {
            status: status.map_err(|error| Error::Internal(error.into()))?,
            location: stored.location,
            etag: stored.etag,
            next: None,
            token: None,
            is_tagged: false,
            is_read: false,
            is_replayed: true,
            body: Body::Written(stored.body.into()),
        })
    }

    /// The same, with its document as the bytes that are sent.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn fixed(self) -> Result<Self> {
        Ok(match self.body {
            Body::Written(_) => self,
            Body::Output(output) => {
                let body = json(&output)?;
                let etag = self.etag.or_else(|| self.is_tagged.then(|| tag_of(&body)));
                Self { body: Body::Written(body), etag, ..self }
            }
        })
    }

    /// It, to be stored.
    ///
    /// # Errors
    /// As [`Reply::fixed`].
    pub(super) fn to_store(&self) -> Result<Stored> {
        let body = match &self.body {
            Body::Written(bytes) => bytes.to_vec(),
            Body::Output(output) => json(output)?.to_vec(),
        };
        let (location, etag) = (self.location.clone(), self.etag.clone());
        Ok(Stored { status: self.status.as_u16(), location, etag, body })
    }

    /// The answer to `request`. What was read is not sent again to whoever has it.
    ///
    /// # Errors
    /// As [`Reply::fixed`].
    pub(super) fn answer(self, request: &HttpRequest) -> Result<HttpResponse> {
        let reply = self.fixed()?;
        let Body::Written(body) = reply.body else { return Err(no_body()) };
        let etag = reply.etag;
        let is_known = reply.is_read && etag.as_ref().is_some_and(|etag| is_known(request, etag));
        let mut response = match is_known {
            true => HttpResponse::NotModified().finish(),
            false => HttpResponse::build(reply.status)
                .insert_header((CONTENT_TYPE, "application/json"))
                .body(body),
        };
        let headers = response.headers_mut();
        put(headers, LOCATION, reply.location);
        put(headers, ETAG, etag);
        put(headers, LINK, reply.next.map(|next| link_to(request, next)));
        put(headers, CONSISTENCY_TOKEN, reply.token.map(|token| token.to_string()));
        put(headers, IDEMPOTENT_REPLAYED, reply.is_replayed.then(|| "true".to_owned()));
        Ok(response)
    }
}

fn no_body() -> Error {
    Error::Internal(anyhow::anyhow!("an answer without a document"))
}

fn json<T: Serialize>(output: &T) -> Result<Bytes> {
    let text = serde_json::to_vec(output).map_err(|error| Error::Internal(error.into()))?;
    Ok(text.into())
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    // What cannot stand in a header is left out: these are addresses and tags of our own making.
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}

/// The tag of what is answered as `output`.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn tag<T: Serialize>(output: &T) -> Result<String> {
    json(output).map(|body| tag_of(&body))
}

/// The tag of a document that has no version of its own.
fn tag_of(body: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(body)[..16]))
}

/// Whether the request says that its sender has this version (RFC 9110 §13.1.2).
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let Ok(current) = etag.parse::<EntityTag>() else { return false };
    let known = request.headers().get_all(IF_NONE_MATCH).filter_map(|known| known.to_str().ok());
    known.flat_map(|known| known.split(',')).map(str::trim).any(|known| {
        known == "*" || known.parse::<EntityTag>().is_ok_and(|known| known.weak_eq(&current))
    })
}

/// The address of the next part of the list that was asked for (RFC 8288).
fn link_to(request: &HttpRequest, next: Uuid) -> String {
    let asked = form_urlencoded::parse(request.query_string().as_bytes());
    let kept = asked.filter(|(name, _)| name != "after");
    let next = next.to_string();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("after", &next)
        .finish();
    format!("<{}?{query}>; rel=\"next\"", request.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn answered(reply: Reply<&str>, request: TestRequest) -> HttpResponse {
        reply.answer(&request.to_http_request()).unwrap()
    }

    #[test]
    fn whoever_has_it_is_not_sent_it_again() {
        let ask = |known: &str| TestRequest::default().insert_header((IF_NONE_MATCH, known));
        let first = answered(Reply::ok("a"), TestRequest::default());
        let etag = first.headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let again = answered(Reply::ok("a"), ask(&known));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers().get(ETAG), first.headers().get(ETAG));
        }
        assert_eq!(answered(Reply::ok("b"), ask(&etag)).status(), StatusCode::OK);
        assert_eq!(answered(Reply::done("a"), ask("*")).status(), StatusCode::OK, "a deed");
        let deed = answered(Reply::done("a").as_it_is(), ask("*"));
        assert_eq!(deed.headers().get(ETAG), first.headers().get(ETAG), "what there is to read");
        assert_eq!(deed.status(), StatusCode::OK);
        let versioned = answered(Reply::ok("a").version(7), ask("\"7\""));
        assert_eq!(versioned.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn the_next_part_of_a_list_is_asked_for_as_this_one_was() {
        let request = TestRequest::with_uri("/api/v1/leads?status=new&after=x&q=a%26b");
        let answer = answered(Reply::ok("a").next(Some(Uuid::nil())), request);
        let link = "</api/v1/leads?status=new&q=a%26b&after=00000000-0000-0000-0000-000000000000>; rel=\"next\"";
        assert_eq!(answer.headers().get(LINK).unwrap(), link);
        assert_eq!(answered(Reply::ok("a"), TestRequest::default()).headers().get(LINK), None);
    }
}
