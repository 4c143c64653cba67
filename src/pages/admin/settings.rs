//! What the owner decides about the site.

use super::{Context, Ignored};
use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::mail;
use crate::policies;
use crate::services::sessions::Owner;
use crate::services::settings;
use sqlx::PgConnection;
use templates::admin::outbox::Letter;
use templates::admin::settings::{Stored, edit};
use templates::{FormState, View};

/// `/admin/settings`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/settings";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Show {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        (): &(),
        _: &Ignored,
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        preview(db, who, app, None, blank).await
    }
}

/// The page, and how the answer reads: with these words, or with those that are stored.
///
/// # Errors
/// As any statement.
pub async fn preview(
    db: &mut PgConnection,
    _: &Owner,
    app: &App,
    words: Option<&str>,
    state: &FormState,
) -> Result<View> {
    let stored = settings::autoreply(db).await?;
    let from = app.postman.sender(&app.config).map(|from| from.to_string()).unwrap_or_default();
    let to = "whoever wrote to you".to_owned();
    let mail = mail::receipt(app, words.unwrap_or(&stored.text));
    Ok(edit(&(&stored).into(), Some(&Letter { from, to, reply_to: None, mail }), state))
}

/// The page without it, for a form that was refused.
///
/// # Errors
/// As any statement.
pub async fn unseen(db: &mut PgConnection, _: &Owner, state: &FormState) -> Result<View> {
    Ok(edit(&(&settings::autoreply(db).await?).into(), None, state))
}

impl<'a> From<&'a settings::Autoreply> for Stored<'a> {
    fn from(stored: &'a settings::Autoreply) -> Self {
        let settings::Autoreply { on, text, updated_at } = stored;
        Self { autoreply: *on, text, updated_at: *updated_at }
    }
}
