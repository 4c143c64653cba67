//! Whoever is in the shop.

use super::{Knock, Policy, signed_in, who};
use crate::app::App;
use crate::error::Result;
use crate::http::session::{self, Kept};
use crate::services::cart::{self, CartToken};
use actix_web::HttpRequest;
use templates::Who;

/// Anyone, with what their account or their browser knows of their cart.
pub struct Shopper;

impl Policy for Shopper {
    const NAME: &'static str = "anyone, with their cart";
    const AMBIENT: bool = true;
    type Grant = cart::Shopper;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<cart::Shopper> {
        let member = signed_in(knock.app, knock.request).await?;
        Ok(cart::Shopper::new(member, token(knock.app, knock.request)))
    }

    fn who(shopper: &cart::Shopper) -> Option<Who<'_>> {
        shopper.member().map(who)
    }
}

fn token(app: &App, request: &HttpRequest) -> Option<CartToken> {
    CartToken::parse(&session::kept(&app.config, request, Kept::Cart)?)
}

/// Notes how much is in the cart of whoever has not signed in, for the head of the page. Whoever has was asked about along with
/// who they are; whoever has no cart costs nothing.
pub async fn look_into_cart(app: &App, request: &HttpRequest) {
    if session::in_cart(request).is_some() {
        return;
    }
    let Some(token) = token(app, request) else { return };
    // Where nobody can be asked the page goes without.
    if let Ok(count) = app.ask(async |db| cart::count(db, &token).await).await {
        session::note_cart(request, count);
    }
}
