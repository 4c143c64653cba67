//! Webhooks, for the partners who are told by them: each key sees to its own.
//!
//! A secret is in the answer that makes it and nowhere else: the answer that is kept for a repeated call has none.

use crate::error::Result;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::{Page, Reply};
use crate::http::{Gate, cursor};
use crate::policies::ApiKey;
use crate::services::audit::{self, Act, Line};
use crate::services::input::Valid;
use crate::services::keys::{Partner, Rotation, WebhooksWrite};
use crate::services::webhooks::{
    self, Again, By, Changes, Delivery, Filter, Keeper, NewEndpoint, Secret, Try,
};
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use templates::paths;
use uuid::Uuid;
use validator::Validate;

const PER_PAGE: usize = 50;

type Who = Partner<WebhooksWrite>;

/// `GET /api/v1/webhooks`
pub struct Index;

/// Where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Place {
    /// The `next` of the page before.
    after: Option<Uuid>,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/webhooks";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "See where this key has itself told.";
    const BODY: usize = 0;
    type At = ();
    type Input = Place;
    type Output = Page<webhooks::Endpoint>;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        (): &(),
        place: Valid<Place>,
    ) -> Result<Reply<Self::Output>> {
        let (by, most) = (Keeper::Partner(who), cursor::ask(PER_PAGE));
        let found = call.read(async |db| webhooks::list(db, by, place.after, most).await).await?;
        Ok(Reply::part(found, PER_PAGE, |webhook| webhook.id))
    }
}

/// `POST /api/v1/webhooks`
pub struct Create;

/// A webhook, and what its deliveries are signed with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    #[serde(flatten)]
    webhook: webhooks::Endpoint,
    /// Keep it now: it is shown once. None where this answer is that of a call of before.
    secret: Option<String>,
}

impl Gate for Create {
    const PATH: &'static str = "/api/v1/webhooks";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str =
        "Have this address told of what happens, of what this key may read.";
    const STATUS: StatusCode = StatusCode::CREATED;
    const BODY: usize = 16 * 1024;
    type At = ();
    type Input = NewEndpoint;
    type Output = Shown;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        (): &(),
        new: Valid<NewEndpoint>,
    ) -> Result<Reply<Shown>> {
        let (id, by, sealer) = (call.clock.id(), By::Partner(who), (&call.secrets, &call.clock));
        let mut made = None;
        let reply = call.write(async |tx| {
            let secret = webhooks::create(&mut *tx, by, sealer, &call.outgoing, (id, &new)).await?;
            let webhook = webhooks::by_id(&mut *tx, by.into(), id).await?;
            note(call, tx, who, Act::WebhookAdded.on("webhook", id)).await?;
            made = Some(with_secret(&webhook, &secret));
            let shown = Shown { webhook, secret: None };
            Ok(Reply::created(shown, Some(paths::api_webhook(id))))
        });
        let reply = reply.await?;
        Ok(match made {
            Some(made) => reply.saying(made),
            None => reply,
        })
    }
}

/// Puts what a program did on the record.
async fn note(call: &Call<'_>, tx: &mut PgConnection, who: &Who, line: Line) -> Result<()> {
    audit::note_program(tx, call.clock.id(), who, &call.network(), line).await
}

fn with_secret(webhook: &webhooks::Endpoint, secret: &Secret) -> Shown {
    Shown { webhook: webhook.clone(), secret: Some(secret.reveal()) }
}

/// `GET /api/v1/webhooks/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/v1/webhooks/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "See one of them.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = webhooks::Endpoint;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<webhooks::Endpoint>> {
        let by = Keeper::Partner(who);
        call.read(async |db| webhooks::by_id(db, by, *id).await).await.map(Reply::ok)
    }
}

/// `PATCH /api/v1/webhooks/{id}`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/webhooks/{id}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const SUMMARY: &'static str =
        "Change one: what is named. With state, have what happens wait, or told again.";
    const BODY: usize = 16 * 1024;
    type At = Uuid;
    type Input = Changes;
    type Output = webhooks::Endpoint;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        changes: Valid<Changes>,
    ) -> Result<Reply<webhooks::Endpoint>> {
        let by = By::Partner(who);
        call.write(async |tx| {
            let changed = webhooks::change(&mut *tx, by, &call.outgoing, *id, &changes).await?;
            note(call, tx, who, Act::WebhookChanged.on("webhook", id)).await?;
            Ok(Reply::done(changed))
        })
        .await
    }
}

/// `DELETE /api/v1/webhooks/{id}`
pub struct Remove;

impl Gate for Remove {
    const PATH: &'static str = "/api/v1/webhooks/{id}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Remove {
    const METHOD: Method = Method::DELETE;
    const SUMMARY: &'static str =
        "Remove one, with all that is known of it. The answer is what it was.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = webhooks::Endpoint;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<webhooks::Endpoint>> {
        let by = By::Partner(who);
        call.write(async |tx| {
            let was = webhooks::by_id(&mut *tx, by.into(), *id).await?;
            webhooks::remove(&mut *tx, by, *id).await?;
            note(call, tx, who, Act::WebhookRemoved.on("webhook", id)).await?;
            Ok(Reply::done(was))
        })
        .await
    }
}

/// `POST /api/v1/webhooks/{id}/rotate`
pub struct Rotate;

impl Gate for Rotate {
    const PATH: &'static str = "/api/v1/webhooks/{id}/rotate";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Rotate {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str =
        "Replace its secret. For as long as is said deliveries are signed with both.";
    const BODY: usize = 4 * 1024;
    type At = Uuid;
    type Input = Rotation;
    type Output = Shown;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        rotation: Valid<Rotation>,
    ) -> Result<Reply<Shown>> {
        let (by, sealer) = (By::Partner(who), (&call.secrets, &call.clock));
        let mut made = None;
        let reply = call.write(async |tx| {
            let secret = webhooks::rotate(&mut *tx, by, sealer, *id, rotation.overlap()).await?;
            let webhook = webhooks::by_id(&mut *tx, by.into(), *id).await?;
            note(call, tx, who, Act::WebhookRotated.on("webhook", id)).await?;
            made = Some(with_secret(&webhook, &secret));
            Ok(Reply::done(Shown { webhook, secret: None }))
        });
        let reply = reply.await?;
        Ok(match made {
            Some(made) => reply.saying(made),
            None => reply,
        })
    }
}

/// `POST /api/v1/webhooks/{id}/ping`
pub struct Ping;

/// What is on its way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OnItsWay {
    /// The delivery, to look at what became of it.
    delivery: Uuid,
}

impl Gate for Ping {
    const PATH: &'static str = "/api/v1/webhooks/{id}/ping";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Ping {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str =
        "Have something sent there that tells of nothing, to see whether it arrives.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = OnItsWay;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<OnItsWay>> {
        let (by, delivery, message) = (Keeper::Partner(who), call.clock.id(), call.clock.id());
        call.write(async |tx| {
            webhooks::ping(tx, by, *id, (delivery, message)).await?;
            Ok(Reply::done(OnItsWay { delivery }))
        })
        .await
    }
}

/// `POST /api/v1/webhooks/{id}/replay`
pub struct Replay;

/// How much is sent once more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replayed {
    deliveries: u64,
}

impl Gate for Replay {
    const PATH: &'static str = "/api/v1/webhooks/{id}/replay";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Replay {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str =
        "Have one delivery sent once more, or what was given up, up to 5,000 at once.";
    const BODY: usize = 4 * 1024;
    type At = Uuid;
    type Input = Again;
    type Output = Replayed;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        again: Valid<Again>,
    ) -> Result<Reply<Replayed>> {
        let by = Keeper::Partner(who);
        call.write(async |tx| {
            let deliveries = webhooks::replay(tx, by, *id, &again).await?;
            Ok(Reply::done(Replayed { deliveries }))
        })
        .await
    }
}

/// `GET /api/v1/webhooks/{id}/deliveries`
pub struct Deliveries;

impl Gate for Deliveries {
    const PATH: &'static str = "/api/v1/webhooks/{id}/deliveries";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Deliveries {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "See what was sent there, newest first.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Filter;
    type Output = Page<Delivery>;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        filter: Valid<Filter>,
    ) -> Result<Reply<Page<Delivery>>> {
        let (by, most) = (Keeper::Partner(who), cursor::ask(PER_PAGE));
        let found =
            call.read(async |db| webhooks::deliveries(db, by, *id, &filter, most).await).await?;
        Ok(Reply::part(found, PER_PAGE, |delivery| delivery.id))
    }
}

/// `GET /api/v1/deliveries/{id}`
pub struct Delivered;

/// A delivery, with each time it was tried.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WithTries {
    #[serde(flatten)]
    delivery: Delivery,
    /// The last first.
    tries: Vec<Try>,
}

impl Gate for Delivered {
    const PATH: &'static str = "/api/v1/deliveries/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<WebhooksWrite>;
}

impl Endpoint for Delivered {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "See one delivery, with each time it was tried.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = WithTries;

    async fn run(
        call: &Call<'_>,
        who: &Who,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<WithTries>> {
        let by = Keeper::Partner(who);
        let (delivery, tries) = call.read(async |db| webhooks::delivery(db, by, *id).await).await?;
        Ok(Reply::ok(WithTries { delivery, tries }))
    }
}
