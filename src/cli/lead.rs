//! `frontdesk lead …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::leads::{self, Arrival, HandedIn, Lead, NewLead, Sender};
use clap::Subcommand;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

/// What can be done with leads.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take down a lead.
    Add {
        /// Who writes, 2 to 100 characters.
        #[arg(long)]
        name: String,
        /// Where to answer.
        #[arg(long)]
        email: String,
        /// What they want, 10 to 2,000 characters.
        #[arg(long)]
        message: String,
        /// For whom they write.
        #[arg(long)]
        company: Option<String>,
        /// Where to ring.
        #[arg(long)]
        phone: Option<String>,
    },
    /// List the newest leads.
    List {
        /// Those that came with a key for tests, instead.
        #[arg(long)]
        test: bool,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Add { name, email, message, company, phone } => {
                // By the same decoder as every other door, so that the rules are the same.
                let fields = json!({ "name": name, "email": email, "message": message, "company": company, "phone": phone });
                let new: NewLead = serde_json::from_value(fields).map_err(anyhow::Error::from)?;
                let new = Valid::check(new)?;
                let sender = Sender::Operator(&operator);
                let arrival = Arrival { id: app.clock.id(), at: app.clock.now() };
                let handed = HandedIn::new(arrival, &sender, new);
                let lead = record(app, &operator, async |tx| {
                    let lead = leads::submit(tx, handed).await?;
                    let line = Act::LeadAdded.on("lead", lead.id);
                    Ok((lead, line))
                });
                let lead = lead.await?;
                output.print(&lead, || line(&lead))
            }
            Self::List { test, limit } => {
                let found = async |db: &mut _| leads::latest(db, &operator, test, limit).await;
                let found = app.read(found).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
        }
    }
}

fn line(lead: &Lead) -> String {
    let at = lead.created_at.format(&Rfc3339).unwrap_or_default();
    let (status, source) = (lead.status.as_str(), lead.source.as_str());
    format!("{}  {at}  {status:<9}  {source:<12}  {} <{}>\n", lead.id, lead.name, lead.email)
}
