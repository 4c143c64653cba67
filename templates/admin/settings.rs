//! What the owner decides about the site.

use super::outbox::{Letter, as_read};
use super::{page, version};
use crate::{FormState, View, form, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// What is decided by now.
pub struct Stored<'a> {
    /// Whether whoever writes is answered at once.
    pub autoreply: bool,
    /// What they are answered.
    pub text: &'a str,
    /// When that was decided: what is saved over is what was seen.
    pub updated_at: OffsetDateTime,
    /// How many posts for those who pay may be read a month without.
    pub free_posts: u32,
    /// When that was decided.
    pub free_posts_at: OffsetDateTime,
}

/// What was typed into which form.
#[derive(Clone, Copy)]
pub struct States<'a> {
    /// Into the one about the answer.
    pub autoreply: &'a FormState,
    /// Into the one about reading for free.
    pub free_posts: &'a FormState,
}

/// The form, and the answer as it reads.
pub fn edit(stored: &Stored<'_>, letter: Option<&Letter>, states: States<'_>) -> View {
    let path = paths::admin_settings();
    let state = states.autoreply;
    let form = form::Form::new(state).action(path.as_str()).button("Save", "Saving…");
    let is_wrong = [state, states.free_posts].into_iter().find(|state| state.has_errors());
    let main = html! {
        header.page-head {
            h1 { "Settings" }
            p { "What holds for the whole site. What is kept, and for how long, its operator configures." }
        }
        div.columns {
            div {
                div.panel {
                    h2 { "The answer to a message" }
                    (form.or("preview", "Preview").show(html! {
                        (version(stored.updated_at, state))
                        (form::checkbox(state, "autoreply", "Answer whoever fills in the contact form at once, by mail", stored.autoreply))
                        (form::textarea(state, "text", "Text", 8).stored(stored.text).optional()
                            .hint("Plain text, at most 2,000 characters. The same for everyone, as anyone can type anyone’s address. Left empty, it is what it was at first."))
                    }))
                }
                (free_posts(stored, states.free_posts))
            }
            @if let Some(letter) = letter {
                div {
                    p.meta { @if state.pairs().is_empty() { "How it reads" } @else { "How it would read; it is not saved" } }
                    (as_read(letter))
                }
            }
        }
    };
    page(&form::title(is_wrong.unwrap_or(state), "Settings"), &path, main)
}

fn free_posts(stored: &Stored<'_>, state: &FormState) -> Markup {
    let form = form::Form::new(state).action(paths::admin_free_posts());
    let form = form.button("Save the number", "Saving…");
    let number = stored.free_posts.to_string();
    html! {
        div.panel {
            h2 { "Reading for free" }
            (form.show(html! {
                (version(stored.free_posts_at, state))
                (form::text(state, "free_posts", "Posts a month").stored(&number)
                    .hint("How many of the posts for paying members whoever has an account, and does not pay, may open in a month, from 0 to 100; 0 is none. What was opened stays open until the month is over."))
            }))
        }
    }
}
