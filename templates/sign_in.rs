//! The way in for staff.

use crate::{FormState, View, form, paths};
use maud::html;

/// The sign-in form. The state's `next`, a path of ours, is sent along.
pub fn page(state: &FormState) -> View {
    let main = html! {
        header.page-head { h1 { "Sign in" } }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_in()).button("Sign in", "Signing in…").show(html! {
                (form::email(state, "email", "Email").autocomplete("username"))
                (form::password(state, "password", "Password", "current-password"))
                (form::hidden(state, "next", ""))
            }))
        }
    };
    View::new(form::title(state, "Sign in"), main).canonical(paths::sign_in()).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_keeps_the_address_and_forgets_the_password() {
        let typed =
            [("email", "ada@example.com"), ("password", "hunter2"), ("next", "/admin/leads")];
        let typed = typed.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
        let errors = [(String::new(), vec!["Email or password is wrong.".to_owned()])].into();
        let html = page(&FormState::new(typed, errors)).main.into_string();
        assert!(html.contains("ada@example.com") && html.contains(r#"value="/admin/leads""#));
        assert!(!html.contains("hunter2") && html.contains("Email or password is wrong."));
    }
}
