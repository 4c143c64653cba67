//! `frontdesk lead …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::leads::{
    self, Arrival, By, Event, Filter, HandedIn, Lead, NewLead, NewNote, NewStatus, Sender, Shown,
    Source, Status,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::fmt::Write;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What can be done with leads.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take down a lead.
    Add(Add),
    /// List the newest leads.
    List(List),
    /// Show a lead with everything that was done with it.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Say how far we are with a lead.
    Status(SetStatus),
    /// Note something on a lead, for staff alone.
    Note {
        /// Its id.
        id: Uuid,
        /// What to remember, at most 5,000 characters.
        #[arg(long)]
        note: String,
    },
}

/// A lead to be taken down.
#[derive(Debug, Args)]
pub struct Add {
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
}

/// Which leads.
#[derive(Debug, Args)]
pub struct List {
    /// Only those that are so far: new, contacted, qualified, won, lost or spam.
    #[arg(long)]
    status: Option<String>,
    /// Only those that came by this door: website-form, partner-api, mobile-app, embed, cli or import.
    #[arg(long)]
    source: Option<String>,
    /// Those that came with a key for tests, instead.
    #[arg(long)]
    test: bool,
    /// Only those in whose name, address, company or message this stands.
    #[arg(long, short, default_value = "")]
    q: String,
    /// Only those older than the lead with this id.
    #[arg(long)]
    before: Option<Uuid>,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

/// How far we are.
#[derive(Debug, Args)]
pub struct SetStatus {
    /// The lead's id.
    id: Uuid,
    /// new, contacted, qualified, won, lost or spam.
    status: String,
    /// The status you have seen: where it has another one by now, nothing is changed.
    #[arg(long)]
    seen: Option<String>,
    /// What to remember about that.
    #[arg(long)]
    note: Option<String>,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Add(new) => add(app, output, &operator, new).await,
            Self::List(which) => list(app, output, &operator, which).await,
            Self::Show { id } => {
                let by = By::Operator(&operator);
                let found = app.read(async |db| leads::by_id(db, by, id).await).await?;
                output.print(&found, || whole(&found))
            }
            Self::Status(new) => set_status(app, output, &operator, new).await,
            Self::Note { id, note } => {
                let new: Valid<NewNote> = input::decode(json!({ "note": note }))?;
                let entry = app.clock.id();
                let is_added = record(app, &operator, async |tx| {
                    let line =
                        leads::add_note(tx, By::Operator(&operator), entry, id, &new).await?;
                    Ok((line.is_some(), line))
                });
                output.done(match is_added.await? {
                    true => "The note is added.",
                    false => "The note was there already.",
                })
            }
        }
    }
}

async fn add(app: &App, output: &Output, operator: &Operator, new: Add) -> Result<(), Refused> {
    let Add { name, email, message, company, phone } = new;
    let new: Valid<NewLead> = input::decode(json!({
        "name": name, "email": email, "message": message, "company": company, "phone": phone,
    }))?;
    let sender = Sender::Operator(operator);
    let arrival = Arrival { id: app.clock.id(), at: app.clock.now() };
    let handed = HandedIn::new(arrival, &sender, new);
    let lead = record(app, operator, async |tx| {
        let lead = leads::submit(tx, handed).await?;
        let line = Act::LeadAdded.on("lead", lead.id);
        Ok((lead, line))
    });
    let lead = lead.await?;
    output.print(&lead, || line(&lead))
}

async fn list(app: &App, output: &Output, by: &Operator, which: List) -> Result<(), Refused> {
    let List { status, source, test, q, before, limit } = which;
    let filter = Filter {
        status: input::choice("status", status.as_deref(), &Status::ALL, Status::as_str)?,
        source: input::choice("source", source.as_deref(), &Source::ALL, Source::as_str)?,
        test: Some(test),
        text: q.trim().to_owned(),
        before,
    };
    let found = app.read(async |db| leads::latest(db, by, &filter, limit).await).await?;
    output.print(&found, || found.iter().map(line).collect())
}

async fn set_status(
    app: &App,
    output: &Output,
    operator: &Operator,
    new: SetStatus,
) -> Result<(), Refused> {
    let SetStatus { id, status, seen, note } = new;
    let by = By::Operator(operator);
    let status = input::decode::<NewStatus>(json!({ "status": status, "seen": seen }));
    let note = note.map(|note| input::decode::<NewNote>(json!({ "note": note }))).transpose();
    let (status, note) = input::both(status, note)?;
    let (change, remark) = (app.clock.id(), app.clock.id());
    let found = record(app, operator, async |tx| {
        let set = leads::set_status(&mut *tx, by, change, id, &status).await?;
        let noted = match &note {
            Some(note) => leads::add_note(&mut *tx, by, remark, id, note).await?,
            None => None,
        };
        let line = set.map(|line| line.with("noted", noted.is_some())).or(noted);
        Ok((leads::by_id(tx, by, id).await?, line))
    });
    let found = found.await?;
    output.print(&found, || whole(&found))
}

fn at(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn line(lead: &Lead) -> String {
    let (status, source) = (lead.status.as_str(), lead.source.as_str());
    let Lead { id, name, email, created_at, .. } = lead;
    format!("{id}  {}  {status:<9}  {source:<12}  {name} <{email}>\n", at(*created_at))
}

fn whole(lead: &Shown) -> String {
    let mut lines = vec![
        ("from", format!("{} <{}>", lead.name, lead.email)),
        ("company", lead.company.clone().unwrap_or_default()),
        ("phone", lead.phone.clone().unwrap_or_default()),
        ("status", lead.status.as_str().to_owned()),
        ("came by", lead.source.as_str().to_owned()),
        ("with key", lead.key_name.clone().unwrap_or_default()),
        ("at", at(lead.created_at)),
        ("like spam", lead.spam_reasons.join(", ")),
    ];
    if lead.test {
        lines.push(("for tests", "yes".to_owned()));
    }
    let campaign = lead.campaign.labelled().into_iter();
    lines.extend(campaign.map(|(label, value)| (label, value.to_owned())));
    let mut text = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{name:<16} {value}");
    }
    text += &format!("\n{}\n", lead.message);
    if !lead.history.is_empty() {
        text += "\n";
    }
    text + &lead.history.iter().map(event).collect::<String>()
}

fn event(event: &Event) -> String {
    let change = event.change.as_ref();
    let change = change.map(|change| format!("{} → {}", change.from, change.to));
    let said = [change, event.note.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    format!("{}  {}  {said}\n", at(event.at), event.by)
}
