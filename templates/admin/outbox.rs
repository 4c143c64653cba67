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

/// What was heard of a mail after it had gone.
pub struct Heard {
    /// delivered, delayed, bounced or complained.
    pub kind: String,
    /// When.
    pub at: OffsetDateTime,
    /// The event that says so.
    pub event: Uuid,
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
    /// Only those of this kind.
    pub kind: &'a str,
    /// The kinds there are.
    pub kinds: &'a [&'a str],
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

/// The list, newest first. `is_on` says whether mail is sent; `counts` are of the kind that is looked at.
pub fn index(
    rows: &[Row],
    counts: &[(String, i64)],
    filter: &Filter<'_>,
    (older, first): (Option<Uuid>, bool),
    is_on: bool,
    blank: &FormState,
) -> View {
    let path = |state: &str, to: &str, before: &str| {
        let kind = ("kind", filter.kind);
        paths::admin_outbox_where(&[("state", state), kind, ("to", to), ("before", before)])
    };
    let page_at = |before: &str| path(filter.state, filter.to, before);
    let dead = counts.iter().find(|(state, _)| state == "dead").map_or(0, |(_, count)| *count);
    let main = html! {
        header.page-head {
            h1 { "Outbox" }
            @if !is_on { p { "No mail is sent: SMTP_URL is not set. Each mail can be read here." } }
        }
        @if !counts.is_empty() {
            ul.counts {
                @for (state, count) in counts {
                    li { a href=(path(state, "", "")) { strong { (count) } span { (state) } } }
                }
            }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "Nothing here." } } @else { (table(rows)) }
        (pager((!first).then(|| page_at("")), older.map(|id| page_at(&id.to_string()))))
        @if dead > 0 { div.panel.narrow { (retry_dead(dead, filter.kind, blank)) } }
        p { a href=(paths::admin_test_mail()) { "Send me a test mail" } }
    };
    page("Outbox", &paths::admin_outbox(), main)
}

/// The button that has all dead jobs of a kind, or of any, tried again.
fn retry_dead(count: i64, kind: &str, state: &FormState) -> Markup {
    let of_kind =
        if kind.is_empty() { "all kinds".to_owned() } else { format!("the kind {}", said(kind)) };
    html! {
        h2 { "Dead" }
        p { "Not tried any more: " (count) ", of " (of_kind) ". They begin anew, the oldest first, up to 5,000 at once." }
        (form::Form::new(state).action(paths::admin_outbox_retry_dead()).button("Retry all dead", "Asking…").show(html! {
            (form::hidden(state, "kind", kind))
        }))
    }
}

/// The same on a page of its own, where the kind is chosen.
pub fn retry_all(kinds: &[&str], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_outbox()) { "All of the outbox" } }
            h1 { "Retry all dead" }
        }
        div.panel.narrow {
            (form::Form::new(state).action(paths::admin_outbox_retry_dead()).button("Retry all dead", "Asking…").show(html! {
                (kind_field(kinds, "", state))
            }))
        }
    };
    page(&form::title(state, "Retry all dead"), &paths::admin_outbox_retry_dead(), main)
}

fn kind_field(kinds: &[&str], stored: &str, state: &FormState) -> Markup {
    let labels: Vec<String> = kinds.iter().map(|kind| said(kind)).collect();
    let any = Choice { value: "", label: "Any kind", hint: "" };
    let each = kinds.iter().zip(&labels).map(|(value, label)| Choice { value, label, hint: "" });
    let choices = std::iter::once(any).chain(each);
    html! { (form::select(state, "kind", "Kind", choices).stored(stored)) }
}

/// A kind as staff read it.
fn said(kind: &str) -> String {
    kind.replace('-', " ")
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
pub fn show(row: &Row, letter: Option<&Letter>, heard: &[Heard], form: &FormState) -> View {
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
                @if !heard.is_empty() { (afterwards(heard)) }
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
            (kind_field(filter.kinds, filter.kind, &state))
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

/// A mail, from top to bottom.
pub(super) fn as_read(letter: &Letter) -> Markup {
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
pub(super) fn linked(text: &str) -> Markup {
    html! {
        @for line in text.lines() {
            @if line.starts_with("https://") || line.starts_with("http://") { a href=(line) { (line) } } @else { (line) }
            "\n"
        }
    }
}

/// What whoever carries mail has said of this one since.
fn afterwards(heard: &[Heard]) -> Markup {
    html! {
        section aria-labelledby="afterwards" {
            h2 #afterwards { "What became of it" }
            dl.details {
                @for heard in heard {
                    dt { (format::moment(heard.at)) }
                    dd { a href=(paths::admin_inbox_event(heard.event)) { (heard.kind) } }
                }
            }
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
