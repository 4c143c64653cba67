//! `frontdesk webhook …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::{Act, Line};
use crate::services::input::{self, Valid};
use crate::services::keys::{Overlap, Rotation};
use crate::services::webhooks::{
    self, Again, By, Delivery, Endpoint, Filter, Keeper, NewEndpoint, Secret,
};
use clap::{Args, Subcommand};
use serde_json::json;
use sqlx::PgConnection;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Have an address told of what happens. The secret is shown once.
    Add(Add),
    /// List the newest.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show one, with what was sent there.
    Show {
        /// Its id.
        id: Uuid,
        /// Only deliveries in this state: waiting, delivered, failed or dropped.
        #[arg(long)]
        state: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..=1000))]
        limit: i64,
    },
    /// Give it another secret. It is shown once.
    Rotate {
        /// Its id.
        id: Uuid,
        /// How long what is sent is signed with the old one too: now, 1-hour, 24-hours or 7-days.
        #[arg(long, default_value = Overlap::Day.as_str())]
        overlap: String,
    },
    /// Have something sent there that tells of nothing.
    Ping {
        /// Its id.
        id: Uuid,
    },
    /// Tell it nothing any more.
    Disable {
        /// Its id.
        id: Uuid,
    },
    /// Have it told again.
    Enable {
        /// Its id.
        id: Uuid,
    },
    /// Have something sent once more: one delivery, or what was given up.
    Replay {
        /// The webhook's id.
        id: Uuid,
        /// This delivery.
        #[arg(long)]
        delivery: Option<String>,
        /// What was given up of what happened since then, as in 2027-01-31 09:00 (UTC).
        #[arg(long, conflicts_with = "delivery")]
        since: Option<String>,
    },
}

/// A webhook to be made.
#[derive(Debug, Args)]
pub struct Add {
    /// What it is for.
    #[arg(long)]
    name: String,
    /// Where: https://…
    #[arg(long)]
    url: String,
    /// Of what it is told, such as lead.created. May be given several times.
    #[arg(long = "type", required = true)]
    types: Vec<String>,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let (by, keeper) = (By::Operator(&operator), Keeper::Operator(&operator));
        match self {
            Self::Add(new) => add(app, output, &operator, new).await,
            Self::List { limit } => {
                let found =
                    app.read(async |db| webhooks::list(db, keeper, None, limit).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Show { id, state, limit } => show(app, output, keeper, id, (state, limit)).await,
            Self::Rotate { id, overlap } => {
                let new: Valid<Rotation> = input::decode(json!({ "overlap": overlap }))?;
                let overlap = new.overlap();
                let sealer = (&app.secrets, &app.clock);
                let rotated = record(app, &operator, async |tx| {
                    let secret = webhooks::rotate(tx, by, sealer, id, overlap).await?;
                    let line = Act::WebhookRotated.on("webhook", id);
                    Ok((secret, line.with("overlap", overlap.as_str())))
                });
                shown_once(output, id, &rotated.await?)
            }
            Self::Ping { id } => {
                let ids = (app.clock.id(), app.clock.id());
                let ping = async |tx: &mut PgConnection| webhooks::ping(tx, keeper, id, ids).await;
                done(app, &operator, Act::WebhookPinged.on("webhook", id), ping).await?;
                output.done("A ping is on its way.")
            }
            Self::Disable { id } => {
                let disable = async |tx: &mut PgConnection| webhooks::disable(tx, keeper, id).await;
                done(app, &operator, Act::WebhookDisabled.on("webhook", id), disable).await?;
                output.done("It is told nothing any more.")
            }
            Self::Enable { id } => {
                let enable = async |tx: &mut PgConnection| webhooks::enable(tx, keeper, id).await;
                done(app, &operator, Act::WebhookEnabled.on("webhook", id), enable).await?;
                output.done("It is told again.")
            }
            Self::Replay { id, delivery, since } => {
                let again = Valid::check(Again { delivery, since })?;
                let replayed = record(app, &operator, async |tx| {
                    let replayed = webhooks::replay(tx, keeper, id, &again).await?;
                    let line = Act::WebhookReplayed.on("webhook", id);
                    Ok((replayed, line.with("deliveries", replayed)))
                });
                let replayed = replayed.await?;
                output.print(&json!({ "replayed": replayed }), || {
                    format!("{replayed} are sent once more\n")
                })
            }
        }
    }
}

async fn done(
    app: &App,
    operator: &Operator,
    line: Line,
    work: impl AsyncFnOnce(&mut PgConnection) -> crate::error::Result<()>,
) -> Result<(), Refused> {
    record(app, operator, async |tx| work(tx).await.map(|()| ((), line))).await?;
    Ok(())
}

async fn add(app: &App, output: &Output, operator: &Operator, new: Add) -> Result<(), Refused> {
    let Add { name, url, types } = new;
    let new = Valid::check(NewEndpoint { name: name.trim().to_owned(), url, types })?;
    let (id, sealer) = (app.clock.id(), (&app.secrets, &app.clock));
    let secret = record(app, operator, async |tx| {
        let by = By::Operator(operator);
        let secret = webhooks::create(tx, by, sealer, &app.outgoing, (id, &new)).await?;
        let line = Act::WebhookAdded.on("webhook", id);
        Ok((secret, line.with("types", new.types.join(" "))))
    });
    shown_once(output, id, &secret.await?)
}

fn shown_once(output: &Output, id: Uuid, secret: &Secret) -> Result<(), Refused> {
    let secret = secret.reveal();
    output.print(&json!({ "id": id, "secret": secret }), || format!("{id}\n{secret}\n"))?;
    if !output.json {
        eprintln!("Keep the secret now: it will not be shown again.");
    }
    Ok(())
}

async fn show(
    app: &App,
    output: &Output,
    by: Keeper<'_>,
    id: Uuid,
    (state, limit): (Option<String>, i64),
) -> Result<(), Refused> {
    let filter = Filter { state, after: None };
    let (webhook, sent) = app
        .read(async |db| {
            let webhook = webhooks::by_id(&mut *db, by, id).await?;
            Ok((webhook, webhooks::deliveries(db, by, id, &filter, limit).await?))
        })
        .await?;
    let mut shown = json!(webhook);
    shown["deliveries"] = json!(sent);
    output.print(&shown, || {
        let sent: String = sent.iter().map(delivery_line).collect();
        format!("{}{}\n{sent}", line(&webhook), webhook.types.join(", "))
    })
}

fn line(webhook: &Endpoint) -> String {
    let Endpoint { id, state, name, url, waiting, .. } = webhook;
    format!("{id}  {state:<8}  {waiting:>6} waiting  {name}  {url}\n")
}

fn delivery_line(delivery: &Delivery) -> String {
    let at = delivery.created_at.format(&Rfc3339).unwrap_or_default();
    let Delivery { id, state, attempts, sequence, .. } = delivery;
    let kind = delivery.kind.as_deref().unwrap_or("ping");
    // A terminal obeys what it is shown.
    let remark = delivery.remark.as_deref().unwrap_or_default();
    let remark = remark.replace(char::is_control, "\u{fffd}");
    format!("{id}  {at}  {state:<9}  {attempts:>2}  {kind} {sequence}  {remark}\n")
}
