//! The ways in for those who have an account.

use crate::{FormState, View, assets, form, held, passkeys, paths};
use maud::html;

/// The sign-in form. The state's `next`, a path of ours, is sent along, and so is a form that found nobody signed in.
pub fn page(state: &FormState) -> View {
    let carries = held::carries(state);
    let away = carries.then_some("_blank"); // what stands here is on this page alone
    let form = form::Form::new(state).action(paths::sign_in()).native(carries);
    let form = form.button("Sign in", "Signing in…").also(html! {
        @if carries {
            button.quiet type="submit" formaction=(paths::sign_in_link()) { "Mail me a link instead" }
        }
    });
    let main = html! {
        header.page-head {
            h1 { "Sign in" }
            @if carries { p.lede { "Nobody is signed in here any more, or yet." } }
            (held::notice(state))
        }
        div.panel.small {
            (form.show(html! {
                (form::email(state, "email", "Email").autocomplete("username"))
                (form::password(state, "password", "Password", "current-password"))
                (form::hidden(state, "next", ""))
                (held::fields(state))
            }))
            @if !carries {
                (passkeys::button(state.typed("next").unwrap_or_default()))
                p { a href=(paths::sign_in_link()) { "Mail me a link instead" } }
            }
            p { a href=(paths::forgot_password()) target=[away] { "I forgot my password" } }
            p { "No account yet? " a href=(paths::sign_up_then(state.typed("next").unwrap_or_default())) target=[away] { "Sign up" } }
        }
        (held::meanwhile(state))
    };
    let view = View::new(form::title(state, "Sign in"), main).canonical(paths::sign_in());
    view.script(&assets::PASSKEYS).noindex()
}

/// The form that has a link mailed.
pub fn ask_for_link(state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Sign in by mail" }
            p { "We mail you a link that signs you in. It is good once, for a quarter of an hour." }
            (held::notice(state))
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_in_link()).native(held::carries(state)).button("Mail me a link", "Sending…").show(html! {
                (form::email(state, "email", "Email").autocomplete("username"))
                (form::hidden(state, "next", ""))
                (held::fields(state))
            }))
        }
    };
    View::new(form::title(state, "Sign in by mail"), main).noindex()
}

/// Where that link leads: nothing has happened yet, as programs open every link in a mail.
pub fn with_link(email: &str, token: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Sign in" }
            p { "As " strong dir="auto" { (email) } "." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_in_with(token)).button("Sign in", "Signing in…").show(html! {}))
        }
    };
    View::new(form::title(state, "Sign in"), main).script(&assets::PASSKEYS).noindex()
}

/// The form that has a link mailed for another password.
pub fn forgot_password(state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Another password" }
            p { "We mail you a link with which you choose a new one. It is good once, for a quarter of an hour." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::forgot_password()).button("Mail me a link", "Sending…").show(html! {
                (form::email(state, "email", "Email").autocomplete("username"))
            }))
        }
    };
    View::new(form::title(state, "Another password"), main).noindex()
}

/// Where that link leads.
pub fn reset_password(email: &str, token: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Choose a password" }
            p { "For " strong dir="auto" { (email) } ". You are signed out everywhere else." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::reset_password(token)).button("Save", "Saving…").show(html! {
                (form::password(state, "password", "New password", "new-password").hint("12 characters or more. A sentence does well."))
            }))
        }
    };
    View::new(form::title(state, "Choose a password"), main).noindex()
}

/// What everyone sees who has asked for a mail, whether one was sent or not.
pub fn check_your_mail() -> View {
    let main = html! {
        header.page-head {
            h1 { "Look into your mailbox" }
            p.lede { "If the address is right, a mail is on its way. Follow the link in it." }
            p { "It has not come after some minutes? Look among the spam, or ask again. Whoever asks for many gets none for a while." }
        }
    };
    View::new("Look into your mailbox", main).canonical(paths::check_your_mail()).noindex()
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
