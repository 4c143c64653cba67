//! Whether an app may act for a member.

use crate::{FormState, View, form};
use maud::html;

/// What an app asks for, repeated to where the answer is sent.
const ASKED: [&str; 6] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "state",
];

/// The question, with two buttons.
pub fn page(app: &str, member: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 dir="auto" { "May " (app) " act for you?" }
            p { "You are signed in as " strong dir="auto" { (member) } ". Say yes if you have just been sent here by that app, on this device." }
        }
        div.panel.small {
            p { "It sees your name and your address, and can change your name. It does not learn your password. You find it among your sessions, and can end it there." }
            // By the browser itself: a script cannot follow to an app.
            form method="post" action=(crate::paths::authorize()) data-native {
                @if let Some(id) = state.submission() { (form::submission(id)) }
                @for name in ASKED { (form::hidden(state, name, "")) }
                p.actions {
                    button type="submit" name="answer" value="yes" { "Yes" }
                    button.quiet type="submit" name="answer" value="no" { "No" }
                }
            }
        }
    };
    View::new("May an app act for you?", main).noindex()
}

/// What whoever comes here by themselves is told.
pub fn nobody() -> View {
    let main = html! {
        header.page-head {
            h1 { "Apps send you here" }
            p { "When an app wants to act for you, it opens this page, and you say whether it may. Nothing asks at the moment." }
        }
    };
    View::new("Apps send you here", main).noindex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_asks_is_repeated_and_nothing_it_says_is_taken_at_its_word() {
        let pairs = [("client_id", "1"), ("state", "\"><script>"), ("answer", "yes")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let state = FormState::new(pairs.to_vec(), Default::default());
        let html = page("<App>", "Bob", &state).main.into_string();
        assert!(html.contains("&lt;App&gt;") && !html.contains("<script"));
        assert!(html.contains(r#"name="state" value="&quot;&gt;&lt;script&gt;""#), "{html}");
        assert_eq!(html.matches(r#"name="answer""#).count(), 2, "the two buttons");
    }
}
