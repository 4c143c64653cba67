//! The way to an account.

use crate::{FormState, View, form, paths};
use maud::html;

/// The form.
pub fn page(state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Sign up" }
            p { "We mail you a link to see that the address is yours. Then the account is made." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_up()).button("Sign up", "Sending…").show(html! {
                (form::text(state, "name", "Name").autocomplete("name").hint("2 to 100 characters."))
                (form::email(state, "email", "Email"))
                (form::password(state, "password", "Password", "new-password").optional()
                    .hint("12 characters or more. Without one you sign in with a link that we mail you."))
                (form::hidden(state, "next", ""))
            }))
            p { "You have an account? " a href=(paths::sign_in_then(state.typed("next").unwrap_or_default())) { "Sign in" } }
        }
    };
    View::new(form::title(state, "Sign up"), main).canonical(paths::sign_up())
}

/// Where the link in the mail leads: nothing has happened yet, as programs open every link in a mail.
pub fn confirm(
    name: &str,
    email: &str,
    has_password: bool,
    token: &str,
    state: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            h1 { "Make the account" }
            p { "For " strong dir="auto" { (name) } ", " span dir="auto" { (email) } "." }
            @if has_password { p { "The password that was chosen counts if that was done in this browser. If not, you can choose one afterwards." } }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_up_with(token)).button("Make my account", "One moment…").show(html! {}))
        }
    };
    View::new(form::title(state, "Make the account"), main).noindex()
}
