//! Leads, handed in by partners.

use crate::error::Result;
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::intake;
use crate::policies::ApiKey;
use crate::services::input::Valid;
use crate::services::keys::{LeadsWrite, Partner};
use crate::services::leads::{self, Arrival, HandedIn, Lead, NewLead, Sender};
use actix_web::http::{Method, StatusCode};
use templates::paths;
use uuid::Uuid;

/// `POST /api/v1/leads`
pub struct Create;

impl Gate for Create {
    const PATH: &'static str = "/api/v1/leads";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = ApiKey<LeadsWrite>;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Hand in a lead.";
    const STATUS: StatusCode = StatusCode::CREATED;
    const BODY: usize = 64 * 1024;
    type At = ();
    type Input = NewLead;
    type Output = Lead;

    async fn run(
        call: &Call<'_>,
        who: &Partner<LeadsWrite>,
        (): &(),
        input: Valid<NewLead>,
    ) -> Result<Reply<Lead>> {
        let arrival = Arrival { id: call.clock.id(), at: call.clock.now() };
        let handed = HandedIn::new(arrival, &Sender::Partner(who), input);
        let created = |lead: Lead| {
            let location = paths::api_lead(lead.id);
            Reply::created(lead, Some(location))
        };
        // With a key of its own it has a transaction of its own: what is answered is a part of that.
        if call.is_keyed() {
            return call.write(async |tx| leads::submit(tx, handed).await.map(created)).await;
        }
        let stored = intake::store(call.app(), handed).await?;
        Ok(created(stored.value).knowing(stored.token))
    }
}

/// `GET /api/v1/leads/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/v1/leads/{id}";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = ApiKey<LeadsWrite>;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Look up a lead that was handed in with this key.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = Lead;

    async fn run(
        call: &Call<'_>,
        who: &Partner<LeadsWrite>,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<Lead>> {
        call.read(async |db| leads::of_partner(db, who, *id).await).await.map(Reply::ok)
    }
}
