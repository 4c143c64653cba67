//! One JSON request, one answer. Programs prove who they are in the request itself; no cookie is ever read.

use super::call::{self, Call};
use super::cors::allow_origin;
use super::errors::{self, Face, door};
use super::reply::Reply;
use super::{Gate, Grant, admit, body, count, form};
use crate::error::{Error, Result};
use crate::policies::Policy;
use crate::services::input::Valid;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use validator::Validate;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A way a program asks for something.
pub trait Endpoint: Gate {
    /// GET takes its input from the query, POST from a JSON document, unless it reads none.
    const METHOD: Method;
    /// The largest document, in bytes; 0 where none is read.
    const BODY: usize;
    /// Whether standard clients of OAuth come here: they send forms, and look for their own member in a problem.
    const OAUTH: bool = false;
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;
    /// What is sent.
    type Input: DeserializeOwned + Validate + 'static;
    /// What is answered.
    type Output: Serialize;

    /// Does what was asked for.
    async fn run(
        call: &Call<'_>,
        who: &Grant<Self>,
        at: &Self::At,
        input: Valid<Self::Input>,
    ) -> Result<Reply<Self::Output>>;

    /// Adds what the head of the request says.
    fn supplement(_: &HttpRequest, _: &mut Self::Input) {}
}

/// No input.
#[derive(Debug, serde::Deserialize, Validate)]
pub struct Nothing {}

/// Serves an endpoint.
pub async fn call<E: Endpoint>(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let face = if E::OAUTH { Face::OAuth } else { Face::Problem };
    let mut response = door(face, E::PATH, &request, answer::<E>(&request, payload)).await;
    tell_standing::<E>(&request, response.headers_mut());
    if E::Auth::CORS {
        allow_origin(&request, response.headers_mut());
    }
    response
}

async fn answer<E: Endpoint>(request: &HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    let app = errors::shared(request);
    let counted = count::<E>(app, request);
    request.extensions_mut().insert(Remaining(*counted.as_ref().unwrap_or(&0)));
    counted?;
    takes_json(request.headers())?;
    let who = admit::<E>(app, request).await?;
    let writes = E::METHOD == Method::POST || E::METHOD == Method::PATCH;
    let key = if writes { call::key(request.headers())? } else { None };
    let at = super::at::<E::At>(request).await?;
    let (mut input, body) = input::<E>(request, payload).await?;
    E::supplement(request, &mut input);
    let input = Valid::check(input)?;
    let call = Call::new(app, request, E::Auth::caller(&who), key, &body);
    E::run(&call, &who, &at, input).await?.answer(request)
}

/// How many more requests may follow at once.
struct Remaining(u32);

/// Tells a program how often it may come (IETF draft "RateLimit header fields for HTTP").
fn tell_standing<E: Endpoint>(request: &HttpRequest, headers: &mut HeaderMap) {
    let extensions = request.extensions();
    let Some(Remaining(remaining)) = extensions.get() else { return };
    for (name, value) in
        [(RATELIMIT_POLICY, E::LIMIT.policy()), (RATELIMIT, E::LIMIT.standing(*remaining))]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// What is sent, and the bytes it was sent as.
async fn input<E: Endpoint>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(E::Input, Bytes)> {
    if E::METHOD == Method::GET || E::BODY == 0 {
        return Ok((super::query(request)?, Bytes::new()));
    }
    let is_form = E::OAUTH && form::is_form(request.headers());
    if !is_form && !is_json(request.headers()) {
        return Err(Error::Unsupported("Send application/json."));
    }
    let body = body::read(request, payload, E::BODY).await?;
    let input = match is_form {
        true => form::read(&form::pairs(request, body.clone()).await?)?,
        false => json(&body)?,
    };
    Ok((input, body))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut decoder = serde_json::Deserializer::from_slice(body);
    let input = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        if error.inner().is_data() { form::unfit(&error) } else { unreadable(error.inner()) }
    })?;
    decoder.end().map_err(|error| unreadable(&error))?;
    Ok(input)
}

/// Whether whoever asks takes what is answered here (RFC 9110 §12.5.1).
fn takes_json(headers: &HeaderMap) -> Result<()> {
    let mut accepted = headers.get_all(ACCEPT).filter_map(|accept| accept.to_str().ok()).peekable();
    let takes = |range: &str| {
        let (kind, rest) = range.split_once(';').unwrap_or((range, ""));
        let weight = rest.split(';').find_map(|one| one.trim().strip_prefix("q="));
        let refused = weight.is_some_and(|weight| weight.parse() == Ok(0.0));
        let kind = kind.trim().to_ascii_lowercase();
        !refused && ["*/*", "application/*", "application/json", ""].contains(&kind.as_str())
    };
    match accepted.peek().is_none() || accepted.flat_map(|range| range.split(',')).any(takes) {
        true => Ok(()),
        false => Err(Error::NotAcceptable),
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Malformed(format!("The JSON cannot be read: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_answered_to_whoever_takes_it() {
        let takes = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            takes_json(&headers).is_ok()
        };
        assert!(takes_json(&HeaderMap::new()).is_ok());
        for accept in
            ["", "*/*", "application/json", "text/html, Application/JSON;q=0.1", "application/*"]
        {
            assert!(takes(accept), "{accept}");
        }
        for accept in [
            "text/html",
            "application/json;q=0",
            "application/xml, text/*",
            "application/json; v=1; q=0.0",
        ] {
            assert!(!takes(accept), "{accept}");
        }
    }
}
