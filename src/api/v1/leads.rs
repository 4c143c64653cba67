//! Leads, handed in by partners, who see how far we are with theirs and may say how far they are.

use crate::error::Result;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, IF_MATCH, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::{Page, Reply};
use crate::http::{Gate, cursor};
use crate::intake;
use crate::policies::ApiKey;
use crate::services::input::{self, Timestamp, Valid};
use crate::services::keys::{LeadsStatus, LeadsWrite, Partner};
use crate::services::leads::{
    self, Arrival, HandedIn, Lead, NewLead, Own, Progress, Sender, Status,
};
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use templates::paths;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/leads`
pub struct Index;

/// Which of them, and where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Query {
    /// Only those that are so far.
    status: Option<Status>,
    /// Only those accepted after this moment.
    #[serde(default, deserialize_with = "input::given_moment")]
    #[schemars(with = "Option<Timestamp>")]
    created_after: Option<OffsetDateTime>,
    /// Only those accepted before this moment.
    #[serde(default, deserialize_with = "input::given_moment")]
    #[schemars(with = "Option<Timestamp>")]
    created_before: Option<OffsetDateTime>,
    /// Only those of whoever has this address.
    #[serde(default, deserialize_with = "input::optional_line")]
    email: Option<String>,
    /// Only those in whose name, address, company or message this stands.
    #[serde(default, deserialize_with = "input::line")]
    q: String,
    /// The `next` of the part before.
    after: Option<Uuid>,
    /// How many at a time; 20 where it is not said.
    #[serde(default = "cursor::usual")]
    #[validate(range(min = 1, max = 100, message = "Ask for 1 to 100 at a time."))]
    limit: u16,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/leads";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<LeadsWrite>;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "List the leads that were handed in with this key, newest first.";
    const BODY: usize = 0;
    type At = ();
    type Input = Query;
    type Output = Page<Lead>;

    async fn run(
        call: &Call<'_>,
        who: &Partner<LeadsWrite>,
        (): &(),
        asked: Valid<Query>,
    ) -> Result<Reply<Page<Lead>>> {
        let which = Own {
            status: asked.status,
            created_after: asked.created_after,
            created_before: asked.created_before,
            email: asked.email.as_deref(),
            text: &asked.q,
            after: asked.after,
        };
        let size = usize::from(asked.limit);
        let found =
            call.read(async |db| leads::of_key(db, who, &which, cursor::ask(size)).await).await?;
        Ok(Reply::part(found, size, |lead| lead.id))
    }
}

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
    const SCRIPTS: bool = true;
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
            Reply::created(lead, Some(location)).as_it_is()
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

/// `PATCH /api/v1/leads/{id}`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/leads/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<LeadsStatus>;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const SUMMARY: &'static str =
        "Say how far you are with a lead that was handed in with this key.";
    const HEADERS: &'static [(&'static str, &'static str)] = &[IF_MATCH];
    const BODY: usize = 64 * 1024;
    type At = Uuid;
    type Input = Progress;
    type Output = Lead;

    async fn run(
        call: &Call<'_>,
        who: &Partner<LeadsStatus>,
        id: &Uuid,
        new: Valid<Progress>,
    ) -> Result<Reply<Lead>> {
        let (precondition, network) = (call.precondition()?, call.network());
        call.write(async |tx| {
            precondition.is_about(&leads::held_for(&mut *tx, who, *id).await?)?;
            let entry = (|| call.clock.id(), network.as_str());
            leads::progress(&mut *tx, who, entry, *id, &new).await?;
            Ok(Reply::done(leads::held_for(tx, who, *id).await?).as_it_is())
        })
        .await
    }
}
