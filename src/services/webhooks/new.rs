//! What is typed about an endpoint.

use crate::services::events::known_types;
use crate::services::input;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// An endpoint to be made. Forms send its types joined by commas, programs send a list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "NewWebhook")]
pub struct NewEndpoint {
    /// What it is for.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "a_name"))]
    pub name: String,
    /// Where: `https://…`. It is judged by whoever sends there (`outgoing`).
    #[serde(default, deserialize_with = "input::line")]
    pub url: String,
    /// Of what it is told.
    #[serde(default, deserialize_with = "types")]
    #[schemars(with = "Vec<String>")]
    #[validate(custom(function = "some_types"))]
    pub types: Vec<String>,
}

/// What is to be changed about one. What is not named stays.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "WebhookChanges")]
pub struct Changes {
    /// What it is for.
    #[serde(default, deserialize_with = "given_line")]
    #[schemars(with = "String")]
    #[validate(custom(function = "a_name"))]
    pub name: Option<String>,
    /// Where.
    #[serde(default, deserialize_with = "given_line")]
    #[schemars(with = "String")]
    pub url: Option<String>,
    /// Of what it is told.
    #[serde(default, deserialize_with = "given_types")]
    #[schemars(with = "Vec<String>")]
    #[validate(custom(function = "some_types"))]
    pub types: Option<Vec<String>>,
    /// on or paused: whether what happens is told, or waits.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "a_state"))]
    pub state: Option<String>,
}

/// What is to be sent once more: one delivery, or what was given up.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
pub struct Again {
    /// This one, whatever became of it.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[schemars(with = "Option<Uuid>")]
    #[validate(custom(function = "known_id"))]
    pub delivery: Option<String>,
    /// What was given up of what happened since then; of anything, where neither is said.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::moment_form"))]
    pub since: Option<String>,
}

impl Again {
    /// Which one.
    pub fn one(&self) -> Option<Uuid> {
        self.delivery.as_deref().and_then(|id| id.parse().ok())
    }

    /// Since when.
    pub fn moment(&self) -> Option<OffsetDateTime> {
        self.since.as_deref().and_then(input::moment)
    }
}

fn types<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Joined(#[serde(deserialize_with = "input::list")] Vec<String>),
    }
    let (Given::List(mut types) | Given::Joined(mut types)) = Given::deserialize(input)?;
    types.sort();
    types.dedup();
    Ok(types)
}

fn given_types<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    types(input).map(Some)
}

/// What is named is to be changed, if to nothing.
fn given_line<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    input::line(input).map(Some)
}

fn wrong(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

fn a_name(name: &str) -> Result<(), ValidationError> {
    if !(2..=100).contains(&name.chars().count()) {
        return Err(wrong("name", "Enter a name of 2 to 100 characters: what it is for."));
    }
    input::one_line(name)
}

fn some_types(types: &[String]) -> Result<(), ValidationError> {
    match types {
        [] => Err(wrong("types", "Choose at least one: without any there is nothing to tell.")),
        types => known_types(types),
    }
}

fn known_id(id: &str) -> Result<(), ValidationError> {
    match id.parse::<Uuid>() {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong("delivery", "This is no id.")),
    }
}

fn a_state(state: &str) -> Result<(), ValidationError> {
    match state {
        "on" | "paused" => Ok(()),
        _ => Err(wrong("state", "Choose on or paused.")),
    }
}
