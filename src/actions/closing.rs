//! Closing one's own account.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::session;
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::closing::{self, Close};
use crate::services::input::Valid;
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::services::{accounts, memberships, subscribers};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::closing::{Ending, page};
use templates::{Flash, FormState, View, paths};

/// `/account/delete`
pub struct DeleteAccount;

impl Gate for DeleteAccount {
    const PATH: &'static str = "/account/delete";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = Recently<policies::Member>;
}

impl Action for DeleteAccount {
    type At = ();
    type Form = Close;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        (): &(),
        form: Valid<Close>,
    ) -> Result<Done> {
        let (app, id) = (visit.app, visit.app.clock.id());
        let closed = visit.once(async |tx| {
            // While there is somebody to be on the record.
            visit.note(&mut *tx, who.id(), Act::AccountDeleted.on("staff", who.id())).await?;
            let email = accounts::profile(&mut *tx, who).await?.email;
            memberships::end_all(&mut *tx, &email, app.clock.now(), || app.clock.id()).await?;
            closing::close(tx, who, &form, id).await?;
            Ok(paths::home())
        });
        let over = session::end(&app.config, visit.request);
        Ok(closed.await?.with(over).saying(Flash::AccountClosed))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let email = accounts::profile(&mut *db, who).await?.email;
        let ending = Ending {
            email: &email,
            is_subscribed: subscribers::is_subscribed(&mut *db, &email).await?,
            is_staff: who.is_staff(),
            tie: closing::is_last_owner(db, who).await?.then_some(closing::LAST_OWNER),
        };
        Ok(page(&ending, state))
    }
}
