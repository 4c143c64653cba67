//! The inbox: what other programs have told us, and what became of it.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// How much of what was said is shown, in characters.
const MOST_SHOWN: usize = 64 * 1024;

/// An event.
pub struct Row<'a> {
    /// Which.
    pub id: Uuid,
    /// Who sent it.
    pub source: &'a str,
    /// What they call it.
    pub event_id: &'a str,
    /// Of which type it is.
    pub kind: &'a str,
    /// waiting, done, failed, dead or ignored.
    pub state: &'a str,
    /// How often it was tried to act upon it.
    pub attempts: i32,
    /// Why it is ignored, or what went wrong.
    pub remark: Option<&'a str>,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// When it was over with.
    pub ended_at: Option<OffsetDateTime>,
}

/// Something that an event has changed.
pub struct Change<'a> {
    /// What.
    pub words: &'static str,
    /// Where that is to be seen.
    pub href: Option<String>,
    /// What else there is to say.
    pub detail: Option<&'a str>,
    /// When.
    pub at: OffsetDateTime,
}

/// What an event said.
pub enum Said<'a> {
    /// This, in so many bytes.
    Text(&'a str, i64),
    /// So many bytes, for others.
    NotForYou(i64),
    /// It is not kept any more.
    Gone,
}

/// Which events the list shows.
pub struct Filter<'a> {
    /// Only those in this state.
    pub state: &'a str,
    /// Only those of this sender.
    pub source: &'a str,
    /// The senders there are.
    pub sources: &'a [&'a str],
}

const STATES: [(&str, &str); 6] = [
    ("", "Any state"),
    ("waiting", "waiting"),
    ("done", "done"),
    ("failed", "failed"),
    ("dead", "dead"),
    ("ignored", "ignored"),
];

/// The list, newest first. `counts` are of the sender that is looked at.
pub fn index(
    rows: &[Row<'_>],
    counts: &[(String, i64)],
    filter: &Filter<'_>,
    (older, first): (Option<Uuid>, bool),
    (is_on, is_owner): (bool, bool),
    blank: &FormState,
) -> View {
    let path = |state: &str, before: &str| {
        paths::admin_inbox_where(&[("state", state), ("source", filter.source), ("before", before)])
    };
    let page_at = |before: &str| path(filter.state, before);
    let dead = counts.iter().find(|(state, _)| state == "dead").map_or(0, |(_, count)| *count);
    let main = html! {
        header.page-head {
            h1 { "Inbox" }
            p { "What other programs have told this site, and what became of it." }
            @if !is_on {
                p { "Nobody may: no sender is set up. The variables " code { "GITHUB_WEBHOOK_SECRET" } ", " code { "RESEND_WEBHOOK_SECRET" } " and " code { "WEBHOOK_…" } " name them." }
            }
        }
        @if !counts.is_empty() {
            ul.counts {
                @for (state, count) in counts {
                    li { a href=(path(state, "")) { strong { (count) } span { (state) } } }
                }
            }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "Nothing here." } } @else { (table(rows)) }
        (pager((!first).then(|| page_at("")), older.map(|id| page_at(&id.to_string()))))
        @if dead > 0 && is_owner {
            div.panel.narrow {
                h2 { "Dead" }
                p { "Not acted upon any more: " (dead) ". They begin anew, the oldest first, up to 5,000 at once." }
                (replay_form(blank, filter.source))
            }
        }
    };
    page("Inbox", &paths::admin_inbox(), main)
}

fn replay_form(state: &FormState, source: &str) -> Markup {
    form::Form::new(state)
        .action(paths::admin_inbox_replay_dead())
        .button("Replay all dead", "Asking…")
        .show(html! { (form::hidden(state, "source", source)) })
}

/// The button on a page of its own.
pub fn replay_all(state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_inbox()) { "All of the inbox" } }
            h1 { "Replay all dead" }
        }
        div.panel.narrow { (replay_form(state, "")) }
    };
    page(&form::title(state, "Replay all dead"), &paths::admin_inbox_replay_dead(), main)
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    let states = STATES.iter().map(|(value, label)| Choice { value, label, hint: "" });
    let any = Choice { value: "", label: "Anyone", hint: "" };
    let each = filter.sources.iter().map(|name| Choice { value: name, label: name, hint: "" });
    html! {
        form.filter method="get" action=(paths::admin_inbox()) role="search" {
            (form::select(&state, "source", "From", std::iter::once(any).chain(each)).stored(filter.source))
            (form::select(&state, "state", "State", states).stored(filter.state))
            p.actions { button type="submit" { "Show" } }
        }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "State" }
                    th scope="col" { "Tries" }
                    th scope="col" { "Came" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(paths::admin_inbox_event(row.id)) { (named(row)) }
                            span.sub { (row.source) }
                        }
                        td data-label="State" {
                            (badge(row.state))
                            @if let Some(remark) = row.remark { span.sub { (format::shorten(remark, 120)) } }
                        }
                        td.number data-label="Tries" { (row.attempts) }
                        td data-label="Came" { (format::moment(row.received_at)) }
                    }
                }
            }
        }
    }
}

fn named<'a>(row: &Row<'a>) -> &'a str {
    if row.kind.is_empty() { "An event without a type" } else { row.kind }
}

/// One event. `form` is that which has it acted upon once more.
pub fn show(
    row: &Row<'_>,
    changes: &[Change<'_>],
    said: &Said<'_>,
    is_owner: bool,
    form: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_inbox()) { "All of the inbox" } }
            h1 { (named(row)) }
            p.meta { (badge(row.state)) span { (row.source) } span { (format::moment(row.received_at)) } }
        }
        div.columns {
            div {
                section aria-labelledby="changed" {
                    h2 #changed { "What it changed" }
                    @if changes.is_empty() { p.empty { "Nothing." } } @else {
                        dl.details {
                            @for change in changes {
                                dt { (format::moment(change.at)) }
                                dd {
                                    @match &change.href { Some(href) => a href=(href) { (change.words) }, None => (change.words) }
                                    @if let Some(detail) = change.detail { span.sub { (detail) } }
                                }
                            }
                        }
                    }
                }
                section aria-labelledby="said" {
                    h2 #said { "What it says" }
                    (as_read(said))
                }
            }
            div {
                (details(row))
                @if is_owner && (!matches!(said, Said::Gone) || form.has_errors()) { (replay(row, form)) }
            }
        }
    };
    page(&form::title(form, named(row)), &paths::admin_inbox_event(row.id), main)
}

fn replay(row: &Row<'_>, form: &FormState) -> Markup {
    html! {
        div.panel {
            @if row.state == "done" { p { "It is done. To replay it does nothing twice." } }
            (form::Form::new(form).action(paths::admin_inbox_replay(row.id)).button("Replay", "Asking…").show(html! {}))
        }
    }
}

fn details(row: &Row<'_>) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "From" } dd { (row.source) }
                dt { "Their name for it" } dd { (row.event_id) }
                dt { "Tries" } dd { (row.attempts) }
                @if let Some(ended_at) = row.ended_at { dt { "Ended" } dd { (format::moment(ended_at)) } }
                @if let Some(remark) = row.remark { dt { "Remark" } dd { (remark) } }
            }
        }
    }
}

/// What was said, as text, and not all of it where it is long.
fn as_read(said: &Said<'_>) -> Markup {
    html! {
        @match said {
            Said::Gone => p.empty { "It is not kept any more." },
            Said::NotForYou(size) => p.empty { (size) " bytes, for the owners of the site to read." },
            Said::Text(text, size) => {
                p.meta { (size) " bytes" @if text.chars().nth(MOST_SHOWN).is_some() { ", of which this is the beginning" } }
                div.letter dir="auto" { (bounded(text)) }
            }
        }
    }
}

/// As much as is shown; what is no text shows as a mark.
fn bounded(text: &str) -> String {
    let visible =
        |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.chars().take(MOST_SHOWN).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_bounded_and_stays_text() {
        let long = "é".repeat(MOST_SHOWN + 1);
        assert_eq!(bounded(&long).chars().count(), MOST_SHOWN);
        let shown = as_read(&Said::Text("<script>\u{0}\u{1b}[1m", 9)).into_string();
        assert!(shown.contains("&lt;script&gt;\u{fffd}\u{fffd}[1m"), "{shown}");
    }
}
