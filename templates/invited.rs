//! Where an invitation to run the site leads: nothing has happened yet, as programs open every link in a mail.

use crate::{FormState, View, form, paths};
use maud::{Markup, html};

/// Who has come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// Somebody without an account.
    Newcomer,
    /// Somebody who has one and is signed in to it.
    AtHome,
    /// Somebody who has one and is not signed in to it.
    Outside,
}

/// The page.
pub fn page(email: &str, role: &str, token: &str, guest: Guest, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Run this site with us" }
            p { "You are invited as " strong { (role) } ": " span dir="auto" { (email) } "." }
        }
        div.panel.small {
            @match guest {
                Guest::Newcomer => (newcomer(token, state)),
                Guest::AtHome => (at_home(token, state)),
                Guest::Outside => (outside(token, state)),
            }
        }
    };
    View::new(form::title(state, "Run this site with us"), main).noindex()
}

fn newcomer(token: &str, state: &FormState) -> Markup {
    form::Form::new(state).action(paths::invited(token)).button("Join", "One moment…").show(html! {
        (form::text(state, "name", "Name").autocomplete("name").hint("2 to 100 characters. The others see it."))
        (form::password(state, "password", "Password", "new-password").hint("12 characters or more. A sentence does well."))
    })
}

fn at_home(token: &str, state: &FormState) -> Markup {
    html! {
        p { "You have an account with this address. It is signed out everywhere else." }
        (form::Form::new(state).action(paths::invited(token)).button("Join", "One moment…").show(html! {}))
    }
}

fn outside(token: &str, state: &FormState) -> Markup {
    html! {
        p { "There is an account with this address. Sign in to it, and you come back here." }
        p.actions { a.button href=(paths::sign_in_then(&paths::invited(token))) { "Sign in" } }
        // What was sent without that is answered with why it did not do.
        @if state.has_errors() { (form::Form::new(state).action(paths::invited(token)).button("Join", "One moment…").show(html! {})) }
    }
}
