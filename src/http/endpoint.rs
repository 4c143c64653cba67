//! One JSON request, one answer. Programs prove who they are in the request itself; no cookie is ever read.

use super::call::{self, Call};
use super::errors::{self, Face, door};
use super::reply::Reply;
use super::retirement::Retirement;
use super::standing::Standing;
use super::{Gate, Grant, admit, body, cors, count_in_all, form, openapi};
use crate::error::{Error, FieldErrors, Result};
use crate::policies::Policy;
use crate::services::input::{self, Valid, unfit};
use crate::services::keys;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use validator::Validate;

/// How deep a document may go. None of ours goes deeper than three.
const DEEPEST: usize = 32;

/// The header that says which version of a thing is to be changed, for descriptions.
pub const IF_MATCH: (&str, &str) =
    ("If-Match", "The ETag of what is to be changed, as it was last seen; * is any.");

/// A way a program asks for something.
pub trait Endpoint: Gate {
    /// GET takes its input from the query, POST from a JSON document, unless it reads none.
    const METHOD: Method;
    /// What it is for, in a sentence.
    const SUMMARY: &'static str;
    /// The status of success.
    const STATUS: StatusCode = StatusCode::OK;
    /// Headers that a request has to have, and why.
    const HEADERS: &'static [(&'static str, &'static str)] = &[];
    /// The largest document, in bytes; 0 where none is read.
    const BODY: usize;
    /// Whether standard clients of OAuth come here: they send forms, and look for their own member in a problem.
    const OAUTH: bool = false;
    /// Whether scripts of the sites that a key names may call: what anyone who reads a page of theirs may do.
    const SCRIPTS: bool = false;
    /// Where it is not to be used any more: since when, and until when it is there.
    const RETIRES: Option<Retirement> = None;
    /// The parts of the path that vary.
    type At: DeserializeOwned + JsonSchema + 'static;
    /// What is sent.
    type Input: DeserializeOwned + JsonSchema + Validate + 'static;
    /// What is answered.
    type Output: Serialize + JsonSchema;

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
#[derive(Debug, serde::Deserialize, JsonSchema, Validate)]
pub struct Nothing {}

/// The members that may be sent to an endpoint; none where whatever else comes is passed over: an address of old, at which
/// others choose what they send, or a standard that says so (RFC 6749 §3.2).
pub type Members = Option<Arc<BTreeSet<String>>>;

/// Those of `E`.
pub fn members<E: Endpoint>() -> Members {
    let is_strict = E::PATH.starts_with("/api/v1/") && !E::OAUTH;
    is_strict.then(|| Arc::new(openapi::members::<E::Input>()))
}

/// Serves an endpoint.
pub async fn call<E: Endpoint>(
    request: HttpRequest,
    payload: web::Payload,
    members: Members,
) -> HttpResponse {
    let face = if E::OAUTH { Face::OAuth } else { Face::Problem };
    let mut told = Told::default();
    let work = answer::<E>(&request, payload, members.as_deref(), &mut told);
    let mut response = door(face, E::PATH, &request, work).await;
    let headers = response.headers_mut();
    told.standing.tell(E::LIMIT, headers);
    if let Some(retirement) = E::RETIRES {
        retirement.tell(headers);
    }
    if E::Auth::CORS {
        cors::allow_origin(&request, headers);
    } else if E::SCRIPTS {
        cors::let_read(told.site.as_deref(), headers);
    }
    response
}

/// What an answer says in its headers, whatever else it is.
#[derive(Default)]
struct Told {
    standing: Standing,
    /// The site whose script may read it.
    site: Option<String>,
}

async fn answer<E: Endpoint>(
    request: &HttpRequest,
    payload: web::Payload,
    members: Option<&BTreeSet<String>>,
    told: &mut Told,
) -> Result<HttpResponse> {
    let app = errors::shared(request);
    let counted = count_in_all::<E>(app, request).await;
    told.standing.at_the_door(*counted.as_ref().unwrap_or(&0));
    let origin = cors::foreign(app, request);
    // That it comes too often is for the scripts of any site to read: which those are that a key names is not looked up then.
    told.site = origin.filter(|_| counted.is_err()).map(str::to_owned);
    counted?;
    takes_json(request.headers())?;
    if E::SCRIPTS && cors::is_named::<E::Auth>(app, origin).await? {
        told.site = origin.map(str::to_owned);
    }
    let who = admit::<E>(app, request).await.inspect_err(|error| told.standing.refused(error))?;
    told.standing.of(E::Auth::limits(&who));
    if let Some(sites) = E::Auth::sites(&who) {
        keys::admit_from(sites, origin, E::SCRIPTS)?;
    }
    let key = if E::METHOD != Method::GET { call::key(request.headers())? } else { None };
    let at = super::at::<E::At>(request).await?;
    let (mut input, body) = input::<E>(request, payload, members).await?;
    E::supplement(request, &mut input);
    let input = Valid::check(input)?;
    let call = Call::new(app, request, E::Auth::caller(&who), key, &body);
    let reply = E::run(&call, &who, &at, input).await?;
    debug_assert_eq!(reply.status(), E::STATUS, "{} {} says something else", E::METHOD, E::PATH);
    reply.answer(request)
}

/// What is sent, and the bytes it was sent as.
async fn input<E: Endpoint>(
    request: &HttpRequest,
    payload: web::Payload,
    members: Option<&BTreeSet<String>>,
) -> Result<(E::Input, Bytes)> {
    if E::METHOD == Method::GET || E::BODY == 0 {
        let asked = form_urlencoded::parse(request.query_string().as_bytes());
        only(members, asked.map(|(name, _)| name))?;
        return Ok((form::read(&asked.into_owned().collect())?, Bytes::new()));
    }
    if members.is_some() {
        let asked = form_urlencoded::parse(request.query_string().as_bytes());
        only(Some(&BTreeSet::new()), asked.map(|(name, _)| name))?;
    }
    let is_form = E::OAUTH && form::is_form(request.headers());
    if !is_form && !is_json(request.headers()) {
        return Err(Error::Unsupported("Send application/json."));
    }
    let body = body::read(request, payload, E::BODY).await?;
    let input = match is_form {
        true => form::read(&form::pairs(request, body.clone()).await?)?,
        false => {
            // By name before by type: what is none of theirs to say may be what makes the rest unfit.
            let sent = members.filter(|_| depth(&body) <= DEEPEST);
            let sent = sent.and_then(|_| serde_json::from_slice(&body).ok());
            only(members, sent.unwrap_or(Names(Vec::new())).0)?;
            json(&body)?
        }
    };
    Ok((input, body))
}

/// Refuses what is none of the members, by name.
fn only<T: AsRef<str>>(
    members: Option<&BTreeSet<String>>,
    sent: impl IntoIterator<Item = T>,
) -> Result<()> {
    let Some(members) = members else { return Ok(()) };
    let unknown = sent.into_iter().filter(|name| !members.contains(name.as_ref()));
    let said = |name: T| (name.as_ref().to_owned(), vec![input::UNKNOWN.to_owned()]);
    let unknown: FieldErrors = unknown.map(said).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Error::Invalid(unknown)) }
}

/// The names of the members of a document.
struct Names<'a>(Vec<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Names<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> std::result::Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Names<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Names<'de>, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        input.deserialize_map(Reader)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // What decodes here would take the members from a list as well, by their places.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::field("", "Send a JSON object."));
    }
    if depth(body) > DEEPEST {
        let message = format!("The JSON goes deeper than {DEEPEST} levels.");
        return Err(Error::Malformed(message));
    }
    let mut decoder = serde_json::Deserializer::from_slice(body);
    let input = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        if error.inner().is_data() { unfit(&error) } else { unreadable(error.inner()) }
    })?;
    decoder.end().map_err(|error| unreadable(&error))?;
    Ok(input)
}

/// How many lists and objects lie in each other, whether the text is JSON or not.
fn depth(body: &[u8]) -> usize {
    let (mut deepest, mut at, mut in_text, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                at += 1;
                deepest = deepest.max(at);
            }
            b']' | b'}' if !in_text => at = at.saturating_sub(1),
            _ => {}
        }
    }
    deepest
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
    use actix_web::http::header::HeaderValue;

    /// What was there once.
    struct Old;

    impl Gate for Old {
        const PATH: &'static str = "/api/v1/old";
        const LIMIT: crate::http::limit::Limit = crate::http::limit::Limit::per_minute(60);
        type Auth = crate::policies::Anyone;
    }

    impl Endpoint for Old {
        const METHOD: Method = Method::GET;
        const SUMMARY: &'static str = "Was there once.";
        const RETIRES: Option<Retirement> = Some(Retirement {
            since: time::macros::datetime!(2026-12-01 0:00 UTC),
            gone: Some(time::macros::datetime!(2027-06-30 23:59:59 UTC)),
            instead: Some("/api/v2/new"),
        });
        const BODY: usize = 0;
        type At = ();
        type Input = Nothing;
        type Output = ();

        async fn run(_: &Call<'_>, (): &(), (): &(), _: Valid<Nothing>) -> Result<Reply<()>> {
            Ok(Reply::ok(()))
        }
    }

    #[test]
    fn what_retires_is_described_so() {
        let described = openapi::document(&[openapi::Operation::of::<Old>()]);
        let old = &described["paths"][Old::PATH]["get"];
        assert_eq!(old["deprecated"], true);
        for name in ["Deprecation", "Sunset"] {
            let header = format!("#/components/headers/{name}");
            assert_eq!(old["responses"]["200"]["headers"][name]["$ref"], header);
            assert!(described["components"]["headers"][name].is_object());
        }
    }

    #[test]
    fn brackets_in_texts_are_no_depth() {
        for (text, deep) in
            [("", 0), ("{}", 1), (r#"{"a":[{"b":"[[[\"[{"},[]]}"#, 3), ("[[[", 3), ("]][", 1)]
        {
            assert_eq!(depth(text.as_bytes()), deep, "{text}");
        }
        let deep =
            |levels: usize| format!("{{\"a\":{}}}", "[".repeat(levels) + &"]".repeat(levels));
        assert!(json::<serde_json::Value>(deep(DEEPEST - 1).as_bytes()).is_ok());
        let refused = json::<serde_json::Value>(deep(DEEPEST).as_bytes());
        assert!(matches!(refused, Err(Error::Malformed(said)) if said.contains("32 levels")));
    }

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
