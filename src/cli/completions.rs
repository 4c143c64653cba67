//! `frontdesk completions`: what bash, zsh, fish and others read to complete commands.

use super::output::{Output, Refused};
use clap::{Args, Command};
use clap_complete::{Shell, generate};
use serde_json::json;

/// For whom.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints it.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn print(&self, mut commands: Command, output: &Output) -> Result<(), Refused> {
        let mut script = Vec::new();
        generate(self.shell, &mut commands, "frontdesk", &mut script);
        let script = String::from_utf8_lossy(&script);
        let shown = json!({ "shell": self.shell.to_string(), "script": script });
        output.print(&shown, || script.to_string())
    }
}
