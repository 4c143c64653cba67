//! Scripts of other sites: which may call, and how they are told (WHATWG Fetch, "CORS protocol").

use super::errors::{self, Face};
use crate::error::Error;
use crate::policies;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

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
