//! What the shell is told.

use crate::config::VARIABLES;
use crate::error::Error;
use crate::http::problem;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;

/// Text, or one JSON document.
pub struct Output {
    /// The latter.
    pub json: bool,
}

/// Why a command did nothing.
#[derive(Debug)]
pub enum Refused {
    /// Mistakes in the environment, a sentence each.
    Configuration(Vec<String>),
    /// What the service said.
    Service(Error),
    /// Anything else that stands in the way.
    Other(anyhow::Error),
    /// The same, where what was printed says why already: there is one document on stdout, not two.
    Shown(anyhow::Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl Refused {
    /// What is said on stderr, a line each: the field, which may be empty, and the message.
    fn reasons(&self) -> Vec<(&str, String)> {
        match self {
            Self::Configuration(mistakes) => mistakes.iter().map(|said| named(said)).collect(),
            Self::Service(Error::Invalid(fields)) => fields
                .iter()
                .flat_map(|(field, said)| {
                    said.iter().map(|message| (field.as_str(), message.clone()))
                })
                .collect(),
            // On the operator's own shell a cause may be shown.
            Self::Service(Error::Internal(cause) | Error::Unavailable(cause))
            | Self::Other(cause)
            | Self::Shown(cause) => vec![("", format!("{cause:#}"))],
            Self::Service(error) => vec![("", error.to_string())],
        }
    }

    /// The document that says so: that of the API, in its words, with a list of reasons whatever it is.
    fn problem(&self) -> Value {
        let mut problem = match self {
            Self::Service(error) => problem::problem(error),
            Self::Configuration(_) => json!({
                "type": "about:blank",
                "title": "The environment needs correcting",
                "detail": "Some variables cannot be used as they are.",
            }),
            Self::Other(cause) | Self::Shown(cause) => json!({
                "type": "about:blank",
                "title": "That cannot be done",
                "detail": format!("{cause:#}"),
            }),
        };
        let reasons = self.reasons();
        problem["errors"] = reasons
            .iter()
            .map(|(field, detail)| json!({ "pointer": problem::pointer(field), "detail": detail }))
            .collect();
        problem
    }
}

/// A mistake in the environment: the variable, and what is wrong with it.
fn named(mistake: &str) -> (&str, String) {
    match mistake.split_once(": ") {
        Some((name, said)) if VARIABLES.contains(&name) => (name, said.to_owned()),
        _ => ("", mistake.to_owned()),
    }
}

impl Output {
    /// Prints `value` as JSON, or as `text` says.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn print(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Refused> {
        let printed = match self.json {
            true => serde_json::to_string(value).map_err(anyhow::Error::from)? + "\n",
            false => text(),
        };
        match std::io::stdout().write_all(printed.as_bytes()) {
            // Whoever has stopped reading has what they wanted.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| Refused::Other(error.into())),
        }
    }

    /// Says that it is done, where there is nothing to show.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn done(&self, message: &str) -> Result<(), Refused> {
        self.print(&json!({ "done": message }), || format!("{message}\n"))
    }

    /// Says why nothing was done.
    pub fn refuse(&self, refused: &Refused) {
        for (field, message) in refused.reasons() {
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            eprintln!("frontdesk: {field}{message}");
        }
        if self.json && !matches!(refused, Refused::Shown(_)) {
            // Whoever has stopped reading need not be told.
            let _ = writeln!(std::io::stdout(), "{}", refused.problem());
        }
    }
}
