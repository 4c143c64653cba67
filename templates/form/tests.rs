//! What a form shows after it was sent.

use super::*;
use std::collections::BTreeMap;

fn state(typed: &[(&str, &str)], errors: &[(&str, &str)]) -> FormState {
    let typed = typed.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let mut by_field: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (field, message) in errors {
        by_field.entry((*field).to_owned()).or_default().push((*message).to_owned());
    }
    FormState::new(typed, by_field)
}

fn html(value: impl maud::Render) -> String {
    value.render().into_string()
}

#[test]
fn what_was_typed_is_shown_again_and_escaped() {
    let state = state(&[("name", "\"><script>"), ("message", "</textarea><b>")], &[]);
    let name = html(text(&state, "name", "Name").stored("stored"));
    assert!(
        name.contains(r#"value="&quot;&gt;&lt;script&gt;""#) && !name.contains("stored"),
        "{name}"
    );
    assert!(
        html(textarea(&state, "message", "Message", 5))
            .contains("&lt;/textarea&gt;&lt;b&gt;</textarea>")
    );
}

#[test]
fn what_is_stored_is_shown_until_something_is_typed() {
    let empty = FormState::default();
    assert!(html(text(&empty, "name", "Name").stored("Ada")).contains(r#"value="Ada""#));
    let cleared = state(&[("name", "")], &[]);
    assert!(html(text(&cleared, "name", "Name").stored("Ada")).contains(r#"value="""#));
}

#[test]
fn a_password_is_never_sent_back() {
    let state = state(&[("password", "hunter2")], &[("password", "Enter your password.")]);
    let field =
        html(password(&state, "password", "Password", "current-password").stored("hunter2"));
    assert!(!field.contains("hunter2") && !field.contains("value="), "{field}");
    assert!(field.contains(r#"id="password-error""#) && field.contains(r#"aria-invalid="true""#));
}

#[test]
fn an_error_stands_beside_its_field_and_is_announced_with_it() {
    let state =
        state(&[("email", "x")], &[("email", "Enter an email address like name@example.com.")]);
    let field = html(email(&state, "email", "Email").hint("For the answer."));
    assert!(field.contains(r#"aria-describedby="email-hint email-error""#), "{field}");
    assert!(field.contains(r#"<p class="error" id="email-error">"#));
    assert!(
        field.contains(r#"<label for="email">"#) && field.contains(r#"id="email" name="email""#)
    );
    assert!(!html(text(&state, "name", "Name")).contains("aria-"));
}

#[test]
fn the_summary_links_to_the_fields_in_the_order_of_the_page() {
    let state = state(
        &[("name", ""), ("email", ""), ("message", "")],
        &[("email", "Mail."), ("message", "Text."), ("name", "Name."), ("", "All of it.")],
    );
    let form = html(Form::new(&state).show(html! {}));
    assert!(
        form.contains(r##"<a href="#email">Mail.</a>"##)
            && form.contains(r#"id="error-summary" role="alert""#)
    );
    let at = |text: &str| form.find(text).expect(text);
    assert!(
        at("All of it.") < at(">Name.")
            && at(">Name.") < at(">Mail.")
            && at(">Mail.") < at(">Text.")
    );
    assert!(!html(Form::new(&FormState::default()).show(html! {})).contains("error-summary"));
}

#[test]
fn a_form_without_an_action_has_no_action() {
    let state = FormState::default().with_submission("0199-a");
    let form = html(Form::new(&state).button("Save", "Saving…").show(html! {}));
    assert!(!form.contains("action=") && !form.contains("enctype") && form.contains("novalidate"));
    assert!(form.contains(r#"<input type="hidden" name="submission" value="0199-a">"#));
    assert!(form.contains(r#"data-pending="Saving…">Save</button>"#));
    let form = html(Form::new(&state).action("/a?b&c").multipart().show(html! {}));
    assert!(form.contains(r#"action="/a?b&amp;c" enctype="multipart/form-data""#), "{form}");
}

#[test]
fn a_text_that_starts_with_a_line_break_keeps_it() {
    for (typed, shown) in [("\nA", ">\n\nA<"), ("\r\nA", ">\n\r\nA<"), ("A\n", ">A\n<")] {
        let area = html(textarea(&state(&[("message", typed)], &[]), "message", "Message", 5));
        assert!(area.contains(shown), "{typed:?}: {area:?}");
    }
}

#[test]
fn what_was_chosen_stays_chosen() {
    let state = state(&[("status", "won")], &[("status", "Choose a status.")]);
    let field = html(select(&state, "status", "Status", ["new", "won"]).stored("new"));
    assert!(
        field.contains(r#"<option value="won" selected>won</option>"#)
            && !field.contains(r#""new" selected"#)
    );
    let buttons = html(choice(&state, "status", "Status", &["new".into(), "won".into()]));
    assert!(
        buttons.contains(r#"id="status" name="status" value="new""#)
            && buttons.contains(r#"value="won" checked"#)
    );
    assert!(
        buttons.contains(r#"<label for="status-won">"#) && buttons.contains(r#"id="status-error""#)
    );
}

#[test]
fn the_second_button_comes_second_and_is_the_browsers_own_business() {
    let empty = FormState::default();
    let form = html(Form::new(&empty).action("/here").or("preview", "Preview").show(html! {}));
    let (first, second) = (form.find(">Send</button>"), form.find(">Preview</button>"));
    assert!(first.is_some() && first < second, "Enter presses the first: {form}");
    assert!(form.contains(r#"name="preview" value="on" formmethod="post""#), "{form}");
    assert!(!html(Form::new(&empty).show(html! {})).contains("formmethod"));
}

#[test]
fn boxes_say_what_is_wrong_with_them() {
    let choices = [("craft", "Craft", false), ("print", "Print", true)];
    let wrong = state(&[("topics", "x")], &[("topics", "Choose from these.")]);
    let boxes = html(checkboxes(&wrong, "topics", "Topics", "Any.", &choices));
    assert!(boxes.contains(r#"aria-describedby="topics-hint topics-error""#), "{boxes}");
    assert!(boxes.contains(r#"id="topics-error""#) && boxes.contains("Choose from these."));
    let boxes = html(checkboxes(&FormState::default(), "topics", "Topics", "Any.", &choices));
    assert!(boxes.contains(r#"aria-describedby="topics-hint""#) && !boxes.contains("error"));
}
