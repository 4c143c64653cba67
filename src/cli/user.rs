//! `frontdesk user …`

use super::output::{Output, Refused};
use crate::app::App;
use crate::policies::Operator;
use crate::services::email_changes;
use crate::services::input::Valid;
use crate::services::staff::{self, NewStaff, Role};
use clap::Subcommand;
use serde_json::json;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account for one of us. Its password is generated and shown once.
    Add {
        /// Sign-in address.
        #[arg(long)]
        email: String,
        /// What others see.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long, value_enum, default_value_t = Role::Editor)]
        role: Role,
    },
    /// Give anyone's account another address, for an owner who cannot read the mail that goes to the old one any more. Be sure
    /// that it is they. Whoever is signed in to it is out, and the old mailbox is told.
    Email {
        /// The address it has.
        #[arg(long)]
        email: String,
        /// The address it is to have.
        #[arg(long)]
        to: String,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        match self {
            Self::Add { email, name, role } => add(app, output, &email, &name, role).await,
            Self::Email { email, to } => {
                let (operator, id, old) = (Operator::at_the_shell(), app.clock.id(), email.trim());
                let email = to.trim().to_owned();
                let new = Valid::check(email_changes::New { email, with_newsletter: false })?;
                let set = app.write(async |tx| {
                    email_changes::by_operator(tx, &operator, id, old, &new).await
                });
                let _ = set.await?;
                output.done("The account has its new address. Everybody is signed out of it.")
            }
        }
    }
}

async fn add(
    app: &App,
    output: &Output,
    email: &str,
    name: &str,
    role: Role,
) -> Result<(), Refused> {
    let password = app.clock.letters(20);
    let (email, name) = (email.trim().to_owned(), name.trim().to_owned());
    let new = Valid::check(NewStaff { email, name, password })?;
    let hash = app.passwords.hash(&app.clock, &new.password).await?;
    let (operator, id) = (Operator::at_the_shell(), app.clock.id());
    let made = app.write(async |tx| staff::create(tx, &operator, id, &new, role, &hash).await);
    let _ = made.await?;
    let shown = json!({ "id": id, "email": new.email, "password": new.password });
    output.print(&shown, || format!("{}\n{}\n", new.email, new.password))
}
