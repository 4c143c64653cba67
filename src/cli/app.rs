//! `frontdesk app …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::apps::{self, NewApp};
use crate::services::audit::Act;
use crate::services::input::Valid;
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

/// What can be done with members' apps.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register an app: it may ask members whether it may act for them.
    Add {
        /// What members know it by.
        #[arg(long)]
        name: String,
        /// Where the answer may be sent: https, http://127.0.0.1/… without a port, or a scheme of its own such as
        /// com.example.app:/signed-in. May be given several times.
        #[arg(long = "redirect-uri", required = true)]
        redirect_uris: Vec<String>,
    },
    /// List all apps.
    List,
    /// Refuse an app from now on, and end what it does for members.
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
            Self::Add { name, redirect_uris } => {
                let new = Valid::check(NewApp { name: name.trim().to_owned(), redirect_uris })?;
                let id = app.clock.id();
                record(app, &operator, async |tx| {
                    apps::create(tx, &operator, id, &new).await?;
                    Ok(((), Act::AppAdded.on("app", id)))
                })
                .await?;
                let shown = json!({
                    "client_id": id,
                    "name": new.name,
                    "redirect_uris": new.redirect_uris,
                });
                output.print(&shown, || format!("{id}\n"))
            }
            Self::List => {
                let found = app.read(async |db| apps::all(db, &operator).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Revoke { id } => {
                record(app, &operator, async |tx| {
                    apps::revoke(tx, &operator, id).await?;
                    Ok(((), Act::AppRevoked.on("app", id)))
                })
                .await?;
                output.done("The app is refused from now on, and everybody is signed out of it.")
            }
        }
    }
}

fn line(app: &apps::App) -> String {
    let state = if app.revoked_at.is_some() { "revoked" } else { "good" };
    format!("{}  {state:<7}  {}  {}\n", app.id, app.redirect_uris.join(","), app.name)
}
