//! Signing in with a passkey: a button has a device asked, and what it signs is sent like any form.

use super::enter::{By, Proven, enter, own_path};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::mail::AccountEvent;
use crate::policies::Newcomer;
use crate::services::account_notices::tell;
use crate::services::input::Valid;
use crate::services::passkeys::{self, Judged, OVER, Site};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::passkeys::Wanted;
use templates::{FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// What passkeys are bound to here.
///
/// # Errors
/// Where that is nothing.
pub(super) fn site(app: &App) -> Result<&Site> {
    let off = "Passkeys are bound to a name, and PUBLIC_ORIGINS has only numbers.";
    app.passkeys.as_ref().ok_or(Error::Off(off))
}

/// `/sign-in/passkey`
pub struct Begin;

/// Where to go on to.
#[derive(Deserialize, Validate)]
pub struct Next {
    #[serde(default)]
    next: String,
}

impl Gate for Begin {
    const PATH: &'static str = "/sign-in/passkey";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Newcomer;
}

impl Action for Begin {
    type At = ();
    type Form = Next;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Next>) -> Result<Done> {
        let (site, id) = (site(visit.app)?, visit.app.clock.id());
        let next = own_path(&form.next).unwrap_or_default();
        visit
            .once(async |tx| {
                passkeys::ask_to_sign_in(tx, site, id, &next).await?;
                Ok(paths::sign_in_passkey_answer(id))
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
}

/// `/sign-in/passkey/{id}`
pub struct SignIn;

/// What the device has signed.
#[derive(Deserialize, Validate)]
pub struct Answer {
    /// As JSON.
    #[serde(default)]
    pub answer: String,
}

impl Gate for SignIn {
    const PATH: &'static str = "/sign-in/passkey/{id}";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Newcomer;
}

impl Action for SignIn {
    type At = Uuid;
    type Form = Answer;
    const BODY: usize = 32 * 1024;

    /// The question is used up first, so an answer is looked at once, whatever it is worth.
    async fn run(visit: &Visit<'_>, (): &(), id: &Uuid, form: Valid<Answer>) -> Result<Done> {
        let app = visit.app;
        let site = site(app)?;
        let asked = app.write(async |tx| passkeys::take(tx, *id, None).await).await?.value;
        let claim = app.read(async |db| passkeys::claimed(db, site, &form.answer).await).await?;
        let (passkey, account) = (claim.id, claim.account);
        let proven = match passkeys::judge(site, &asked, claim)? {
            Judged::Proven(proven) => proven,
            Judged::Copied => return Err(copied(app, passkey, account).await?),
        };
        enter(visit, async |tx| {
            passkeys::used(tx, &proven).await?;
            let email = proven.claim().email.to_lowercase();
            Ok(Proven { account, email, next: asked.note.clone(), by: By::Two })
        })
        .await
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let options = match passkeys::asked(db, *id, None).await {
            Ok(asked) => Some(asked.options.to_string()),
            Err(_) if state.has_errors() => None,
            Err(_) => return Err(OVER),
        };
        let answer_to = paths::sign_in_passkey_answer(*id);
        Ok(templates::passkeys::ask(Wanted::Signed, options.as_deref(), &answer_to, state))
    }
}

/// Notes it, and has its owner told. What was refused stays refused if that cannot be noted.
async fn copied(app: &App, passkey: Uuid, account: Uuid) -> Result<Error> {
    let id = app.clock.id();
    let noted = app.write(async |tx| {
        passkeys::copied(tx, passkey).await?;
        tell(tx, id, account, AccountEvent::PasskeyCopied, None).await
    });
    let _ = noted.await?;
    let message = "This passkey may have been copied: its count of signatures has gone back. It lets nobody in any more. Sign in another way, then remove it.";
    Ok(Error::field("", message))
}
