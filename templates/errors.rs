//! Why something did not happen, and the way back to it with nothing lost.

use crate::{FormState, View, form, held, paths};
use maud::{Markup, html};

/// An error as a page. `reference` is what the log knows it by; causes never stand here.
pub fn page(status: u16, title: &str, detail: &str, reference: Option<&str>) -> View {
    let main = html! {
        header.page-head {
            p.meta { (status) }
            h1 { (title) }
            @if !detail.is_empty() { p.lede dir="auto" { (detail) } }
            @if let Some(reference) = reference { p { "Reference: " code { (reference) } } }
        }
        p.actions {
            a.button href=(paths::home()) { "Go to the start page" }
            a.quiet href=(paths::contact()) { "Contact us" }
        }
    };
    View::new(title, main).noindex()
}

/// A form that was refused, with what was typed, ready to be sent to `action` again.
///
/// Without a `token` the values stand in fields and can be edited. With one, this is the "please
/// confirm" page: the token vouches for exactly these values, so they are shown as text, sent from
/// hidden inputs, and one button is all there is to press, in a text browser too.
///
/// A pair whose name contains "password" is never shown nor sent back; an empty control asks for it
/// again. (So a token must not cover those values.)
pub fn resend(
    title: &str,
    detail: &str,
    action: &str,
    pairs: &[(String, String)],
    token: Option<&str>,
) -> View {
    let state = FormState::default();
    let (secret, open) = divided(pairs);
    let form = match token {
        Some(token) => {
            let form = form::Form::new(&state).action(action).button("Confirm", "Confirming…");
            form.show(html! {
                (to_confirm(&open))
                (form::hidden(&state, CONFIRM, token))
                (asked_again(&secret))
            })
        }
        None => form_again(action, pairs, "Send again", false),
    };
    let main = html! {
        header.page-head {
            h1 { (title) }
            p.lede dir="auto" { (detail) }
        }
        div.panel.narrow { (form) }
    };
    View::new(title, main).noindex()
}

/// What was typed, in a form that can be edited and sent to `action`; or, where a second button is `offered`, looked at in
/// its own form before.
pub(crate) fn form_again(
    action: &str,
    pairs: &[(String, String)],
    button: &str,
    offered: bool,
) -> Markup {
    let ((secret, open), state) = (divided(pairs), FormState::default());
    let form = form::Form::new(&state).action(action).button(button, "Sending…");
    let form = if offered { form.or(held::SHOW, "Open it in its form") } else { form };
    form.show(html! { (to_edit(&open)) (asked_again(&secret)) })
}

type Refs<'a> = Vec<&'a (String, String)>;

/// What is secret, and the rest. A token of before is worth nothing any more.
fn divided(pairs: &[(String, String)]) -> (Refs<'_>, Refs<'_>) {
    pairs.iter().filter(|(name, _)| name != CONFIRM).partition(|(name, _)| is_secret(name))
}

/// A control for each secret, empty. Other forms on the page may have one of the same name.
fn asked_again(secret: &[&(String, String)]) -> Markup {
    html! {
        @for (number, (name, _)) in secret.iter().enumerate() {
            @let id = format!("secret-{number}");
            div.field {
                label for=(id) { (label(name)) }
                input type="password" id=(id) name=(name) autocomplete="current-password" required;
            }
        }
    }
}

/// The name of the input that carries the token.
const CONFIRM: &str = "confirm";

/// Whether a field's value is never shown again.
pub fn is_secret(name: &str) -> bool {
    name == "code" || name.to_ascii_lowercase().contains("password")
}

/// Whether a field is not the visitor's: nothing they typed, nothing to show them.
fn is_machinery(name: &str) -> bool {
    matches!(
        name,
        "submission"
            | "next"
            | "total"
            | "landing_page"
            | "referrer"
            | "elapsed_ms"
            | "website"
            | "consent"
    ) || name.starts_with("utm_")
        || held::is_held(name)
}

/// Whether it is the id of something that was chosen: nobody has typed it, and nobody could read it.
fn is_id(value: &str) -> bool {
    value.len() == 36 && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// What was typed as text, and everything once more to be sent, in the order in which it came: that
/// too is what the token vouches for.
fn to_confirm(pairs: &[&(String, String)]) -> Markup {
    html! {
        dl.details {
            @for (name, value) in pairs.iter().filter(|(name, value)| !is_machinery(name) && !is_id(value)) {
                dt { (label(name)) }
                dd.letter dir="auto" { (value) }
            }
        }
        @for (name, value) in pairs { input type="hidden" name=(name) value=(value); }
    }
}

/// Each value in a control of its own, numbered, as two of them may have one name.
fn to_edit(pairs: &[&(String, String)]) -> Markup {
    html! {
        @for (number, (name, value)) in pairs.iter().enumerate() {
            @if is_machinery(name) || is_id(value) {
                input type="hidden" name=(name) value=(value);
            } @else {
                (editable(&format!("field-{number}"), name, value))
            }
        }
    }
}

fn editable(id: &str, name: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (label(name)) }
            @if value.contains(['\n', '\r']) || value.chars().count() > 80 {
                textarea id=(id) name=(name) rows="8" dir="auto" { (form::as_textarea(value)) }
            } @else {
                input type="text" id=(id) name=(name) value=(value) dir="auto";
            }
        }
    }
}

/// A field's name as a label: `utm_source` becomes "Utm source".
fn label(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Vec<(String, String)> {
        [
            ("submission", "s1"),
            ("full_name", "Ada \"A\""),
            ("message", "\nTwo\nlines"),
            ("Password_again", "hunter2"),
            ("utm_source", "mail"),
            ("confirm", "old-token"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    #[test]
    fn everything_typed_can_be_sent_again_but_a_password() {
        let html = resend("Refused", "Why.", "/contact", &pairs(), None).main.into_string();
        assert!(html.contains(r#"method="post" action="/contact""#));
        assert!(
            html.contains(r#"name="full_name" value="Ada &quot;A&quot;""#)
                && html.contains(">Full name<")
        );
        assert!(
            html.contains(">\n\nTwo\nlines</textarea>")
                && html.contains(r#"type="hidden" name="submission" value="s1""#)
        );
        assert!(!html.contains("hunter2") && html.contains(r#"type="password""#));
        assert!(!html.contains("old-token") && html.contains(r#"type="text""#));
    }

    #[test]
    fn what_a_token_vouches_for_cannot_be_edited() {
        let html =
            resend("Please confirm", "", "/sign-in", &pairs(), Some("t1")).main.into_string();
        assert!(html.contains(r#"name="confirm" value="t1""#) && !html.contains("old-token"));
        assert!(html.contains(r#"<dd class="letter" dir="auto">Ada &quot;A&quot;</dd>"#), "{html}");
        assert!(html.contains("type=\"hidden\" name=\"message\" value=\"\nTwo\nlines\""));
        assert!(!html.contains(r#"type="text""#) && !html.contains("<textarea"));
        assert_eq!(html.matches("<button").count(), 1);
        let sent: Vec<_> = html.split("type=\"hidden\" name=\"").skip(1).collect();
        let order = ["submission", "full_name", "message", "utm_source", "confirm"];
        assert!(sent.iter().zip(order).all(|(input, name)| input.starts_with(name)), "{sent:?}");
    }

    #[test]
    fn an_error_says_its_status_and_its_reference() {
        let view = page(500, "Something broke", "It is <our> fault.", Some("r-1"));
        assert!(!view.index);
        let html = view.main.into_string();
        assert!(
            html.contains("500")
                && html.contains("&lt;our&gt;")
                && html.contains("<code>r-1</code>")
        );
    }
}
