//! What a post says: the same fields, and the same rules, in the editor, for programs and on the shell.

use super::{Audience, Status};
use crate::error::{Error, Result};
use crate::services::input::{self, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use time::OffsetDateTime;
use validator::{Validate, ValidationError};

/// A post as it is written, in the fields of the editor and of the API alike.
#[derive(Debug, Clone, Deserialize, Validate, JsonSchema)]
pub struct Draft {
    /// The heading.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 200, message = "Enter a title of at most 200 characters."),
        custom(function = "input::one_line")
    )]
    #[schemars(required, regex(pattern = input::LINE), example = &"Open on Sunday")]
    pub title: String,
    /// Its place in the address; made from the title where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::slug"))]
    pub slug: Option<String>,
    /// One sentence for lists.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(max = 300, message = "Shorten the summary to at most 300 characters."),
        custom(function = "input::one_line")
    )]
    #[schemars(with = "Option<String>")]
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
    #[schemars(required, example = &"News")]
    pub topic: String,
    /// Markdown.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 1, max = 200_000, message = "Write a text of at most 200,000 characters."),
        custom(function = "input::markdown")
    )]
    #[schemars(required, regex(pattern = input::BLOCK), example = &"We are open on Sunday.")]
    pub body: String,
    /// Who may see it.
    #[serde(default, deserialize_with = "status")]
    pub status: Status,
    /// Whom the text is for; everyone, or as before, where it is not said.
    #[serde(default, deserialize_with = "audience")]
    pub audience: Option<Audience>,
    /// For a scheduled post: from when on. RFC 3339, or date and time in UTC.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::moment_form"))]
    pub publish_at: Option<String>,
    /// The `updated_at` of the text that was changed: not to write over what someone else has saved since.
    #[serde(default, deserialize_with = "input::optional_moment")]
    #[schemars(with = "Option<Timestamp>")]
    pub version: Option<OffsetDateTime>,
}

impl Draft {
    /// The status to store, and the time of publication if it is a given one.
    pub(super) fn publication(&self) -> Result<(Status, Option<OffsetDateTime>)> {
        match (self.status, self.publish_at.as_deref().and_then(input::moment)) {
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
        input::slug_of(&self.title).ok_or_else(|| {
            Error::field("slug", "Give an address: none can be made from this title.")
        })
    }
}

/// Decodes a status that may be missing.
pub(super) fn given_status<'de, D: serde::Deserializer<'de>>(
    input: D,
) -> Result<Option<Status>, D::Error> {
    status(input).map(Some)
}

fn status<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Status, D::Error> {
    let given = input::line(input)?;
    let known = [Status::Draft, Status::Scheduled, Status::Published, Status::Archived];
    let wanted = || serde::de::Error::custom("Use draft, scheduled, published or archived");
    known.into_iter().find(|status| status.as_str() == given).ok_or_else(wanted)
}

/// Decodes an audience that may be missing.
pub(super) fn audience<'de, D: serde::Deserializer<'de>>(
    input: D,
) -> Result<Option<Audience>, D::Error> {
    let Some(given) = input::optional_line(input)? else { return Ok(None) };
    let known = Audience::ALL.into_iter().find(|audience| audience.as_str() == given);
    known.map(Some).ok_or_else(|| serde::de::Error::custom("Use everyone, members or paid"))
}

fn topic_form(topic: &str) -> Result<(), ValidationError> {
    input::one_line(topic)?;
    if slug::slugify(topic).is_empty() {
        return Err(ValidationError::new("topic")
            .with_message("Name the topic with letters or digits.".into()));
    }
    Ok(())
}
