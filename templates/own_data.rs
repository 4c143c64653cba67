//! What is kept about a member, to take along.

use crate::proof::{self, Proof};
use crate::{FormState, View, form, paths};
use maud::html;

/// The way to the files.
pub fn page(proof: &Proof, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Your data" }
            p { "Everything that we keep about you and your address: your account and where you are signed in, messages, mail, the newsletter." }
        }
        div.panel.small {
            @if *proof == Proof::Given {
                p.actions {
                    a.button href=(paths::account_export_json()) download { "As a document (JSON)" }
                    a.button href=(paths::account_export_csv()) download { "As a table (CSV)" }
                }
                p { "They are to be had for ten minutes after you have signed in, or typed your password here." }
            } @else {
                (form::Form::new(state).action(paths::account_export()).button("Go on", "One moment…").show(proof::field(proof, state)))
            }
        }
    };
    View::new(form::title(state, "Your data"), main).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_offered_to_whoever_has_proven_who_they_are() {
        let html = |proof| page(&proof, &FormState::default()).main.into_string();
        assert!(html(Proof::Given).contains("/account/export.csv"));
        assert!(!html(Proof::Password).contains("/account/export.json"));
    }
}
