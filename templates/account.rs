//! What members see of their own.

use crate::{FormState, View, device, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// An account, as its owner sees it.
pub struct Account<'a> {
    /// What others see.
    pub name: &'a str,
    /// Where they get mail.
    pub email: &'a str,
    /// Where they will get it, once both mailboxes have agreed.
    pub waiting: Option<&'a str>,
    /// Whether they sign in with a password.
    pub has_password: bool,
    /// Whether they are asked for a code as well.
    pub has_second_factor: bool,
    /// Whether they pay.
    pub membership: &'a str,
    /// How many passkeys they have.
    pub passkeys: usize,
    /// Where they are signed in.
    pub sessions: &'a [Session<'a>],
}

/// A place where they are signed in.
pub struct Session<'a> {
    /// Which.
    pub id: Uuid,
    /// As the browser calls itself.
    pub device: &'a str,
    /// Whether it is an app's.
    pub by_token: bool,
    /// What the operator calls that app, where it is one that was registered.
    pub app: Option<&'a str>,
    /// The network.
    pub network: &'a str,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// Until when it was used.
    pub seen_at: OffsetDateTime,
    /// Whether this is the one that asks.
    pub is_this: bool,
}

impl Session<'_> {
    fn name(&self) -> String {
        let device = device::name(self.device);
        match self.app {
            Some(app) => format!("{app} · {device}"),
            None if self.by_token => format!("An app · {device}"),
            None => device,
        }
    }
}

/// The page.
pub fn page(account: &Account<'_>, state: &FormState) -> View {
    let main = html! {
        header.page-head { h1 { "Your account" } }
        section.panel.narrow {
            h2 { "You" }
            dl.details {
                dt { "Name" } dd dir="auto" { (account.name) " · " a href=(paths::account_profile()) { "Change" } }
                dt { "Email" }
                dd dir="auto" {
                    (account.email) " · " a href=(paths::account_email()) { "Change" }
                    @if let Some(waiting) = account.waiting {
                        br; "Then " (waiting) ", once the links in both mails are followed."
                    }
                }
                dt { "Password" }
                dd {
                    @if account.has_password { "Chosen · " } @else { "None: you sign in by mail · " }
                    a href=(paths::account_password()) { @if account.has_password { "Change" } @else { "Choose one" } }
                }
                dt { "Second factor" }
                dd { @if account.has_second_factor { "On" } @else { "Off" } " · " a href=(paths::two_factor()) { "Change" } }
                dt { "Passkeys" }
                dd { @if account.passkeys == 0 { "None" } @else { (account.passkeys) } " · " a href=(paths::passkeys()) { "Change" } }
                dt { "Membership" } dd { (account.membership) " · " a href=(paths::account_membership()) { "Look at it" } }
                dt { "Orders" } dd { a href=(paths::account_orders()) { "What you have ordered" } }
                dt { "Elsewhere" } dd { a href=(paths::account_identities()) { "Ways to sign in" } }
            }
        }
        (sessions(account.sessions, state))
        section.panel.narrow {
            h2 { "Your data" }
            p { a href=(paths::account_export()) { "Take it along" } " · " a href=(paths::account_delete()) { "Delete your account" } }
        }
    };
    View::new(form::title(state, "Your account"), main).canonical(paths::account()).noindex()
}

fn sessions(sessions: &[Session<'_>], state: &FormState) -> Markup {
    html! {
        section.panel.narrow {
            h2 { "Where you are signed in" }
            ul.cards {
                @for session in sessions {
                    li.card {
                        p dir="auto" title=(session.device) { (session.name()) }
                        p.meta {
                            span { "From " (session.network) }
                            span { "since " (format::moment(session.created_at)) }
                            @if session.is_this { strong { "This session" } } @else { span { "last seen " (format::moment(session.seen_at)) } }
                        }
                        @if !session.is_this {
                            (form::Form::new(state).action(paths::account_end_session(session.id)).button("End it", "Ending…").show(html! {}))
                        }
                    }
                }
            }
            @if sessions.len() > 1 {
                (form::Form::new(state).action(paths::account_end_sessions()).button("End all others", "Ending…").show(html! {}))
            }
        }
    }
}

/// The form that changes what others see.
pub fn profile(name: &str, version: i32, state: &FormState) -> View {
    let main = html! {
        header.page-head { h1 { "What others see" } }
        div.panel.small {
            (form::Form::new(state).action(paths::account_profile()).button("Save", "Saving…").show(html! {
                (form::text(state, "name", "Name").stored(name).autocomplete("name").hint("2 to 100 characters."))
                // What is stored now, and not what was sent: whoever saves once more has seen the warning.
                (messages(state))
                input type="hidden" name="version" value=(version);
            }))
        }
    };
    View::new(form::title(state, "What others see"), main).noindex()
}

fn messages(state: &FormState) -> Markup {
    html! {
        @for message in state.errors("version") { p.error #version-error { (message) } }
    }
}

/// The form that changes the password, or chooses the first.
pub fn password(has_one: bool, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { @if has_one { "Change your password" } @else { "Choose a password" } }
            p { "All your other sessions end." }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::account_password()).button("Save", "Saving…").show(html! {
                @if has_one { (form::password(state, "current_password", "Current password", "current-password")) }
                (form::password(state, "password", "New password", "new-password").hint("12 characters or more. A sentence does well."))
            }))
        }
    };
    View::new(form::title(state, "Your password"), main).noindex()
}
