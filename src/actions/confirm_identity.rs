//! Proving once more who one is, before what matters most.
//!
//! Whoever was on their way to a page goes on there; whoever had sent a form is shown it again ([`held`]). The session gets a
//! new token at that moment. Guesses are counted like those at sign-in.

use super::enter::own_path;
use crate::error::{Error, Result};
use crate::http::action::{Action, Done, Visit};
use crate::http::held;
use crate::http::limit::Limit;
use crate::http::{Gate, session};
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::links::{self, Intent};
use crate::services::sessions::{Member, SessionToken};
use crate::services::{accounts, recent};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, confirm_identity, paths};
use validator::Validate;

/// `/confirm-identity`
pub struct Confirm;

/// What is typed, and where somebody was on their way to.
#[derive(Deserialize, Validate)]
pub struct Proof {
    #[serde(default)]
    #[validate(length(min = 1, max = 200, message = "Enter your password."))]
    password: String,
    #[serde(default, deserialize_with = "input::line")]
    next: String,
}

impl Gate for Confirm {
    const PATH: &'static str = "/confirm-identity";
    const LIMIT: Limit = Limit::per_minute(30).everywhere();
    type Auth = policies::Member;
}

impl Action for Confirm {
    type At = ();
    type Form = Proof;
    const BODY: usize = held::BODY;
    const PREFILLED: &'static [&'static str] = &["next"];

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Proof>) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        check(visit, who, "password", &form.password).await?;
        let token = SessionToken::new(app.clock.random());
        let renewed = app.write(async |tx| {
            let lasts = recent::renew(&mut *tx, who, &token).await?;
            visit.note(tx, who.id(), Act::IdentityConfirmed.on("staff", who.id())).await?;
            Ok(lasts)
        });
        let renewed = renewed.await?;
        let cookie = session::begin(&app.config, request, &token, renewed.value);
        let done = Done::at(renewed.map(|_| own_path(&form.next).unwrap_or_else(paths::account)))
            .with(cookie);
        Ok(done.saying(Flash::IdentityConfirmed))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(confirm_identity::page(state))
    }
}

/// Whether what was typed into `field` is the password of `who`. Counted as a guess.
///
/// # Errors
/// [`Error::Invalid`] where it is not, [`Error::TooMany`].
pub async fn check(visit: &Visit<'_>, who: &Member, field: &str, password: &str) -> Result<()> {
    let Visit { app, request, .. } = visit;
    let (profile, hash) = app
        .read(async |db| {
            let profile = accounts::profile(&mut *db, who).await?;
            Ok((profile, accounts::password_hash(db, who).await?))
        })
        .await?;
    app.guesses.count(app, request, &profile.email.to_lowercase()).await?;
    if app.passwords.verify(password, hash).await? {
        return Ok(());
    }
    visit.note_failure(Some(who.id()), Act::IdentityNotConfirmed);
    let why = match profile.has_password {
        true => "This is not your password.",
        false => "You have no password. Have a link mailed instead.",
    };
    Err(Error::field(field, why))
}

/// Where somebody was on their way to.
#[derive(Deserialize, Validate)]
pub struct ByMailTo {
    #[serde(default, deserialize_with = "input::line")]
    next: String,
}

/// `/confirm-identity/link`
pub struct ByMail;

impl Gate for ByMail {
    const PATH: &'static str = "/confirm-identity/link";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = policies::Member;
}

impl Action for ByMail {
    type At = ();
    type Form = ByMailTo;
    const BODY: usize = held::BODY;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<ByMailTo>) -> Result<Done> {
        let id = visit.app.clock.id();
        visit
            .once(async |tx| {
                let email = accounts::profile(&mut *tx, who).await?.email;
                let intent = Intent::SignIn {
                    next: own_path(&form.next).unwrap_or_default(),
                    had_one: false,
                };
                let link = links::New {
                    id,
                    email: &email,
                    account: Some(who.id()),
                    at_home: true,
                    intent: &intent,
                };
                links::send(tx, &link).await?;
                Ok(paths::check_your_mail())
            })
            .await
    }

    async fn page(
        _: &mut PgConnection,
        _: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(confirm_identity::page(state))
    }
}
