//! What staff do with subscribers.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::form::{self, Pairs};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::pages::admin::subscribers::one;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::issues;
use crate::services::sessions::Staff;
use crate::services::subscribers::{self, Ask, From, Keeper, NewEnd};
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use sqlx::PgConnection;
use templates::admin::imports::{Brought, import};
use templates::admin::subscribers::add;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// How many lists stand below the form that brings over another.
const MOST_LISTED: i64 = 20;

/// `/admin/subscribers/new`
pub struct Add;

impl Gate for Add {
    const PATH: &'static str = "/admin/subscribers/new";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Add {
    type At = ();
    type Form = Ask;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<Ask>,
    ) -> Result<Recorded<Done>> {
        let arrival = (visit.app.clock.id(), visit.app.clock.now());
        visit
            .record(who, async |tx| {
                let by = Keeper::Staff(who);
                subscribers::ask(tx, arrival, &From::Keeper(&by), &form).await?;
                Ok((Act::SubscriberAsked.to("subscribers"), paths::admin_subscribers()))
            })
            .await
            .map(|done| done.saying(Flash::SubscriberAsked))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let topics = issues::topics(db, who).await?;
        let topics: Vec<_> =
            topics.iter().map(|topic| (topic.slug.as_str(), topic.name.as_str(), false)).collect();
        Ok(add(&topics, state))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "topics");
    }
}

/// `/admin/subscribers/import`
pub struct Import;

impl Gate for Import {
    const PATH: &'static str = "/admin/subscribers/import";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = policies::Staff;
}

impl Action for Import {
    type At = ();
    type Form = subscribers::Import;
    const BODY: usize = 2 * 1024 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<subscribers::Import>,
    ) -> Result<Recorded<Done>> {
        let (now, id) = (visit.app.clock.now(), || visit.app.clock.id());
        visit
            .record(who, async |tx| {
                let imported = subscribers::import(tx, &Keeper::Staff(who), id, now, &form).await?;
                let line = Act::SubscribersImported.on("import", imported.id);
                let line = line.with("added", imported.added).with("skipped", imported.skipped);
                Ok((line, paths::admin_import(imported.id)))
            })
            .await
            .map(|done| done.saying(Flash::SubscribersImported))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let earlier = subscribers::imports(db, &Keeper::Staff(who), MOST_LISTED).await?;
        let earlier: Vec<Brought<'_>> = earlier.iter().map(Into::into).collect();
        Ok(import(&earlier, state))
    }
}

/// `/admin/subscribers/{id}/end`
pub struct End;

impl Gate for End {
    const PATH: &'static str = "/admin/subscribers/{id}/end";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for End {
    type At = Uuid;
    type Form = NewEnd;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        id: &Uuid,
        form: Valid<NewEnd>,
    ) -> Result<Recorded<Done>> {
        let now = visit.app.clock.now();
        visit
            .record(who, async |tx| {
                subscribers::end(tx, &Keeper::Staff(who), *id, &form, now).await?;
                let line = Act::SubscriberEnded.on("subscriber", id);
                Ok((line.with("reason", form.reason.as_str()), paths::admin_subscriber(*id)))
            })
            .await
            .map(|done| done.saying(Flash::SubscriberEnded))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *id, state).await
    }
}
