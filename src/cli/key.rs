//! `frontdesk key …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::keys::{
    self, By, Key, Kind, NewKey, OldSecret, Overlap, Reader, Rotation, Secret,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::convert::Infallible;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key. It is shown once.
    Create(Box<Create>),
    /// List the newest keys.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show everything about a key but its secret.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Give a key another secret. It is shown once.
    Rotate {
        /// Its id.
        id: Uuid,
        /// How long the old one is good beside it: now, 1-hour, 24-hours or 7-days.
        #[arg(long, default_value = Overlap::Day.as_str())]
        overlap: String,
    },
    /// Refuse a key from now on.
    Revoke {
        /// Its id.
        id: Uuid,
    },
}

/// A key to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// Whose it is.
    #[arg(long)]
    name: String,
    /// What it may do: leads:write, leads:status, posts:write, posts:read, subscribers:read, subscribers:write, orders:read,
    /// cache:write, events:read, webhooks:write. May be given several times.
    #[arg(long = "scope", required = true)]
    scopes: Vec<String>,
    /// For trying things out: what it hands in is marked, and nobody is told.
    #[arg(long)]
    test: bool,
    /// Until when it is good: never, 30-days, 90-days, 1-year, or the last day, as in 2027-01-31 (UTC).
    #[arg(long, default_value = "never")]
    expires: String,
    /// An address or a network that it may come from. May be given several times; without it, anywhere.
    #[arg(long = "from")]
    allowed: Vec<String>,
    /// The origin of a site whose scripts may send it, such as https://shop.example. May be given several times.
    #[arg(long = "origin")]
    origins: Vec<String>,
    /// How many requests a minute.
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    per_minute: Option<i32>,
    /// How many a day.
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    per_day: Option<i32>,
}

/// As the form reads it: what is no number is out of every range.
fn number(text: &str) -> Result<i32, Infallible> {
    Ok(text.trim().parse().unwrap_or(-1))
}

impl Create {
    /// The same as the form in the browser says it.
    fn new_key(self) -> NewKey {
        let is_a_day = self.expires.starts_with(|c: char| c.is_ascii_digit())
            && !self.expires.ends_with("-days")
            && !self.expires.ends_with("-year");
        let (expires, expires_on) = match is_a_day {
            true => ("date".to_owned(), self.expires),
            false => (self.expires, String::new()),
        };
        NewKey {
            name: self.name.trim().to_owned(),
            kind: Kind::of(self.test).as_str().to_owned(),
            scopes: self.scopes,
            expires,
            expires_on,
            allowed: self.allowed.join("\n"),
            origins: self.origins.join("\n"),
            per_minute: self.per_minute,
            per_day: self.per_day,
        }
    }
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let (by, reader) = (By::Operator(&operator), Reader::Operator(&operator));
        match self {
            Self::Create(new) => create(app, output, &operator, *new).await,
            Self::List { limit } => {
                let found = app.read(async |db| keys::list(db, reader, None, limit).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Show { id } => {
                let (key, old) = app.read(async |db| keys::by_id(db, reader, id).await).await?;
                let mut shown = json!(key);
                shown["old_secrets"] = json!(old);
                output.print(&shown, || details(&key, &old))
            }
            Self::Rotate { id, overlap } => {
                let new: Valid<Rotation> = input::decode(json!({ "overlap": overlap }))?;
                let overlap = new.overlap();
                let rotated = record(app, &operator, async |tx| {
                    let secret = keys::rotate(&mut *tx, by, id, overlap, &app.clock).await?;
                    let (key, _) = keys::by_id(tx, reader, id).await?;
                    let line = Act::KeyRotated.on("key", id).with("overlap", overlap.as_str());
                    Ok(((secret, key.scopes), line))
                });
                let (secret, scopes) = rotated.await?;
                shown_once(output, id, &secret, &scopes)
            }
            Self::Revoke { id } => {
                record(app, &operator, async |tx| {
                    keys::revoke(tx, by, id).await?;
                    Ok(((), Act::KeyRevoked.on("key", id)))
                })
                .await?;
                output.done("The key is refused from now on.")
            }
        }
    }
}

async fn create(
    app: &App,
    output: &Output,
    operator: &Operator,
    new: Create,
) -> Result<(), Refused> {
    let new = Valid::check(new.new_key())?;
    let (id, now) = (app.clock.id(), app.clock.now());
    let secret = Secret::generate(&app.clock, new.kind());
    record(app, operator, async |tx| {
        keys::create(tx, By::Operator(operator), (id, now), &new, &secret).await?;
        let line = Act::KeyCreated.on("key", id).with("scopes", new.scopes.join(" "));
        Ok(((), line.with("kind", new.kind().as_str())))
    })
    .await?;
    shown_once(output, id, &secret, &new.scopes)
}

fn shown_once(
    output: &Output,
    id: Uuid,
    secret: &Secret,
    scopes: &[String],
) -> Result<(), Refused> {
    let shown = json!({
        "id": id,
        "key": secret.reveal(),
        "prefix": secret.prefix(),
        "scopes": scopes,
    });
    output.print(&shown, || format!("{}\n", secret.reveal()))?;
    if !output.json {
        eprintln!("Keep it now: it is not stored and will not be shown again.");
    }
    Ok(())
}

fn line(key: &Key) -> String {
    let (state, scopes) = (&key.state, key.scopes.join(","));
    format!("{}  {}…  {state:<7}  {scopes}  {}\n", key.id, key.prefix, key.name)
}

fn details(key: &Key, old: &[OldSecret]) -> String {
    let at = |at: Option<OffsetDateTime>| {
        at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
    };
    let number = |number: Option<i32>| number.map_or("-".to_owned(), |number| number.to_string());
    let allowed = match key.allowed.is_empty() {
        true => "anywhere".to_owned(),
        false => key.allowed.join(", "),
    };
    let mut lines = vec![
        ("name", key.name.clone()),
        ("begins with", key.prefix.clone()),
        ("kind", Kind::of(key.test).as_str().to_owned()),
        ("state", key.state.clone()),
        ("scopes", key.scopes.join(", ")),
        ("made", at(Some(key.created_at))),
        ("good until", at(key.expires_at)),
        ("replaced", at(key.rotated_at)),
        ("revoked", at(key.revoked_at)),
        ("only from", allowed),
        (
            "scripts of",
            if key.origins.is_empty() { "-".to_owned() } else { key.origins.join(", ") },
        ),
        ("a minute", number(key.per_minute)),
        ("a day", number(key.per_day)),
        ("used today", number(key.used_today)),
        ("last used", at(key.last_used_at)),
        ("in network", key.last_used_network.clone().unwrap_or_else(|| "-".to_owned())),
    ];
    let until = |old: &OldSecret| format!("{}… until {}", old.prefix, at(Some(old.good_until)));
    lines.extend(old.iter().map(|old| ("good still", until(old))));
    lines.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
