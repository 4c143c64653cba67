//! Whoever is in the shop.

use super::{Knock, Policy, signed_in, who};
use crate::error::Result;
use crate::http::session::{self, Kept};
use crate::services::cart::{self, CartToken};
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
        let kept = session::kept(&knock.app.config, knock.request, Kept::Cart);
        Ok(cart::Shopper::new(member, kept.and_then(|kept| CartToken::parse(&kept))))
    }

    fn who(shopper: &cart::Shopper) -> Option<Who<'_>> {
        shopper.member().map(who)
    }
}
