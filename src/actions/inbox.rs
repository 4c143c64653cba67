//! What owners do with the inbox.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::pages::admin::inbox::event;
use crate::policies;
use crate::services::audit::Act;
use crate::services::inbox::{self, Keeper, OfSource, Replayed};
use crate::services::input::Valid;
use crate::services::sessions::Owner;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/inbox/{id}/replay`
pub struct Replay;

impl Gate for Replay {
    const PATH: &'static str = "/admin/inbox/{id}/replay";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Owner;
}

impl Action for Replay {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let (job, mut replayed) = (visit.app.clock.id(), Replayed::Again);
        let done = visit
            .record(who, async |tx| {
                replayed = inbox::replay(tx, &Keeper::Owner(who), *id, job).await?;
                let again = replayed == Replayed::Again;
                let line = Act::EventReplayed.on("inbox", id).with("again", again);
                Ok((line, paths::admin_inbox_event(*id)))
            })
            .await?;
        Ok(done.saying(match replayed {
            Replayed::Again => Flash::EventReplayed,
            Replayed::DoneBefore => Flash::EventDoneBefore,
        }))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Owner,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        event(db, who.staff(), *id, state).await
    }
}

/// `/admin/inbox/replay`
pub struct ReplayDead;

impl Gate for ReplayDead {
    const PATH: &'static str = "/admin/inbox/replay";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::Owner;
}

impl Action for ReplayDead {
    type At = ();
    type Form = OfSource;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        (): &(),
        form: Valid<OfSource>,
    ) -> Result<Recorded<Done>> {
        let source = form.source.as_deref().unwrap_or_default();
        visit
            .record(who, async |tx| {
                let replayed = inbox::replay_dead(tx, &Keeper::Owner(who), &form).await?;
                let line = Act::DeadEventsReplayed.to("inbox").with("source", source);
                let to = paths::admin_inbox_where(&[("source", source)]);
                Ok((line.with("events", replayed), to))
            })
            .await
            .map(|done| done.saying(Flash::DeadEventsReplayed))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Owner,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::admin::inbox::replay_all(state))
    }
}
