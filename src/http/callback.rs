//! Somebody who comes back from elsewhere: a GET that does something, once, because what they bring was made for it.

use super::action::{self, Done, Visit};
use super::errors::{self, Face, door};
use super::{Gate, Grant, admit, count};
use crate::error::Result;
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

/// A way back. What was brought is the proof, so its policy takes it, and nobody else can bring it again.
pub trait Callback: Gate {
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;

    /// Does what they had set out for.
    async fn run(visit: &Visit<'_>, who: Grant<Self>, at: &Self::At) -> Result<Done>;
}

/// Serves it.
pub async fn back<C: Callback>(request: HttpRequest) -> HttpResponse {
    let app = errors::shared(&request);
    let work = async {
        count::<C>(app, &request)?;
        let at = super::at::<C::At>(&request).await?;
        let who = admit::<C>(app, &request).await?;
        let done = C::run(&Visit::by_link(app, &request), who, &at).await?;
        Ok(action::go_on(app, &request, None, done))
    };
    door(Face::Page, C::PATH, &request, work).await
}
