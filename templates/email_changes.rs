//! Another address for an account.

use crate::{FormState, View, form, paths};
use maud::html;

/// How things stand before one is asked for.
pub struct Change<'a> {
    /// The address the account has.
    pub email: &'a str,
    /// The one that both mailboxes have been asked about already.
    pub waiting: Option<&'a str>,
    /// Whether the newsletter goes to the one it has.
    pub is_subscribed: bool,
}

/// The form that asks for one.
pub fn page(change: &Change<'_>, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Another address" }
            p { "Now it is " strong dir="auto" { (change.email) } ". We write to that one and to the new one. Once the link in both mails has been followed, within a day, the new one counts." }
            @if let Some(waiting) = change.waiting {
                p { "You have asked for " strong dir="auto" { (waiting) } " already, and not both have agreed yet. Asking again starts from the beginning." }
            }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::account_email()).button("Ask both", "Sending…").show(html! {
                (form::email(state, "email", "New address"))
                @if change.is_subscribed {
                    (form::checkbox(state, "with_newsletter", "Send the newsletter there too", false))
                }
            }))
        }
        section.panel.small {
            h2 { "You cannot read the old one any more?" }
            p { "Then we cannot tell you from somebody who has found your browser open, and nothing changes by itself. " a href=(paths::contact()) { "Write to us" } ", from the new address if you can: we find out together that it is you, and change it for you." }
            p { "Or sign up with the new address, and " a href=(paths::account_delete()) { "delete this account" } "." }
        }
    };
    View::new(form::title(state, "Another address"), main).noindex()
}

/// What a mailbox is asked.
pub struct Asked<'a> {
    /// The new address.
    pub email: &'a str,
    /// Whether the newsletter goes there too.
    pub with_newsletter: bool,
    /// Whether it is the mailbox of the old one.
    pub is_old: bool,
}

/// Where the link in a mail leads: nothing has happened yet, as programs open every link in a mail.
pub fn confirm(asked: &Asked<'_>, token: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Another address for an account" }
            @if asked.is_old {
                p.lede { "Your account is to have the address " strong dir="auto" { (asked.email) } "." }
                p { "Whoever reads the mail that goes there can sign in from then on. Links that were mailed before are over." }
            } @else {
                p.lede { "An account is to have your address, " strong dir="auto" { (asked.email) } "." }
                p { "Agree only if you have asked for that yourself." }
            }
            @if asked.with_newsletter { p { "The newsletter goes there too." } }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::change_email_with(token)).button("I agree", "One moment…").show(html! {}))
        }
        @if asked.is_old {
            section.panel.small {
                h2 { "That was not you?" }
                p { "Then somebody is signed in to your account who should not be." }
                (form::Form::new(&FormState::default()).action(paths::not_me(token)).button("Sign everybody out", "One moment…").show(html! {}))
            }
        }
    };
    View::new(form::title(state, "Another address for an account"), main).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_mailbox_is_not_asked_to_sign_anybody_out() {
        let html = |is_old| {
            let asked = Asked { email: "new@example.test", with_newsletter: false, is_old };
            confirm(&asked, "t0", &FormState::default()).main.into_string()
        };
        assert!(html(true).contains(r#"action="/not-me/t0""#));
        assert!(!html(false).contains("/not-me/") && html(false).contains("new@example.test"));
    }

    #[test]
    fn whoever_reads_no_newsletter_is_not_offered_to_move_it() {
        let change =
            |is_subscribed| Change { email: "old@example.test", waiting: None, is_subscribed };
        let html = |is| page(&change(is), &FormState::default()).main.into_string();
        assert!(html(true).contains("with_newsletter") && !html(true).contains(" checked"));
        assert!(!html(false).contains("with_newsletter"));
    }
}
