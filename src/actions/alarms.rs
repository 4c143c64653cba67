//! “That was not me”: where a mail leads that says what has happened to an account.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::policies::Newcomer;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::{alarms, links};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};

/// `/not-me/{token}`
pub struct NotMe;

impl Gate for NotMe {
    const PATH: &'static str = "/not-me/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for NotMe {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), token: &String, _: Valid<Nothing>) -> Result<Done> {
        let done = visit.once(async |tx| {
            let account = alarms::lock(&mut *tx, token).await?;
            visit.note(tx, account, Act::LockedOut.on("staff", account)).await?;
            Ok(paths::forgot_password())
        });
        Ok(done.await?.saying(Flash::LockedOut))
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = links::held(db, token).await?;
        alarms::account_of(&held)?;
        Ok(templates::alarms::not_me(&held.email, token, state))
    }
}
