//! The contact form: the first thing a customer says.

use crate::consent::CONTACT;
use crate::{FormState, View, form, format, markdown, paths};
use maud::{Markup, html};

/// What enhance.js fills in: how the visitor found us and how long the form was open. Without
/// JavaScript they stay empty, and nothing depends on them.
const ORIGINS: [&str; 8] = [
    "landing_page",
    "referrer",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "elapsed_ms",
];

/// The page with the form, below `intro_markdown`.
pub fn page(title: &str, intro_markdown: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 dir="auto" { (title) }
            div.prose.lede dir="auto" { (markdown::render(intro_markdown)) }
        }
        div.panel.narrow {
            (form::Form::new(state).button("Send message", "Sending…").show(fields(state)))
        }
    };
    View::new(form::title(state, title), main)
        .describe(&format::excerpt(intro_markdown, 160))
        .canonical(paths::contact())
}

/// Where the sender ends up.
pub fn thanks() -> View {
    let main = html! {
        header.page-head {
            h1 { "Thank you, your message has arrived" }
            p.lede { "A person reads every message. You will hear from us within two working days." }
        }
        p.actions {
            a.button href=(paths::posts()) { "Read our posts" }
            a.quiet href=(paths::home()) { "Back to the start" }
        }
    };
    View::new("Thank you", main).canonical(paths::thanks()).noindex()
}

fn fields(state: &FormState) -> Markup {
    html! {
        (form::text(state, "name", "Name").autocomplete("name"))
        (form::email(state, "email", "Email").hint("We write to this address and to no other."))
        div.pair {
            (form::text(state, "company", "Company").optional().autocomplete("organization"))
            (form::tel(state, "phone", "Phone").optional())
        }
        (form::textarea(state, "message", "Message", 8)
            .hint("What would you like to make, and by when? 10 to 2,000 characters."))
        (form::trap(state, "website"))
        @for name in ORIGINS { (form::hidden(state, name, "")) }
        // Which words stand here, whatever stood here when something was typed.
        (form::hidden(&FormState::default(), "consent", CONTACT.version))
        p.hint { (CONTACT.words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_posts_to_its_own_page_and_asks_for_what_a_lead_needs() {
        let html = page("Contact", "Write to us.", &FormState::default()).main.into_string();
        assert!(!html.contains("action="));
        for name in
            ["name", "email", "company", "phone", "message", "website"].iter().chain(&ORIGINS)
        {
            assert!(html.contains(&format!("name=\"{name}\"")), "{name}");
        }
        assert!(html.contains(r#"tabindex="-1" autocomplete="off""#));
    }

    #[test]
    fn the_words_that_are_agreed_to_are_those_on_the_page() {
        let typed = vec![("consent".to_owned(), "contact-2020-01".to_owned())];
        let html = page("Contact", "", &FormState::new(typed, [].into())).main.into_string();
        let version = format!(r#"type="hidden" name="consent" value="{}""#, CONTACT.version);
        assert!(html.contains(&version) && html.contains(CONTACT.words));
        assert!(!html.contains("contact-2020-01"));
    }

    #[test]
    fn the_title_says_that_something_is_wrong() {
        let errors = [("name".to_owned(), vec!["Enter your name.".to_owned()])].into();
        let view = page(
            "Contact",
            "",
            &FormState::new(vec![("utm_source".into(), "mail".into())], errors),
        );
        assert_eq!(view.title, "Error: Contact");
        assert!(view.main.into_string().contains(r#"name="utm_source" value="mail""#));
    }
}
