//! The controls: each with its label, its hint, what was typed and what is wrong with it.

use super::FormState;
use maud::{Markup, Render, html};

/// One labelled control. Put it into `html!` like any other value.
pub struct Field<'a> {
    control: Control<'a>,
    name: &'a str,
    label: &'a str,
    hint: Option<&'a str>,
    autocomplete: Option<&'a str>,
    optional: bool,
    value: &'a str,
    errors: &'a [String],
    typed: Option<&'a str>,
}

enum Control<'a> {
    Input { kind: &'static str, list: &'a [&'a str] },
    Textarea { rows: u32 },
    Select(Vec<Choice<'a>>),
    Choice(Vec<Choice<'a>>),
}

/// One of several values to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What is sent.
    pub value: &'a str,
    /// What is shown.
    pub label: &'a str,
    /// What choosing it means; shown beside radio buttons only.
    pub hint: &'a str,
}

impl<'a> From<&'a str> for Choice<'a> {
    /// A value that speaks for itself.
    fn from(value: &'a str) -> Self {
        Self { value, label: value, hint: "" }
    }
}

/// One line of text.
pub fn text<'a>(state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    input("text", state, name, label)
}

/// A mail address.
pub fn email<'a>(state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    input("email", state, name, label).autocomplete("email")
}

/// A telephone number.
pub fn tel<'a>(state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    input("tel", state, name, label).autocomplete("tel")
}

/// A day, as in 2027-01-31.
pub fn date<'a>(state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    input("date", state, name, label)
}

/// Words to search for.
pub fn search<'a>(state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    input("search", state, name, label)
}

/// A text of `rows` lines or more.
pub fn textarea<'a>(state: &'a FormState, name: &'a str, label: &'a str, rows: u32) -> Field<'a> {
    Field::new(Control::Textarea { rows }, state, name, label)
}

/// One of several values, folded away.
pub fn select<'a, C: Into<Choice<'a>>>(
    state: &'a FormState,
    name: &'a str,
    label: &'a str,
    choices: impl IntoIterator<Item = C>,
) -> Field<'a> {
    let choices = choices.into_iter().map(Into::into).collect();
    Field::new(Control::Select(choices), state, name, label)
}

/// One of several values, all in view, each with what it means.
pub fn choice<'a>(
    state: &'a FormState,
    name: &'a str,
    label: &'a str,
    choices: &[Choice<'a>],
) -> Field<'a> {
    Field::new(Control::Choice(choices.to_vec()), state, name, label)
}

/// Yes or no. `stored` is what it is while nothing has been sent.
pub fn checkbox(state: &FormState, name: &str, label: &str, stored: bool) -> Markup {
    let checked = if state.pairs().is_empty() { stored } else { state.typed(name).is_some() };
    html! {
        div.choice {
            input type="checkbox" id=(name) name=(name) value="on" checked[checked];
            label for=(name) { (label) }
        }
    }
}

/// Any of several values, each with a box: a value, its label and whether it is stored. What is sent under the one name is
/// joined by commas at the door.
pub fn checkboxes(
    state: &FormState,
    name: &str,
    legend: &str,
    hint: &str,
    choices: &[(&str, &str, bool)],
) -> Markup {
    let typed = state.typed(name).unwrap_or_default();
    let ticked = |value: &str, stored: bool| match state.pairs().is_empty() {
        true => stored,
        false => typed.split(',').any(|one| one == value),
    };
    let errors = state.errors(name);
    let wrong = if errors.is_empty() { String::new() } else { format!(" {name}-error") };
    html! {
        fieldset.field aria-describedby={ (name) "-hint" (wrong) } {
            legend { (legend) }
            p.hint id={ (name) "-hint" } { (hint) }
            (messages(name, errors))
            @for (place, (value, label, stored)) in choices.iter().enumerate() {
                @let id = if place == 0 { name.to_owned() } else { format!("{name}-{value}") };
                div.choice {
                    input type="checkbox" id=(id) name=(name) value=(value) checked[ticked(value, *stored)];
                    label for=(id) dir="auto" { (label) }
                }
            }
        }
    }
}

/// A secret. What was typed never reaches the field, so it cannot be sent back to the page; of the
/// state only the errors are taken. `autocomplete` tells password managers which of theirs is meant.
pub fn password<'a>(
    state: &'a FormState,
    name: &'a str,
    label: &'a str,
    autocomplete: &'a str,
) -> Field<'a> {
    let field = input("password", state, name, label).autocomplete(autocomplete);
    Field { typed: None, ..field }
}

/// A value that the visitor does not see: what was sent, else `stored`. Errors about it are shown all the same.
pub fn hidden(state: &FormState, name: &str, stored: &str) -> Markup {
    html! {
        input type="hidden" name=(name) value=(state.typed(name).unwrap_or(stored));
        (messages(name, state.errors(name)))
    }
}

/// The field that people do not see and programs fill in.
pub fn trap(state: &FormState, name: &str) -> Markup {
    trap_called(state, name, name, "Leave this field empty")
}

/// The same, where another form on the page has one of this name.
pub fn trap_called(state: &FormState, name: &str, id: &str, label: &str) -> Markup {
    html! {
        div.trap {
            label for=(id) { (label) }
            input type="text" id=(id) name=(name) value=(state.typed(name).unwrap_or_default())
                tabindex="-1" autocomplete="off";
        }
    }
}

fn input<'a>(kind: &'static str, state: &'a FormState, name: &'a str, label: &'a str) -> Field<'a> {
    Field::new(Control::Input { kind, list: &[] }, state, name, label)
}

/// A text as a `<textarea>` has to carry it. A browser drops the first line break after the tag; one
/// more keeps the one that was typed.
pub(crate) fn as_textarea(text: &str) -> Markup {
    html! { @if text.starts_with(['\n', '\r']) { "\n" } (text) }
}

fn messages(name: &str, errors: &[String]) -> Markup {
    html! {
        @if !errors.is_empty() {
            p.error id={ (name) "-error" } {
                @for message in errors { span dir="auto" { (message) } " " }
            }
        }
    }
}

impl<'a> Field<'a> {
    fn new(control: Control<'a>, state: &'a FormState, name: &'a str, label: &'a str) -> Self {
        Self {
            control,
            name,
            label,
            hint: None,
            autocomplete: None,
            optional: false,
            value: "",
            errors: state.errors(name),
            typed: state.typed(name),
        }
    }

    /// The value to show while nothing has been typed: what is stored already.
    pub fn stored(self, value: &'a str) -> Self {
        // A secret has no value, whoever asks.
        if matches!(self.control, Control::Input { kind: "password", .. }) {
            self
        } else {
            Self { value, ..self }
        }
    }

    /// A sentence below the label: what to write, how long.
    pub fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What browsers may fill in by themselves, one of HTML's autofill tokens.
    pub fn autocomplete(self, token: &'a str) -> Self {
        Self { autocomplete: Some(token), ..self }
    }

    /// The field may be left empty. All others are marked as required for assistive technology.
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Values that are offered while a line of text is typed; others remain possible.
    pub fn suggestions(self, list: &'a [&'a str]) -> Self {
        match self.control {
            Control::Input { kind, .. } => Self { control: Control::Input { kind, list }, ..self },
            _ => self,
        }
    }

    fn shown(&self) -> &'a str {
        self.typed.unwrap_or(self.value)
    }

    fn invalid(&self) -> Option<&'static str> {
        (!self.errors.is_empty()).then_some("true")
    }

    /// The ids of the hint and of the messages, whichever there are.
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let error = self.invalid().map(|_| format!("{}-error", self.name));
        let ids: Vec<_> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn caption(&self) -> Markup {
        html! { (self.label) @if self.optional { " " span.optional { "(optional)" } } }
    }

    fn notes(&self) -> Markup {
        html! {
            @if let Some(hint) = self.hint { p.hint id={ (self.name) "-hint" } { (hint) } }
            (messages(self.name, self.errors))
        }
    }

    fn draw_input(&self, kind: &str, list: &[&str]) -> Markup {
        let list_id = (!list.is_empty()).then(|| format!("{}-list", self.name));
        html! {
            input type=(kind) id=(self.name) name=(self.name) dir=[(kind != "password").then_some("auto")]
                value=[(kind != "password").then(|| self.shown())]
                autocomplete=[self.autocomplete] list=[list_id.as_deref()] required[!self.optional]
                aria-invalid=[self.invalid()] aria-describedby=[self.described_by()];
            @if let Some(id) = list_id {
                datalist id=(id) { @for value in list { option value=(value) {} } }
            }
        }
    }

    fn draw_textarea(&self, rows: u32) -> Markup {
        html! {
            textarea id=(self.name) name=(self.name) rows=(rows) dir="auto"
                autocomplete=[self.autocomplete] required[!self.optional]
                aria-invalid=[self.invalid()] aria-describedby=[self.described_by()] { (as_textarea(self.shown())) }
        }
    }

    fn draw_select(&self, choices: &[Choice<'_>]) -> Markup {
        html! {
            select id=(self.name) name=(self.name) autocomplete=[self.autocomplete]
                aria-invalid=[self.invalid()] aria-describedby=[self.described_by()] {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == self.shown()] { (choice.label) }
                }
            }
        }
    }

    /// The first button carries the field's own id, so that a link to the field leads to it.
    fn draw_choice(&self, choices: &[Choice<'_>]) -> Markup {
        html! {
            fieldset.field.invalid[self.invalid().is_some()] aria-describedby=[self.described_by()] {
                legend { (self.caption()) }
                (self.notes())
                @for (place, choice) in choices.iter().enumerate() {
                    @let id = if place == 0 { self.name.to_owned() } else { format!("{}-{}", self.name, choice.value) };
                    div.choice {
                        input type="radio" id=(id) name=(self.name) value=(choice.value)
                            checked[choice.value == self.shown()] aria-invalid=[self.invalid()];
                        label for=(id) {
                            (choice.label)
                            @if !choice.hint.is_empty() { span.hint { (choice.hint) } }
                        }
                    }
                }
            }
        }
    }
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        let control = match &self.control {
            Control::Input { kind, list } => self.draw_input(kind, list),
            Control::Textarea { rows } => self.draw_textarea(*rows),
            Control::Select(choices) => self.draw_select(choices),
            Control::Choice(choices) => return self.draw_choice(choices),
        };
        html! {
            div.field.invalid[self.invalid().is_some()] {
                label for=(self.name) { (self.caption()) }
                (self.notes())
                (control)
            }
        }
    }
}
