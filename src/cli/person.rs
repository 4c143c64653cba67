//! `frontdesk person …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::memberships;
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
            let line = Act::PersonExported.to("person").counting(&found.counts());
            record(app, &operator, async |_| Ok(((), line))).await?;
            return output.print(&found, || format!("{text}\n"));
        }
        let id = app.clock.id();
        let erased = record(app, &operator, async |tx| {
            let now = app.clock.now();
            memberships::end_all(tx, &person.email, now, || app.clock.id()).await?;
            let counts = people::erase(tx, by, id, &person.email).await?;
            let line = Act::PersonErased.on("erasure", id).counting(&counts);
            Ok((counts, line))
        });
        let counts = erased.await?;
        output.print(&json!({ "erased": counts }), || {
            counts.iter().map(|(table, count)| format!("{count:>8}  {table}\n")).collect()
        })
    }
}
