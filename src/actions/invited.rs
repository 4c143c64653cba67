//! Saying yes to an invitation to run the site.
//!
//! Whoever has an account with the address takes it up with that, signed in to it and proven lately; everyone else chooses a
//! name and a password. Either way they are here with a new session, as one of us.

use super::enter::{By, Proven, enter};
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::policies::Whoever;
use crate::services::accounts;
use crate::services::audit::Act;
use crate::services::half_sign_ins;
use crate::services::input::{self, Valid};
use crate::services::invites::{self, Invitation};
use crate::services::links;
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::services::staff::NewStaff;
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::invited::Guest;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// `/invited/{token}`
pub struct Join;

/// What those without an account type.
#[derive(Deserialize, Validate)]
pub struct Newcomer {
    #[serde(default, deserialize_with = "input::line")]
    name: String,
    #[serde(default)]
    password: String,
}

impl Gate for Join {
    const PATH: &'static str = "/invited/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Whoever;
}

impl Action for Join {
    type At = String;
    type Form = Newcomer;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Option<Member>,
        token: &String,
        form: Valid<Newcomer>,
    ) -> Result<Done> {
        let app = visit.app;
        let invitation = app.read(async |db| invites::held(db, token).await).await?;
        let new = match guest(&invitation, who.as_ref()) {
            Guest::Newcomer => Some(newcomer(visit, &invitation, &form).await?),
            Guest::AtHome => {
                who.clone().map(Recent::among).transpose()?;
                None
            }
            Guest::Outside => return Err(Error::field("", "Sign in to your account first.")),
        };
        let joined = enter(visit, async |tx| {
            let Invitation { email, role, account } = invites::take(&mut *tx, token).await?;
            let account = match (account, &new) {
                (None, Some(new)) => new.make(&mut *tx, &email).await?,
                (Some(account), None) => account,
                // It was made, or closed, a moment ago.
                _ => return Err(links::OVER),
            };
            invites::join(&mut *tx, account, role).await?;
            let line = Act::InviteAccepted.on("staff", account).with("role", role.as_str());
            visit.note(tx, account, line).await?;
            let by = By::One(half_sign_ins::Proof::Mail);
            Ok(Proven { account, email, next: paths::admin(), by })
        });
        Ok(joined.await?.saying(Flash::StaffJoined))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Option<Member>,
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let invitation = invites::held(db, token).await?;
        let guest = guest(&invitation, who.as_ref());
        let Invitation { email, role, .. } = invitation;
        Ok(templates::invited::page(&email, role.as_str(), token, guest, state))
    }
}

fn guest(invitation: &Invitation, who: Option<&Member>) -> Guest {
    match (invitation.account, who) {
        (None, _) => Guest::Newcomer,
        (Some(account), Some(member)) if member.id() == account => Guest::AtHome,
        _ => Guest::Outside,
    }
}

/// An account to be made.
struct New {
    id: Uuid,
    name: String,
    password_hash: String,
}

impl New {
    async fn make(&self, tx: &mut PgConnection, email: &str) -> Result<Uuid> {
        let Self { id, name, password_hash } = self;
        let password_hash = Some(password_hash.as_str());
        accounts::create(tx, &accounts::New { id: *id, email, name, password_hash }).await?;
        Ok(*id)
    }
}

async fn newcomer(visit: &Visit<'_>, invitation: &Invitation, form: &Newcomer) -> Result<New> {
    let (email, name) = (invitation.email.clone(), form.name.clone());
    let new = Valid::check(NewStaff { email, name, password: form.password.clone() })?;
    let password_hash = visit.app.passwords.hash(&visit.app.clock, &new.password).await?;
    Ok(New { id: visit.app.clock.id(), name: new.name.clone(), password_hash })
}
