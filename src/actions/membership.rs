//! What people do about membership: become a member, look after payments, end it, let it go on.
//!
//! What is asked of Stripe takes a while and is no transaction's business: it is written down in one, sent after it, and what comes
//! of it is known by another (`crate::payments`).

use crate::app::{App, Written};
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::pages::membership as pages;
use crate::payments::{self, checkout};
use crate::policies;
use crate::services::input::Valid;
use crate::services::memberships;
use crate::services::payments::checkouts::Choice;
use crate::services::sessions::Member;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};

/// What is asked of Stripe for one person within a minute.
const LIMIT: Limit = Limit::per_minute(20);

/// `/membership`
pub struct Begin;

impl Gate for Begin {
    const PATH: &'static str = "/membership";
    const LIMIT: Limit = LIMIT;
    type Auth = policies::Member;
}

impl Action for Begin {
    type At = ();
    type Form = Choice;
    const BODY: usize = 16 * 1024;
    const PREFILLED: &'static [&'static str] = &["price"];
    // The answer leads to Stripe, and the page to sign in may not.
    const ASKED_AGAIN: bool = true;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Choice>) -> Result<Done> {
        let place = checkout::begin_plan(visit.app, who, &form).await?;
        Ok(Done::at(Written::nothing(place)))
    }

    async fn page(
        db: &mut PgConnection,
        _: &Member,
        (): &(),
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        pages::offers(db, state, seen).await
    }

    fn complete(app: &App, _: &FormState, view: View) -> View {
        view.is_on(payments::leads_to(app))
    }

    fn leads_to(app: &App) -> Vec<String> {
        payments::leads_to(app)
    }
}

/// `/account/membership/portal`
pub struct Portal;

impl Gate for Portal {
    const PATH: &'static str = "/account/membership/portal";
    const LIMIT: Limit = LIMIT;
    type Auth = policies::Member;
}

impl Action for Portal {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), _: Valid<Nothing>) -> Result<Done> {
        let app = visit.app;
        payments::stripe(app)?;
        let ids = (app.clock.id(), app.clock.id());
        let back = format!("{}{}", app.config.canonical_origin(), paths::account_membership());
        let now = app.clock.now();
        let call =
            app.write(async |tx| memberships::ask_for_portal(tx, who, ids, now, &back).await);
        let (_, answer) = payments::carry_out(app, call.await?.value).await?;
        let place = answer.as_ref().and_then(|answer| answer["url"].as_str());
        let place = place.ok_or_else(|| Error::unavailable("Stripe has named no place"))?;
        Ok(Done::at(Written::nothing(place.to_owned())))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::own(db, who, state).await
    }

    fn leads_to(app: &App) -> Vec<String> {
        payments::leads_to(app)
    }
}

/// `/account/membership/cancel`
pub type Cancel = Ending<true>;
/// `/account/membership/resume`
pub type Resume = Ending<false>;

/// Has the subscription end with what is paid for, or go on; what it is then is known here too once this is answered.
pub struct Ending<const ENDS: bool>;

impl<const ENDS: bool> Gate for Ending<ENDS> {
    const PATH: &'static str =
        if ENDS { "/account/membership/cancel" } else { "/account/membership/resume" };
    const LIMIT: Limit = LIMIT;
    type Auth = policies::Member;
}

impl<const ENDS: bool> Action for Ending<ENDS> {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), _: Valid<Nothing>) -> Result<Done> {
        let app = visit.app;
        payments::stripe(app)?;
        let (ids, now) = ((app.clock.id(), app.clock.id()), app.clock.now());
        let call = app.write(async |tx| memberships::set_ending(tx, who, ids, now, ENDS).await);
        let said = match (payments::carry_out(app, call.await?.value).await, ENDS) {
            (Ok(_), true) => Flash::MembershipEnds,
            (Ok(_), false) => Flash::MembershipGoesOn,
            // It is written down, and a job goes on with it.
            (Err(Error::Unavailable(_)), _) => Flash::MembershipAsked,
            (Err(error), _) => return Err(error),
        };
        Ok(Done::at(Written::nothing(paths::account_membership())).saying(said))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::own(db, who, state).await
    }
}
