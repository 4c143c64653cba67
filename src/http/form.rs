//! What a form sends, as the pairs it sends: urlencoded or multipart.
//!
//! The raw pairs are kept even where decoding them fails, so that nothing typed is lost.

use crate::error::{Error, Result};
use crate::services::input::Valid;
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use validator::Validate;

/// Names and values in the order they were sent.
pub type Pairs = Vec<(String, String)>;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Whether the body is what a form sends.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = kind(content_type(headers));
    kind.eq_ignore_ascii_case(URLENCODED) || kind.eq_ignore_ascii_case(MULTIPART)
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn kind(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The form in `body`.
///
/// # Errors
/// [`Error::Unsupported`] for any other kind of body, [`Error::Malformed`] where it cannot be read.
pub async fn pairs(request: &HttpRequest, body: Bytes) -> Result<Pairs> {
    match typed(request, body).await? {
        (pairs, false) => Ok(pairs),
        _ => Err(Error::Unsupported("This form takes no files.")),
    }
}

/// What was typed in the form in `body`, and whether there were files, which are left out.
///
/// # Errors
/// As [`pairs`].
pub async fn typed(request: &HttpRequest, body: Bytes) -> Result<(Pairs, bool)> {
    let content_type = content_type(request.headers());
    if kind(content_type).eq_ignore_ascii_case(URLENCODED) {
        Ok((urlencoded(&body)?, false))
    } else if kind(content_type).eq_ignore_ascii_case(MULTIPART) {
        multipart(content_type, body).await
    } else {
        Err(Error::Unsupported("Send this form as a form: urlencoded or multipart."))
    }
}

/// The pairs in an urlencoded text.
///
/// # Errors
/// [`Error::Malformed`] where it holds anything but text.
fn urlencoded(body: &[u8]) -> Result<Pairs> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> =
            part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let decoded: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
        String::from_utf8(decoded).map_err(|_| not_text())
    };
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) =
                (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

async fn multipart(content_type: &str, body: Bytes) -> Result<(Pairs, bool)> {
    let malformed =
        |error: multer::Error| Error::Malformed(format!("The form cannot be read: {error}."));
    let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
    let stream = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
    let mut parts = multer::Multipart::new(stream, boundary);
    let (mut pairs, mut files) = (Vec::new(), false);
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let is_file = part.file_name().is_some();
        let value = part.bytes().await.map_err(malformed)?;
        if is_file {
            files |= !value.is_empty(); // or the control was left empty
            continue;
        }
        pairs.push((name, String::from_utf8(value.into()).map_err(|_| not_text())?));
    }
    Ok((pairs, files))
}

fn not_text() -> Error {
    Error::Malformed("The form holds bytes that are not UTF-8 text.".into())
}

/// The value of the first pair called `name`.
pub fn value<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Several controls of one name become one value, separated by commas.
pub fn join(pairs: &mut Pairs, name: &str) {
    let given: Vec<String> =
        pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect();
    if !given.is_empty() {
        pairs.push((name.to_owned(), given.join(",")));
    }
}

/// `pairs` as an `F` that keeps its own rules.
///
/// # Errors
/// [`Error::Invalid`] by field.
pub fn decode<F: DeserializeOwned + Validate>(pairs: &Pairs) -> Result<Valid<F>> {
    Valid::check(read(pairs)?)
}

/// `pairs` as an `F` whose rules nobody has looked at yet.
///
/// # Errors
/// [`Error::Invalid`] by field.
pub fn read<F: DeserializeOwned>(pairs: &Pairs) -> Result<F> {
    let again =
        serde_urlencoded::to_string(pairs).map_err(|error| Error::Internal(error.into()))?;
    let decoder = serde_urlencoded::Deserializer::new(form_urlencoded::parse(again.as_bytes()));
    serde_path_to_error::deserialize(decoder).map_err(|error| unfit(&error))
}

/// What whoever sends a field that there is not is told.
pub const UNKNOWN: &str = "There is no such member here.";

/// A value of a type the field does not have, as a message on that field.
pub fn unfit<E: std::error::Error>(error: &serde_path_to_error::Error<E>) -> Error {
    let field = error.path().iter().next().map(ToString::to_string).unwrap_or_default();
    let said = error.inner().to_string();
    // What is missing, or there twice, is where the path does not lead.
    let of_the_whole = ["missing field `", "duplicate field `"].iter();
    let named = of_the_whole.filter_map(|words| said.strip_prefix(words)?.split('`').next()).next();
    let field = match named {
        Some(name) => name.to_owned(),
        None if field == "." => String::new(),
        None => field,
    };
    // What a type says for itself is a sentence of ours. What serde says is about our types, which mean nothing to callers.
    let ours = said.starts_with(char::is_uppercase);
    let sentence = said.split(" at line ").next().unwrap_or_default();
    let theirs = match said.split(" field").next() {
        Some("unknown") => UNKNOWN,
        Some("missing") => "This has to be there.",
        Some("duplicate") => "This is given twice.",
        _ => "This is of a type that cannot be used here.",
    };
    Error::field(&field, if ours { format!("{sentence}.") } else { theirs.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_as_they_were_sent() {
        let pairs = urlencoded(b"name=Ada+L%C3%A9&note=a%3Db&empty&&name=Bob").unwrap();
        let expected = [("name", "Ada Lé"), ("note", "a=b"), ("empty", ""), ("name", "Bob")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(value(&pairs, "name"), Some("Ada Lé"));
    }

    #[test]
    fn boxes_of_one_name_are_one_value() {
        let mut pairs = urlencoded(b"topics=a&email=x&topics=b").unwrap();
        join(&mut pairs, "topics");
        assert_eq!(value(&pairs, "topics"), Some("a,b"));
        assert_eq!(pairs.len(), 2);
    }

    #[test]
    fn what_is_not_text_is_refused() {
        assert!(matches!(urlencoded(b"name=%ff"), Err(Error::Malformed(_))));
    }
}
