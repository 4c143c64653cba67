//! What other programs tell us. It is kept and answered; a job acts upon it afterwards.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::hook::Hook;
use crate::http::limit::Limit;
use crate::policies::{self, Signed};
use crate::services::inbox::{self, Arrived, Delivery};
use crate::together::{self, Together};
use actix_web::web::Data;
use serde::Serialize;
use std::marker::PhantomData;

/// They come in bursts, from few addresses.
const LIMIT: Limit = Limit::per_minute(3000);

/// `POST /api/webhooks/…`
pub struct Take<F>(PhantomData<F>);

/// That it is kept.
#[derive(Debug, Serialize)]
pub struct Kept {
    stored: bool,
    /// Whether it was before.
    duplicate: bool,
}

impl Gate for Take<policies::GitHub> {
    const PATH: &'static str = "/api/webhooks/github";
    const LIMIT: Limit = LIMIT;
    type Auth = Signed<policies::GitHub>;
}

impl Gate for Take<policies::Resend> {
    const PATH: &'static str = "/api/webhooks/resend";
    const LIMIT: Limit = LIMIT;
    type Auth = Signed<policies::Resend>;
}

impl Gate for Take<policies::Stripe> {
    const PATH: &'static str = "/api/webhooks/stripe";
    const LIMIT: Limit = LIMIT;
    type Auth = Signed<policies::Stripe>;
}

impl Gate for Take<policies::Named> {
    const PATH: &'static str = "/api/webhooks/{source}";
    const LIMIT: Limit = LIMIT;
    type Auth = Signed<policies::Named>;
}

impl<F: policies::Family> Hook for Take<F>
where
    Self: Gate<Auth = Signed<F>>,
{
    type Output = Kept;

    async fn keep(app: &Data<App>, delivery: Delivery) -> Result<Kept> {
        let arrived = Arrived { id: app.clock.id(), job: app.clock.id(), delivery };
        let is_new = app.deliveries.join(app, arrived, keep_all).await?;
        Ok(Kept { stored: true, duplicate: !is_new })
    }
}

/// What arrives at the same time; of each, whether it is new here.
pub type Deliveries = Together<Arrived, bool>;

async fn keep_all(app: &App, all: &[Arrived]) -> Vec<Result<bool>> {
    match app.put(async |db| inbox::keep(db, all).await).await {
        Ok(kept) => kept.into_iter().map(Ok).collect(),
        Err(error) => {
            let alone = async |one: &Arrived| {
                let one = std::slice::from_ref(one);
                app.put(async |db| Ok(inbox::keep(db, one).await? == [true])).await
            };
            together::apart(error, all, alone).await
        }
    }
}
