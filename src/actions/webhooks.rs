//! What owners do with webhooks. A secret is shown by the answer of the form that makes it and by nothing else, as that of a key.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::form::{self, Pairs};
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::http::record::Recorded;
use crate::pages::admin::webhooks::{Forms, one};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::events::TYPES;
use crate::services::input::Valid;
use crate::services::keys::Rotation;
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use crate::services::webhooks::{self, Again, By, Changes, Keeper, NewEndpoint, Secret};
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use sqlx::PgConnection;
use std::marker::PhantomData;
use templates::admin::webhooks as template;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/webhooks/new`
pub struct Make;

impl Gate for Make {
    const PATH: &'static str = "/admin/webhooks/new";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Make {
    type At = ();
    type Form = NewEndpoint;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        (): &(),
        form: Valid<NewEndpoint>,
    ) -> Result<Recorded<Done>> {
        let (id, app) = (visit.app.clock.id(), visit.app);
        let mut made = None;
        let done = visit
            .record(who, async |tx| {
                let (by, sealer) = (By::Owner(who), (&app.secrets, &app.clock));
                made = Some(webhooks::create(tx, by, sealer, &app.outgoing, (id, &form)).await?);
                let line = Act::WebhookAdded.on("webhook", id);
                Ok((line.with("types", form.types.join(" ")), paths::admin_webhook(id)))
            })
            .await?;
        let words = "What has happened is signed with it from now on.";
        Ok(shown(done, made.as_ref(), (id, &form.name), words))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Recent<Owner>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(template::new(state, &TYPES.map(|known| (known.name, known.words))))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "types");
    }
}

/// Shows a secret that was made just now, and where none was, what it is for.
fn shown(
    done: Recorded<Done>,
    made: Option<&Secret>,
    (id, name): (Uuid, &str),
    words: &str,
) -> Recorded<Done> {
    match made {
        Some(secret) => done.here(template::secret(id, name, &secret.reveal(), words)),
        None => done.saying(Flash::WebhookShownBefore),
    }
}

/// `/admin/webhooks/{id}/edit`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/admin/webhooks/{id}/edit";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Edit {
    type At = Uuid;
    type Form = Changes;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        form: Valid<Changes>,
    ) -> Result<Recorded<Done>> {
        let outgoing = &visit.app.outgoing;
        visit
            .record(who, async |tx| {
                let now = webhooks::change(tx, By::Owner(who), outgoing, *at, &form).await?;
                let line = Act::WebhookChanged.on("webhook", at);
                Ok((line.with("types", now.types.join(" ")), paths::admin_webhook(*at)))
            })
            .await
            .map(|done| done.saying(Flash::WebhookSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let webhook = webhooks::by_id(db, Keeper::Owner(who), *at).await?;
        Ok(template::edit(state, &(&webhook).into(), &TYPES.map(|known| (known.name, known.words))))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "types");
    }
}

/// `/admin/webhooks/{id}/rotate`
pub struct Rotate;

impl Gate for Rotate {
    const PATH: &'static str = "/admin/webhooks/{id}/rotate";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Rotate {
    type At = Uuid;
    type Form = Rotation;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        form: Valid<Rotation>,
    ) -> Result<Recorded<Done>> {
        let (overlap, app) = (form.overlap(), visit.app);
        let (mut made, mut name) = (None, String::new());
        let done = visit
            .record(who, async |tx| {
                let (by, sealer) = (By::Owner(who), (&app.secrets, &app.clock));
                made = Some(webhooks::rotate(&mut *tx, by, sealer, *at, overlap).await?);
                name = webhooks::by_id(tx, by.into(), *at).await?.name;
                let line = Act::WebhookRotated.on("webhook", at).with("overlap", overlap.as_str());
                Ok((line, paths::admin_webhook(*at)))
            })
            .await?;
        let words = "For as long as you have chosen, what is sent is signed with the old one too.";
        Ok(shown(done, made.as_ref(), (*at, &name), words))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let blank = blank_like(state);
        one(db, who, *at, &Forms { rotation: state, ..Forms::blank(&blank) }).await
    }
}

/// `/admin/webhooks/{id}/remove`
pub struct Remove;

impl Gate for Remove {
    const PATH: &'static str = "/admin/webhooks/{id}/remove";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Remove {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                webhooks::remove(tx, By::Owner(who), *at).await?;
                Ok((Act::WebhookRemoved.on("webhook", at), paths::admin_webhooks()))
            })
            .await
            .map(|done| done.saying(Flash::WebhookRemoved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let blank = blank_like(state);
        one(db, who, *at, &Forms { button: state, ..Forms::blank(&blank) }).await
    }
}

/// `/admin/webhooks/{id}/replay`
pub struct Replay;

impl Gate for Replay {
    const PATH: &'static str = "/admin/webhooks/{id}/replay";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Owner;
}

impl Action for Replay {
    type At = Uuid;
    type Form = Again;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        at: &Uuid,
        form: Valid<Again>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                let replayed = webhooks::replay(tx, Keeper::Owner(who), *at, &form).await?;
                let line = Act::WebhookReplayed.on("webhook", at).with("deliveries", replayed);
                Ok((line, paths::admin_webhook(*at)))
            })
            .await
            .map(|done| done.saying(Flash::WebhookReplayed))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Owner,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let blank = blank_like(state);
        one(db, who, *at, &Forms { replay: state, ..Forms::blank(&blank) }).await
    }
}

/// A button on the page of a webhook.
pub trait Button: 'static {
    /// Its path.
    const PATH: &'static str;
    /// What is recorded.
    const ACT: Act;
    /// What is said.
    const SAYS: Flash;

    /// Does it; the ids are fresh.
    async fn press(
        tx: &mut PgConnection,
        by: Keeper<'_>,
        webhook: Uuid,
        ids: (Uuid, Uuid),
    ) -> Result<()>;
}

/// A button that was pressed.
pub struct Pressed<B>(PhantomData<B>);

impl<B: Button> Gate for Pressed<B> {
    const PATH: &'static str = B::PATH;
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Owner;
}

impl<B: Button> Action for Pressed<B> {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let ids = (visit.app.clock.id(), visit.app.clock.id());
        visit
            .record(who, async |tx| {
                B::press(tx, Keeper::Owner(who), *at, ids).await?;
                Ok((B::ACT.on("webhook", at), paths::admin_webhook(*at)))
            })
            .await
            .map(|done| done.saying(B::SAYS))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Owner,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let blank = blank_like(state);
        one(db, who, *at, &Forms { button: state, ..Forms::blank(&blank) }).await
    }
}

/// `/admin/webhooks/{id}/pause`
pub struct Pause;

impl Button for Pause {
    const PATH: &'static str = "/admin/webhooks/{id}/pause";
    const ACT: Act = Act::WebhookPaused;
    const SAYS: Flash = Flash::WebhookPaused;

    async fn press(
        tx: &mut PgConnection,
        by: Keeper<'_>,
        webhook: Uuid,
        _: (Uuid, Uuid),
    ) -> Result<()> {
        webhooks::pause(tx, by, webhook).await
    }
}

/// `/admin/webhooks/{id}/enable`
pub struct Enable;

impl Button for Enable {
    const PATH: &'static str = "/admin/webhooks/{id}/enable";
    const ACT: Act = Act::WebhookEnabled;
    const SAYS: Flash = Flash::WebhookEnabled;

    async fn press(
        tx: &mut PgConnection,
        by: Keeper<'_>,
        webhook: Uuid,
        _: (Uuid, Uuid),
    ) -> Result<()> {
        webhooks::enable(tx, by, webhook).await
    }
}

/// `/admin/webhooks/{id}/disable`
pub struct Disable;

impl Button for Disable {
    const PATH: &'static str = "/admin/webhooks/{id}/disable";
    const ACT: Act = Act::WebhookDisabled;
    const SAYS: Flash = Flash::WebhookDisabled;

    async fn press(
        tx: &mut PgConnection,
        by: Keeper<'_>,
        webhook: Uuid,
        _: (Uuid, Uuid),
    ) -> Result<()> {
        webhooks::disable(tx, by, webhook).await
    }
}

/// `/admin/webhooks/{id}/ping`
pub struct Ping;

impl Button for Ping {
    const PATH: &'static str = "/admin/webhooks/{id}/ping";
    const ACT: Act = Act::WebhookPinged;
    const SAYS: Flash = Flash::WebhookPinged;

    async fn press(
        tx: &mut PgConnection,
        by: Keeper<'_>,
        webhook: Uuid,
        ids: (Uuid, Uuid),
    ) -> Result<()> {
        webhooks::ping(tx, by, webhook, ids).await
    }
}
