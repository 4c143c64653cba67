//! How an order comes to be paid for, or not: what is said to Stripe between the transactions of the shop.

use super::checkout::{self, Ended};
use super::follow_soon;
use crate::app::{App, Written};
use crate::error::{Error, Result};
use crate::services::cart::Shopper;
use crate::services::orders::{self, Buyer, Buying, Placed, Places};
use crate::services::payments::About;
use crate::services::subscribers::Holder;
use templates::paths;
use uuid::Uuid;

/// Orders what is in the cart of `who`, or goes on with the order of the same, and says where it is paid for.
///
/// # Errors
/// [`Error::Off`]; [`Error::Invalid`] where something cannot be had; [`Error::Unavailable`] where Stripe is away: what was ordered is
/// set aside then, and a job goes on with it.
pub async fn order(app: &App, who: &Shopper, buyer: &Buyer) -> Result<Written<String>> {
    super::stripe(app)?;
    let origin = app.config.canonical_origin().to_string();
    let order =
        |id: Uuid| format!("{origin}{}", paths::order(&Holder::<Buying>::token(&app.secrets, id)));
    let places = Places { order: &order, cart: format!("{origin}{}", paths::cart()) };
    let (id, now) = (|| app.clock.id(), app.clock.now());
    for _ in 0..3 {
        let placed =
            app.write(async |tx| orders::place(tx, who, &id, now, (buyer, &places)).await).await?;
        match placed.value {
            Placed::This(way) => {
                let place = checkout::advance(app, way).await?;
                return Ok(placed.map(|_| place));
            }
            // Nobody is to pay twice: the other has to end before this one begins. It may have been paid for meanwhile.
            Placed::Other(way) => let_go(app, way).await?.value.now()?,
        }
    }
    Err(Error::unavailable("an order does not come to its end"))
}

/// Learns from Stripe itself how the payment of an order stands, which may not have told us yet. Where Stripe is away, what is known
/// here is all there is.
///
/// # Errors
/// As any statement.
pub async fn learn(app: &App, by: &Holder<Buying>) -> Result<()> {
    let way = app.ask(async |db| orders::way_of(db, by).await).await?;
    let Some((_, Some(session))) = way else { return Ok(()) };
    follow_soon(app, About::Session, &session).await
}

/// Has an order that was not paid for end, now or as soon as Stripe answers. One that was paid for meanwhile is paid for.
///
/// # Errors
/// [`Error::Off`]; [`Error::Unavailable`] where Stripe is away and nobody has asked it yet; [`Error::Invalid`] where it goes on with
/// the checkout.
pub async fn cancel(app: &App, by: &Holder<Buying>) -> Result<Written<Ended>> {
    let way = app.ask(async |db| orders::way_of(db, by).await).await?;
    let Some((way, _)) = way else { return Ok(Written::nothing(Ended::Now)) };
    super::stripe(app)?;
    let done = let_go(app, way).await?;
    let order = app.read(async |db| orders::held(db, by).await).await?;
    if done.value == Ended::Now && order.pay_at.is_some() {
        return Err(Error::field("", STILL_OPEN));
    }
    Ok(done)
}

const STILL_OPEN: &str = "Stripe has not ended the payment of this order. Try again in a while; if you do not pay, it runs out by itself, and nothing is taken.";

/// Ends a checkout that its buyer does not want any more.
async fn let_go(app: &App, way: Uuid) -> Result<Written<Ended>> {
    let ended = checkout::end(app, way).await?;
    let noted = app.write(async |tx| orders::note_cancelled(tx, way).await).await?;
    Ok(noted.map(|()| ended))
}
