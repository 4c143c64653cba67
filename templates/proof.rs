//! What a form asks of somebody whose session alone is not enough.

use crate::{FormState, form, paths};
use maud::{Markup, html};

/// How they prove once more who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// They have, a moment ago.
    Given,
    /// By their password.
    Password,
    /// They have none, so they sign in once more and come back to this path.
    Again {
        /// One of ours.
        path: String,
    },
}

/// The part of the form.
pub fn field(proof: &Proof, state: &FormState) -> Markup {
    html! {
        @match proof {
            Proof::Given => {},
            Proof::Password => {
                (form::password(state, "current_password", "Your password", "current-password")
                    .hint("Because it is a while since you signed in."))
            },
            Proof::Again { path } => {
                p { "It is a while since you signed in. " a href=(paths::sign_in_link_then(path)) { "Sign in once more" } ", then go on here." }
                (form::hidden(state, "current_password", ""))
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_password_types_it_and_whoever_has_none_signs_in_again() {
        let state = FormState::default();
        let html = |proof: Proof| field(&proof, &state).into_string();
        assert_eq!(html(Proof::Given), "");
        assert!(html(Proof::Password).contains(r#"type="password""#));
        let again = html(Proof::Again { path: "/account/email".into() });
        assert!(again.contains("/sign-in/link?next=%2Faccount%2Femail"), "{again}");
    }
}
