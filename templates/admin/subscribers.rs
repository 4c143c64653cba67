//! Subscribers: the list, one of them, and the forms that bring some in.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A subscriber in the list.
pub struct Row<'a> {
    /// Which.
    pub id: Uuid,
    /// Where mail goes.
    pub email: &'a str,
    /// How far they have come.
    pub status: &'a str,
    /// none, daily or weekly.
    pub digest: &'a str,
    /// By which door.
    pub source: &'a str,
    /// When.
    pub created_at: OffsetDateTime,
}

/// Which the list shows.
pub struct Filter<'a> {
    /// Only those with this status, where one is named.
    pub status: &'a str,
    /// Only those in whose address this stands.
    pub q: &'a str,
    /// Every status there is.
    pub statuses: &'a [&'a str],
}

/// A subscriber with everything we know.
pub struct Subscriber<'a> {
    /// Which.
    pub id: Uuid,
    /// Where mail goes.
    pub email: &'a str,
    /// How far they have come.
    pub status: &'a str,
    /// Names of the topics they chose; none are all.
    pub topics: &'a [String],
    /// none, daily or weekly.
    pub digest: &'a str,
    /// An IANA time zone.
    pub time_zone: &'a str,
    /// By which door.
    pub source: &'a str,
    /// What they agreed to: the version of our words, or what whoever brought them over says.
    pub consent: &'a str,
    /// Our words, where it is these.
    pub words: Option<&'a str>,
    /// When they did.
    pub consent_at: OffsetDateTime,
    /// When they confirmed it.
    pub confirmed_at: Option<OffsetDateTime>,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// Why.
    pub remark: Option<&'a str>,
}

/// The list, the last to come first. `older` is the cursor of the next page; `first` is false on every page but the newest.
pub fn index(rows: &[Row<'_>], filter: &Filter<'_>, older: Option<Uuid>, first: bool) -> View {
    let path = |before: &str| {
        paths::admin_subscribers_where(&[
            ("status", filter.status),
            ("q", filter.q),
            ("before", before),
        ])
    };
    let main = html! {
        header.page-head {
            h1 { "Subscribers" }
            p.actions {
                a.button href=(paths::admin_new_subscriber()) { "Add somebody" }
                a.quiet href=(paths::admin_import_subscribers()) { "Bring many over" }
                a.quiet href=(paths::admin_export_subscribers()) { "Take all along (CSV)" }
            }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "Nobody here." } } @else { (table(rows)) }
        (pager((!first).then(|| path("")), older.map(|id| path(&id.to_string()))))
    };
    page("Subscribers", &paths::admin_subscribers(), main)
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    let any = Choice { value: "", label: "Any status", hint: "" };
    let statuses =
        std::iter::once(any).chain(filter.statuses.iter().map(|status| (*status).into()));
    html! {
        form.filter method="get" action=(paths::admin_subscribers()) role="search" {
            (form::search(&state, "q", "Address").optional().stored(filter.q))
            (form::select(&state, "status", "Status", statuses).stored(filter.status))
            p.actions { button type="submit" { "Show" } }
        }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Address" }
                    th scope="col" { "Status" }
                    th scope="col" { "Digest" }
                    th scope="col" { "Source" }
                    th scope="col" { "Since" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { a dir="auto" href=(paths::admin_subscriber(row.id)) { (row.email) } }
                        td data-label="Status" { (badge(row.status)) }
                        td data-label="Digest" { (row.digest) }
                        td data-label="Source" { (row.source) }
                        td data-label="Since" { (format::moment(row.created_at)) }
                    }
                }
            }
        }
    }
}

const REASONS: [Choice<'static>; 3] = [
    Choice { value: "asked", label: "They asked", hint: "They may subscribe again." },
    Choice { value: "bounced", label: "Mail comes back", hint: "There is no such mailbox." },
    Choice {
        value: "complained",
        label: "They complained",
        hint: "They told their provider that our mail is unwanted.",
    },
];

/// One subscriber, with the form that takes them off the list.
pub fn show(one: &Subscriber<'_>, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_subscribers()) { "All subscribers" } }
            h1 dir="auto" { (one.email) }
            p.meta {
                (badge(one.status))
                a href=(paths::admin_outbox_where(&[("to", one.email)])) { "Mail to them" }
            }
        }
        div.columns {
            div { (details(one)) }
            div {
                div.panel {
                    h2 { "Take off the list" }
                    (form::Form::new(state).action(paths::admin_subscriber_end(one.id)).button("No more mail", "Saving…").show(html! {
                        (form::choice(state, "reason", "Because", &REASONS).stored("asked"))
                    }))
                }
            }
        }
    };
    page(&form::title(state, one.email), &paths::admin_subscriber(one.id), main)
}

fn details(one: &Subscriber<'_>) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Topics" }
                dd dir="auto" { @if one.topics.is_empty() { "all" } @else { (one.topics.join(", ")) } }
                dt { "Digest" } dd { (one.digest) }
                dt { "Time zone" } dd { (one.time_zone) }
                dt { "Source" } dd { (one.source) }
                dt { "Agreed to" }
                @if let Some(words) = one.words { dd dir="auto" { (words) } }
                dd dir="auto" { (one.consent) }
                dt { "Agreed" } dd { (format::moment(one.consent_at)) }
                @if let Some(at) = one.confirmed_at { dt { "Confirmed" } dd { (format::moment(at)) } }
                @if let Some(at) = one.ended_at { dt { "Ended" } dd { (format::moment(at)) } }
                @if let Some(remark) = one.remark { dt { "Remark" } dd dir="auto" { (remark) } }
            }
        }
    }
}

/// The form that has somebody asked. Topics are slug, name and whether ticked.
pub fn add(topics: &[(&str, &str, bool)], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_subscribers()) { "All subscribers" } }
            h1 { "Add somebody" }
            p { "They get a mail and have to confirm." }
        }
        div.panel.narrow {
            (form::Form::new(state).action(paths::admin_new_subscriber()).button("Ask them", "Asking…").show(html! {
                (form::email(state, "email", "Email").autocomplete("off"))
                @if !topics.is_empty() { (form::checkboxes(state, "topics", "Topics", "None are all.", topics)) }
            }))
        }
    };
    page(&form::title(state, "Add somebody"), &paths::admin_new_subscriber(), main)
}
