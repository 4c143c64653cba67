//! `frontdesk user …`

use super::output::{Output, Refused};
use crate::app::App;
use crate::policies::Operator;
use crate::services::input::Valid;
use crate::services::staff::{self, NewStaff, Role};
use clap::Subcommand;
use serde_json::json;

/// What can be done with staff accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account. Its password is generated and shown once.
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
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let Self::Add { email, name, role } = self;
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
}
