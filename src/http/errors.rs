//! The two faces of an error: a page for people, a problem document (RFC 9457) for programs. Each cause is logged once,
//! here.

use super::form::Pairs;
use super::front::RequestId;
use super::origin::is_secret;
use super::problem::{oauth_code, problem, status, title};
use super::{held, page};
use crate::actions::enter::own_path;
use crate::app::App;
use crate::error::{Error, OAuthRefusal, Result};
use crate::identity::{Refusal, Refused};
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, HeaderValue, LOCATION, REFERER, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{StatusCode, Uri};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::FutureExt;
use serde_json::json;
use std::panic::AssertUnwindSafe;
use templates::{View, paths};

/// Which face a door shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// To people.
    Page,
    /// To programs.
    Problem,
    /// To programs that speak OAuth: a problem, with the member that they look for (RFC 6749 §5.2).
    OAuth,
}

impl Face {
    /// The face of whatever lies at this path.
    pub fn of_path(path: &str) -> Self {
        let machine =
            path == "/api" || path.starts_with("/api/") || matches!(path, "/healthz" | "/readyz");
        // A browser comes there, on its way to an identity provider and back.
        let machine = machine && !path.starts_with("/api/oauth/");
        if machine { Self::Problem } else { Self::Page }
    }

    /// The answer for `error`.
    pub fn show(self, request: &HttpRequest, error: Error) -> HttpResponse {
        log(request, &error);
        let response = match self {
            Self::Page => as_page(request, &error),
            Self::Problem => as_problem(request, &error, None),
            Self::OAuth => as_problem(request, &error, Some(oauth_code(&error))),
        };
        decorate(response, &error)
    }
}

/// Adds what the error says in headers.
fn decorate(mut response: HttpResponse, error: &Error) -> HttpResponse {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if let Error::Key(refusal) = error
        && let Some((_, left)) = refusal.limit()
    {
        headers.insert(RETRY_AFTER, left.reset_seconds.into());
    }
    match error {
        Error::TooMany { retry_after_seconds } | Error::Conflict { retry_after_seconds, .. } => {
            headers.insert(RETRY_AFTER, (*retry_after_seconds).into());
        }
        Error::Unavailable(_) => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        Error::Running => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Error::Unproven(_) | Error::Key(_) if unauthorized => {
            headers
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"frontdesk\""));
        }
        Error::OAuth(OAuthRefusal::Token) => {
            let why =
                HeaderValue::from_static("Bearer realm=\"frontdesk\", error=\"invalid_token\"");
            headers.insert(WWW_AUTHENTICATE, why);
        }
        _ => {}
    }
    response
}

/// The door a request came to, for the log.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// Runs what is behind the door called `route`; an error, or a panic, becomes an answer in the door's own face.
pub async fn door(
    face: Face,
    route: &'static str,
    request: &HttpRequest,
    work: impl Future<Output = Result<HttpResponse>>,
) -> HttpResponse {
    request.extensions_mut().insert(Route(route));
    let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::Internal(anyhow::anyhow!("panic: {said}")))
    });
    outcome.unwrap_or_else(|error| face.show(request, error))
}

fn log(request: &HttpRequest, error: &Error) {
    let reference = reference(request);
    match error {
        Error::Internal(cause) => {
            tracing::error!(reference, cause = format!("{cause:#}"), "internal error")
        }
        Error::Unavailable(cause) => {
            tracing::warn!(reference, cause = format!("{cause:#}"), "unavailable")
        }
        Error::Refused(refused) => {
            let (provider, cause) = (&refused.provider, refused.why.cause());
            tracing::warn!(reference, provider, cause, "not let in by an identity provider")
        }
        _ => {}
    }
}

/// What a person can tell us to find the cause in the log.
fn reference(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default()
}

fn as_page(request: &HttpRequest, error: &Error) -> HttpResponse {
    match error {
        Error::Unproven(_) => {
            // A form cannot be gone back to by GET where it was a POST to a place of its own; the page it stands on can.
            let back = match request.method().is_safe() {
                true => Some(here(request).to_owned()),
                false => came_from(request),
            };
            return see_other(&back.map_or_else(paths::sign_in, |page| paths::sign_in_then(&page)));
        }
        Error::Unconfirmed => return see_other(&paths::confirm_identity_then(here(request))),
        Error::OneFactor => return see_other(&paths::two_factor()),
        Error::Moved(to) => return moved(to),
        _ => {}
    }
    let status = status(error);
    let reference = matches!(error, Error::Internal(_)).then(|| reference(request));
    let view = match error {
        Error::Gone(title) => templates::posts::gone(title),
        Error::Refused(refused) => refused_page(request, status, refused),
        _ => templates::errors::page(
            status.as_u16(),
            title(error),
            &error.to_string(),
            reference.as_deref(),
        ),
    };
    html(request, status, &view)
}

fn refused_page(request: &HttpRequest, status: StatusCode, refused: &Refused) -> View {
    let page = templates::identities::Refused {
        status: status.as_u16(),
        title: refused.title(),
        detail: &refused.to_string(),
        reference: &reference(request),
    };
    let to_add = paths::sign_in_then(&paths::account_identities());
    match refused.why {
        Refusal::AddressTaken | Refusal::SomeoneElse => page.view(&to_add, "Sign in"),
        Refusal::NotTheirs => page.view(&paths::account_identities(), "Ways to sign in"),
        Refusal::Closed => page.view(&paths::contact(), "Write to us"),
        _ => page.view(&paths::sign_in_then(&refused.next), "Sign in"),
    }
}

fn as_problem(request: &HttpRequest, error: &Error, oauth: Option<&str>) -> HttpResponse {
    if let Error::Moved(to) = error {
        return moved(to);
    }
    let status = match (error, oauth) {
        (Error::Invalid(_), Some(_)) => StatusCode::BAD_REQUEST, // RFC 6749 §5.2
        _ => status(error),
    };
    let mut problem = problem(error);
    problem["status"] = status.as_u16().into();
    if let Some(code) = oauth {
        problem["error"] = code.into();
        problem["error_description"] = problem["detail"].clone();
    }
    if let Error::Internal(_) = error {
        problem["instance"] = format!("urn:request:{}", reference(request)).into();
    }
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "application/problem+json"))
        .body(problem.to_string())
}

/// The page for an error on a form, with what was typed in a form that can be sent again.
pub fn resend(request: &HttpRequest, error: Error, pairs: &Pairs) -> HttpResponse {
    let keeps_its_own_page = matches!(
        error,
        Error::Unproven(_) | Error::NotFound | Error::Gone(_) | Error::Moved(_) | Error::Refused(_)
    );
    if keeps_its_own_page {
        return Face::Page.show(request, error);
    }
    log(request, &error);
    if let Error::Unconfirmed = error {
        return held::confirm(request, pairs);
    }
    let view = templates::errors::resend(
        title(&error),
        &error.to_string(),
        here(request),
        &showable(pairs),
        None,
    );
    decorate(html(request, status(&error), &view), &error)
}

/// The page that asks whether this form was meant.
pub fn confirm(request: &HttpRequest, pairs: &Pairs, token: &str) -> HttpResponse {
    let detail = "Your browser does not say which page this form came from. If it was you, send it once more.";
    let view = templates::errors::resend(
        "Please confirm",
        detail,
        here(request),
        &showable(pairs),
        Some(token),
    );
    html(request, StatusCode::FORBIDDEN, &view)
}

/// The address a request was sent to.
pub(super) fn here(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |at| at.as_str())
}

/// The page of ours that a form stands on, where the browser says so (RFC 9110, 10.1.3).
fn came_from(request: &HttpRequest) -> Option<String> {
    let from: Uri = request.headers().get(REFERER)?.to_str().ok()?.parse().ok()?;
    shared(request).config.origin_of_host(from.authority()?.as_str())?;
    // A form that was refused is shown where it was posted to, and nobody can go there.
    own_path(from.path_and_query()?.as_str()).filter(|_| from.path() != request.path())
}

/// What may be shown again of what was typed.
pub fn showable(pairs: &Pairs) -> Pairs {
    let hide = |(name, value): &(String, String)| {
        (name.clone(), if is_secret(name) { String::new() } else { value.clone() })
    };
    pairs.iter().filter(|(name, _)| name != super::origin::CONFIRM).map(hide).collect()
}

/// A page in the site's frame, for nobody in particular.
pub fn html(request: &HttpRequest, status: StatusCode, view: &View) -> HttpResponse {
    page::draw(request, status, &view.clone().noindex(), None)
}

/// 303: done, look here.
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, location)).finish()
}

fn moved(location: &str) -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((LOCATION, location)).finish()
}

/// The answer where nothing is mounted. A slash too many is forgiven.
pub async fn nowhere(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let trimmed = path.trim_end_matches('/');
    let one_of_ours =
        trimmed.starts_with('/') && !trimmed.starts_with("//") && !trimmed.contains('\\');
    if trimmed.len() < path.len() && one_of_ours && request.method().is_safe() {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let location = (LOCATION, format!("{trimmed}{query}"));
        return HttpResponse::PermanentRedirect().insert_header(location).finish();
    }
    Face::of_path(path).show(&request, Error::NotFound)
}

/// The answer where the path is right and the method is not.
pub fn method_not_allowed(request: &HttpRequest, allow: &str) -> HttpResponse {
    let detail = format!("This address answers {allow} alone.");
    let (status, title) = (StatusCode::METHOD_NOT_ALLOWED, "That cannot be done here");
    let mut response = match Face::of_path(request.path()) {
        Face::Page => {
            html(request, status, &templates::errors::page(status.as_u16(), title, &detail, None))
        }
        Face::Problem | Face::OAuth => {
            let problem =
                json!({ "type": "about:blank", "title": title, "status": 405, "detail": detail });
            HttpResponse::build(status)
                .insert_header((CONTENT_TYPE, "application/problem+json"))
                .body(problem.to_string())
        }
    };
    response.headers_mut().insert(ALLOW, methods(allow));
    response
}

/// The answer where the path is right and only its methods were asked for.
pub fn options(allow: &str) -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, methods(allow))).finish()
}

fn methods(allow: &str) -> HeaderValue {
    HeaderValue::from_str(allow).expect("names of methods")
}

/// The application that serves a request.
///
/// # Panics
/// Where a server was built without one.
pub fn shared(request: &HttpRequest) -> &web::Data<App> {
    request.app_data().expect("every server is built with its application")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::MessageBody;
    use actix_web::test::TestRequest;

    fn told(error: Error) -> (StatusCode, serde_json::Value) {
        let answer = Face::OAuth.show(&TestRequest::default().to_http_request(), error);
        let (status, body) = (answer.status(), answer.into_body().try_into_bytes().unwrap());
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_second_factor_is_asked_for_by_a_name_of_its_own() {
        let (status, problem) = told(Error::OAuth(OAuthRefusal::SecondFactor));
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(problem["type"], "/problems/second-factor-required");
        assert_eq!(problem["error"], "second-factor-required");
    }

    #[test]
    fn a_client_of_oauth_finds_its_word_in_every_problem() {
        for (error, status, word) in [
            (Error::OAuth(OAuthRefusal::Grant), 400, "invalid_grant"),
            (Error::OAuth(OAuthRefusal::Client), 400, "invalid_client"),
            (Error::field("code", "No."), 400, "invalid_request"),
            (Error::Unsupported("No."), 415, "invalid_request"),
            (Error::TooMany { retry_after_seconds: 9 }, 429, "temporarily_unavailable"),
            (Error::unavailable("busy"), 503, "temporarily_unavailable"),
            (Error::Internal(anyhow::anyhow!("a secret")), 500, "server_error"),
        ] {
            let (answered, problem) = told(error);
            assert_eq!((answered.as_u16(), &problem["error"]), (status, &word.into()));
            assert_eq!(problem["error_description"], problem["detail"]);
            assert!(!problem.to_string().contains("a secret"));
        }
    }
}
