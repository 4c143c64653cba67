//! What members do with their own account.

use super::confirm_identity::check;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::session;
use crate::pages::account;
use crate::policies;
use crate::services::accounts::{self, Edited};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::recent;
use crate::services::sessions::{self, Member, SessionToken};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// `/account/profile`
pub struct EditProfile;

impl Gate for EditProfile {
    const PATH: &'static str = "/account/profile";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl Action for EditProfile {
    type At = ();
    type Form = Edited;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Edited>) -> Result<Done> {
        let done = visit.once(async |tx| {
            accounts::edit(&mut *tx, who, &form).await?;
            visit.note(tx, who.id(), Act::ProfileEdited.on("staff", who.id())).await?;
            Ok(paths::account())
        });
        Ok(done.await?.saying(Flash::AccountSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let stored = accounts::profile(db, who).await?;
        Ok(templates::account::profile(&stored.name, stored.version, state))
    }
}

/// `/account/password`
pub struct ChangePassword;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct Change {
    #[serde(default)]
    current_password: String,
    #[serde(flatten)]
    #[validate(nested)]
    new: accounts::NewPassword,
}

impl Gate for ChangePassword {
    const PATH: &'static str = "/account/password";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = policies::Member;
}

impl Action for ChangePassword {
    type At = ();
    type Form = Change;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Change>) -> Result<Done> {
        let app = visit.app;
        let stored = app.read(async |db| accounts::password_hash(db, who).await).await?;
        match stored {
            // Who has none proves in another way that it is they who choose one.
            None if !who.is_recent() => return Err(Error::Unconfirmed),
            None => {}
            Some(_) => check(visit, who, "current_password", &form.current_password).await?,
        }
        let (hash, id) =
            (app.passwords.hash(&app.clock, &form.new.password).await?, app.clock.id());
        let token = SessionToken::new(app.clock.random());
        let mut renewed = None;
        let done = visit.once(async |tx| {
            accounts::set_password(&mut *tx, id, who.id(), Some(who), &hash).await?;
            renewed = Some(recent::renew(&mut *tx, who, &token).await?);
            visit.note(tx, who.id(), Act::PasswordChanged.on("staff", who.id())).await?;
            Ok(paths::account())
        });
        let done = done.await?.saying(Flash::PasswordChanged);
        // Where this form was sent twice, the first has brought the new id.
        Ok(match renewed {
            Some(lasts) => done.with(session::begin(&app.config, visit.request, &token, lasts)),
            None => done,
        })
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let stored = accounts::profile(db, who).await?;
        Ok(templates::account::password(stored.has_password, state))
    }
}

/// `/account/sessions/{id}/end`
pub struct EndSession;

impl Gate for EndSession {
    const PATH: &'static str = "/account/sessions/{id}/end";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl Action for EndSession {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, id: &Uuid, _: Valid<Nothing>) -> Result<Done> {
        let done = visit.once(async |tx| {
            sessions::end_one(&mut *tx, who, *id).await?;
            visit.note(tx, who.id(), Act::SessionEnded.on("session", id)).await?;
            Ok(paths::account())
        });
        Ok(done.await?.saying(Flash::SessionEnded))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        _: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        account::view(db, who, state).await
    }
}

/// `/account/sessions/end`
pub struct EndSessions;

impl Gate for EndSessions {
    const PATH: &'static str = "/account/sessions/end";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl Action for EndSessions {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), _: Valid<Nothing>) -> Result<Done> {
        let done = visit.once(async |tx| {
            sessions::end_others(&mut *tx, who.id(), Some(who)).await?;
            visit.note(tx, who.id(), Act::SessionsEnded.on("staff", who.id())).await?;
            Ok(paths::account())
        });
        Ok(done.await?.saying(Flash::SessionEnded))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        account::view(db, who, state).await
    }
}
