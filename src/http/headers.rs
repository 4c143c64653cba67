//! Headers that every answer carries, errors included (OWASP Secure Headers; MDN HTTP Observatory).

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// Everything from ourselves, nothing inline, nobody may frame us; and what else is said of frames.
macro_rules! policy {
    ($of_frames:literal) => {
        HeaderValue::from_static(concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
             connect-src 'self'; form-action 'self'; ",
            $of_frames,
            "frame-ancestors 'none'; base-uri 'none'"
        ))
    };
}

/// The policy of a page that shows a document of ours in a frame. There is one of those (`http::framed`): all else
/// refuses to be framed.
pub const WITH_A_FRAME: HeaderValue = policy!("frame-src 'self'; ");

/// What they are but for `Cache-Control`.
pub static FIXED: [(HeaderName, HeaderValue); 9] = [
    (CONTENT_SECURITY_POLICY, policy!("")),
    (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Never `no-referrer`: Chromium would then send `Origin: null` with our own forms.
    (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
             microphone=(), midi=(), payment=(), usb=()",
        ),
    ),
];

/// Lets the forms of a page lead to other origins as well: a browser stops a form whose answer leads to one that the page
/// does not name.
pub fn lead_to(headers: &mut HeaderMap, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    let named = format!("form-action 'self' {}", origins.join(" "));
    let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap_or(&FIXED[0].1);
    let policy = policy.to_str().unwrap_or_default().replace("form-action 'self'", &named);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Adds them, where the door did not decide otherwise. What says nothing about caching is personal, or might be, and is
/// not stored anywhere.
pub fn add(headers: &mut HeaderMap) {
    headers.reserve(FIXED.len() + 1);
    for (name, value) in &FIXED {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
