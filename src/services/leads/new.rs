//! What a lead says: the same fields, and the same rules, at every door.

use crate::services::input;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// What a lead says, in the fields of the form and of the API alike.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, JsonSchema)]
pub struct NewLead {
    /// Who writes.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter your name, 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    #[schemars(required, regex(pattern = input::LINE), example = &"Ann Li")]
    pub name: String,
    /// Where to answer.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    #[schemars(required, email, example = &"ann@example.com")]
    pub email: String,
    /// For whom they write.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(
        length(max = 200, message = "Shorten the company to at most 200 characters."),
        custom(function = "input::one_line")
    )]
    pub company: Option<String>,
    /// Where to ring.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(
        length(max = 50, message = "Shorten the phone number to at most 50 characters."),
        custom(function = "input::one_line")
    )]
    pub phone: Option<String>,
    /// What they want.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 10, max = 2000, message = "Write a message of 10 to 2,000 characters."),
        custom(function = "input::many_lines")
    )]
    #[schemars(required, regex(pattern = input::BLOCK), example = &"Could you paint our boat?")]
    pub message: String,
    /// How they came here.
    #[serde(flatten)]
    #[validate(nested)]
    pub campaign: Campaign,
    /// The field that people do not see.
    #[serde(default, deserialize_with = "input::line")]
    #[schemars(with = "Option<String>")]
    pub website: String,
    /// The version of the words that the form showed. Of use where it is our own form alone.
    #[serde(default, deserialize_with = "remark")]
    pub consent: Option<String>,
    /// Milliseconds from seeing the form to sending it, where the browser said.
    #[serde(default, deserialize_with = "input::lenient_number")]
    pub elapsed_ms: Option<u64>,
}

/// How a visitor came to the site. Nothing here is worth refusing a lead for: what is too long is cut, what is strange
/// is left out.
#[derive(Debug, Clone, Default, Deserialize, Serialize, Validate, JsonSchema)]
pub struct Campaign {
    /// The campaign's utm_source.
    #[serde(default, deserialize_with = "remark")]
    pub utm_source: Option<String>,
    /// The campaign's utm_medium.
    #[serde(default, deserialize_with = "remark")]
    pub utm_medium: Option<String>,
    /// The campaign's utm_campaign.
    #[serde(default, deserialize_with = "remark")]
    pub utm_campaign: Option<String>,
    /// The campaign's utm_term.
    #[serde(default, deserialize_with = "remark")]
    pub utm_term: Option<String>,
    /// The campaign's utm_content.
    #[serde(default, deserialize_with = "remark")]
    pub utm_content: Option<String>,
    /// The page that linked here.
    #[serde(default, deserialize_with = "remark")]
    pub referrer: Option<String>,
    /// The first page they saw here.
    #[serde(default, deserialize_with = "remark")]
    pub landing_page: Option<String>,
}

impl Campaign {
    /// What is known of it: a label and a value each.
    pub fn labelled(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("Landing page", &self.landing_page),
            ("Referrer", &self.referrer),
            ("Campaign source", &self.utm_source),
            ("Campaign medium", &self.utm_medium),
            ("Campaign name", &self.utm_campaign),
            ("Campaign term", &self.utm_term),
            ("Campaign content", &self.utm_content),
        ];
        all.into_iter().filter_map(|(label, value)| Some((label, value.as_deref()?))).collect()
    }

    /// Fills what is missing from `other`.
    pub fn or(&mut self, other: Self) {
        let Self {
            utm_source,
            utm_medium,
            utm_campaign,
            utm_term,
            utm_content,
            referrer,
            landing_page,
        } = self;
        for (mine, theirs) in [
            (utm_source, other.utm_source),
            (utm_medium, other.utm_medium),
            (utm_campaign, other.utm_campaign),
            (utm_term, other.utm_term),
            (utm_content, other.utm_content),
            (referrer, other.referrer),
            (landing_page, other.landing_page),
        ] {
            if mine.is_none() {
                *mine = theirs;
            }
        }
    }
}

fn remark<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Remark {
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    let Remark::Text(text) = Remark::deserialize(input)? else { return Ok(None) };
    let text = Some(text.trim()).filter(|text| !text.is_empty() && input::one_line(text).is_ok());
    Ok(text.map(|text| text.chars().take(500).collect()))
}
