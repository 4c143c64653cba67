//! An event of another program: its bytes read whole before anything looks into them, proven, and then handed on.

use super::errors::{Face, door, shared};
use super::{Gate, admit, body, count};
use crate::app::App;
use crate::error::Result;
use crate::policies::Policy;
use crate::services::inbox::{Claim, Delivery};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

/// No event is larger, in bytes.
pub const BODY: usize = 512 * 1024;

/// A door for events.
pub trait Hook: Gate<Auth: Policy<Grant = Claim>> {
    /// What the sender is answered.
    type Output: Serialize;

    /// Keeps it. Once that is done, the sender is answered 200, and not before.
    async fn keep(app: &web::Data<App>, delivery: Delivery) -> Result<Self::Output>;
}

/// Takes an event.
pub async fn take<H: Hook>(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let work = async {
        let app = shared(&request);
        count::<H>(app, &request)?;
        let claim = admit::<H>(app, &request).await?;
        let delivery = claim.prove(body::read(&request, payload, BODY).await?)?;
        Ok(HttpResponse::Ok().json(H::keep(app, delivery).await?))
    };
    door(Face::Problem, H::PATH, &request, work).await
}
