//! The second factor: how it is set up, what it is asked for with, and what its owner can do about it.

use crate::{FormState, View, assets, form, format, passkeys, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// How things stand.
pub struct SecondFactor {
    /// What there is, where it is on.
    pub on: Option<On>,
    /// Whether the site asks it of them, and they have shown one factor alone.
    pub owed: bool,
    /// Whether they have signed in a short while ago, and may change something.
    pub recent: bool,
}

/// A second factor that is on.
pub struct On {
    /// Since when.
    pub since: OffsetDateTime,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

/// The page.
pub fn page(factor: &SecondFactor, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Second factor" }
            @if factor.owed {
                p.lede { "This site asks a second factor of you. Set up an app here, or add a passkey and sign in with it, then go on." }
            } @else {
                p { "Besides your password, or the link in a mail, a code that an app on your phone shows." }
            }
        }
        section.panel.narrow {
            h2 { "An app" }
            @match &factor.on {
                Some(on) => (is_on(on)),
                None => (is_off(factor.recent, state)),
            }
        }
        section.panel.narrow {
            h2 { "A passkey" }
            p { "It is both factors in one, on a device that has it: " a href=(paths::passkeys()) { "your passkeys" } }
        }
    };
    View::new(form::title(state, "Second factor"), main).canonical(paths::two_factor()).noindex()
}

fn is_on(on: &On) -> Markup {
    html! {
        dl.facts {
            dt { "On" } dd { "Since " (format::moment(on.since)) " · " a href=(paths::two_factor_off()) { "Turn it off" } }
            dt { "Recovery codes" }
            dd { (on.recovery_codes) " left · " a href=(paths::recovery_codes_new()) { "Make new ones" } }
        }
    }
}

fn is_off(recent: bool, state: &FormState) -> Markup {
    html! {
        p { "Off. Any app for one-time codes will do, such as those that come with phones and password managers." }
        @if recent {
            (form::Form::new(state).action(paths::two_factor_begin()).button("Set it up", "One moment…").show(html! {}))
        } @else {
            (form::summary(state))
            (sign_in_again(&paths::two_factor()))
        }
    }
}

/// The way back to where something may be changed.
pub(crate) fn sign_in_again(next: &str) -> Markup {
    html! { p { "To change something here, " a href=(paths::sign_in_then(next)) { "sign in again" } " first: it has been a while." } }
}

/// A picture that apps read (QR): dark squares on a square ground.
pub struct Picture {
    /// How many squares wide it is.
    pub width: usize,
    /// The dark ones, as the path of an SVG.
    pub path: String,
}

/// What an app is told, and the form for the code it shows then.
pub fn set_up(picture: &Picture, secret: &str, address: &str, state: &FormState) -> View {
    // Four squares of light around it, or no camera finds it.
    let around = format!("-4 -4 {0} {0}", picture.width + 8);
    let main = html! {
        header.page-head {
            h1 { "Set up an app" }
            p { "Read this picture with the app, then type the code that it shows." }
        }
        div.panel.small {
            svg.qr viewBox=(around) role="img" aria-label="The picture to be read. The same stands below as text." { path d=(picture.path) {} }
            p.hint { "No camera at hand? Type this into the app, or " a href=(address) { "open it on this device" } "." }
            p { code.secret { (groups(secret)) } }
            (form::Form::new(state).action(paths::two_factor_set_up()).button("Turn it on", "Looking…").show(html! {
                (form::text(state, "code", "Code").autocomplete("one-time-code").hint("The six digits that the app shows now."))
            }))
        }
    };
    View::new(form::title(state, "Set up an app"), main).noindex()
}

/// In fours, as people read letters that mean nothing.
fn groups(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// The recovery codes, shown once.
pub fn recovery_codes(codes: &[String], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Your recovery codes" }
            p.lede { "Without your app, each of these lets you in once. They are shown now and never again." }
        }
        div.panel.small {
            ul.recovery-codes { @for code in codes { li { code { (code) } } } }
            p { a href=(paths::recovery_codes_file()) download { "Save them as a text" } ", or write them down, and keep them where your phone is not." }
            (form::Form::new(state).action(paths::recovery_codes()).button("I have kept them", "One moment…").show(html! {}))
        }
    };
    View::new(form::title(state, "Your recovery codes"), main).noindex()
}

/// The same as a text.
pub fn recovery_codes_text(site: &str, codes: &[String]) -> String {
    let codes: String = codes.iter().map(|code| format!("{code}\n")).collect();
    format!("Recovery codes for {site}. Each lets you in once, without your app.\n\n{codes}")
}

/// The form that turns it off.
pub fn off(has_password: bool, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Turn your second factor off" }
            p { "Whoever has your password, or reads your mail, gets in then." }
        }
        div.panel.small { (once_more(has_password, state, &paths::two_factor_off(), "Turn it off")) }
    };
    View::new(form::title(state, "Turn your second factor off"), main).noindex()
}

/// The form that makes new recovery codes.
pub fn new_recovery_codes(has_password: bool, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "New recovery codes" }
            p { "Those that you have are worth nothing then." }
        }
        div.panel.small { (once_more(has_password, state, &paths::recovery_codes_new(), "Make new ones")) }
    };
    View::new(form::title(state, "New recovery codes"), main).noindex()
}

/// A form for whoever shows once more that it is they: by password, where there is one, or by a code.
fn once_more(has_password: bool, state: &FormState, action: &str, button: &str) -> Markup {
    form::Form::new(state).action(action).button(button, "One moment…").show(html! {
        @if has_password {
            p { "Show that it is you: by your password, or by a code. One will do." }
            (form::password(state, "current_password", "Your password", "current-password").optional())
            (form::text(state, "code", "Or a code").optional().autocomplete("one-time-code").hint("From your app, or a recovery code."))
        } @else {
            (form::text(state, "code", "A code").autocomplete("one-time-code").hint("From your app, or a recovery code."))
        }
    })
}

/// What was proven by whoever is asked for a code.
#[derive(Clone, Copy)]
pub enum Proven {
    /// The password.
    Password,
    /// The mailbox.
    Mail,
    /// Who they are to somebody else.
    Provider,
}

/// Where whoever has a second factor is asked for it.
pub fn ask(proven: Proven, email: &str, next: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { "Your code" }
            p {
                @match proven {
                    Proven::Password => "Your password is right. ",
                    Proven::Mail => "The link was yours. ",
                    Proven::Provider => "They know you. ",
                }
                "Now the code for " strong dir="auto" { (email) } "."
            }
        }
        div.panel.small {
            (form::Form::new(state).action(paths::sign_in_code()).button("Sign in", "Signing in…").show(html! {
                (form::text(state, "code", "Code").autocomplete("one-time-code").hint("The six digits that your app shows, or one of your recovery codes."))
            }))
            (passkeys::button(next))
            p { a href=(paths::sign_in_then(next)) { "Begin again" } }
        }
    };
    View::new(form::title(state, "Your code"), main).script(&assets::PASSKEYS).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_in_fours() {
        assert_eq!(groups("GEZDGNBVGY"), "GEZD GNBV GY");
    }

    #[test]
    fn the_picture_has_light_around_it_and_no_style() {
        let picture = Picture { width: 21, path: "M0 0h7v1h-7z".to_owned() };
        let html = set_up(&picture, "GEZD", "otpauth://totp/x", &FormState::default());
        let html = html.main.into_string();
        assert!(html.contains(r#"viewBox="-4 -4 29 29""#) && html.contains(r#"d="M0 0h7v1h-7z""#));
        assert!(!html.contains("style"), "{html}");
    }
}
