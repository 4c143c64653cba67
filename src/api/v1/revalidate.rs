//! Having pages rendered again, for programs that know of changes the database does not.

use crate::error::Result;
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::Endpoint;
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::policies::ApiKey;
use crate::services::input::Valid;
use crate::services::keys::{CacheWrite, Partner};
use crate::services::revalidation::{self, By, Revalidation};
use actix_web::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

/// `POST /api/v1/revalidate`
pub struct Create;

/// That it is done, on every instance for whoever sends the answer's `Consistency-Token`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Revalidated {
    revalidated: bool,
}

impl Gate for Create {
    const PATH: &'static str = "/api/v1/revalidate";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<CacheWrite>;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Have pages rendered again.";
    const BODY: usize = 64 * 1024;
    type At = ();
    type Input = Revalidation;
    type Output = Revalidated;

    async fn run(
        call: &Call<'_>,
        who: &Partner<CacheWrite>,
        (): &(),
        input: Valid<Revalidation>,
    ) -> Result<Reply<Revalidated>> {
        let by = By::Partner(who);
        call.write(async |tx| {
            revalidation::revalidate(tx, &by, &input).await?;
            Ok(Reply::done(Revalidated { revalidated: true }))
        })
        .await
    }
}
