//! What staff do with the outbox.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::mail::Mail;
use crate::pages::admin::outbox::entry;
use crate::policies;
use crate::services::input::Valid;
use crate::services::outbox;
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

    async fn run(visit: &Visit<'_>, who: &Staff, id: &Uuid, _: Valid<Nothing>) -> Result<Done> {
        visit
            .once(async |tx| {
                outbox::retry(tx, who, *id).await?;
                Ok(paths::admin_outbox_entry(*id))
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

    async fn run(visit: &Visit<'_>, who: &Staff, (): &(), _: Valid<Nothing>) -> Result<Done> {
        let id = visit.app.clock.id();
        visit
            .once(async |tx| {
                let (mail, cause) = (Mail::Test { staff: who.id() }, format!("staff:{}", who.id()));
                outbox::put_for_myself(tx, who, id, mail, cause).await?;
                Ok(paths::admin_outbox_entry(id))
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
