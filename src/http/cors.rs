//! Scripts of other sites: which may call, and how they are told (WHATWG Fetch, "CORS protocol"). Credentials are never
//! allowed.
//!
//! Two kinds of sites: those in `CORS_ORIGINS`, for the contact form, and those that an API key names, for the endpoints that
//! say so. A browser that asks first shows no key; it is told what may be done from a site that any good key names. Whether
//! the key that then comes names it too is judged before anything is done.

use super::count;
use super::endpoint::Endpoint;
use super::errors::{self, Face, door};
use crate::app::App;
use crate::error::{Error, Result};
use crate::policies::{self, Policy, Proof};
use crate::services::keys;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
/// How long a browser need not ask again, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
/// What a script with a key may send along …
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, consistency-token, content-type, idempotency-key, if-match, if-none-match, x-api-key",
);
/// … and read of the answer.
const READ: HeaderValue = HeaderValue::from_static(
    "consistency-token, deprecation, etag, idempotent-replayed, link, location, ratelimit, ratelimit-policy, retry-after, sunset",
);
/// What the script of a site is told that may not call.
const NOT_AMONG: Error = Error::Forbidden("This site is not among those that may call.");

/// Answers a browser that asks whether a script of another site may call.
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    if !allow_origin(&request, headers) {
        return vary_by_origin(Face::Problem.show(&request, NOT_AMONG));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

fn vary_by_origin(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    response
}

/// Answers a browser that asks whether a script of a site that a key names may call this endpoint.
pub async fn preflight_of<E: Endpoint>(request: HttpRequest) -> HttpResponse {
    let app = errors::shared(&request);
    let origin = foreign(app, &request);
    let work = async {
        count::<E>(app, &request)?;
        match is_named::<E::Auth>(app, origin).await? {
            true => Ok(HttpResponse::NoContent().finish()),
            false => Err(NOT_AMONG),
        }
    };
    let mut response = door(Face::Problem, E::PATH, &request, work).await;
    if !response.status().is_success() {
        return vary_by_origin(response);
    }
    let headers = response.headers_mut();
    let_read(origin, headers);
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS); // of no use here
    if let Ok(method) = HeaderValue::from_str(E::METHOD.as_str()) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// The site whose script has sent this, if it is another one than ours. More than one is an attempt at something: no key names
/// that.
pub(super) fn foreign<'a>(app: &App, request: &'a HttpRequest) -> Option<&'a str> {
    let mut origins = request.headers().get_all(ORIGIN);
    let first = origins.next()?.to_str().ok().filter(|_| origins.next().is_none());
    let origin = first.unwrap_or("null");
    let ours = app.config.public_origins.iter().any(|known| known.is(origin));
    (!ours).then_some(origin)
}

/// Whether a good key that opens what asks for `A` names this site.
pub(super) async fn is_named<A: Policy>(app: &App, origin: Option<&str>) -> Result<bool> {
    let (Some(origin), Proof::Key(scope) | Proof::KeyForMore(scope)) = (origin, A::PROOF) else {
        return Ok(false);
    };
    app.ask(async |db| keys::is_named(db, origin, scope).await).await
}

/// Lets scripts of this site read the answer, and tells caches that it is another one for others.
pub(super) fn let_read(site: Option<&str>, headers: &mut HeaderMap) {
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(Ok(site)) = site.map(HeaderValue::from_str) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, site);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
}

/// Lets scripts of the request's origin read the answer, if it is a known one.
pub(super) fn allow_origin(request: &HttpRequest, headers: &mut HeaderMap) -> bool {
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    // More than one is an attempt at something; the policy refuses it too.
    let mut origins = request.headers().get_all(ORIGIN);
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let known = policies::known_site(errors::shared(request), origin.as_bytes());
    if known {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    known
}
