//! What staff do with a lead.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::http::record::Recorded;
use crate::pages::admin::leads::lead;
use crate::policies;
use crate::services::input::Valid;
use crate::services::leads::{self, By, NewNote, NewStatus};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/leads/{id}/status`
pub struct SetStatus;

impl Gate for SetStatus {
    const PATH: &'static str = "/admin/leads/{id}/status";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Staff;
}

impl Action for SetStatus {
    type At = Uuid;
    type Form = NewStatus;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        at: &Uuid,
        form: Valid<NewStatus>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let line = leads::set_status(tx, By::Staff(who), id, *at, &form).await?;
                Ok((line, paths::admin_lead(*at)))
            })
            .await
            .map(|done| done.saying(Flash::StatusSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        lead(db, who, *at, state, &blank_like(state)).await
    }
}

/// `/admin/leads/{id}/notes`
pub struct AddNote;

impl Gate for AddNote {
    const PATH: &'static str = "/admin/leads/{id}/notes";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Staff;
}

impl Action for AddNote {
    type At = Uuid;
    type Form = NewNote;
    const BODY: usize = 64 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        at: &Uuid,
        form: Valid<NewNote>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let line = leads::add_note(tx, By::Staff(who), id, *at, &form).await?;
                Ok((line, paths::admin_lead(*at)))
            })
            .await
            .map(|done| done.saying(Flash::NoteAdded))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        lead(db, who, *at, &blank_like(state), state).await
    }
}
