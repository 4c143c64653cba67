//! Forms that never lose what was typed and always say what is wrong with it.
//!
//! One [`Form`] draws the page's form for GET and for 422: the [`FormState`] is empty or it is not.
//! The browser's own validation is off (`novalidate`), so the server's sentences are the only ones and
//! everybody reads the same, with JavaScript or without. Lengths stand in the hints and not in
//! `maxlength`, which cuts off what is pasted without a word.

mod field;
mod state;

pub(crate) use field::as_textarea;
pub use field::{
    Choice, Field, checkbox, checkboxes, choice, date, email, hidden, password, search, select,
    tel, text, textarea, trap, trap_called,
};
pub use state::FormState;

use maud::{Markup, html};

/// The error summary's id: where the focus goes after a 422.
pub const SUMMARY: &str = "error-summary";

/// The hidden input that makes a repeated submission of a live page's form one submission.
pub fn submission(id: &str) -> Markup {
    html! { input type="hidden" name="submission" value=(id); }
}

/// The title of a page with a form: it begins with "Error" when there is one, because a title is the
/// first thing a screen reader says.
pub fn title(state: &FormState, title: &str) -> String {
    if state.has_errors() { format!("Error: {title}") } else { title.to_owned() }
}

/// A form that posts. Without an action it posts to the address of the page it stands on, with its query.
pub struct Form<'a> {
    state: &'a FormState,
    action: Option<String>,
    multipart: bool,
    native: bool,
    button: &'a str,
    pending: &'a str,
    also: Markup,
}

impl<'a> Form<'a> {
    /// A form that shows `state`.
    pub fn new(state: &'a FormState) -> Self {
        Self {
            state,
            action: None,
            multipart: false,
            native: false,
            button: "Send",
            pending: "Sending…",
            also: html! {},
        }
    }

    /// Posts to `path` instead of the page's own address.
    pub fn action(self, path: impl Into<String>) -> Self {
        Self { action: Some(path.into()), ..self }
    }

    /// Sends the fields as `multipart/form-data`, as files need it.
    pub fn multipart(self) -> Self {
        Self { multipart: true, ..self }
    }

    /// Where it is `so`, browsers send it by themselves, without the script: its answer is a page and no redirect.
    pub fn native(self, so: bool) -> Self {
        Self { native: so, ..self }
    }

    /// Other buttons. They stand after the first, which is the one that Enter presses.
    pub fn also(self, buttons: Markup) -> Self {
        Self { also: buttons, ..self }
    }

    /// What the button says, and what it says while the answer is on its way.
    pub fn button(self, label: &'a str, pending: &'a str) -> Self {
        Self { button: label, pending, ..self }
    }

    /// A second button, which says by its `name` that it was pressed. The answer is the page itself, so that browsers go there
    /// by themselves, script or not: with a method of its own a button is their business.
    pub fn or(self, name: &str, label: &str) -> Self {
        self.also(html! { button.quiet type="submit" name=(name) value="on" formmethod="post" { (label) } })
    }

    /// The form around its `fields`: first what is wrong, last the button.
    pub fn show(self, fields: Markup) -> Markup {
        html! {
            form method="post" action=[self.action] enctype=[self.multipart.then_some("multipart/form-data")]
                data-native[self.native] novalidate {
                (summary(self.state))
                @if let Some(id) = self.state.submission() { (submission(id)) }
                (fields)
                p.actions {
                    button type="submit" data-pending=(self.pending) { (self.button) }
                    (self.also)
                }
            }
        }
    }
}

/// Everything that is wrong, in the order of the fields, each message a link to its field. A form shows it by itself.
pub fn summary(state: &FormState) -> Markup {
    html! {
        @if state.has_errors() {
            div .error-summary id=(SUMMARY) role="alert" tabindex="-1" autofocus aria-labelledby="error-summary-title" {
                h2 #error-summary-title { "There is a problem" }
                ul {
                    @for (name, message) in state.all_errors() {
                        li dir="auto" {
                            @if name.is_empty() { (message) } @else { a href={ "#" (name) } { (message) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
