//! Erasing one person.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::pages::admin::people::person;
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::memberships;
use crate::services::people::{self, By};
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};

/// `/admin/people/erase`
pub struct Erase;

impl Gate for Erase {
    const PATH: &'static str = "/admin/people/erase";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Erase {
    type At = ();
    type Form = people::Erase;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        (): &(),
        form: Valid<people::Erase>,
    ) -> Result<Recorded<Done>> {
        let (email, id) = (form.confirmed()?, visit.app.clock.id());
        visit
            .record(who, async |tx| {
                let app = visit.app;
                memberships::end_all(tx, email, app.clock.now(), || app.clock.id()).await?;
                let counts = people::erase(tx, By::Owner(who), id, email).await?;
                // Without the address: where a form led is kept for a while, and what is on the record for good.
                let line = Act::PersonErased.on("erasure", id).counting(&counts);
                Ok((line, paths::admin_people()))
            })
            .await
            .map(|done| done.saying(Flash::PersonErased))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        person(db, who, state.typed("email").unwrap_or_default().trim(), state).await
    }
}
