//! Signing in with an identity provider: the ways to them, what people see who come back, and their identities.

use crate::{FormState, View, form, format, held, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// A provider that people may go to.
#[derive(Clone, Copy)]
pub struct Provider<'a> {
    /// In addresses.
    pub id: &'a str,
    /// On pages.
    pub name: &'a str,
    /// Whether it is known where to send people.
    pub is_here: bool,
}

/// The ways in, below a form to sign in or up. The state's `next`, a path of ours, is sent along. A form that is held stays
/// behind: they lead away from here, so they are gone in another window.
pub fn ways_in(providers: &[Provider<'_>], state: &FormState) -> Markup {
    let next = state.typed("next").unwrap_or_default();
    let target = held::carries(state).then_some("_blank");
    html! {
        section.panel.small {
            h2 { "Or come from elsewhere" }
            @for provider in providers {
                (way(provider, &format!("Go on with {}", provider.name), ("sign-in", next), target))
            }
        }
    }
}

/// One way. The browser takes it by itself, as it leads elsewhere.
fn way(
    provider: &Provider<'_>,
    label: &str,
    (purpose, next): (&str, &str),
    target: Option<&str>,
) -> Markup {
    html! {
        @if provider.is_here {
            form method="post" action=(paths::oauth_start(provider.id)) target=[target] data-native {
                input type="hidden" name="purpose" value=(purpose);
                @if !next.is_empty() { input type="hidden" name="next" value=(next); }
                p.actions { button type="submit" { (label) } }
            }
        } @else {
            p { (provider.name) " does not answer just now." }
        }
    }
}

/// Why somebody who came back does not get in.
pub struct Refused<'a> {
    /// The status.
    pub status: u16,
    /// In a few words.
    pub title: &'a str,
    /// What it means and what to do.
    pub detail: &'a str,
    /// What the log knows it by.
    pub reference: &'a str,
}

impl Refused<'_> {
    /// The page, with the way on.
    pub fn view(&self, way: &str, label: &str) -> View {
        let main = html! {
            header.page-head {
                p.meta { (self.status) }
                h1 { (self.title) }
                p.lede dir="auto" { (self.detail) }
                p { "Reference: " code { (self.reference) } }
            }
            p.actions {
                a.button href=(way) { (label) }
                a.quiet href=(paths::home()) { "Go to the start page" }
            }
        };
        View::new(self.title, main).noindex()
    }
}

/// The form for somebody whom `provider` knows, without an address that is known to be theirs.
pub fn address(provider: &str, name: &str, email: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Where do you get mail?" }
            p {
                (provider) " has told us who you are, and not that an address is yours. We mail you a link to see that it is. "
                "Open it in this browser: then your account is made, and you can come from " (provider) " from now on."
            }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_in_address()).button("Mail me a link", "Sending…").show(html! {
                (form::text(state, "name", "Name").stored(name).autocomplete("name").hint("2 to 100 characters."))
                (form::email(state, "email", "Email").stored(email))
            }))
        }
    };
    View::new(form::title(state, "Where do you get mail?"), main).noindex()
}

/// One of somebody's identities.
pub struct Identity<'a> {
    /// The provider, on pages.
    pub provider: &'a str,
    /// Who says so.
    pub issuer: &'a str,
    /// Whom they mean.
    pub subject: &'a str,
    /// The address they have there.
    pub email: Option<&'a str>,
    /// When they last came from there.
    pub last_used_at: OffsetDateTime,
    /// Whether they could not sign in any more without it.
    pub is_last: bool,
}

/// Somebody's ways to sign in.
pub fn page(identities: &[Identity<'_>], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Ways to sign in" }
            p { "Whoever you are at one of these can come to your account from there." }
        }
        section.panel.narrow {
            h2 { "Yours" }
            @if identities.is_empty() { p { "None yet. You sign in with your password, or with a link that we mail you." } }
            ul.cards { @for identity in identities { li { (yours(identity, state)) } } }
        }
    };
    View::new(form::title(state, "Ways to sign in"), main).canonical(paths::account()).noindex()
}

/// Those they could add.
pub fn ways_to_add(providers: &[Provider<'_>]) -> Markup {
    html! {
        section.panel.narrow {
            h2 { "Add one" }
            @if providers.is_empty() { p { "There is nobody to sign in with." } }
            @for provider in providers { (way(provider, &format!("Add {}", provider.name), ("link", ""), None)) }
        }
        p.actions { a.quiet href=(paths::account()) { "Back to your account" } }
    }
}

fn yours(identity: &Identity<'_>, state: &FormState) -> Markup {
    html! {
        p dir="auto" {
            strong { (identity.provider) }
            @if let Some(email) = identity.email { " · " (email) }
        }
        p.meta { span { "last used " (format::moment(identity.last_used_at)) } }
        @if identity.is_last {
            p { "Your only way to sign in. " a href=(paths::account_password()) { "Choose a password" } " before you remove it." }
        } @else {
            (form::Form::new(state).action(paths::account_remove_identity()).button("Remove it", "Removing…").show(html! {
                input type="hidden" name="issuer" value=(identity.issuer);
                input type="hidden" name="subject" value=(identity.subject);
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_away_has_no_button_and_one_that_is_here_takes_the_path_along() {
        let here = Provider { id: "google", name: "Google", is_here: true };
        let away = Provider { id: "okta", name: "Okta", is_here: false };
        let state = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            FormState::new(pairs.collect(), Default::default())
        };
        let html = ways_in(&[here, away], &state(&[("next", "/admin?a=\"b\"")])).into_string();
        assert!(html.contains(r#"action="/api/oauth/google/start" data-native"#), "{html}");
        assert!(html.contains(r#"name="next" value="/admin?a=&quot;b&quot;""#), "{html}");
        assert!(html.contains("Okta does not answer") && !html.contains("/okta/"), "{html}");
        let held = ways_in(&[here], &state(&[(held::TO, "/account/profile")])).into_string();
        assert!(held.contains(r#"target="_blank""#) && !held.contains("profile"), "{held}");
    }
}
