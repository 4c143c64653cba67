//! What staff do with the outbox.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::jobs::Job;
use crate::mail::Mail;
use crate::pages::admin::outbox::entry;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::outbox::{self, OfKind};
use crate::services::sessions::Staff;
use crate::services::staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/outbox/{id}/retry`
pub struct Retry;

impl Gate for Retry {
    const PATH: &'static str = "/admin/outbox/{id}/retry";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Retry {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                outbox::retry(tx, who, *id).await?;
                Ok((Act::JobRetried.on("outbox", id), paths::admin_outbox_entry(*id)))
            })
            .await
            .map(|done| done.saying(Flash::JobRetried))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        entry(db, who, *id, None, state).await
    }
}

/// `/admin/outbox/retry`
pub struct RetryDead;

impl Gate for RetryDead {
    const PATH: &'static str = "/admin/outbox/retry";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::Staff;
}

impl Action for RetryDead {
    type At = ();
    type Form = OfKind;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<OfKind>,
    ) -> Result<Recorded<Done>> {
        let kind = form.kind.as_deref().unwrap_or_default();
        visit
            .record(who, async |tx| {
                let retried = outbox::retry_dead(tx, who, &form).await?;
                let line = Act::JobsRetried.to("outbox").with("kind", kind).with("jobs", retried);
                Ok((line, paths::admin_outbox_where(&[("kind", kind)])))
            })
            .await
            .map(|done| done.saying(Flash::DeadRetried))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::admin::outbox::retry_all(&Job::KINDS, state))
    }
}

/// `/admin/test-mail`
pub struct Test;

impl Gate for Test {
    const PATH: &'static str = "/admin/test-mail";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = policies::Staff;
}

impl Action for Test {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let (mail, cause) = (Mail::Test { staff: who.id() }, format!("staff:{}", who.id()));
                outbox::put_for_myself(tx, who, id, mail, cause).await?;
                Ok((Act::MailTested.on("outbox", id), paths::admin_outbox_entry(id)))
            })
            .await
            .map(|done| done.saying(Flash::TestAskedFor))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let to = staff::for_mail(db, who.id()).await?;
        Ok(templates::admin::outbox::test(&to.email, state))
    }
}
