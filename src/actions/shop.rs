//! What people do in the shop: put something into their cart, change that, order it.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::session::{self, Kept};
use crate::pages::shop as pages;
use crate::payments;
use crate::policies;
use crate::services::cart::{self, CartToken, Shopper, Wish};
use crate::services::input::Valid;
use crate::services::orders::Buyer;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use std::time::Duration;
use templates::{Flash, FormState, View, paths};

/// How long a browser keeps its cart, and we with it.
const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// `/shop/{slug}/add`
pub struct Add;

impl Gate for Add {
    const PATH: &'static str = "/shop/{slug}/add";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Shopper;
}

impl Action for Add {
    type At = String;
    type Form = Wish;
    const BODY: usize = 16 * 1024;

    /// The form stands on a page that is kept, and to want one more is no mistake: whoever sends it twice wants two.
    async fn run(
        visit: &Visit<'_>,
        who: &Shopper,
        slug: &String,
        form: Valid<Wish>,
    ) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        payments::stripe(app)?;
        let (id, token) = (app.clock.id(), CartToken::new(app.clock.random()));
        let added = app.write(async |tx| cart::add(tx, who, (id, &token), slug, &form).await);
        let done = Done::at(added.await?.map(|()| paths::cart())).saying(Flash::InTheCart);
        if !who.needs_token() {
            return Ok(done);
        }
        Ok(done.with(session::keep(&app.config, request, Kept::Cart, token.reveal(), KEPT_FOR)))
    }

    async fn page(
        db: &mut PgConnection,
        _: &Shopper,
        slug: &String,
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        pages::offer(db, slug, state, seen).await
    }

    fn complete(app: &App, _: &FormState, view: View) -> View {
        pages::on_or_off(app, view)
    }
}

/// `/cart`
pub struct Change;

impl Gate for Change {
    const PATH: &'static str = "/cart";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Shopper;
}

impl Action for Change {
    type At = ();
    type Form = cart::Change;
    const BODY: usize = 64 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Shopper,
        (): &(),
        form: Valid<cart::Change>,
    ) -> Result<Done> {
        let done = visit.once(async |tx| {
            cart::change(tx, who, &form).await?;
            Ok(paths::cart())
        });
        Ok(done.await?.saying(Flash::CartChanged))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Shopper,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::contents(db, who, state).await
    }

    fn complete(app: &App, _: &FormState, view: View) -> View {
        view.is_on(payments::leads_to(app))
    }
}

/// `/cart/checkout`
pub struct Checkout;

impl Gate for Checkout {
    const PATH: &'static str = "/cart/checkout";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = policies::Shopper;
}

impl Action for Checkout {
    type At = ();
    type Form = Buyer;
    const BODY: usize = 16 * 1024;

    /// The cart knows whether it was ordered before, so it need not be asked of the form.
    async fn run(visit: &Visit<'_>, who: &Shopper, (): &(), form: Valid<Buyer>) -> Result<Done> {
        payments::shop::order(visit.app, who, &form).await.map(Done::at)
    }

    async fn page(
        db: &mut PgConnection,
        who: &Shopper,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::contents(db, who, state).await
    }

    fn complete(app: &App, _: &FormState, view: View) -> View {
        view.is_on(payments::leads_to(app))
    }

    fn leads_to(app: &App) -> Vec<String> {
        payments::leads_to(app)
    }
}
