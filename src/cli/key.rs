//! `frontdesk key …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::keys::{self, Key, NewKey, Secret};
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key. It is shown once.
    Create {
        /// Whose it is.
        #[arg(long)]
        name: String,
        /// What it may do: leads:write, posts:write, posts:read, cache:write. May be given several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
    },
    /// List all keys.
    List,
    /// Refuse a key from now on.
    Revoke {
        /// Its id.
        id: Uuid,
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
            Self::Create { name, mut scopes } => {
                scopes.sort();
                scopes.dedup();
                let new = Valid::check(NewKey { name: name.trim().to_owned(), scopes })?;
                let (id, secret) = (app.clock.id(), Secret::generate(&app.clock));
                record(app, &operator, async |tx| {
                    keys::create(tx, &operator, id, &new, &secret).await?;
                    Ok(((), Act::KeyCreated.on("key", id).with("scopes", new.scopes.join(" "))))
                })
                .await?;
                let shown = json!({
                    "id": id,
                    "key": secret.reveal(),
                    "prefix": secret.prefix(),
                    "scopes": new.scopes,
                });
                output.print(&shown, || format!("{}\n", secret.reveal()))?;
                if !output.json {
                    eprintln!("Keep it now: it is not stored and will not be shown again.");
                }
                Ok(())
            }
            Self::List => {
                let found = app.read(async |db| keys::all(db, &operator).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Revoke { id } => {
                record(app, &operator, async |tx| {
                    keys::revoke(tx, &operator, id).await?;
                    Ok(((), Act::KeyRevoked.on("key", id)))
                })
                .await?;
                output.done("The key is refused from now on.")
            }
        }
    }
}

fn line(key: &Key) -> String {
    let state = if key.revoked_at.is_some() { "revoked" } else { "good" };
    format!("{}  {}…  {state:<7}  {}  {}\n", key.id, key.prefix, key.scopes.join(","), key.name)
}
