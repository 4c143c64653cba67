//! What is kept about a member, to take along: first it is made sure that it is they who ask.

use super::proof;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::policies;
use crate::services::input::Valid;
use crate::services::sessions::{self, Member};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{FormState, View, own_data, paths};
use validator::Validate;

/// `/account/export`
pub struct Export;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct Typed {
    #[serde(default)]
    current_password: String,
}

impl Gate for Export {
    const PATH: &'static str = "/account/export";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = policies::Member;
}

impl Action for Export {
    type At = ();
    type Form = Typed;
    const BODY: usize = 16 * 1024;

    /// From now on, for ten minutes, the files are there to be had.
    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Typed>) -> Result<Done> {
        proof::ask(visit, who, &form.current_password).await?;
        visit
            .once(async |tx| {
                sessions::prove(tx, who).await?;
                Ok(paths::account_export())
            })
            .await
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let proof = proof::wanted(db, who, paths::account_export()).await?;
        Ok(own_data::page(&proof, state))
    }
}
