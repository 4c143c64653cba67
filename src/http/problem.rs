//! What each error is called: its status, its title, its type, and the problem document (RFC 9457) that has them all.

use crate::error::{Error, KeyRefusal, OAuthRefusal};
use crate::identity::Refusal;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

/// The status of each error: the one table.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::Gone(_) | Error::Over(_) => StatusCode::GONE,
        Error::Moved(_) => StatusCode::MOVED_PERMANENTLY,
        Error::Conflict { .. } | Error::Running => StatusCode::CONFLICT,
        Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Error::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Error::Off(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Unproven(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_)
        | Error::OneFactor
        | Error::Unconfirmed
        | Error::OAuth(OAuthRefusal::SecondFactor) => StatusCode::FORBIDDEN,
        Error::Refused(refused) => refused_status(&refused.why),
        Error::OAuth(OAuthRefusal::Token) => StatusCode::UNAUTHORIZED,
        Error::OAuth(_) => StatusCode::BAD_REQUEST,
        Error::Stale => StatusCode::PRECONDITION_FAILED,
        Error::Unconditional => StatusCode::PRECONDITION_REQUIRED,
        Error::Key(KeyRefusal::Expired | KeyRefusal::Replaced) => StatusCode::UNAUTHORIZED,
        Error::Key(
            KeyRefusal::FromElsewhere
            | KeyRefusal::ForTests(_)
            | KeyRefusal::FromOtherSite
            | KeyRefusal::ForScripts,
        ) => StatusCode::FORBIDDEN,
        Error::Key(KeyRefusal::TooOften { .. } | KeyRefusal::QuotaUsedUp { .. })
        | Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refused_status(why: &Refusal) -> StatusCode {
    match why {
        Refusal::Unexpected => StatusCode::BAD_REQUEST,
        Refusal::Reported(_) | Refusal::Away(_) => StatusCode::BAD_GATEWAY,
        Refusal::AddressTaken | Refusal::NotTheirs | Refusal::TakenElsewhere => {
            StatusCode::CONFLICT
        }
        Refusal::Declined | Refusal::Untrusted(_) | Refusal::Closed | Refusal::SomeoneElse => {
            StatusCode::FORBIDDEN
        }
    }
}

/// What a person reads as the heading.
pub(super) fn title(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "Some fields need correcting",
        Error::NotFound => "Not found",
        Error::Gone(_) => "Withdrawn",
        Error::Over(_) => "This is over",
        Error::Moved(_) => "Moved",
        Error::Conflict { .. } => "Not just now",
        Error::Running => "Under way",
        Error::KeyReused => "The key is taken",
        Error::NotAcceptable => "That cannot be answered",
        Error::Off(_) => "This is off",
        Error::Unproven(_) => "Sign in first",
        Error::Unconfirmed => "Is it you?",
        Error::OneFactor => "A second factor is needed",
        Error::Refused(refused) => refused.title(),
        Error::Forbidden(_) => "Not allowed",
        Error::OAuth(OAuthRefusal::SecondFactor) => "A second factor is required",
        Error::OAuth(_) => "Refused",
        Error::Stale => "Changed meanwhile",
        Error::Unconditional => "Which version?",
        Error::Key(KeyRefusal::TooOften { .. }) => "Too many requests",
        Error::Key(KeyRefusal::QuotaUsedUp { .. }) => "The quota is used up",
        Error::Key(_) => "This key does not open this",
        Error::TooMany { .. } => "Too many requests",
        Error::Malformed(_) => "That could not be read",
        Error::TooLarge { .. } => "That is too large",
        Error::Unsupported(_) => "That cannot be read here",
        Error::TooSlow => "That took too long",
        Error::Unavailable(_) => "Not available just now",
        Error::Internal(_) => "Something went wrong",
    }
}

/// The problem document of `error`, in the same words for a program that calls and for one that reads what the shell prints.
pub fn problem(error: &Error) -> Value {
    let mut problem = json!({
        "type": kind(error),
        "title": title(error),
        "status": status(error).as_u16(),
        "detail": error.to_string(),
    });
    match error {
        Error::Invalid(fields) => {
            let said = fields
                .iter()
                .flat_map(|(name, said)| said.iter().map(move |detail| (name, detail)));
            problem["errors"] = said
                .map(|(name, detail)| json!({ "pointer": pointer(name), "detail": detail }))
                .collect();
        }
        Error::TooMany { .. } => problem["violated-policies"] = json!(["door"]),
        Error::Key(refusal) if refusal.limit().is_some() => {
            problem["violated-policies"] =
                refusal.limit().into_iter().map(|(of, _)| of.as_str()).collect();
        }
        _ => {}
    }
    problem
}

/// Where in the document that was sent (RFC 6901, as a fragment).
pub fn pointer(name: &str) -> String {
    if name.is_empty() {
        "#".into()
    } else {
        format!("#/{}", name.replace('~', "~0").replace('/', "~1"))
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "/problems/invalid-fields",
        Error::TooMany { .. } => "https://iana.org/assignments/http-problem-types#quota-exceeded",
        Error::KeyReused => "/problems/idempotency-key-reused",
        Error::Running => "/problems/idempotency-key-running",
        Error::OAuth(OAuthRefusal::SecondFactor) => "/problems/second-factor-required",
        Error::Key(refusal) => match refusal {
            KeyRefusal::Expired | KeyRefusal::Replaced => "/problems/key-expired",
            KeyRefusal::FromElsewhere => "/problems/address-not-allowed",
            KeyRefusal::ForTests(_) => "/problems/test-key",
            KeyRefusal::FromOtherSite => "/problems/origin-not-allowed",
            KeyRefusal::ForScripts => "/problems/key-for-scripts",
            // As draft-ietf-httpapi-ratelimit-headers has it registered.
            KeyRefusal::TooOften { .. } | KeyRefusal::QuotaUsedUp { .. } => {
                "https://iana.org/assignments/http-problem-types#quota-exceeded"
            }
        },
        _ => "about:blank",
    }
}

/// What OAuth calls it.
pub(super) fn oauth_code(error: &Error) -> &'static str {
    match error {
        Error::OAuth(refusal) => refusal.code(),
        Error::TooMany { .. } | Error::Unavailable(_) | Error::Off(_) => "temporarily_unavailable",
        Error::Internal(_) => "server_error",
        _ => "invalid_request",
    }
}
