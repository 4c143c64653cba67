//! Parsing at the door: what every field goes through before a service sees it.
//!
//! Text is trimmed and line ends are made one kind while it is decoded; what is checked is what is kept. After
//! [`Valid::check`] nobody asks again.

use crate::error::{Error, FieldErrors, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Deref;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use validator::{Validate, ValidateEmail, ValidationError, ValidationErrors};

/// A time as JSON has it, for descriptions of types that hold one.
pub struct Timestamp;

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// How one line of text that has to say something looks, for descriptions: trimmed, it holds no control character.
pub const LINE: &str = r"^[\s\u200b-\u200f\u2060\ufeff]*[^\s\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f-\x9f])?[\s\u200b-\u200f\u2060\ufeff]*$";

/// As [`LINE`], of several.
pub const BLOCK: &str = r"^[\s\u200b-\u200f\u2060\ufeff]*[^\s\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f-\x9f]([^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f-\x9f])?[\s\u200b-\u200f\u2060\ufeff]*$";

/// Input that passed its own rules. Only [`Valid::check`] makes one, so a service that takes it need not look.
#[derive(Debug, Clone)]
pub struct Valid<T>(T);

impl<T: Validate> Valid<T> {
    /// Applies the rules of `T`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with one message per field.
    pub fn check(input: T) -> Result<Self> {
        match input.validate() {
            Ok(()) => Ok(Self(input)),
            Err(failed) => Err(Error::Invalid(messages(&failed))),
        }
    }
}

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The first message of each field. validator's own errors hold the submitted values, passwords too, and go no further.
fn messages(failed: &ValidationErrors) -> FieldErrors {
    let first = |errors: &Vec<ValidationError>| {
        let error = errors.first()?;
        Some(error.message.as_ref().map_or_else(|| error.code.to_string(), ToString::to_string))
    };
    failed
        .field_errors()
        .into_iter()
        .filter_map(|(field, errors)| {
            // What validator says of all fields together is about the input as a whole.
            let field = if field == "__all__" { String::new() } else { field.to_string() };
            Some((field, vec![first(errors)?]))
        })
        .collect()
}

/// Decodes and checks fields that did not come over HTTP, by the decoder and the rules of every other door.
///
/// # Errors
/// [`Error::Invalid`] by field.
pub fn decode<T: DeserializeOwned + Validate>(fields: Value) -> Result<Valid<T>> {
    Valid::check(serde_path_to_error::deserialize(fields).map_err(|error| unfit(&error))?)
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
    let ours = said.starts_with(char::is_uppercase) && !said.starts_with("UUID");
    let sentence = said.split(" at line ").next().unwrap_or_default();
    let theirs = match said.split(" field").next() {
        Some("unknown") => UNKNOWN,
        Some("missing") => "This has to be there.",
        Some("duplicate") => "This is given twice.",
        _ => "This is of a type that cannot be used here.",
    };
    Error::field(&field, if ours { format!("{sentence}.") } else { theirs.to_owned() })
}

/// Both, or what is wrong with either, at once.
///
/// # Errors
/// Theirs.
pub fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Error::Invalid(mut wrong)), Err(Error::Invalid(more))) => {
            wrong.extend(more);
            Err(Error::Invalid(wrong))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Decodes one line of text: trimmed.
pub fn line<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(optional_line(input)?.unwrap_or_default())
}

/// Decodes one line of text that may be missing: trimmed, and none if nothing is left.
pub fn optional_line<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    Ok(text.map(|text| trim(&text).to_owned()).filter(|text| !text.is_empty()))
}

/// Decodes one line of text that is there, if with nothing in it: what is named is to be changed, and null is no text.
pub fn given_line<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    String::deserialize(input).map(|text| Some(trim(&text).to_owned()))
}

/// As [`given_line`], of several lines.
pub fn given_block<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    String::deserialize(input).map(|text| Some(tidy(&text)))
}

/// Decodes text of several lines: trimmed, each line end a `\n`, as browsers send `\r\n`.
pub fn block<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(optional_block(input)?.unwrap_or_default())
}

/// As [`block`], of text that may be missing or null. One in which nothing is left is there, and for its rules to refuse.
pub fn optional_block<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(input)?.map(|text| tidy(&text)))
}

/// Trimmed, with line ends of one kind.
fn tidy(text: &str) -> String {
    trim(text).replace("\r\n", "\n").replace('\r', "\n")
}

/// Without white space around it, nor characters that nobody sees.
fn trim(text: &str) -> &str {
    let unseen = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    text.trim_matches(|c: char| c.is_whitespace() || unseen(c))
}

/// Decodes a whole number that forms send as text. Whatever is no such number counts as not given.
pub fn lenient_number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Given(u64),
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Number::deserialize(input)? {
        Number::Given(number) => Some(number),
        Number::Text(text) => text.trim().parse().ok(),
        Number::Other(_) => None,
    })
}

/// Decodes a checkbox: browsers send it, or nothing.
pub fn checkbox<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    Ok(Option::<String>::deserialize(input)?.is_some_and(|sent| !sent.is_empty()))
}

/// Decodes what several controls of one name have sent, as the door has joined it (`http::form::join`).
pub fn list<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let text = optional_line(input)?.unwrap_or_default();
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(items.map(str::to_owned).collect())
}

/// Decodes a small whole number that forms send as text. What is no number is out of every range.
pub fn whole_number<'de, D: Deserializer<'de>>(input: D) -> Result<i16, D::Error> {
    Ok(optional_line(input)?.unwrap_or_default().parse().unwrap_or(-1))
}

/// One of `all`, by the name that `named` gives it; none where none is given.
///
/// # Errors
/// [`Error::Invalid`] on `field`, with the names there are.
pub fn choice<T: Copy>(
    field: &str,
    given: Option<&str>,
    all: &[T],
    named: fn(T) -> &'static str,
) -> Result<Option<T>> {
    let Some(given) = given else { return Ok(None) };
    let known = all.iter().copied().find(|one| named(*one) == given.trim());
    let names = || all.iter().copied().map(named).collect::<Vec<_>>().join(", ");
    known.map(Some).ok_or_else(|| Error::field(field, format!("Choose one of these: {}.", names())))
}

/// Refuses control characters: nothing but text on one line.
///
/// # Errors
/// Where there is one.
pub fn one_line(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(char::is_control) { Err(control()) } else { Ok(()) }
}

/// As [`one_line`], for several.
///
/// # Errors
/// Where there is one in any.
pub fn lines(texts: &[String]) -> Result<(), ValidationError> {
    texts.iter().try_for_each(|text| one_line(text))
}

/// Refuses control characters other than line ends and tabs.
///
/// # Errors
/// Where there is one.
pub fn many_lines(text: &str) -> Result<(), ValidationError> {
    let strange = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().any(strange) { Err(control()) } else { Ok(()) }
}

/// Accepts an address that mail can be sent to over the Internet: as browsers check it (WHATWG HTML, "valid e-mail
/// address"), with a dot in the domain.
///
/// # Errors
/// Where it is not one.
pub fn email(text: &str) -> Result<(), ValidationError> {
    let dotted = text.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('.'));
    if text.len() <= 254 && dotted && text.validate_email() {
        Ok(())
    } else {
        Err(ValidationError::new("email")
            .with_message("Enter an email address like name@example.com.".into()))
    }
}

/// Reads a time as programs and browsers write it, or as people do, in UTC. One that is in no year of four digits there is
/// none: neither the database nor our own answers could hold it.
pub fn moment(text: &str) -> Option<OffsetDateTime> {
    let by_hand = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let spaced = text.replacen('T', " ", 1);
    let read = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        PrimitiveDateTime::parse(&spaced, by_hand).ok().map(PrimitiveDateTime::assume_utc)
    });
    read?.checked_to_offset(UtcOffset::UTC).filter(|at| (1..=9999).contains(&at.year()))
}

/// Decodes a time that may be missing, as [`moment`] reads it.
pub fn optional_moment<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    let Some(text) = optional_line(input)? else { return Ok(None) };
    let none = || serde::de::Error::custom("Write the time as in 2027-01-31 09:00 (UTC)");
    moment(&text).ok_or_else(none).map(Some)
}

/// As [`optional_moment`], where a time that is named is one: nothing is none.
pub fn given_moment<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    let none = || serde::de::Error::custom("Write the time as in 2027-01-31T09:00:00Z");
    moment(&line(input)?).ok_or_else(none).map(Some)
}

/// Accepts a time that [`moment`] can read.
///
/// # Errors
/// Where it is none.
pub fn moment_form(text: &str) -> Result<(), ValidationError> {
    if moment(text).is_some() {
        return Ok(());
    }
    let message = "Write the time as in 2027-01-31 09:00 (UTC).";
    Err(ValidationError::new("moment").with_message(message.into()))
}

/// Accepts the last part of an address.
///
/// # Errors
/// Where it is none.
pub fn slug(slug: &str) -> Result<(), ValidationError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words = slug.split('-').all(|word| !word.is_empty() && word.chars().all(allowed));
    if words && slug.len() <= 100 {
        return Ok(());
    }
    Err(ValidationError::new("slug").with_message(
        "Use lower-case letters, digits and single hyphens, at most 100 characters.".into(),
    ))
}

/// The last part of an address, made from a title; none where nothing of it can be used.
pub fn slug_of(title: &str) -> Option<String> {
    let mut slug = slug::slugify(title);
    slug.truncate(100);
    let slug = slug.trim_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// Accepts Markdown that somebody might have written.
///
/// # Errors
/// Where nobody would have.
pub fn markdown(body: &str) -> Result<(), ValidationError> {
    many_lines(body)?;
    if templates::markdown::is_sensible(body) {
        return Ok(());
    }
    let message = "Use fewer quotes and lists inside each other, and tables with fewer columns.";
    Err(ValidationError::new("markdown").with_message(message.into()))
}

/// A pattern for `like` that finds what contains `text`, in which nothing means anything but itself; none for no text.
pub fn containing(text: &str) -> Option<String> {
    let mut pattern = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    (!text.is_empty()).then(|| format!("%{pattern}%"))
}

fn control() -> ValidationError {
    ValidationError::new("control")
        .with_message("Remove the invisible control characters from this text.".into())
}
