//! The outbox: what is to be done, what was, and each mail as it reads.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, mail, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A row.
pub struct Row {
    /// Which.
    pub id: Uuid,
    /// What, as staff call it.
    pub name: &'static str,
    /// What for, such as `lead:{id}`.
    pub cause: String,
    /// Where that is to be seen.
    pub cause_href: Option<String>,
    /// Whom it reaches.
    pub recipient: Option<String>,
    /// waiting, done, dead or dropped.
    pub state: String,
    /// Whether someone has it held.
    pub held: bool,
    /// How often it was tried.
    pub attempts: i32,
    /// When it may be tried (again).
    pub due_at: OffsetDateTime,
    /// What became of it.
    pub remark: Option<String>,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
}

/// A mail as it reads.
pub struct Letter {
    /// Whom it is from.
    pub from: String,
    /// Whom it is for.
    pub to: String,
    /// Who gets the answer.
    pub reply_to: Option<String>,
    /// What it says.
    pub mail: mail::Mail,
}

/// Which rows the list shows.
pub struct Filter<'a> {
    /// Only those in this state.
    pub state: &'a str,
    /// Only mail to this address.
    pub to: &'a str,
}

const STATES: [(&str, &str); 5] = [
    ("", "Any state"),
    ("waiting", "waiting"),
    ("done", "done"),
    ("dead", "dead"),
    ("dropped", "dropped"),
];

/// The list, newest first. `is_on` says whether mail is sent.
pub fn index(
    rows: &[Row],
    counts: &[(String, i64)],
    filter: &Filter<'_>,
    (older, first): (Option<Uuid>, bool),
    is_on: bool,
) -> View {
    let path = |before: &str| {
        paths::admin_outbox_where(&[("state", filter.state), ("to", filter.to), ("before", before)])
    };
    let main = html! {
        header.page-head {
            h1 { "Outbox" }
            @if !is_on { p { "No mail is sent: SMTP_URL is not set. Each mail can be read here." } }
        }
        @if !counts.is_empty() {
            ul.counts {
                @for (state, count) in counts {
                    li { a href=(paths::admin_outbox_where(&[("state", state)])) { strong { (count) } span { (state) } } }
                }
            }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "Nothing here." } } @else { (table(rows)) }
        (pager((!first).then(|| path("")), older.map(|id| path(&id.to_string()))))
        p { a href=(paths::admin_test_mail()) { "Send me a test mail" } }
    };
    page("Outbox", &paths::admin_outbox(), main)
}

/// The form that asks for a test mail to `email`.
pub fn test(email: &str, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_outbox()) { "All of the outbox" } }
            h1 { "A test mail" }
            p { "It goes to " bdi { (email) } ", by the way all mail goes." }
        }
        (form::Form::new(state).action(paths::admin_test_mail()).button("Send it to me", "Asking…").show(html! {}))
    };
    page(&form::title(state, "A test mail"), &paths::admin_test_mail(), main)
}

/// One row. `form` is that which asks for another try.
pub fn show(row: &Row, letter: Option<&Letter>, form: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_outbox()) { "All of the outbox" } }
            h1 { (row.name) }
            p.meta { (badge(&row.state)) span { (format::moment(row.created_at)) } }
        }
        div.columns {
            div {
                @match letter {
                    Some(letter) => (as_read(letter)),
                    None if form.has_errors() => {}
                    None => p.empty { "There is nothing to read: it is no mail, or whom it was about is not here any more." },
                }
            }
            div {
                (details(row))
                @if matches!(row.state.as_str(), "dead" | "waiting") || form.has_errors() {
                    div.panel {
                        (form::Form::new(form).action(paths::admin_outbox_retry(row.id)).button("Try again now", "Asking…").show(html! {}))
                    }
                }
            }
        }
    };
    page(&form::title(form, row.name), &paths::admin_outbox_entry(row.id), main)
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    let states = STATES.iter().map(|(value, label)| Choice { value, label, hint: "" });
    html! {
        form.filter method="get" action=(paths::admin_outbox()) role="search" {
            (form::search(&state, "to", "To").optional().stored(filter.to))
            (form::select(&state, "state", "State", states).stored(filter.state))
            p.actions { button type="submit" { "Show" } }
        }
    }
}

fn table(rows: &[Row]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "State" }
                    th scope="col" { "Tries" }
                    th scope="col" { "Because of" }
                    th scope="col" { "Written" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(paths::admin_outbox_entry(row.id)) { (row.name) }
                            @if let Some(to) = &row.recipient { span.sub dir="auto" { (to) } }
                        }
                        td data-label="State" {
                            (badge(&row.state))
                            @if let Some(remark) = &row.remark { span.sub { (format::shorten(remark, 120)) } }
                        }
                        td.number data-label="Tries" { (row.attempts) }
                        td data-label="Because of" { (cause(row)) }
                        td data-label="Written" { (format::moment(row.created_at)) }
                    }
                }
            }
        }
    }
}

fn cause(row: &Row) -> Markup {
    let kind = row.cause.split(':').next().unwrap_or_default();
    html! {
        @match &row.cause_href { Some(href) => a href=(href) { (kind) }, None => (kind) }
    }
}

fn as_read(letter: &Letter) -> Markup {
    html! {
        section aria-labelledby="mail" {
            h2 #mail dir="auto" { (letter.mail.subject) }
            dl.details {
                dt { "From" } dd dir="auto" { (letter.from) }
                dt { "To" } dd dir="auto" { (letter.to) }
                @if let Some(reply_to) = &letter.reply_to { dt { "Answers to" } dd dir="auto" { (reply_to) } }
            }
            div.letter dir="auto" { (linked(&letter.mail.text())) }
        }
    }
}

/// Text in which the lines that are addresses can be followed.
fn linked(text: &str) -> Markup {
    html! {
        @for line in text.lines() {
            @if line.starts_with("https://") || line.starts_with("http://") { a href=(line) { (line) } } @else { (line) }
            "\n"
        }
    }
}

fn details(row: &Row) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Because of" } dd { (cause(row)) }
                dt { "Tries" } dd { (row.attempts) }
                @if row.state == "waiting" {
                    dt { "Due" } dd { @if row.held { "held" } @else { (format::moment(row.due_at)) } }
                }
                @if let Some(ended_at) = row.ended_at { dt { "Ended" } dd { (format::moment(ended_at)) } }
                @if let Some(remark) = &row.remark { dt { "Remark" } dd { (remark) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_become_links_and_text_stays_text() {
        let html = linked("a <b>\nhttps://example.com/?a=1&b\njavascript:x").into_string();
        assert_eq!(
            html,
            "a &lt;b&gt;\n<a href=\"https://example.com/?a=1&amp;b\">https://example.com/?a=1&amp;b</a>\njavascript:x\n"
        );
    }
}
