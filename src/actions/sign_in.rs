//! The way in and out for staff (ARCHITECTURE.md, "Sign-in"; OWASP Authentication Cheat Sheet).
//!
//! An unknown address takes the same path, the same time and gets the same answer as a wrong password. Guessing is
//! slowed down per network, per account and per device; nobody can lock anyone out of a device they have used before.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::{Counter, Limit};
use crate::http::session;
use crate::policies::Newcomer;
use crate::services::input::{self, Valid};
use crate::services::secrets::Purpose;
use crate::services::sessions::{self, SessionToken};
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// `/sign-in`
pub struct SignIn;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct Credentials {
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 254, message = "Enter your email address."),
        custom(function = "input::one_line")
    )]
    email: String,
    #[serde(default)]
    #[validate(length(min = 1, max = 200, message = "Enter your password."))]
    password: String,
    #[serde(default)]
    next: String,
}

impl Gate for SignIn {
    const PATH: &'static str = "/sign-in";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Newcomer;
}

impl Action for SignIn {
    type At = ();
    type Form = Credentials;
    const BODY: usize = 16 * 1024;
    const PREFILLED: &'static [&'static str] = &["next"];

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Credentials>) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let email = form.email.to_lowercase();
        app.guesses.count(app, request, &email)?;
        let account = app.read(async |db| sessions::account(db, &email).await).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = app.passwords.verify(&form.password, hash).await?;
        let Some(account) = account.filter(|_| right) else {
            return Err(Error::field("", "Email or password is wrong."));
        };
        let token = SessionToken::new(app.clock.random());
        let before = session::token(&app.config, request);
        let begun = app.write(async |tx| {
            if let Some(before) = &before {
                sessions::end(tx, before).await?;
            }
            sessions::begin(tx, account.id, &token).await
        });
        let begun = begun.await?.map(|()| own_path(&form.next).unwrap_or_else(paths::admin));
        let device = session::remember_device(&app.config, request, device(app, &email));
        Ok(Done::at(begun).with(session::begin(&app.config, request, &token)).with(device))
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_in::page(state))
    }
}

/// `/sign-out`
pub struct SignOut;

impl Gate for SignOut {
    const PATH: &'static str = "/sign-out";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for SignOut {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), (): &(), _: Valid<Nothing>) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let token = session::token(&app.config, request);
        let ended = app.write(async |tx| match &token {
            Some(token) => sessions::end(tx, token).await,
            None => Ok(()),
        });
        let ended = ended.await?.map(|()| paths::home());
        Ok(Done::at(ended).with(session::end(&app.config, request)).saying(Flash::SignedOut))
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_in::page(state))
    }
}

/// How often an account was guessed at: from devices that never signed in to it, all together, and from each that did.
pub struct Guesses {
    strangers: Counter<String>,
    devices: Counter<String>,
}

impl Default for Guesses {
    fn default() -> Self {
        let limit = Limit::per_quarter_hour(20);
        Self { strangers: Counter::new(limit), devices: Counter::new(limit) }
    }
}

impl Guesses {
    fn count(&self, app: &App, request: &HttpRequest, email: &str) -> Result<()> {
        match known_device(app, request, email) {
            Some(device) => self.devices.count(&device),
            None => self.strangers.count(&email.to_owned()),
        }
    }
}

/// A new device cookie for whoever signed in as `email`: an id, and our signature that binds it to the account.
fn device(app: &App, email: &str) -> String {
    let id = app.clock.id().simple().to_string();
    let signature = app.secrets.sign(Purpose::Device, &[id.as_bytes(), email.as_bytes()]);
    let signature = Uuid::from_slice(&signature[..16]).unwrap_or_default();
    format!("{id}.{}", signature.simple())
}

/// The id of this device, if someone signed in to this account on it.
fn known_device(app: &App, request: &HttpRequest, email: &str) -> Option<String> {
    let cookie = session::device(&app.config, request)?;
    let (id, given) = cookie.split_once('.')?;
    let given = Uuid::try_parse(given).ok()?;
    let signed = app.secrets.verify_start(
        Purpose::Device,
        &[id.as_bytes(), email.as_bytes()],
        given.as_bytes(),
    );
    signed.then(|| id.to_owned())
}

/// `next` if it is a path of our own: anything a browser might take for another host is not.
fn own_path(next: &str) -> Option<String> {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    own.then(|| next.to_owned())
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_our_own_paths_are_gone_on_to() {
        assert_eq!(own_path("/admin/leads?status=new").as_deref(), Some("/admin/leads?status=new"));
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "admin"]
        {
            assert_eq!(own_path(elsewhere), None, "{elsewhere:?}");
        }
    }
}
