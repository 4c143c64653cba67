//! “That was not me.”

use crate::{FormState, View, form, paths};
use maud::html;

/// Where a mail leads that tells what has happened to an account: nothing is done yet, as programs open every link in a mail.
pub fn not_me(email: &str, token: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Sign everybody out" }
            p { "Of the account of " strong dir="auto" { (email) } ": every browser and every app is signed out at once, links in earlier mails are over, and password and passkeys are taken away, as they may be somebody else's. A second factor stays. Then you choose another password by mail." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::not_me(token)).button("That was not me", "One moment…").show(html! {}))
        }
    };
    View::new(form::title(state, "Sign everybody out"), main).noindex()
}
