//! What the owner decides about the site.

use super::outbox::{Letter, as_read};
use super::{page, version};
use crate::{FormState, View, form, paths};
use maud::html;
use time::OffsetDateTime;

/// What is decided by now.
pub struct Stored<'a> {
    /// Whether whoever writes is answered at once.
    pub autoreply: bool,
    /// What they are answered.
    pub text: &'a str,
    /// When that was decided: what is saved over is what was seen.
    pub updated_at: OffsetDateTime,
}

/// The form, and the answer as it reads.
pub fn edit(stored: &Stored<'_>, letter: Option<&Letter>, state: &FormState) -> View {
    let path = paths::admin_settings();
    let form = form::Form::new(state).action(path.as_str()).button("Save", "Saving…");
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
            }
            @if let Some(letter) = letter {
                div {
                    p.meta { @if state.pairs().is_empty() { "How it reads" } @else { "How it would read; it is not saved" } }
                    (as_read(letter))
                }
            }
        }
    };
    page(&form::title(state, "Settings"), &path, main)
}
