//! What goes on between us and Stripe: somebody speaks to it here, between transactions, and never within one.
//!
//! What we ask of it is written down and committed first (`services/payments/calls.rs`). Whoever wrote it sends it; if they do not
//! come to that, a job does, the same and under the same key. What it says is read anew whoever told us to look, an event, a buyer
//! who comes back, or the reconciler, and taken in by one function (`services/payments/mirror.rs`).

pub mod checkout;
pub mod reconcile;
pub mod shop;

pub use checkout::{complete_checkout, leads_to};

use crate::app::App;
use crate::error::{Error, Result};
use crate::outgoing::Outgoing;
use crate::services::inbox::Looked;
use crate::services::outbox::End;
use crate::services::payments::calls::{self, Call};
use crate::services::payments::{self, About, Because, Fresh, Object};
use crate::services::plans;
use crate::stripe::objects::{Charge, Event, Invoice, List, Refund, Session};
use crate::stripe::{Failure, Stripe, asking};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// How long somebody waits for Stripe before they see a page without it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is said where payments are off.
pub const OFF: &str = "STRIPE_SECRET_KEY is not set.";

/// Stripe, as it is configured.
///
/// # Errors
/// [`Error::Off`].
pub fn stripe(app: &App) -> Result<&Stripe> {
    app.stripe.as_ref().ok_or(Error::Off(OFF))
}

/// Why something is taken in here and now that no event has told of.
pub fn because<'a>(app: &App, id: &'a dyn Fn() -> Uuid) -> Because<'a> {
    Because { event: None, now: app.clock.now(), id, repairs: false }
}

/// Two fresh ids.
fn ids(app: &App) -> (Uuid, Uuid) {
    (app.clock.id(), app.clock.id())
}

/// Sends a call that was written down, unless it was answered before; gives the answer where it came now.
///
/// # Errors
/// [`Error::Unavailable`] where it may be answered another time; [`Error::Conflict`] where it was refused.
pub async fn carry_out(app: &App, call: Uuid) -> Result<(Call, Option<Value>)> {
    let call = app.ask(async |db| calls::by_id(db, call).await).await?;
    match call.state.as_str() {
        "answered" => return Ok((call, None)),
        "refused" => return Err(refused()),
        _ => {}
    }
    let (stripe, id) = (stripe(app)?, || app.clock.id());
    if call.is_too_old(app.clock.now()) {
        let why = "It waited for too long to be sent again safely.";
        let given_up =
            app.work(async |tx| calls::refused(tx, &call, why, &because(app, &id)).await);
        given_up.await.map(|done| done.value)?;
        return Err(refused());
    }
    let Some(read) = app.bookkeep(async |tx| calls::tried(tx, call.id).await).await? else {
        return Err(Error::unavailable("somebody else has settled this call"));
    };
    match stripe.send(&app.outgoing, &call.asked, call.id).await {
        Ok(answer) => {
            let settled = app.work(async |tx| {
                calls::answered(tx, &call, (read, &answer), &because(app, &id)).await
            });
            settled.await.map(|done| done.value)?;
            Ok((call, Some(answer)))
        }
        Err(failure @ Failure::Away(_)) => Err(failure.into()),
        Err(failure) => {
            let why = failure.to_string();
            tracing::warn!(call = %call.id, why, "Stripe refused a call");
            let settled =
                app.work(async |tx| calls::refused(tx, &call, &why, &because(app, &id)).await);
            settled.await.map(|done| done.value)?;
            Err(refused())
        }
    }
}

fn refused() -> Error {
    let why = "The payment service has refused this. Try again; if it stays so, write to us.";
    Error::Conflict { why, retry_after_seconds: 60 }
}

/// Sees a call through, as a job.
pub async fn complete(app: &App, call: Uuid) -> End {
    match carry_out(app, call).await {
        Ok(_) => End::Done,
        Err(error) => ended(&error, "It was refused."),
    }
}

/// What becomes of a job that could not be carried out.
fn ended(error: &Error, refused: &'static str) -> End {
    match error {
        Error::Conflict { .. } => End::Dropped(refused),
        Error::NotFound => End::Dropped("It is gone."),
        Error::Off(_) => End::Later(Duration::from_secs(60), OFF.to_owned()),
        other => End::Failed(other.with_cause()),
    }
}

/// What has come of telling Stripe of our plans.
#[derive(Debug, Default, Serialize)]
pub struct Synced {
    /// How much it was told of.
    pub told: usize,
    /// What it has refused, by what it is: `price:{id}`. It is asked again the next time.
    pub refused: Vec<String>,
}

/// Tells Stripe of whatever it does not know of our plans, or knows otherwise. What it refuses keeps nothing else from it.
///
/// # Errors
/// [`Error::Off`]; [`Error::Unavailable`] where Stripe is away.
pub async fn sync_plans(app: &App) -> Result<Synced> {
    stripe(app)?;
    let mut synced = Synced::default();
    loop {
        let frozen = app.work(async |tx| {
            let unknown = plans::unknown_to_stripe(&mut *tx, &synced.refused).await?;
            let Some((purpose, asked)) = unknown else { return Ok(None) };
            let call = calls::freeze(tx, ids(app), app.clock.now(), &purpose, &asked).await?;
            Ok(Some((call, purpose)))
        });
        let Some((call, purpose)) = frozen.await?.value else { return Ok(synced) };
        match carry_out(app, call).await {
            Ok(_) => synced.told += 1,
            Err(Error::Conflict { .. }) => synced.refused.push(purpose),
            Err(error) => return Err(error),
        }
    }
}

/// Looks at what an event is about.
///
/// # Errors
/// [`Error::Unavailable`] where Stripe is away; [`Error::Malformed`] where the event names nothing.
pub async fn look(app: &App, kind: &str, payload: &[u8]) -> Result<Looked> {
    let Some(about) = About::of(kind) else { return Ok(Looked::NoNeed) };
    if app.stripe.is_none() {
        return Ok(Looked::Off(OFF));
    }
    let event: Option<Event> = serde_json::from_slice(payload).ok();
    let Some(object) = event.as_ref().and_then(Event::object) else {
        return Err(Error::Malformed("It does not say what it is about.".to_owned()));
    };
    match read(app, about, object).await {
        Ok(fresh) => Ok(Looked::Seen(fresh)),
        Err(Error::NotFound) => Ok(Looked::Unknown),
        Err(error) => Err(error),
    }
}

/// Reads something at Stripe, and what belongs to it, under a number that is taken before.
///
/// # Errors
/// [`Error::NotFound`] where there is no such thing; [`Error::Unavailable`] where Stripe is away.
pub async fn read(app: &App, about: About, object: &str) -> Result<Fresh> {
    let stripe = stripe(app)?;
    let read = app.bookkeep(async |tx| payments::next_read(tx).await).await?;
    match objects(stripe, &app.outgoing, about, object).await {
        Ok(objects) => Ok(Fresh { read, objects }),
        Err(Failure::Unknown) => Err(Error::NotFound),
        Err(failure) => Err(failure.into()),
    }
}

async fn objects(
    stripe: &Stripe,
    out: &Outgoing,
    about: About,
    object: &str,
) -> Result<Vec<Object>, Failure> {
    let subscription = async |id: &str| -> Result<Object, Failure> {
        Ok(Object::Subscription(stripe.read(out, &asking::subscription(id)).await?))
    };
    let mut all = Vec::new();
    match about {
        About::Session | About::FailedSession => {
            let mut session: Session = stripe.read(out, &asking::checkout(object)).await?;
            session.has_failed = about == About::FailedSession;
            let begun = session.subscription.clone();
            all.push(Object::Session(session));
            if let Some(begun) = begun {
                all.push(subscription(&begun).await?);
            }
        }
        About::Subscription => all.push(subscription(object).await?),
        About::Invoice => {
            let invoice: Invoice = stripe.read(out, &asking::invoice(object)).await?;
            if let Some(of) = invoice.subscription() {
                all.push(subscription(of).await?);
            }
            all.push(Object::Invoice(invoice));
        }
        About::Charge => all.extend(refunds(stripe, out, object).await?),
        About::Refund => {
            all.push(Object::Refund(stripe.read(out, &asking::money_back(object)).await?));
        }
        About::Dispute => {
            all.push(Object::Dispute(stripe.read(out, &asking::dispute(object)).await?));
        }
    }
    Ok(all)
}

/// What was given back of a charge, in an order that is the same for everyone.
async fn refunds(stripe: &Stripe, out: &Outgoing, charge: &str) -> Result<Vec<Object>, Failure> {
    let charge: Charge = stripe.read(out, &asking::charge(charge)).await?;
    let mut back: List<Refund> = stripe.read(out, &asking::refunds_of(&charge.id)).await?;
    back.data.sort_by(|one, other| one.id.cmp(&other.id));
    let with_payment = |refund: Refund| {
        let payment_intent = refund.payment_intent.or(charge.payment_intent.clone());
        Object::Refund(Refund { payment_intent, ..refund })
    };
    Ok(back.data.into_iter().map(with_payment).collect())
}

/// Reads something at Stripe and takes it in, though no event has told of it; says what of it was news.
///
/// # Errors
/// As [`read`].
pub async fn follow(app: &App, about: About, object: &str) -> Result<Vec<String>> {
    take_in(app, &read(app, about, object).await?).await
}

/// The same for somebody who waits for a page: where Stripe is away, or does not answer soon, what is known here is all there is.
///
/// # Errors
/// As any statement.
pub async fn follow_soon(app: &App, about: About, object: &str) -> Result<()> {
    match timeout(PATIENCE, read(app, about, object)).await {
        Ok(Ok(fresh)) => take_in(app, &fresh).await.map(drop),
        Err(_) | Ok(Err(Error::Off(_) | Error::NotFound | Error::Unavailable(_))) => Ok(()),
        Ok(Err(error)) => Err(error),
    }
}

async fn take_in(app: &App, fresh: &Fresh) -> Result<Vec<String>> {
    let id = || app.clock.id();
    let taken = app.work(async |tx| payments::take_in(tx, fresh, &because(app, &id)).await);
    Ok(taken.await?.value)
}
