//! Reading for free what is for those who pay: a button below the beginning of a post, as GET opens nothing.

use crate::app::Written;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::pages::posts as pages;
use crate::policies;
use crate::services::input::Valid;
use crate::services::reading;
use crate::services::sessions::Member;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{FormState, View, paths};

/// `/posts/{slug}/open`
pub struct Open;

impl Gate for Open {
    const PATH: &'static str = "/posts/{slug}/open";
    const LIMIT: Limit = Limit::per_minute(60);
    // Whose session has ended meanwhile is to come back to the post, not to a form that holds nothing.
    type Auth = policies::Whoever;
}

impl Action for Open {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Option<Member>,
        slug: &String,
        _: Valid<Nothing>,
    ) -> Result<Done> {
        let Some(who) = who else {
            let back = paths::sign_in_then(&paths::post(slug));
            return Ok(Done::at(Written::nothing(back)));
        };
        visit.app.write(async |tx| reading::open(tx, who, slug).await).await.map(Done::at)
    }

    async fn page(
        db: &mut PgConnection,
        _: &Option<Member>,
        slug: &String,
        _: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        pages::one(db, slug, seen).await
    }
}
