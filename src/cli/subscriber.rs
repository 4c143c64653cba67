//! `frontdesk subscriber …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::pages::admin::subscribers::all;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::subscribers::{
    self, Ask, Filter, From, Import, Imported, Keeper, Listed, NewEnd, Status,
};
use anyhow::Context;
use clap::Subcommand;
use serde_json::json;
use std::io::Read;
use time::format_description::well_known::Rfc3339;

/// What can be done with subscribers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask somebody to subscribe: they get a mail and have to confirm.
    Add {
        /// Where to.
        #[arg(long)]
        email: String,
        /// The slug of a topic. May be given several times; without it, all topics.
        #[arg(long = "topic")]
        topics: Vec<String>,
    },
    /// List the last to come.
    List {
        /// Only these: pending, confirmed, unsubscribed, bounced.
        #[arg(long)]
        status: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Bring people over as confirmed subscribers: a table (CSV) on stdin, with the columns email, topics, digest, time_zone.
    Import {
        /// Where and when these people agreed to get mail.
        #[arg(long)]
        consent: String,
    },
    /// Print all subscribers as a table (CSV).
    Export,
    /// Take an address off the list that mail comes back from.
    Bounce {
        /// Which.
        email: String,
    },
    /// Take somebody off the list who told their provider that our mail is unwanted.
    Complain {
        /// Who.
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
        let by = Keeper::Operator(&operator);
        let door = Door { app, output, operator: &operator, by: &by };
        match self {
            Self::Add { email, topics } => add(&door, email, topics).await,
            Self::List { status, limit } => list(app, output, &by, status, limit).await,
            Self::Import { consent } => import(&door, consent).await,
            Self::Export => {
                let text = all(app, &by).await?;
                let line = Act::SubscribersExported.to("subscribers");
                record(app, &operator, async |_| Ok(((), line))).await?;
                output.print(&json!({ "csv": text }), || text.clone())
            }
            Self::Bounce { email } => end(&door, &email, "bounced").await,
            Self::Complain { email } => end(&door, &email, "complained").await,
        }
    }
}

/// Who does something, and where.
struct Door<'a> {
    app: &'a App,
    output: &'a Output,
    operator: &'a Operator,
    by: &'a Keeper<'a>,
}

async fn add(door: &Door<'_>, email: String, topics: Vec<String>) -> Result<(), Refused> {
    let Door { app, output, operator, by } = door;
    let email = email.trim().to_owned();
    let fields = json!({ "email": email, "topics": topics.join(",") });
    let new: Valid<Ask> = input::decode(fields)?;
    let arrival = (app.clock.id(), app.clock.now());
    record(app, operator, async |tx| {
        subscribers::ask(tx, arrival, &From::Keeper(by), &new).await?;
        Ok(((), Act::SubscriberAsked.to("subscribers")))
    })
    .await?;
    output.done("They are asked by mail, unless they were a short while ago.")
}

async fn list(
    app: &App,
    output: &Output,
    by: &Keeper<'_>,
    status: Option<String>,
    limit: i64,
) -> Result<(), Refused> {
    let status = input::choice("status", status.as_deref(), &Status::ALL, Status::as_str)?;
    let filter = Filter { status, ..Filter::default() };
    let found = app.read(async |db| subscribers::list(db, by, &filter, limit).await).await?;
    output.print(&found, || found.iter().map(line).collect())
}

async fn import(door: &Door<'_>, consent: String) -> Result<(), Refused> {
    let Door { app, output, operator, by } = door;
    let mut csv = String::new();
    std::io::stdin().read_to_string(&mut csv).context("stdin could not be read")?;
    // By the same decoder as at the other door: what spreadsheets write before the first letter is nothing.
    let new: Valid<Import> = input::decode(json!({ "csv": csv, "consent": consent }))?;
    let (now, id) = (app.clock.now(), || app.clock.id());
    let imported = record(app, operator, async |tx| {
        let done = subscribers::import(tx, by, id, now, &new).await?;
        let line = Act::SubscribersImported.on("import", done.id);
        let line = line.with("added", done.added).with("skipped", done.skipped);
        Ok((done, line))
    });
    let imported = imported.await?;
    output.print(&imported, || {
        let Imported { added, skipped, refused, lines, .. } = &imported;
        let lines = lines.iter().map(|line| format!("Line {}: {}\n", line.line, line.why));
        format!("{added} added, {skipped} skipped, {refused} refused\n")
            + &lines.collect::<String>()
    })
}

async fn end(door: &Door<'_>, email: &str, reason: &'static str) -> Result<(), Refused> {
    let Door { app, output, operator, by } = door;
    let new = Valid::check(NewEnd { reason: reason.to_owned() })?;
    let now = app.clock.now();
    record(app, operator, async |tx| {
        let id = subscribers::by_email(&mut *tx, by, email).await?;
        subscribers::end(tx, by, id, &new, now).await?;
        Ok(((), Act::SubscriberEnded.on("subscriber", id).with("reason", reason)))
    })
    .await?;
    output.done("They get no more mail.")
}

fn line(one: &Listed) -> String {
    let at = one.created_at.format(&Rfc3339).unwrap_or_default();
    let status = one.status.as_str();
    format!(
        "{}  {at}  {status:<12}  {:<6}  {:<12}  {}\n",
        one.id, one.digest, one.source, one.email
    )
}
