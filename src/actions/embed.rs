//! The contact form as plain HTML on another site: where no script sends it as JSON, the visitor ends up here.

use super::contact;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::intake::{self, Door};
use crate::policies::KnownForm;
use crate::services::input::Valid;
use crate::services::leads::NewLead;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{FormState, View, paths};

/// `/api/contact`, sent by a form
pub struct Send;

impl Gate for Send {
    const PATH: &'static str = "/api/contact";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = KnownForm;
}

impl Action for Send {
    type At = ();
    type Form = NewLead;
    const BODY: usize = 64 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<NewLead>) -> Result<Done> {
        let receipt = intake::accept(visit.app, Door::Embed, &form).await?;
        Ok(Done::at(receipt.map(|_| paths::thanks())))
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        contact::Send::page(db, &(), &(), state, seen).await
    }
}
