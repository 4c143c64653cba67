//! Writing what there is to buy.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::products::{self, Draft, Keeper};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::admin::products::edit;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/products/new`
pub struct Add;

impl Gate for Add {
    const PATH: &'static str = "/admin/products/new";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Add {
    type At = ();
    type Form = Draft;
    const BODY: usize = 256 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<Draft>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        let done = visit.record(who, async |tx| {
            products::add(tx, &Keeper::Staff(who), id, &form).await?;
            Ok((Act::ProductAdded.on("product", id), paths::admin_products()))
        });
        Ok(done.await?.saying(Flash::ProductSaved))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(edit(None, state))
    }
}

/// `/admin/products/{id}`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/admin/products/{id}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Edit {
    type At = Uuid;
    type Form = Draft;
    const BODY: usize = 256 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        id: &Uuid,
        form: Valid<Draft>,
    ) -> Result<Recorded<Done>> {
        let done = visit.record(who, async |tx| {
            products::update(tx, &Keeper::Staff(who), *id, &form).await?;
            Ok((Act::ProductEdited.on("product", *id), paths::admin_product(*id)))
        });
        Ok(done.await?.saying(Flash::ProductSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let stored = products::stored(db, &Keeper::Staff(who), *id).await?;
        Ok(edit(Some(&(&stored).into()), state))
    }
}
