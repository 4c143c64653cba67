//! What owners do with API keys. A secret is shown by the answer of the form that makes it and by nothing else: where the
//! same form arrives once more, nothing is made, and there is nothing to show.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::form::{self, Pairs};
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::http::record::Recorded;
use crate::pages::admin::keys::one;
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::keys::{
    self, By, EXPIRIES, NewKey, Overlap, Reader, Rotation, SCOPES, Secret,
};
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/keys/new`
pub struct Make;

impl Gate for Make {
    const PATH: &'static str = "/admin/keys/new";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Make {
    type At = ();
    type Form = NewKey;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        (): &(),
        form: Valid<NewKey>,
    ) -> Result<Recorded<Done>> {
        let clock = &visit.app.clock;
        let (id, now) = (clock.id(), clock.now());
        let mut made = None;
        let done = visit
            .record(who, async |tx| {
                let secret = Secret::generate(clock, form.kind());
                keys::create(tx, By::Owner(who), (id, now), &form, &secret).await?;
                made = Some(secret);
                let line = Act::KeyCreated.on("key", id).with("scopes", form.scopes.join(" "));
                Ok((line.with("kind", form.kind().as_str()), paths::admin_key(id)))
            })
            .await?;
        Ok(shown(done, made, id, &form.name, "From now on it does what you have chosen."))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Recent<Owner>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let scopes = SCOPES.map(|scope| (scope.name, scope.words, scope.for_tests));
        let expiries = EXPIRIES.map(|(name, words, _)| (name, words));
        Ok(templates::admin::keys::new(state, &scopes, &expiries))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "scopes");
    }
}

/// Shows a secret that was made just now, and where none was, the key.
fn shown(
    done: Recorded<Done>,
    made: Option<Secret>,
    id: Uuid,
    name: &str,
    words: &str,
) -> Recorded<Done> {
    match made {
        Some(secret) => done.here(templates::admin::keys::secret(id, name, secret.reveal(), words)),
        None => done.saying(Flash::KeyShownBefore),
    }
}

/// `/admin/keys/{id}/rotate`
pub struct Rotate;

impl Gate for Rotate {
    const PATH: &'static str = "/admin/keys/{id}/rotate";
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
        let (overlap, clock) = (form.overlap(), &visit.app.clock);
        let (mut made, mut name) = (None, String::new());
        let done = visit
            .record(who, async |tx| {
                made = Some(keys::rotate(&mut *tx, By::Owner(who), *at, overlap, clock).await?);
                name = keys::by_id(tx, Reader::Owner(who), *at).await?.0.name;
                let line = Act::KeyRotated.on("key", at).with("overlap", overlap.as_str());
                Ok((line, paths::admin_key(*at)))
            })
            .await?;
        Ok(shown(done, made, *at, &name, becomes_of_the_old(overlap)))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *at, state, &blank_like(state)).await
    }
}

fn becomes_of_the_old(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Now => "The old one opens nothing any more.",
        Overlap::Hour => "The old one is good for an hour.",
        Overlap::Day => "The old one is good for a day.",
        Overlap::Week => "The old one is good for a week.",
    }
}

/// `/admin/keys/{id}/revoke`
pub struct Revoke;

impl Gate for Revoke {
    const PATH: &'static str = "/admin/keys/{id}/revoke";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Revoke {
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
                keys::revoke(tx, By::Owner(who), *at).await?;
                Ok((Act::KeyRevoked.on("key", at), paths::admin_key(*at)))
            })
            .await
            .map(|done| done.saying(Flash::KeyRevoked))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *at, &blank_like(state), state).await
    }
}
