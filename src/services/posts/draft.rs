//! What a post says: the same fields, and the same rules, in the editor, for programs and on the shell.

use super::Status;
use crate::error::{Error, Result};
use crate::services::input;
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use validator::{Validate, ValidationError};

/// A post as it is written, in the fields of the editor and of the API alike.
#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Draft {
    /// The heading.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 200, message = "Enter a title of at most 200 characters."),
        custom(function = "input::one_line")
    )]
    pub title: String,
    /// Its place in the address; made from the title where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "slug_form"))]
    pub slug: Option<String>,
    /// One sentence for lists.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(max = 300, message = "Shorten the summary to at most 300 characters."),
        custom(function = "input::one_line")
    )]
    pub summary: String,
    /// The name of a topic; a new name is a new topic.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 1,
            max = 60,
            message = "Choose a topic, or name a new one in at most 60 characters."
        ),
        custom(function = "topic_form")
    )]
    pub topic: String,
    /// Markdown.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 1, max = 200_000, message = "Write a text of at most 200,000 characters."),
        custom(function = "body_form")
    )]
    pub body: String,
    /// Who may see it.
    #[serde(default, deserialize_with = "status")]
    pub status: Status,
    /// For a scheduled post: from when on. RFC 3339, or date and time in UTC.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "moment_form"))]
    pub publish_at: Option<String>,
    /// The `updated_at` of the text that was changed: not to write over what someone else has saved since.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub version: Option<OffsetDateTime>,
}

impl Draft {
    /// The status to store, and the time of publication if it is a given one.
    pub(super) fn publication(&self) -> Result<(Status, Option<OffsetDateTime>)> {
        match (self.status, self.publish_at.as_deref().and_then(moment)) {
            (Status::Scheduled, None) => Err(Error::field(
                "publish_at",
                "Say when the post is to appear, such as 2027-01-31 09:00.",
            )),
            (Status::Scheduled, at) => Ok((Status::Published, at)),
            (status, _) => Ok((status, None)),
        }
    }

    /// Its place in the address: the given one, or one made from the title.
    pub(super) fn place(&self) -> Result<String> {
        if let Some(slug) = &self.slug {
            return Ok(slug.clone());
        }
        let mut slug = slug::slugify(&self.title);
        slug.truncate(100);
        let slug = slug.trim_matches('-');
        if slug.is_empty() {
            return Err(Error::field("slug", "Give an address: none can be made from this title."));
        }
        Ok(slug.to_owned())
    }
}

/// Reads a time as programs and browsers write it, or as people do, in UTC.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let by_hand = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let spaced = text.replacen('T', " ", 1);
    OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        PrimitiveDateTime::parse(&spaced, by_hand).ok().map(PrimitiveDateTime::assume_utc)
    })
}

fn moment_form(text: &str) -> Result<(), ValidationError> {
    if moment(text).is_some() {
        return Ok(());
    }
    let message = "Write the time as in 2027-01-31 09:00 (UTC).";
    Err(ValidationError::new("moment").with_message(message.into()))
}

fn slug_form(slug: &str) -> Result<(), ValidationError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words = slug.split('-').all(|word| !word.is_empty() && word.chars().all(allowed));
    if words && slug.len() <= 100 {
        return Ok(());
    }
    Err(ValidationError::new("slug").with_message(
        "Use lower-case letters, digits and single hyphens, at most 100 characters.".into(),
    ))
}

fn status<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Status, D::Error> {
    let given = input::line(input)?;
    let known = [Status::Draft, Status::Scheduled, Status::Published, Status::Archived];
    let wanted = || serde::de::Error::custom("Use draft, scheduled, published or archived");
    known.into_iter().find(|status| status.as_str() == given).ok_or_else(wanted)
}

fn body_form(body: &str) -> Result<(), ValidationError> {
    input::many_lines(body)?;
    if templates::markdown::is_sensible(body) {
        return Ok(());
    }
    let message = "Use fewer quotes and lists inside each other, and tables with fewer columns.";
    Err(ValidationError::new("body").with_message(message.into()))
}

fn topic_form(topic: &str) -> Result<(), ValidationError> {
    input::one_line(topic)?;
    if slug::slugify(topic).is_empty() {
        return Err(ValidationError::new("topic")
            .with_message("Name the topic with letters or digits.".into()));
    }
    Ok(())
}
