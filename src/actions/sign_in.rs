//! The ways in, and the way out (ARCHITECTURE.md, "Sign-in"; OWASP Authentication Cheat Sheet).
//!
//! An unknown address takes the same path, the same time and gets the same answer as a wrong password. Guessing is
//! slowed down per network, per account and per device; nobody can lock anyone out of a device they have used before.

use super::devices::is_at_home;
use super::enter::{By, Proven, enter, own_path};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::held;
use crate::http::limit::Limit;
use crate::http::session;
use crate::pages::identities::with_ways_in;
use crate::policies::Newcomer;
use crate::services::accounts::{self, Account, NewPassword};
use crate::services::audit::Act;
use crate::services::half_sign_ins::Proof;
use crate::services::input::{self, Valid};
use crate::services::links::{self, Held, Intent};
use crate::services::sessions::{self, SessionToken};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;
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
    const LIMIT: Limit = Limit::per_minute(30).everywhere();
    type Auth = Newcomer;
}

impl Action for SignIn {
    type At = ();
    type Form = Credentials;
    const BODY: usize = held::BODY;
    const PREFILLED: &'static [&'static str] = &["next"];

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Credentials>) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let email = form.email.to_lowercase();
        app.guesses.count(app, request, &email).await?;
        let (account, right) = by_password(app, &email, &form.password).await?;
        let id = account.as_ref().map(|account| account.id);
        let Some(account) = account.filter(|_| right) else {
            visit.note_failure(id, Act::SignInFailed);
            return Err(wrong());
        };
        let by = By::One(Proof::Password);
        enter(visit, async |tx| match accounts::is_yet(tx, &account).await? {
            true => Ok(Proven { account: account.id, email, next: form.next.clone(), by }),
            false => Err(wrong()),
        })
        .await
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

    fn complete(app: &App, state: &FormState, view: View) -> View {
        with_ways_in(app, state, view)
    }
}

fn wrong() -> Error {
    Error::field("", "Email or password is wrong.")
}

/// The account at this address, and whether the password is its. Where there is none, that takes as long.
///
/// # Errors
/// [`Error::Unavailable`] where too many passwords are being checked.
pub async fn by_password(
    app: &App,
    email: &str,
    password: &str,
) -> Result<(Option<Account>, bool)> {
    app.passwords.ensure_room()?;
    let account = app.ask(async |db| accounts::by_email(db, email).await).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = app.passwords.verify(password, hash).await?;
    Ok((account, right))
}

/// `/sign-in/link`
pub struct AskForLink;

/// Where a mail is asked for.
#[derive(Deserialize, Validate)]
pub struct Asked {
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    email: String,
    #[serde(default)]
    next: String,
}

impl Gate for AskForLink {
    const PATH: &'static str = "/sign-in/link";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = Newcomer;
}

impl Action for AskForLink {
    type At = ();
    type Form = Asked;
    const BODY: usize = held::BODY;
    const PREFILLED: &'static [&'static str] = &["next"];

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Asked>) -> Result<Done> {
        let next = own_path(&form.next).unwrap_or_default();
        mail_link(visit, &form.email, Intent::SignIn { next, had_one: false }).await
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_in::ask_for_link(state))
    }
}

/// Has a link mailed to whoever has an account, and word of it to whoever has none: the answer is the same.
async fn mail_link(visit: &Visit<'_>, email: &str, intent: Intent) -> Result<Done> {
    let id = visit.app.clock.id();
    let at_home = is_at_home(visit, email);
    visit
        .once(async |tx| {
            let account = accounts::by_email(tx, email).await?.map(|account| account.id);
            let intent = if account.is_some() { &intent } else { &Intent::Nothing };
            links::send(tx, &links::New { id, email, account, at_home, intent }).await?;
            Ok(paths::check_your_mail())
        })
        .await
}

/// `/sign-in/link/{token}`
pub struct UseLink;

impl Gate for UseLink {
    const PATH: &'static str = "/sign-in/link/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for UseLink {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), token: &String, _: Valid<Nothing>) -> Result<Done> {
        enter(visit, async |tx| match links::take(tx, token).await? {
            Held { email, account: Some(account), intent: Json(Intent::SignIn { next, .. }) } => {
                Ok(Proven { account, email, next, by: By::One(Proof::Mail) })
            }
            _ => Err(links::OVER),
        })
        .await
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = links::held(db, token).await?;
        match held.intent.0 {
            Intent::SignIn { .. } => Ok(templates::sign_in::with_link(&held.email, token, state)),
            _ => Err(links::OVER),
        }
    }
}

/// `/forgot-password`
pub struct ForgotPassword;

impl Gate for ForgotPassword {
    const PATH: &'static str = "/forgot-password";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = Newcomer;
}

impl Action for ForgotPassword {
    type At = ();
    type Form = Asked;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Asked>) -> Result<Done> {
        mail_link(visit, &form.email, Intent::Reset).await
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_in::forgot_password(state))
    }
}

/// `/forgot-password/{token}`
pub struct ResetPassword;

impl Gate for ResetPassword {
    const PATH: &'static str = "/forgot-password/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for ResetPassword {
    type At = String;
    type Form = NewPassword;
    const BODY: usize = 16 * 1024;

    /// Nobody is signed in by it: a second factor is asked for at the door alone.
    async fn run(
        visit: &Visit<'_>,
        (): &(),
        token: &String,
        form: Valid<NewPassword>,
    ) -> Result<Done> {
        let app = visit.app;
        app.read(async |db| account_to_reset(&links::held(db, token).await?)).await?;
        let (hash, id) = (app.passwords.hash(&app.clock, &form.password).await?, app.clock.id());
        let done = visit.once(async |tx| {
            let account = account_to_reset(&links::take(&mut *tx, token).await?)?;
            accounts::set_password(&mut *tx, id, account, None, &hash).await?;
            visit.note(tx, account, Act::PasswordReset.on("staff", account)).await?;
            Ok(paths::sign_in())
        });
        Ok(done.await?.saying(Flash::PasswordChanged))
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = links::held(db, token).await?;
        account_to_reset(&held)?;
        Ok(templates::sign_in::reset_password(&held.email, token, state))
    }
}

fn account_to_reset(held: &Held) -> Result<Uuid> {
    match (&held.intent.0, held.account) {
        (Intent::Reset, Some(account)) => Ok(account),
        _ => Err(links::OVER),
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
            Some(token) => leave(visit, tx, token).await,
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

/// Ends the session that this browser has.
pub(super) async fn leave(
    visit: &Visit<'_>,
    tx: &mut PgConnection,
    token: &SessionToken,
) -> Result<()> {
    match sessions::end(&mut *tx, token).await? {
        Some(id) => visit.note(tx, id, Act::SignedOut.on("staff", id)).await,
        None => Ok(()),
    }
}
