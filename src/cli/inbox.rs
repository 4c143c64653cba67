//! `frontdesk inbox …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::inbox::{self, Filter, Keeper, Listed, OfSource, Reader, Replayed, Shown};
use crate::services::input::Valid;
use clap::Subcommand;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What can be done with what other programs have told us.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List events, the last to come first.
    List {
        /// Only those in this state: waiting, done, failed, dead or ignored.
        #[arg(long)]
        state: Option<String>,
        /// Only those of this sender.
        #[arg(long)]
        source: Option<String>,
        /// Only those older than the event with this id.
        #[arg(long)]
        before: Option<Uuid>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show one event: what it says, and what it changed.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Have an event acted upon once more. What was done is not done twice.
    Replay {
        /// Its id.
        #[arg(required_unless_present = "dead")]
        id: Option<Uuid>,
        /// All dead events instead.
        #[arg(long, conflicts_with = "id")]
        dead: bool,
        /// Only those of this sender.
        #[arg(long, requires = "dead")]
        source: Option<String>,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let by = Reader::Operator(&operator);
        match self {
            Self::List { state, source, before, limit } => {
                let filter = Filter { state, source, before };
                let found = app.read(async |db| inbox::list(db, &by, &filter, limit).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Show { id } => {
                let shown = app.read(async |db| inbox::by_id(db, &by, id).await).await?;
                output.print(&shown, || whole(&shown))
            }
            Self::Replay { id: Some(id), .. } => replay(app, output, &operator, id).await,
            Self::Replay { source, .. } => replay_dead(app, output, &operator, source).await,
        }
    }
}

async fn replay(app: &App, output: &Output, operator: &Operator, id: Uuid) -> Result<(), Refused> {
    let job = app.clock.id();
    let replayed = record(app, operator, async |tx| {
        let replayed = inbox::replay(tx, &Keeper::Operator(operator), id, job).await?;
        let line = Act::EventReplayed.on("inbox", id);
        Ok((replayed, line.with("again", replayed == Replayed::Again)))
    });
    output.done(match replayed.await? {
        Replayed::Again => "It is acted upon once more.",
        Replayed::DoneBefore => "It was done before, and nothing is done twice.",
    })
}

async fn replay_dead(
    app: &App,
    output: &Output,
    operator: &Operator,
    source: Option<String>,
) -> Result<(), Refused> {
    let of = Valid::check(OfSource { source })?;
    let replayed = record(app, operator, async |tx| {
        let replayed = inbox::replay_dead(tx, &Keeper::Operator(operator), &of).await?;
        Ok((replayed, Act::DeadEventsReplayed.to("inbox").with("events", replayed)))
    });
    let replayed = replayed.await?;
    output.print(&json!({ "replayed": replayed }), || {
        format!("{replayed} are acted upon once more\n")
    })
}

fn line(event: &Listed) -> String {
    let at = event.received_at.format(&Rfc3339).unwrap_or_default();
    let Listed { id, source, kind, state, attempts, .. } = event;
    let remark = event.remark.as_deref().unwrap_or_default();
    format!("{id}  {at}  {source:<10}  {state:<8}  {attempts:>2}  {kind}  {remark}\n")
}

fn whole(shown: &Shown) -> String {
    let effect = |effect: &inbox::Effect| {
        let detail = effect.detail.as_deref().unwrap_or_default();
        format!("  {} {} {detail}\n", effect.object, effect.kind)
    };
    let effects: String = shown.effects.iter().map(effect).collect();
    // A terminal obeys what it is shown.
    let safe = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    let payload = shown.payload.as_deref().unwrap_or("It is not kept any more.");
    let payload: String = payload.chars().map(safe).collect();
    format!("{}Changed:\n{effects}\n{payload}\n", line(&shown.event))
}
