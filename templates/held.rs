//! A form that found nobody signed in, on the pages that lead back to it.
//!
//! On its way it stands in hidden fields of the forms to sign in, each name with [`HELD`] before it.

use crate::{FormState, View, errors};
use maud::{Markup, html};

/// What stands before the name of each field that is held.
pub const HELD: &str = "held:";
/// The field that says where it goes.
pub const TO: &str = "held-to";
/// The field that says that there were files.
pub const FILES: &str = "held-files";
/// The button with which the form itself is asked for.
pub const SHOW: &str = "held-show";

/// Whether a field belongs to a form that is held, and not to the one it stands in.
pub fn is_held(name: &str) -> bool {
    name.starts_with(HELD) || [TO, FILES, SHOW].contains(&name)
}

/// Whether this form carries another along.
pub(crate) fn carries(state: &FormState) -> bool {
    state.typed(TO).is_some()
}

/// What is carried along, as fields of this form.
pub(crate) fn fields(state: &FormState) -> Markup {
    html! {
        @for (name, value) in state.pairs().iter().filter(|(name, _)| is_held(name)) {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// Says, where something is carried along, that it is, and what is not.
pub(crate) fn notice(state: &FormState) -> Markup {
    html! {
        @if carries(state) {
            p { "What you typed has not been sent. It is kept on this page, and there again afterwards, to be sent." }
            (left_out(state.pairs().iter().map(|(name, _)| name.as_str()), state.typed(FILES).is_some()))
        }
    }
}

fn left_out<'a>(mut names: impl Iterator<Item = &'a str>, files: bool) -> Markup {
    html! {
        @if names.any(|name| is_held(name) && errors::is_secret(name)) { p { "Passwords are not kept: type them again." } }
        @if files { p { "Files are not kept: choose them again, in the form itself." } }
    }
}

/// What is carried along, for whoever has signed in in another window.
pub(crate) fn meanwhile(state: &FormState) -> Markup {
    let held = |(name, value): &(String, String)| {
        Some((name.strip_prefix(HELD)?.to_owned(), value.clone()))
    };
    let pairs: Vec<_> = state.pairs().iter().filter_map(held).collect();
    html! {
        @if let Some(to) = state.typed(TO) {
            section aria-labelledby="typed" {
                div.section-head { h2 #typed { "What you typed" } }
                p { "If you have signed in in another window, send it from here." }
                div.panel.narrow { (errors::form_again(to, &pairs, "Send it", false)) }
            }
        }
    }
}

/// The form, for whoever has just proven who they are: to be sent to `to` by one click.
pub fn again(to: &str, pairs: &[(String, String)], files: bool) -> View {
    let names: Vec<String> = pairs.iter().map(|(name, _)| format!("{HELD}{name}")).collect();
    let main = html! {
        header.page-head {
            h1 { "It is you" }
            p.lede { "What you typed is here again, and has not been sent yet." }
            (left_out(names.iter().map(String::as_str), files))
        }
        div.panel.narrow { (errors::form_again(to, pairs, "Send it", true)) }
    };
    View::new("It is you", main).noindex()
}

/// The form, for whoever signs in in another window: that goes on at `next`.
pub fn elsewhere(next: &str, to: &str, pairs: &[(String, String)]) -> View {
    let main = html! {
        header.page-head {
            h1 { "Leave this window open" }
            p.lede { "What you typed has not been sent. It is kept on this page alone." }
            p {
                a href=(next) target="_blank" rel="noopener" { "Go on in another window" }
                ". Then come back to this one and send it."
            }
        }
        div.panel.narrow { (errors::form_again(to, pairs, "Send it", false)) }
    };
    View::new("Leave this window open", main).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_carried_along_is_the_whole_form_but_its_secrets() {
        let typed = pairs(&[
            (TO, "/account/password?a=b"),
            ("held:submission", "s1"),
            ("held:note", "Two\nlines <b>"),
            ("held:new_password", ""),
        ]);
        let state = FormState::new(typed, Default::default());
        let html = html! { (notice(&state)) (fields(&state)) }.into_string();
        assert!(html.contains("Passwords are not kept") && !html.contains("Files are not kept"));
        assert!(html.contains(r#"name="held-to" value="/account/password?a=b""#), "{html}");
        assert!(html.contains("name=\"held:note\" value=\"Two\nlines &lt;b&gt;\""), "{html}");
        let html = meanwhile(&state).into_string();
        assert!(
            html.contains(r#"action="/account/password?a=b""#) && html.contains(r#"name="note""#)
        );
        assert!(html.contains(r#"type="hidden" name="submission" value="s1""#), "{html}");
        assert!(html.contains(r#"type="password""#) && !html.contains("held"), "{html}");
    }

    #[test]
    fn a_form_that_carries_nothing_says_nothing_of_it() {
        let state = FormState::new(pairs(&[("email", "ada@example.com")]), Default::default());
        let html = html! { (notice(&state)) (fields(&state)) (meanwhile(&state)) }.into_string();
        assert_eq!(html, "");
    }

    #[test]
    fn after_the_sign_in_one_click_sends_it_and_another_leads_to_its_form() {
        let html = again("/x", &pairs(&[("title", "A")]), true).main.into_string();
        assert!(html.contains(r#"action="/x""#) && html.contains(r#"name="title" value="A""#));
        assert!(html.contains("Files are not kept") && html.contains(r#"name="held-show""#));
        assert_eq!(html.matches("<button").count(), 2);
    }
}
