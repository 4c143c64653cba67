//! Who somebody is elsewhere, and who else they could come from.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::identity::Door;
use crate::pages::admin::Ignored;
use crate::policies;
use crate::services::identities::{self, Doors};
use crate::services::sessions::Member;
use sqlx::PgConnection;
use templates::identities::{Identity, Provider, page, ways_in, ways_to_add};
use templates::{FormState, View};

/// `/account/identities`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/account/identities";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Index {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        let app = context.app;
        let issuers = app.identity.issuers();
        let doors = Doors { mail: app.postman.is_on_duty(), issuers: &issuers };
        let view = view(db, who, &app.identity.doors(), doors, &context.blank).await?;
        Ok(with_ways(app, view))
    }
}

/// The page, with what was wrong with a form on it. `known`: those that people may go to.
///
/// # Errors
/// As any statement.
pub async fn view(
    db: &mut PgConnection,
    who: &Member,
    known: &[Door],
    doors: Doors<'_>,
    state: &FormState,
) -> Result<View> {
    let linked = identities::of(db, who).await?;
    let name = |id: &str| known.iter().find(|door| door.id == id).map(|door| door.name.as_str());
    let mut shown = Vec::with_capacity(linked.len());
    for one in &linked {
        shown.push(Identity {
            provider: name(&one.provider).unwrap_or(&one.issuer),
            issuer: &one.issuer,
            subject: &one.subject,
            email: one.email.as_deref(),
            last_used_at: one.last_used_at,
            is_last: identities::is_last(&mut *db, who, (one, &linked), doors).await?,
        });
    }
    Ok(page(&shown, state))
}

/// That page, with the ways that could be added.
pub fn with_ways(app: &App, view: View) -> View {
    let doors = app.identity.doors();
    view.with_form(ways_to_add(&providers(&doors)), policies::led_to(app))
}

/// A form to sign in or up, with the ways to come from elsewhere, where there are any.
pub fn with_ways_in(app: &App, state: &FormState, view: View) -> View {
    let doors = app.identity.doors();
    if doors.is_empty() {
        return view;
    }
    view.with_form(ways_in(&providers(&doors), state), policies::led_to(app))
}

fn providers(doors: &[Door]) -> Vec<Provider<'_>> {
    doors
        .iter()
        .map(|door| Provider { id: &door.id, name: &door.name, is_here: door.origin.is_some() })
        .collect()
}
