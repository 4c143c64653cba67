//! Parsing at the door: what every field goes through before a service sees it.
//!
//! Text is trimmed and line ends are made one kind while it is decoded; what is checked is what is kept. After
//! [`Valid::check`] nobody asks again.

use crate::error::{Error, FieldErrors, Result};
use serde::{Deserialize, Deserializer};
use std::ops::Deref;
use validator::{Validate, ValidateEmail, ValidationError, ValidationErrors};

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

/// Decodes one line of text: trimmed.
pub fn line<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(optional_line(input)?.unwrap_or_default())
}

/// Decodes one line of text that may be missing: trimmed, and none if nothing is left.
pub fn optional_line<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    Ok(text.map(|text| trim(&text).to_owned()).filter(|text| !text.is_empty()))
}

/// Decodes text of several lines: trimmed, each line end a `\n`, as browsers send `\r\n`.
pub fn block<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(input)?.unwrap_or_default();
    Ok(trim(&text).replace("\r\n", "\n").replace('\r', "\n"))
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

/// Decodes a small whole number that forms send as text. What is no number is out of every range.
pub fn whole_number<'de, D: Deserializer<'de>>(input: D) -> Result<i16, D::Error> {
    Ok(optional_line(input)?.unwrap_or_default().parse().unwrap_or(-1))
}

/// Refuses control characters: nothing but text on one line.
///
/// # Errors
/// Where there is one.
pub fn one_line(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(char::is_control) { Err(control()) } else { Ok(()) }
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

fn control() -> ValidationError {
    ValidationError::new("control")
        .with_message("Remove the invisible control characters from this text.".into())
}
