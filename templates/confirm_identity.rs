//! Asking whoever is signed in to prove once more who they are.

use crate::{FormState, View, form, held, paths};
use maud::{Markup, html};

/// The ways to prove it. The state's `next`, a path of ours, is sent along, and so is what was typed there, if anything was.
pub fn page(state: &FormState) -> View {
    let same = same(state);
    let by_mail = form::Form::new(&same).action(paths::confirm_identity_by_mail());
    let native = held::carries(state);
    let main = html! {
        header.page-head {
            h1 { "Is it you?" }
            p.lede { "What you want to do matters, and it is a while since you proved who you are." }
            (held::notice(state))
        }
        div.panel.small {
            (form::Form::new(state).action(paths::confirm_identity()).native(native).button("It is me", "One moment…").show(html! {
                (form::password(state, "password", "Your password", "current-password"))
                (carried(state))
            }))
        }
        div.panel.small {
            h2 { "No password?" }
            p { "We mail you a link with which you sign in anew. Or sign out, and come in again as you always do." }
            (by_mail.native(native).button("Mail me a link", "Sending…").show(carried(state)))
        }
    };
    View::new(form::title(state, "Is it you?"), main).noindex()
}

/// The same submission without its errors: they are about the other form.
fn same(state: &FormState) -> FormState {
    FormState::default().with_submission(state.submission().unwrap_or_default())
}

/// Where to go on, and what is to be shown there.
fn carried(state: &FormState) -> Markup {
    html! { (form::hidden(state, "next", "")) (held::fields(state)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_carried_by_every_way_and_nothing_where_nothing_was() {
        let typed = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            FormState::new(pairs.collect(), Default::default())
        };
        let state =
            typed(&[("held-to", "/admin/staff"), ("held:email", "a@b"), ("password", "hunter2")]);
        let html = page(&state).main.into_string();
        assert_eq!(html.matches(r#"name="held-to" value="/admin/staff""#).count(), 2);
        assert_eq!(html.matches(r#"name="held:email" value="a@b""#).count(), 2);
        assert!(!html.contains("hunter2"));
        let html = page(&typed(&[("next", "/admin/staff")])).main.into_string();
        assert!(!html.contains("held"));
    }
}
