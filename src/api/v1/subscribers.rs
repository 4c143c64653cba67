//! Subscribers to the newsletter: a program has people asked, sees who gets it, and takes people off the list.

use crate::error::Result;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, IF_MATCH, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::{Page, Reply};
use crate::http::{Gate, cursor};
use crate::policies::ApiKey;
use crate::services::input::{self, Valid};
use crate::services::keys::{Partner, SubscribersRead, SubscribersWrite};
use crate::services::subscribers::{self, Ended, NewSubscriber, Status, Subscriber, Which};
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/subscribers`
pub struct Index;

/// Which of them, and where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Query {
    /// Only those who have come so far.
    status: Option<Status>,
    /// Only whoever has this address.
    #[serde(default, deserialize_with = "input::optional_line")]
    email: Option<String>,
    /// The `next` of the part before.
    after: Option<Uuid>,
    /// How many at a time; 20 where it is not said.
    #[serde(default = "cursor::usual")]
    #[validate(range(min = 1, max = 100, message = "Ask for 1 to 100 at a time."))]
    limit: u16,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/subscribers";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<SubscribersRead>;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "List subscribers, the last to come first.";
    const BODY: usize = 0;
    type At = ();
    type Input = Query;
    type Output = Page<Subscriber>;

    async fn run(
        call: &Call<'_>,
        who: &Partner<SubscribersRead>,
        (): &(),
        asked: Valid<Query>,
    ) -> Result<Reply<Page<Subscriber>>> {
        let (email, size) = (asked.email.as_deref(), usize::from(asked.limit));
        let which = Which { status: asked.status, email, after: asked.after };
        let most = cursor::ask(size);
        let found =
            call.read(async |db| subscribers::listed_for(db, who, &which, most).await).await?;
        Ok(Reply::part(found, size, |one| one.id))
    }
}

/// `POST /api/v1/subscribers`
pub struct Create;

/// That they are asked, if they have not been lately. Whether they are here already is told to their mailbox alone.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SubscriberAsked")]
pub struct Asked {
    asked: bool,
}

impl Gate for Create {
    const PATH: &'static str = "/api/v1/subscribers";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<SubscribersWrite>;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Have somebody asked whether they want the newsletter.";
    const STATUS: StatusCode = StatusCode::ACCEPTED;
    const BODY: usize = 16 * 1024;
    type At = ();
    type Input = NewSubscriber;
    type Output = Asked;

    async fn run(
        call: &Call<'_>,
        who: &Partner<SubscribersWrite>,
        (): &(),
        new: Valid<NewSubscriber>,
    ) -> Result<Reply<Asked>> {
        let (arrival, network) = ((call.clock.id(), call.clock.now()), call.network());
        call.write(async |tx| {
            subscribers::ask_for(tx, who, arrival, &network, &new).await?;
            Ok(Reply::accepted(Asked { asked: true }))
        })
        .await
    }
}

/// `GET /api/v1/subscribers/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/v1/subscribers/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<SubscribersRead>;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Look up a subscriber.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = Subscriber;

    async fn run(
        call: &Call<'_>,
        who: &Partner<SubscribersRead>,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<Subscriber>> {
        call.read(async |db| subscribers::for_program(db, who, *id).await).await.map(Reply::ok)
    }
}

/// `PATCH /api/v1/subscribers/{id}`
pub struct Edit;

/// The end of a subscription. Whoever has left comes back by their own word alone.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "SubscriberEnd")]
pub struct End {
    /// How it ended.
    status: Ended,
}

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/subscribers/{id}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<SubscribersWrite>;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const SUMMARY: &'static str = "Take a subscriber off the list.";
    const HEADERS: &'static [(&'static str, &'static str)] = &[IF_MATCH];
    const BODY: usize = 16 * 1024;
    type At = Uuid;
    type Input = End;
    type Output = Subscriber;

    async fn run(
        call: &Call<'_>,
        who: &Partner<SubscribersWrite>,
        id: &Uuid,
        end: Valid<End>,
    ) -> Result<Reply<Subscriber>> {
        let (precondition, network) = (call.precondition()?, call.network());
        let (line, now) = (call.clock.id(), call.clock.now());
        call.write(async |tx| {
            precondition.is_about(&subscribers::held_for(&mut *tx, who, *id).await?)?;
            let entry = (line, now, network.as_str());
            subscribers::end_for(&mut *tx, who, entry, *id, end.status).await?;
            Ok(Reply::done(subscribers::held_for(tx, who, *id).await?).as_it_is())
        })
        .await
    }
}
