//! What the shell is told.

use crate::error::Error;
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
    /// Field and message; the field may be empty.
    fn reasons(&self) -> Vec<(String, String)> {
        match self {
            Self::Configuration(mistakes) => {
                mistakes.iter().map(|mistake| (String::new(), mistake.clone())).collect()
            }
            Self::Service(Error::Invalid(fields)) => fields
                .iter()
                .flat_map(|(field, said)| {
                    said.iter().map(|message| (field.clone(), message.clone()))
                })
                .collect(),
            // On the operator's own shell a cause may be shown.
            Self::Service(Error::Internal(cause) | Error::Unavailable(cause))
            | Self::Other(cause)
            | Self::Shown(cause) => {
                vec![(String::new(), format!("{cause:#}"))]
            }
            Self::Service(error) => vec![(String::new(), error.to_string())],
        }
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
        let reasons = refused.reasons();
        for (field, message) in &reasons {
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            eprintln!("frontdesk: {field}{message}");
        }
        if self.json && !matches!(refused, Refused::Shown(_)) {
            let error = |(field, detail): &(String, String)| match field.is_empty() {
                true => json!({ "pointer": "#", "detail": detail }),
                false => json!({ "pointer": format!("#/{field}"), "detail": detail }),
            };
            let errors: Vec<Value> = reasons.iter().map(error).collect();
            // Whoever has stopped reading need not be told.
            let _ = writeln!(std::io::stdout(), "{}", json!({ "errors": errors }));
        }
    }
}
