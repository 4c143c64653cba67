//! Closing one's own account.

use super::proof;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::session;
use crate::policies;
use crate::services::closing::{self, Close, Tie};
use crate::services::input::Valid;
use crate::services::sessions::Member;
use crate::services::{accounts, subscribers};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::closing::{Ending, page};
use templates::{Flash, FormState, View, paths};
use validator::Validate;

/// `/account/delete`
pub struct DeleteAccount;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct Typed {
    #[serde(default)]
    current_password: String,
    #[serde(flatten)]
    #[validate(nested)]
    close: Close,
}

impl Gate for DeleteAccount {
    const PATH: &'static str = "/account/delete";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = policies::Member;
}

impl Action for DeleteAccount {
    type At = ();
    type Form = Typed;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Typed>) -> Result<Done> {
        proof::ask(visit, who, &form.current_password).await?;
        let (app, id) = (visit.app, visit.app.clock.id());
        let closed = visit.once(async |tx| {
            closing::close(tx, who, &form.close, id).await?;
            Ok(paths::home())
        });
        let over = session::end(&app.config, visit.request);
        Ok(closed.await?.with(over).saying(Flash::AccountClosed))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let email = accounts::profile(&mut *db, who).await?.email;
        let ending = Ending {
            email: &email,
            is_subscribed: subscribers::is_subscribed(&mut *db, &email).await?,
            tie: closing::tie(&mut *db, who).await?.map(Tie::advice),
            proof: proof::wanted(db, who, paths::account_delete()).await?,
        };
        Ok(page(&ending, state))
    }
}
