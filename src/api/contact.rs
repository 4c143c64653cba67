//! The contact form of another site, or of its server.

use crate::error::Result;
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::Endpoint;
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::intake::{self, Door};
use crate::policies::KnownSite;
use crate::services::input::{Timestamp, Valid};
use crate::services::leads::NewLead;
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// `POST /api/contact`
pub struct Send;

/// That it was accepted. Not what became of it: a sender of spam is told the same.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepted {
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    created_at: OffsetDateTime,
}

impl Gate for Send {
    const PATH: &'static str = "/api/contact";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = KnownSite;
}

impl Endpoint for Send {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Write to the business.";
    const STATUS: StatusCode = StatusCode::CREATED;
    const BODY: usize = 64 * 1024;
    type At = ();
    type Input = NewLead;
    type Output = Accepted;

    async fn run(
        call: &Call<'_>,
        (): &(),
        (): &(),
        input: Valid<NewLead>,
    ) -> Result<Reply<Accepted>> {
        let receipt = intake::accept(call.app(), Door::Embed, &input).await?;
        let accepted = receipt.map(|receipt| Accepted { id: receipt.id, created_at: receipt.at });
        Ok(Reply::created(accepted.value, None).knowing(accepted.token))
    }
}
