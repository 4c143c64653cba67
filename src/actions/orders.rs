//! What is done about orders: their buyers let go of them, staff give money back and mail receipts again.

use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::pages::admin::orders as desk;
use crate::pages::orders as pages;
use crate::payments;
use crate::payments::checkout::Ended;
use crate::policies::{self, MailedLink, Recently};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::orders::{Buying, staff};
use crate::services::recent::Recent;
use crate::services::sessions::Staff;
use crate::services::subscribers::Holder;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/orders/{token}/cancel`
pub struct Cancel;

impl Gate for Cancel {
    const PATH: &'static str = "/orders/{token}/cancel";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = MailedLink<Buying>;
}

impl Action for Cancel {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Holder<Buying>,
        token: &String,
        _: Valid<Nothing>,
    ) -> Result<Done> {
        let ended = payments::shop::cancel(visit.app, who).await?;
        let when = ended.value;
        let done = Done::at(ended.map(|_| paths::order(token)));
        Ok(if when == Ended::Soon { done.saying(Flash::OrderEndsSoon) } else { done })
    }

    async fn page(
        db: &mut PgConnection,
        who: &Holder<Buying>,
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::order(db, who, token, state).await
    }
}

/// `/admin/orders/{id}/refund`
pub struct Refund;

impl Gate for Refund {
    const PATH: &'static str = "/admin/orders/{id}/refund";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Staff>;
}

impl Action for Refund {
    type At = Uuid;
    type Form = staff::Refund;
    const BODY: usize = 16 * 1024;

    /// What is asked is written down with the line of the record; whoever wrote it sends it, or else a job does.
    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Staff>,
        id: &Uuid,
        form: Valid<staff::Refund>,
    ) -> Result<Recorded<Done>> {
        let app = visit.app;
        payments::stripe(app)?;
        let (ids, now) = ((app.clock.id(), app.clock.id()), app.clock.now());
        let mut written = None;
        let done = visit.record(who, async |tx| {
            let (call, amount) = staff::refund(tx, who, ids, now, (*id, &form)).await?;
            written = Some(call);
            Ok((
                Act::OrderRefunded.on("order", *id).with("amount", amount),
                paths::admin_order(*id),
            ))
        });
        let done = done.await?;
        // A form that arrives again has no effect.
        let Some(call) = written else { return Ok(done.saying(Flash::OrderRefunded)) };
        match payments::carry_out(app, call).await {
            Ok(_) => Ok(done.saying(Flash::OrderRefunded)),
            Err(Error::Unavailable(_)) => Ok(done.saying(Flash::RefundAsked)),
            Err(Error::Conflict { .. }) => Err(Error::field(
                "amount",
                "Stripe has refused to give this back. Its dashboard says why.",
            )),
            Err(error) => Err(error),
        }
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Staff>,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        desk::order(db, who, *id, state).await
    }
}

/// `/admin/orders/{id}/receipt`
pub struct ResendReceipt;

impl Gate for ResendReceipt {
    const PATH: &'static str = "/admin/orders/{id}/receipt";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::Staff;
}

impl Action for ResendReceipt {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let mail = visit.app.clock.id();
        let done = visit.record(who, async |tx| {
            staff::resend_receipt(tx, who, mail, *id).await?;
            Ok((Act::ReceiptResent.on("order", *id), paths::admin_order(*id)))
        });
        Ok(done.await?.saying(Flash::ReceiptResent))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        desk::order(db, who, *id, state).await
    }
}
