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
use crate::services::settings::{self, Autoreply, FreePosts};
use sqlx::PgConnection;
use templates::admin::outbox::Letter;
use templates::admin::settings::{States, Stored, edit};
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
    let (stored, free_posts) = stored(db).await?;
    let from = app.postman.sender(&app.config).map(|from| from.to_string()).unwrap_or_default();
    let to = "whoever wrote to you".to_owned();
    let mail = mail::receipt(app, words.unwrap_or(&stored.text));
    let letter = Letter { from, to, reply_to: None, mail };
    let states = States { autoreply: state, free_posts: &state.silent() };
    Ok(edit(&as_shown(&stored, &free_posts), Some(&letter), states))
}

/// Which of the page's forms was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The one about the answer.
    Autoreply,
    /// The one about reading for free.
    FreePosts,
}

/// The page without the answer as it reads, for a form that was refused.
///
/// # Errors
/// As any statement.
pub async fn unseen(
    db: &mut PgConnection,
    _: &Owner,
    refused: Refused,
    state: &FormState,
) -> Result<View> {
    let (stored, free_posts) = stored(db).await?;
    let blank = &state.silent();
    let states = match refused {
        Refused::Autoreply => States { autoreply: state, free_posts: blank },
        Refused::FreePosts => States { autoreply: blank, free_posts: state },
    };
    Ok(edit(&as_shown(&stored, &free_posts), None, states))
}

async fn stored(db: &mut PgConnection) -> Result<(Autoreply, FreePosts)> {
    let autoreply = settings::autoreply(&mut *db).await?;
    Ok((autoreply, settings::free_posts(db).await?.untracked()))
}

fn as_shown<'a>(autoreply: &'a Autoreply, free_posts: &FreePosts) -> Stored<'a> {
    Stored {
        autoreply: autoreply.on,
        text: &autoreply.text,
        updated_at: autoreply.updated_at,
        free_posts: free_posts.posts,
        free_posts_at: free_posts.updated_at,
    }
}
