//! The way to an account: what is typed waits until its mailbox has said yes.
//!
//! Whether an address has an account already is told to its mailbox alone.

use super::devices::is_at_home;
use super::enter::{By, Proven, enter, own_path};
use crate::app::App;
use crate::digest;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::session::{self, Kept};
use crate::pages::identities::with_ways_in;
use crate::policies::Newcomer;
use crate::services::accounts;
use crate::services::half_sign_ins::Proof;
use crate::services::identities;
use crate::services::input::{self, Valid};
use crate::services::links::{self, Held, Intent};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use templates::{Flash, FormState, View, paths};
use validator::{Validate, ValidationError};

/// `/sign-up`
pub struct SignUp;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct New {
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter a name of 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    name: String,
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    email: String,
    #[serde(default)]
    #[validate(custom(function = "none_or_long"))]
    password: String,
    #[serde(default)]
    next: String,
}

fn none_or_long(password: &str) -> Result<(), ValidationError> {
    if password.is_empty() || (12..=200).contains(&password.chars().count()) {
        return Ok(());
    }
    let message = "Choose a password of 12 to 200 characters, or none.";
    Err(ValidationError::new("length").with_message(message.into()))
}

impl Gate for SignUp {
    const PATH: &'static str = "/sign-up";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = Newcomer;
}

impl Action for SignUp {
    type At = ();
    type Form = New;
    const BODY: usize = 16 * 1024;
    const PREFILLED: &'static [&'static str] = &["next"];

    /// The answer is the same, and takes the same time, whether or not there is an account.
    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<New>) -> Result<Done> {
        let app = visit.app;
        let password_hash = match form.password.is_empty() {
            true => None,
            false => Some(app.passwords.hash(&app.clock, &form.password).await?),
        };
        let kept = digest::hex(&app.clock.random::<32>());
        let next = own_path(&form.next).unwrap_or_default();
        let intent = Intent::SignUp {
            name: form.name.clone(),
            password_hash,
            browser: Some(hash(&kept)),
            identity: None,
            next: next.clone(),
        };
        let lifetime = intent.lifetime();
        let done = mail_link(visit, &form.email, intent, next).await?;
        let kept = session::keep(&app.config, visit.request, Kept::SigningUp, kept, lifetime);
        Ok(done.with(kept))
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_up::page(state))
    }

    fn complete(app: &App, state: &FormState, view: View) -> View {
        with_ways_in(app, state, view)
    }
}

fn hash(kept: &str) -> String {
    digest::hex(&digest::of_parts([kept]))
}

/// Has a link mailed that makes an account; to whoever has one, a link that lets them in and leads on to `next`.
pub async fn mail_link(visit: &Visit<'_>, email: &str, new: Intent, next: String) -> Result<Done> {
    let (id, at_home) = (visit.app.clock.id(), is_at_home(visit, email));
    visit
        .once(async |tx| {
            let account = accounts::by_email(tx, email).await?.map(|account| account.id);
            let intent = match account {
                Some(_) => Intent::SignIn { next, had_one: true },
                None => new,
            };
            links::send(tx, &links::New { id, email, account, at_home, intent: &intent }).await?;
            Ok(paths::check_your_mail())
        })
        .await
}

/// `/sign-up/{token}`
pub struct Confirm;

impl Gate for Confirm {
    const PATH: &'static str = "/sign-up/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for Confirm {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), token: &String, _: Valid<Nothing>) -> Result<Done> {
        let id = visit.app.clock.id();
        let (config, request) = (&visit.app.config, visit.request);
        let arrival = session::arrival(config, request);
        // Whoever has the mailbox is not made to share the account with whoever has typed its address, and a password.
        let here = session::kept(config, request, Kept::SigningUp).map(|kept| hash(&kept));
        let mut dropped = false;
        let made = enter(visit, async |tx| {
            let Held {
                email,
                intent: Json(Intent::SignUp { name, password_hash, browser, identity, next }),
                ..
            } = links::take(tx, token).await?
            else {
                return Err(links::OVER);
            };
            let is_theirs = browser.is_some() && browser == here;
            dropped = password_hash.is_some() && !is_theirs;
            let password_hash = password_hash.as_deref().filter(|_| is_theirs);
            let new = accounts::New { id, email: &email, name: &name, password_hash };
            accounts::create(tx, &new).await?;
            if let (Some(identity), Some(browser)) = (&identity, &arrival) {
                identities::keep(tx, id, identity, browser).await?;
            }
            Ok(Proven { account: id, email, next, by: By::One(Proof::Mail) })
        });
        let made = made.await?;
        let said = if dropped { Flash::AccountMadeWithoutPassword } else { Flash::AccountMade };
        Ok(made.saying(said).with(session::forget(config, request, Kept::SigningUp)))
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = links::held(db, token).await?;
        match &held.intent.0 {
            Intent::SignUp { name, password_hash, .. } => {
                let has_password = password_hash.is_some();
                Ok(templates::sign_up::confirm(name, &held.email, has_password, token, state))
            }
            _ => Err(links::OVER),
        }
    }
}
