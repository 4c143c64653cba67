//! One JSON request, one answer. Programs prove who they are in the request itself; no cookie is ever read.

use super::errors::{self, Face, door};
use super::session::CONSISTENCY_TOKEN;
use super::{Gate, Grant, admit, body, count, form};
use crate::app::{App, Written};
use crate::cache::snapshot::Token;
use crate::error::{Error, Result};
use crate::policies::{self, Policy};
use crate::services::input::Valid;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Serialize, de::DeserializeOwned};
use validator::Validate;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

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
        app: &App,
        who: &Grant<Self>,
        at: &Self::At,
        input: Valid<Self::Input>,
    ) -> Result<Reply<Self::Output>>;

    /// Adds what the head of the request says.
    fn supplement(_: &HttpRequest, _: &mut Self::Input) {}
}

/// What to answer.
pub struct Reply<T> {
    status: StatusCode,
    location: Option<String>,
    etag: Option<String>,
    token: Option<Token>,
    output: T,
}

impl<T> Reply<T> {
    /// 200: what was read.
    pub fn ok(output: T) -> Self {
        Self { status: StatusCode::OK, location: None, etag: None, token: None, output }
    }

    /// 200: what was done.
    pub fn done(written: Written<T>) -> Self {
        Self { token: written.token, ..Self::ok(written.value) }
    }

    /// 201: what was written, and where to find it.
    pub fn created(written: Written<T>, location: impl FnOnce(&T) -> Option<String>) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: location(&written.value),
            etag: None,
            token: written.token,
            output: written.value,
        }
    }

    /// And which version it is.
    #[must_use]
    pub fn version(self, version: i32) -> Self {
        Self { etag: Some(format!("\"{version}\"")), ..self }
    }
}

/// No input.
#[derive(Debug, serde::Deserialize, Validate)]
pub struct Nothing {}

/// Serves an endpoint.
pub async fn call<E: Endpoint>(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let face = if E::OAUTH { Face::OAuth } else { Face::Problem };
    let mut response = door(face, E::PATH, &request, answer::<E>(&request, payload)).await;
    if E::Auth::CORS {
        allow_origin(&request, response.headers_mut());
    }
    response
}

async fn answer<E: Endpoint>(request: &HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    let app = errors::shared(request);
    count::<E>(app, request)?;
    let who = admit::<E>(app, request).await?;
    let at = super::at::<E::At>(request).await?;
    let mut input = if E::METHOD == Method::GET || E::BODY == 0 {
        super::query(request)?
    } else if E::OAUTH && form::is_form(request.headers()) {
        let body = body::read(request, payload, E::BODY).await?;
        form::read(&form::pairs(request, body).await?)?
    } else {
        json(request, payload, E::BODY).await?
    };
    E::supplement(request, &mut input);
    let input = Valid::check(input)?;
    let Reply { status, location, etag, token, output } = E::run(app, &who, &at, input).await?;
    let mut response = HttpResponse::build(status).json(output);
    let headers = response.headers_mut();
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(LOCATION, location);
    }
    if let Some(etag) = etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
        headers.insert(ETAG, etag);
    }
    if let Some(token) = token.and_then(|token| HeaderValue::try_from(token.to_string()).ok()) {
        headers.insert(CONSISTENCY_TOKEN, token);
    }
    Ok(response)
}

async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<T> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Error::Unsupported("Send application/json."));
    }
    let body = body::read(request, payload, limit).await?;
    let mut decoder = serde_json::Deserializer::from_slice(&body);
    let input = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        if error.inner().is_data() { form::unfit(&error) } else { unreadable(error.inner()) }
    })?;
    decoder.end().map_err(|error| unreadable(&error))?;
    Ok(input)
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Malformed(format!("The JSON cannot be read: {error}."))
}

/// Answers a browser that asks whether a script of another site may call.
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    if !allow_origin(&request, headers) {
        let refused = Face::Problem
            .show(&request, Error::Forbidden("This site is not among those that may call."));
        return vary_by_origin(refused);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}

fn vary_by_origin(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    response
}

/// Lets scripts of the request's origin read the answer, if it is a known one. Credentials are never allowed.
fn allow_origin(request: &HttpRequest, headers: &mut HeaderMap) -> bool {
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
