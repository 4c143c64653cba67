//! `frontdesk user …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::error::Error;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::roster::{self, By, Listed, NewRole, Reader};
use crate::services::staff::{self, NewStaff, Role};
use crate::services::{email_changes, factors};
use clap::{Args, Subcommand};
use serde_json::json;
use templates::format::plural;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

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
        /// What they may do: editor or owner.
        #[arg(long, default_value = Role::Editor.as_str())]
        role: String,
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
    /// List those who run the site, the last to come first.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Close somebody's account and end their sessions, on every instance.
    Deactivate(Who),
    /// Open it again.
    Activate(Who),
    /// Have somebody do something else from now on; their sessions end.
    Role {
        #[command(flatten)]
        who: Who,
        /// What they may do: editor or owner.
        #[arg(long)]
        role: String,
    },
    /// Take second factor and passkeys away, for somebody who has lost everything. They are signed out everywhere, and told.
    ResetFactors(Who),
}

/// One of them.
#[derive(Debug, Args)]
pub struct Who {
    /// Their sign-in address.
    #[arg(long)]
    email: String,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Add { email, name, role } => {
                let email = email.trim().to_owned();
                let new = NewStaff { email, name, password: String::new() };
                add(app, output, &operator, new, named(&role)).await
            }
            Self::Email { email, to } => {
                change_email(app, output, &operator, email.trim(), to.trim()).await
            }
            Self::List { limit } => list(app, output, &operator, limit).await,
            Self::Deactivate(who) => close(app, output, &operator, &who).await,
            Self::Activate(who) => open(app, output, &operator, &who).await,
            Self::Role { who, role } => {
                set_role(app, output, &operator, &who, named(&role)?.role()).await
            }
            Self::ResetFactors(who) => reset_factors(app, output, &operator, &who).await,
        }
    }
}

/// What somebody may do, by its name.
fn named(role: &str) -> Result<Valid<NewRole>, Error> {
    input::decode(json!({ "role": role }))
}

async fn add(
    app: &App,
    output: &Output,
    operator: &Operator,
    new: NewStaff,
    role: Result<Valid<NewRole>, Error>,
) -> Result<(), Refused> {
    let (name, password) = (new.name.trim().to_owned(), app.clock.letters(20));
    let (new, role) = input::both(Valid::check(NewStaff { name, password, ..new }), role)?;
    let role = role.role();
    let hash = app.passwords.hash(&app.clock, &new.password).await?;
    let id = app.clock.id();
    record(app, operator, async |tx| {
        staff::create(tx, operator, id, &new, role, &hash).await?;
        Ok(((), Act::StaffAdded.on("staff", id).with("role", role.as_str())))
    })
    .await?;
    let shown = json!({ "id": id, "email": new.email, "password": new.password });
    output.print(&shown, || format!("{}\n{}\n", new.email, new.password))
}

async fn change_email(
    app: &App,
    output: &Output,
    operator: &Operator,
    old: &str,
    new: &str,
) -> Result<(), Refused> {
    let new = email_changes::New { email: new.to_owned(), with_newsletter: false };
    let (new, id) = (Valid::check(new)?, app.clock.id());
    record(app, operator, async |tx| {
        let account = email_changes::by_operator(tx, operator, id, old, &new).await?;
        Ok(((), Act::EmailChanged.on("account", account)))
    })
    .await?;
    output.done("The account has its new address. Everybody is signed out of it.")
}

async fn list(app: &App, output: &Output, operator: &Operator, limit: i64) -> Result<(), Refused> {
    let by = Reader::Operator(operator);
    let found = app.read(async |db| roster::list(db, by, None, limit).await).await?;
    output.print(&found, || found.iter().map(line).collect())
}

async fn close(app: &App, output: &Output, operator: &Operator, who: &Who) -> Result<(), Refused> {
    record(app, operator, async |tx| {
        let id = find(&mut *tx, operator, who).await?;
        roster::deactivate(tx, By::Operator(operator), id).await?;
        Ok(((), Act::StaffDeactivated.on("staff", id)))
    })
    .await?;
    output.done("Their account is closed, and they are signed out everywhere.")
}

async fn open(app: &App, output: &Output, operator: &Operator, who: &Who) -> Result<(), Refused> {
    record(app, operator, async |tx| {
        let id = find(&mut *tx, operator, who).await?;
        roster::activate(tx, By::Operator(operator), id).await?;
        Ok(((), Act::StaffActivated.on("staff", id)))
    })
    .await?;
    output.done("They may sign in again.")
}

async fn set_role(
    app: &App,
    output: &Output,
    operator: &Operator,
    who: &Who,
    role: Role,
) -> Result<(), Refused> {
    record(app, operator, async |tx| {
        let id = find(&mut *tx, operator, who).await?;
        let before = roster::set_role(tx, By::Operator(operator), id, role).await?;
        let line = Act::RoleChanged.on("staff", id).with("from", before.as_str());
        Ok(((), line.with("to", role.as_str())))
    })
    .await?;
    output.done("Their role is saved.")
}

async fn find(
    tx: &mut sqlx::PgConnection,
    operator: &Operator,
    who: &Who,
) -> crate::error::Result<Uuid> {
    roster::by_email(tx, operator, who.email.trim()).await
}

fn line(one: &Listed) -> String {
    let at = |at: time::OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    let seen = one.seen_at.map_or("never seen".to_owned(), |seen| format!("seen {}", at(seen)));
    let state = if one.active { "active" } else { "closed" };
    let Listed { id, name, email, role, since, .. } = one;
    format!("{id}  {:<6}  {state}  since {}  {seen}  {name} <{email}>\n", role.as_str(), at(*since))
}

async fn reset_factors(
    app: &App,
    output: &Output,
    operator: &Operator,
    who: &Who,
) -> Result<(), Refused> {
    let id = app.clock.id();
    let reset = record(app, operator, async |tx| {
        let reset = factors::reset(&mut *tx, operator, id, who.email.trim()).await?;
        let line = Act::FactorsReset.on("account", reset.account);
        Ok((reset, line))
    })
    .await?;
    output.print(&reset, || {
        let factor = if reset.second_factor {
            "The second factor is off"
        } else {
            "There was no second factor"
        };
        format!(
            "{factor}; {} removed. They sign in with their password, or by mail.\n",
            plural(reset.passkeys, "passkey", "passkeys")
        )
    })
}
