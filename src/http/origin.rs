//! Did this form come from our own pages? Decided from what the browser says about itself, without tokens in pages, so
//! that cached pages may hold forms (ARCHITECTURE.md, "Forms").
//!
//! Nothing is derived from `Host` or `X-Forwarded-*`: our origins are configured. `null` is a value and never ours.

use crate::app::App;
use crate::config::{Config, Origin};
use crate::digest;
use crate::http::form::Pairs;
use crate::http::session;
use crate::services::secrets::Purpose;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, ORIGIN, REFERER};
use std::time::Duration;

/// The field in which a confirmed form carries its token.
pub const CONFIRM: &str = "confirm";
const CONFIRM_WITHIN: Duration = Duration::from_secs(600);
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What becomes of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is ours.
    Allow,
    /// It is someone else's.
    Deny,
    /// Nothing tells. Ask the person.
    Confirm,
}

/// Judges a POST. `ambient` as in [`Policy::AMBIENT`](crate::policies::Policy::AMBIENT).
pub fn judge(config: &Config, request: &HttpRequest, ambient: bool) -> Verdict {
    let (Ok(site), Ok(origin)) = (only(request, &SEC_FETCH_SITE), only(request, &ORIGIN)) else {
        return Verdict::Deny;
    };
    let is =
        |known: &[Origin]| origin.is_some_and(|origin| known.iter().any(|ours| ours.is(origin)));
    let (ours, trusted) = (is(&config.public_origins), is(&config.trusted_origins));
    let allowed = match (site, origin) {
        (Some("same-origin"), _) => true,
        (Some("none"), None) => true,
        (Some("none"), Some(_)) => ours,
        (Some(_), _) => trusted,
        (None, Some(_)) => ours || trusted,
        (None, None) => return without_origin(config, request, ambient),
    };
    if allowed { Verdict::Allow } else { Verdict::Deny }
}

fn without_origin(config: &Config, request: &HttpRequest, ambient: bool) -> Verdict {
    if let Some(referer) = request.headers().get(REFERER) {
        let origin = referer.to_str().ok().and_then(|referer| url::Url::parse(referer).ok());
        let origin = origin.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let ours = config.public_origins.iter().any(|known| known.is(&origin));
        return if ours { Verdict::Allow } else { Verdict::Deny };
    }
    if !ambient && session::token(config, request).is_none() {
        return Verdict::Allow; // there is nothing a stranger could have borrowed
    }
    Verdict::Confirm
}

/// The header's value where it is there once; more than one is an attempt at something.
fn only<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        _ => Err(()),
    }
}

/// A token with which exactly this form may be sent here again by exactly this visitor, for ten minutes.
pub fn confirmation(app: &App, request: &HttpRequest, pairs: &Pairs) -> String {
    let expires = (app.clock.now() + CONFIRM_WITHIN).unix_timestamp();
    let parts = parts(app, request, pairs, &expires.to_be_bytes());
    let signature = app.secrets.sign(Purpose::Form, &parts.each_ref().map(Vec::as_slice));
    format!("{expires}.{}", digest::hex(&signature))
}

/// Whether the form carries such a token.
pub fn is_confirmed(app: &App, request: &HttpRequest, pairs: &Pairs) -> bool {
    let token = super::form::value(pairs, CONFIRM).and_then(|token| token.split_once('.'));
    let Some((expires, signature)) = token else { return false };
    let (Ok(expires), Some(signature)) = (expires.parse::<i64>(), digest::unhex(signature)) else {
        return false;
    };
    let parts = parts(app, request, pairs, &expires.to_be_bytes());
    expires >= app.clock.now().unix_timestamp()
        && app.secrets.verify(Purpose::Form, &parts.each_ref().map(Vec::as_slice), &signature)
}

/// Who, where, what, until when. Passwords are left out: the page that asks does not repeat them.
fn parts(app: &App, request: &HttpRequest, pairs: &Pairs, expires: &[u8]) -> [Vec<u8>; 4] {
    let session =
        session::token(&app.config, request).map(|token| token.reveal()).unwrap_or_default();
    // In an order of their own: the page that asks may have put them in another.
    let signed = pairs.iter().filter(|(name, _)| name != CONFIRM && !is_secret(name));
    let mut signed: Vec<_> =
        signed.map(|(name, value)| (name, value.replace("\r\n", "\n"))).collect();
    signed.sort();
    let body = digest::of_parts(signed.iter().flat_map(|(name, value)| [name.as_str(), value]));
    [session.into_bytes(), request.uri().to_string().into_bytes(), body.to_vec(), expires.to_vec()]
}

/// Whether a field's value is never shown again.
pub fn is_secret(name: &str) -> bool {
    templates::errors::is_secret(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const OURS: &str = "https://example.com";

    fn verdict(headers: &[(&str, &str)], ambient: bool) -> Verdict {
        let values = [("PUBLIC_ORIGINS", OURS), ("TRUSTED_ORIGINS", "https://friend.example")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = Config::from_values(&values).unwrap();
        let mut request = TestRequest::post();
        for header in headers {
            request = request.append_header(*header);
        }
        judge(&config, &request.to_http_request(), ambient)
    }

    #[test]
    fn browsers_that_say_where_a_form_comes_from() {
        use Verdict::{Allow, Deny};
        for (headers, expected) in [
            (&[("sec-fetch-site", "same-origin"), ("origin", OURS)][..], Allow),
            (&[("sec-fetch-site", "same-origin")], Allow),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], Deny),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com")], Deny),
            (&[("sec-fetch-site", "cross-site"), ("origin", OURS)], Deny),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://friend.example")], Allow),
            (&[("sec-fetch-site", "none")], Allow),
            (&[("sec-fetch-site", "none"), ("origin", "null")], Deny),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], Deny),
            (&[("origin", OURS), ("origin", OURS)], Deny),
            (&[("origin", OURS)], Allow),
            (&[("origin", "null")], Deny),
            (&[("origin", "http://example.com")], Deny),
            (&[("origin", "https://example.com.evil.example")], Deny),
            (&[("origin", "https://friend.example")], Allow),
            (&[("referer", "https://example.com/contact?x=y")], Allow),
            (&[("referer", "https://evil.example/https://example.com")], Deny),
            (&[("referer", "nonsense")], Deny),
        ] {
            assert_eq!(verdict(headers, true), expected, "{headers:?}");
        }
    }

    #[test]
    fn who_says_nothing_is_asked_where_a_cookie_could_be_borrowed() {
        assert_eq!(verdict(&[], false), Verdict::Allow);
        assert_eq!(verdict(&[], true), Verdict::Confirm);
        let cookie = format!("__Host-sid={}", "0".repeat(64));
        assert_eq!(verdict(&[("cookie", &cookie)], false), Verdict::Confirm);
    }
}
