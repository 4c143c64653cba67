//! Checkout: how a plan or an order comes to be paid for. The one service for both.
//!
//! A checkout is a row that says how far it has come; [`advance`] takes it on from wherever it is, whoever calls: the one who
//! pressed the button, or the job that was left beside the row in case they do not come to it.

use super::{carry_out, ended, follow, follow_soon, ids};
use crate::app::App;
use crate::error::{Error, Result};
use crate::services::outbox::End;
use crate::services::payments::About;
use crate::services::payments::checkouts::{self, Begun, Choice, Next};
use crate::services::sessions::Member;
use uuid::Uuid;

/// Where forms that begin a checkout may lead.
pub fn leads_to(app: &App) -> Vec<String> {
    app.stripe.as_ref().map(|stripe| stripe.pages().to_vec()).unwrap_or_default()
}

/// A customer, a checkout, and where that is; twice, in case somebody else is at it too.
const MOST_STEPS: usize = 6;

const OVER: Error =
    Error::Conflict { why: "This checkout is over. Begin once more.", retry_after_seconds: 1 };

/// Begins a checkout for a plan, or goes on with the one that is open, and says where it is.
///
/// # Errors
/// [`Error::Off`]; [`Error::Invalid`] where the plan cannot be had; [`Error::Unavailable`] where Stripe is away.
pub async fn begin_plan(app: &App, who: &Member, choice: &Choice) -> Result<String> {
    super::stripe(app)?;
    for _ in 0..3 {
        let now = app.clock.now();
        let begun =
            app.write(async |tx| checkouts::begin_plan(tx, who, ids(app), now, choice).await);
        match begun.await?.value {
            Begun::This(checkout) => return advance(app, checkout).await,
            // Nobody is to pay twice: the other has to end before this one begins. It may have been paid for meanwhile.
            Begun::Other(checkout) => end(app, checkout).await?.now()?,
        }
    }
    Err(Error::unavailable("a checkout does not come to its end"))
}

/// Takes a checkout on from wherever it is until it is open, and says where that is.
///
/// # Errors
/// [`Error::Conflict`] where it is over, or was refused; [`Error::Unavailable`] where Stripe is away.
pub async fn advance(app: &App, checkout: Uuid) -> Result<String> {
    let origin = app.config.canonical_origin().to_string();
    for _ in 0..MOST_STEPS {
        let fresh = [app.clock.id(), app.clock.id()];
        let next = app
            .write(async |tx| checkouts::next(tx, checkout, fresh, app.clock.now(), &origin).await);
        match next.await?.value {
            Next::Open(url) => return Ok(url),
            Next::Call(call) => carry_out(app, call).await.map(drop)?,
            Next::Over => return Err(OVER),
        }
    }
    Err(Error::unavailable("a checkout does not come to be open"))
}

/// Sees the beginning of a checkout through, as a job.
pub async fn complete_checkout(app: &App, checkout: Uuid) -> End {
    match advance(app, checkout).await {
        Ok(_) => End::Done,
        Err(error) => ended(&error, "It is over."),
    }
}

/// When a checkout ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has, or never will: how it stands is known.
    Now,
    /// Stripe does not answer, and is asked again until it does.
    Soon,
}

impl Ended {
    /// For whoever cannot go on before.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn now(self) -> Result<()> {
        match self {
            Self::Now => Ok(()),
            Self::Soon => Err(Error::unavailable("Stripe does not answer")),
        }
    }
}

/// Has a checkout end, so that nobody pays any more; how it ended is known then. One that never came to be open is advanced first.
///
/// # Errors
/// [`Error::Unavailable`] where Stripe is away and nobody has asked it yet.
pub async fn end(app: &App, checkout: Uuid) -> Result<Ended> {
    match advance(app, checkout).await {
        Ok(_) => {}
        Err(Error::Conflict { .. }) => return Ok(Ended::Now),
        Err(error) => return Err(error),
    }
    let now = app.clock.now();
    let call = app.write(async |tx| checkouts::end(tx, checkout, ids(app), now).await);
    let Some(call) = call.await?.value else { return Ok(Ended::Now) };
    match carry_out(app, call).await {
        Ok(_) => Ok(Ended::Now),
        Err(Error::Unavailable(_)) => Ok(Ended::Soon),
        // It was paid for, or has ended by itself: that is what is learned now.
        Err(Error::Conflict { .. }) => {
            let session = app.ask(async |db| checkouts::session(db, checkout).await).await?;
            if let Some(session) = session {
                follow(app, About::Session, &session).await?;
            }
            Ok(Ended::Now)
        }
        Err(error) => Err(error),
    }
}

/// Learns how a checkout stands from Stripe itself, which may not have told us yet. Where Stripe is away, what is known here is
/// all there is.
///
/// # Errors
/// [`Error::NotFound`] where it is not theirs.
pub async fn come_back(app: &App, who: &Member, session: &str) -> Result<()> {
    if !app.ask(async |db| checkouts::is_of(db, who, session).await).await? {
        return Err(Error::NotFound);
    }
    follow_soon(app, About::Session, session).await
}
