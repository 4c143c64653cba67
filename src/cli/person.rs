//! `frontdesk person …`

use super::output::{Output, Refused};
use crate::app::App;
use crate::policies::Operator;
use crate::services::input::Valid;
use crate::services::people::{self, By, Person};
use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

/// What can be done for one person.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print everything that is kept about someone, as one JSON document.
    Export {
        /// Their address.
        #[arg(long)]
        email: String,
    },
    /// Delete everything that is kept about someone.
    Erase {
        /// Their address.
        #[arg(long)]
        email: String,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let by = By::Operator(&operator);
        let (Self::Export { email } | Self::Erase { email }) = &self;
        let person = Valid::check(Person { email: email.trim().to_owned() })?;
        if let Self::Export { .. } = self {
            let at = app.clock.now();
            let found =
                app.read(async |db| people::export(db, by, &person.email, at).await).await?;
            let text = serde_json::to_string_pretty(&found).context("an export")?;
            return output.print(&found, || format!("{text}\n"));
        }
        let id = app.clock.id();
        let erased = app.write(async |tx| people::erase(tx, by, id, &person.email).await);
        let counts = erased.await?.value;
        output.print(&json!({ "erased": counts }), || {
            counts.iter().map(|(table, count)| format!("{count:>8}  {table}\n")).collect()
        })
    }
}
