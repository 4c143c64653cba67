//! Passkeys. What has to do with a device is out of sight until `static/passkeys.js` has found that this browser can.

use crate::two_factor::sign_in_again;
use crate::{FormState, View, assets, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A passkey, as its owner sees it.
pub struct Passkey<'a> {
    /// Which.
    pub id: Uuid,
    /// As they call it.
    pub name: &'a str,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it last let them in.
    pub used_at: Option<OffsetDateTime>,
    /// When it answered as a copy would.
    pub copied_at: Option<OffsetDateTime>,
}

/// The page with all of them. `recent`: whether they have signed in a short while ago, and may change something.
pub fn page(passkeys: &[Passkey<'_>], recent: bool, state: &FormState) -> View {
    let blank = FormState::default().with_submission(state.submission().unwrap_or_default());
    // What is wrong with a name is said where it is typed; all else, where everyone sees it.
    let (adding, others) = match state.errors("name") {
        [] => (&blank, state),
        _ => (state, &blank),
    };
    let main = html! {
        header.page-head {
            h1 { "Your passkeys" }
            p { "A device, or a password manager, signs in for you: it asks for your finger, your face or a number, and nothing is typed. A passkey is both factors in one." }
        }
        (form::summary(others))
        section.panel.narrow {
            h2 { "Those you have" }
            @if passkeys.is_empty() { p.empty { "None yet." } }
            @else { ul.cards { @for passkey in passkeys { (listed(passkey, recent, &blank)) } } }
        }
        section.panel.narrow {
            h2 { "Another one" }
            @if recent { (add(adding)) } @else { (sign_in_again(&paths::passkeys())) }
        }
    };
    let view = View::new(form::title(state, "Your passkeys"), main).canonical(paths::passkeys());
    view.script(&assets::PASSKEYS).noindex()
}

fn listed(passkey: &Passkey<'_>, recent: bool, blank: &FormState) -> Markup {
    html! {
        li {
            p { strong dir="auto" { (passkey.name) } " · " a href=(paths::passkey(passkey.id)) { "Rename" } }
            p.meta {
                span { "Added " (format::moment(passkey.created_at)) }
                @match passkey.used_at {
                    Some(at) => span { "last used " (format::moment(at)) },
                    None => span { "not used yet" },
                }
            }
            @if let Some(at) = passkey.copied_at {
                p.error { "It may have been copied, and lets nobody in since " (format::moment(at)) ". Remove it." }
            }
            @if recent {
                (form::Form::new(blank).action(paths::passkey_remove(passkey.id)).button("Remove it", "Removing…").show(html! {}))
            }
        }
    }
}

fn add(state: &FormState) -> Markup {
    html! {
        // Shown first, as it is how things are where no script runs.
        div data-passkeys="none" { p { "This browser cannot do it here: it knows no passkeys, runs no scripts, or the site has no name in the address bar, only numbers." } }
        div data-passkeys="able" hidden {
            (form::Form::new(state).action(paths::passkeys()).button("Add a passkey", "One moment…").show(html! {
                (form::text(state, "name", "Name").hint("To tell it from others, such as “Laptop” or “Blue key”."))
            }))
        }
    }
}

/// The form that calls one something else.
pub fn rename(id: Uuid, name: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head { h1 { "Rename a passkey" } }
        div.panel.small {
            (form::Form::new(state).action(paths::passkey(id)).button("Save", "Saving…").show(html! {
                (form::text(state, "name", "Name").stored(name).hint("1 to 60 characters."))
            }))
        }
    };
    let view = View::new(form::title(state, "Rename a passkey"), main).noindex();
    view.script(&assets::PASSKEYS) // for the page that it leads to
}

/// What stands beside the other ways in.
pub fn button(next: &str) -> Markup {
    html! {
        div data-passkeys="able" hidden {
            (form::Form::new(&FormState::default()).action(paths::sign_in_passkey()).button("Use a passkey", "One moment…").show(html! {
                input type="hidden" name="next" value=(next);
            }))
        }
    }
}

/// What a device is asked for.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// A passkey that is to be made, under this name.
    Made(&'a str),
    /// A signature by one of theirs.
    Signed,
}

/// Where a device is asked. Without `options`, because they were used up, all that is left is to begin again.
pub fn ask(wanted: Wanted<'_>, options: Option<&str>, answer_to: &str, state: &FormState) -> View {
    let (title, ceremony) = match wanted {
        Wanted::Made(_) => ("Add a passkey", "create"),
        Wanted::Signed => ("Use a passkey", "get"),
    };
    let main = html! {
        header.page-head {
            h1 { (title) }
            @match wanted {
                _ if options.is_none() => {},
                Wanted::Made(name) => p { "Your device asks you whether to make " strong dir="auto" { (name) } "." },
                Wanted::Signed => p { "Your device asks you which one, and whether it is you." },
            }
        }
        div.panel.small {
            @if let Some(options) = options {
                div data-ceremony=(ceremony) data-options=(options) {
                    p.error role="alert" data-problem hidden { "That did not work, or you have said no. Try again, or go back." }
                    (form::Form::new(state).action(answer_to).button("Ask my device", "Waiting for it…").show(html! {
                        (form::hidden(state, "answer", ""))
                    }))
                }
            } @else { (begin_again(wanted, state)) }
        }
    };
    View::new(form::title(state, title), main).script(&assets::PASSKEYS).noindex()
}

fn begin_again(wanted: Wanted<'_>, state: &FormState) -> Markup {
    html! {
        (form::summary(state))
        @match wanted {
            Wanted::Made(_) => p { a href=(paths::passkeys()) { "Your passkeys" } },
            Wanted::Signed => {
                (button(""))
                p { a href=(paths::sign_in()) { "Sign in another way" } }
            },
        }
    }
}
