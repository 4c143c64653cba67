//! Deleting one's own account.

use crate::{FormState, View, form, paths};
use maud::html;

/// What is about to go.
pub struct Ending<'a> {
    /// The address of the account.
    pub email: &'a str,
    /// Whether the newsletter goes there.
    pub is_subscribed: bool,
    /// Whether it is that of one of us.
    pub is_staff: bool,
    /// What has to be done first, where it cannot go.
    pub tie: Option<&'a str>,
}

/// What it means, in plain words, and the form.
pub fn page(ending: &Ending<'_>, state: &FormState) -> View {
    let main = html! {
        header.page-head { h1 { "Delete your account" } }
        section.panel.narrow {
            h2 { "What goes" }
            ul {
                li { "Your account: name, address, password, second factor, passkeys, and every other way in." }
                li { "Every session and every app, on all devices, at once. It cannot be undone." }
                li { "Your membership, if you have one: it ends with what is paid for, and nothing is taken any more." }
                @if ending.is_staff {
                    li { "That you run this site, and the invitations that you have sent." }
                }
            }
            h2 { "What stays" }
            ul {
                li { "Messages that you wrote to us, with what we noted on them: they are our correspondence, and part of our books." }
                li { "Orders, with the name and address they were made under, and what was paid: our books have to be kept." }
                @if ending.is_subscribed {
                    li { "The newsletter: it goes to an address and not to an account. Each issue has a link that ends it." }
                } @else {
                    li { "That an address wants no mail from us, if you have said so: or we would forget it." }
                }
                @if ending.is_staff {
                    li { "What you did for this site: posts, issues, notes. They do not bear your name any more." }
                    li { "The record of it: your name as it was, what you did, when, and from which network. Nobody can take a line out of it, neither you nor we. It never held your address or what you wrote." }
                }
                li { "For a while, that we have mailed you, when and with which outcome. Not what it said." }
            }
            p { "You want all of that gone too? " a href=(paths::contact()) { "Write to us." } }
            p { "You want to keep something? " a href=(paths::account_export()) { "Take your data along" } " first." }
        }
        @match ending.tie {
            Some(advice) => section.panel.narrow {
                h2 { "Not yet" }
                p #tie { (advice) }
            },
            None => div.panel.small {
                (form::Form::new(state).action(paths::account_delete()).button("Delete my account", "Deleting…").show(html! {
                    (form::email(state, "confirmation", "Your address").autocomplete("off")
                        .hint(&format!("To confirm that you mean it: {}", ending.email)))
                }))
            },
        }
    };
    View::new(form::title(state, "Delete your account"), main).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_cannot_go_is_told_what_to_do_and_has_no_button() {
        let ending =
            |tie| Ending { email: "a@example.test", is_subscribed: true, is_staff: false, tie };
        let html = |tie| page(&ending(tie), &FormState::default()).main.into_string();
        assert!(html(None).contains("<form") && !html(None).contains("Not yet"));
        assert!(!html(Some("Hand over.")).contains("<form"));
        assert!(html(Some("Hand over.")).contains("Hand over."));
    }
    #[test]
    fn whoever_runs_the_site_reads_what_is_kept_of_that() {
        let html = |is_staff| {
            let ending =
                Ending { email: "a@example.test", is_subscribed: false, is_staff, tie: None };
            page(&ending, &FormState::default()).main.into_string()
        };
        assert!(html(true).contains("The record of it: your name as it was"));
        assert!(!html(false).contains("The record of it"));
    }
}
