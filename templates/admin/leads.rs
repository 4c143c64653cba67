//! Leads: the list that staff work through, and one lead with its history.

use super::{badge, page, pager, seen};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A lead in the list.
pub struct Row<'a> {
    /// Which lead.
    pub id: Uuid,
    /// Who wrote.
    pub name: &'a str,
    /// Where the answer goes.
    pub email: &'a str,
    /// For whom they work.
    pub company: Option<&'a str>,
    /// What they wrote; the list shows its beginning.
    pub message: &'a str,
    /// How far we are with it.
    pub status: &'a str,
    /// By which door it came.
    pub source: &'a str,
    /// Whether it is for tests.
    pub test: bool,
    /// When it came.
    pub created_at: OffsetDateTime,
}

/// Which leads the list shows, and which values there are to choose from.
pub struct Filter<'a> {
    /// Only those with this status.
    pub status: Option<&'a str>,
    /// Only those that came by this door.
    pub source: Option<&'a str>,
    /// Only those that are for tests, or only the others.
    pub test: Option<bool>,
    /// Only those that contain these words.
    pub q: &'a str,
    /// Every status there is.
    pub statuses: &'a [&'a str],
    /// Every source there is.
    pub sources: &'a [&'a str],
    /// Whether an owner is looking, who may do more.
    pub for_owner: bool,
}

/// A lead with everything we know.
pub struct Lead<'a> {
    /// Which lead.
    pub id: Uuid,
    /// Who wrote.
    pub name: &'a str,
    /// Where the answer goes.
    pub email: &'a str,
    /// For whom they work.
    pub company: Option<&'a str>,
    /// Their number.
    pub phone: Option<&'a str>,
    /// What they wrote.
    pub message: &'a str,
    /// How far we are with it.
    pub status: &'a str,
    /// By which door it came.
    pub source: &'a str,
    /// When it came.
    pub created_at: OffsetDateTime,
    /// Whether it is for tests.
    pub test: bool,
    /// The name of the API key it came with.
    pub key_name: Option<&'a str>,
    /// The words it was given under, their version, and when.
    pub consent: Option<(&'a str, &'a str, OffsetDateTime)>,
    /// How the visitor found us: label and value, as the visitor's browser told.
    pub campaign: Vec<(&'a str, &'a str)>,
    /// Why it was taken for spam.
    pub spam_reasons: &'a [String],
    /// What happened since, in the order it is to be shown.
    pub history: Vec<Event<'a>>,
    /// Whether an owner is looking, who may do more.
    pub for_owner: bool,
}

/// Something that happened to a lead.
pub struct Event<'a> {
    /// When.
    pub at: OffsetDateTime,
    /// Who did it.
    pub by: &'a str,
    /// What they noted.
    pub note: Option<&'a str>,
    /// The status before and after.
    pub change: Option<(&'a str, &'a str)>,
}

/// The list, newest first. `older` is the cursor of the next page; `first` is false on every page but the newest.
pub fn index(rows: &[Row<'_>], filter: &Filter<'_>, older: Option<Uuid>, first: bool) -> View {
    let before = older.map(|id| id.to_string());
    let main = html! {
        header.page-head {
            h1 { "Leads" }
            @if filter.for_owner { p { a href=(paths::admin_people()) { "Everything about one person" } } }
        }
        (filter_form(filter))
        @if rows.is_empty() {
            p.empty { @if filter.is_set() { "No lead matches." } @else { "No leads yet." } }
        } @else {
            (table(rows))
        }
        (pager((!first).then(|| filter.path("")), before.map(|cursor| filter.path(&cursor))))
    };
    page("Leads", &paths::admin_leads(), main)
}

/// One lead, with a form for its status and one for a note. Each posts to its own path.
pub fn show(
    lead: &Lead<'_>,
    statuses: &[&str],
    status_form: &FormState,
    note_form: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_leads()) { "All leads" } }
            h1 dir="auto" { (lead.name) }
            p.meta { (badge(lead.status)) @if lead.test { (badge("test")) } span { (format::moment(lead.created_at)) } }
        }
        @if lead.test { p.hint { "This came with a key for tests. Nobody was told of it, and it goes by itself after thirty days." } }
        div.columns {
            div {
                section aria-labelledby="their-message" {
                    h2 #their-message { "Message" }
                    p.letter dir="auto" { (lead.message) }
                }
                (history(&lead.history))
                div.panel {
                    h2 { "Add a note" }
                    (form::Form::new(note_form).action(paths::admin_lead_notes(lead.id)).button("Add note", "Adding…").show(html! {
                        (form::textarea(note_form, "note", "Note", 4).hint("Only staff see notes."))
                    }))
                }
            }
            div {
                div.panel {
                    h2 { "Where we are" }
                    (form::Form::new(status_form).action(paths::admin_lead_status(lead.id)).button("Save status", "Saving…").show(html! {
                        (seen("seen", lead.status, status_form))
                        (form::select(status_form, "status", "Status", statuses.iter().copied()).stored(lead.status))
                    }))
                }
                (details(lead))
                @if lead.for_owner { p { a href=(paths::admin_person(lead.email)) { "Everything about this person" } } }
            }
        }
    };
    let erroneous = if status_form.has_errors() { status_form } else { note_form };
    page(&form::title(erroneous, lead.name), &paths::admin_lead(lead.id), main)
}

impl Filter<'_> {
    fn is_set(&self) -> bool {
        self.status.is_some() || self.source.is_some() || self.test.is_some() || !self.q.is_empty()
    }

    fn test(&self) -> &'static str {
        match self.test {
            Some(true) => "only",
            Some(false) => "none",
            None => "",
        }
    }

    /// The list with this filter, from the cursor `before` on.
    fn path(&self, before: &str) -> String {
        paths::admin_leads_where(&[
            ("status", self.status.unwrap_or_default()),
            ("source", self.source.unwrap_or_default()),
            ("test", self.test()),
            ("q", self.q),
            ("before", before),
        ])
    }
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    html! {
        form.filter method="get" action=(paths::admin_leads()) role="search" {
            (form::search(&state, "q", "Search").optional().stored(filter.q))
            (form::select(&state, "status", "Status", or_any("Any status", filter.statuses)).stored(filter.status.unwrap_or_default()))
            (form::select(&state, "source", "Source", or_any("Any source", filter.sources)).stored(filter.source.unwrap_or_default()))
            (form::select(&state, "test", "Tests", TESTS).stored(filter.test()))
            p.actions {
                button type="submit" { "Show" }
                @if filter.is_set() { a.quiet href=(paths::admin_leads()) { "Clear" } }
            }
        }
    }
}

const TESTS: [Choice<'static>; 3] = [
    Choice { value: "", label: "With tests", hint: "" },
    Choice { value: "none", label: "Without tests", hint: "" },
    Choice { value: "only", label: "Tests alone", hint: "" },
];

/// The values to choose from, and before them that any will do.
pub(super) fn or_any<'a>(any: &'a str, values: &'a [&'a str]) -> impl Iterator<Item = Choice<'a>> {
    std::iter::once(Choice { value: "", label: any, hint: "" })
        .chain(values.iter().map(|value| (*value).into()))
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "From" }
                    th scope="col" { "Message" }
                    th scope="col" { "Status" }
                    th scope="col" { "Source" }
                    th scope="col" { "Received" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_lead(row.id)) { (row.name) }
                            span.sub dir="auto" { (row.email) }
                            @if let Some(company) = row.company { span.sub dir="auto" { (company) } }
                        }
                        td.wide dir="auto" { (format::shorten(row.message, 120)) }
                        td data-label="Status" { div { (badge(row.status)) @if row.test { " " (badge("test")) } } }
                        td data-label="Source" { (row.source) }
                        td data-label="Received" { (format::moment(row.created_at)) }
                    }
                }
            }
        }
    }
}

fn history(events: &[Event<'_>]) -> Markup {
    html! {
        section #history aria-labelledby="history-title" {
            h2 #history-title { "History" }
            @if events.is_empty() {
                p.empty { "Nothing has happened yet." }
            } @else {
                ol.history {
                    @for event in events {
                        li {
                            p.meta { bdi { (event.by) } span { (format::moment(event.at)) } }
                            @if let Some((from, to)) = event.change {
                                p.change { (badge(from)) span { "to" } (badge(to)) }
                            }
                            @if let Some(note) = event.note { p.letter dir="auto" { (note) } }
                        }
                    }
                }
            }
        }
    }
}

/// What we know of the sender. An address the visitor's browser told us is text and never a link: who wrote it is unknown.
fn details(lead: &Lead<'_>) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Email" } dd { a dir="auto" href={ "mailto:" (lead.email) } { (lead.email) } }
                dt { "Mails" } dd { a href=(paths::admin_outbox_where(&[("to", lead.email)])) { "What was sent to this address" } }
                @if let Some(phone) = lead.phone { dt { "Phone" } dd dir="auto" { (phone) } }
                @if let Some(company) = lead.company { dt { "Company" } dd dir="auto" { (company) } }
                dt { "Source" } dd { (lead.source) }
                @if let Some(key) = lead.key_name { dt { "API key" } dd dir="auto" { (key) } }
                dt { "Agreed to" }
                @match lead.consent {
                    Some((words, version, at)) => {
                        dd dir="auto" { (words) }
                        dd { (version) ", " (format::moment(at)) }
                    }
                    None => dd { "No words of ours were shown." },
                }
                @for (label, value) in &lead.campaign { dt { (label) } dd dir="auto" { (value) } }
                @if !lead.spam_reasons.is_empty() {
                    dt { "Signs of spam" }
                    @for reason in lead.spam_reasons { dd { (reason) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const ID: Uuid = Uuid::from_u128(7);

    fn filter<'a>(status: Option<&'a str>, q: &'a str) -> Filter<'a> {
        Filter {
            status,
            source: None,
            test: None,
            q,
            statuses: &["new", "won"],
            sources: &["cli"],
            for_owner: false,
        }
    }

    #[test]
    fn the_next_page_keeps_the_filter() {
        let html = index(&[], &filter(Some("new"), "a&b"), Some(ID), true).main.into_string();
        assert!(
            html.contains(&format!("/admin/leads?status=new&amp;q=a%26b&amp;before={ID}")),
            "{html}"
        );
        assert!(!html.contains("Newest") && html.contains(r#"<option value="new" selected>"#));
        assert!(
            index(&[], &filter(None, ""), None, false)
                .main
                .into_string()
                .contains(r#"href="/admin/leads">Newest"#)
        );
    }

    #[test]
    fn what_a_stranger_wrote_stays_text() {
        let reasons = ["links".to_owned()];
        let lead = Lead {
            id: ID,
            name: "<b>Eve</b>",
            email: "eve@example.com",
            company: None,
            phone: None,
            message: "<script>alert(1)</script>\nline",
            status: "spam",
            source: "website-form",
            created_at: datetime!(2026-11-13 09:00 UTC),
            test: false,
            key_name: None,
            consent: None,
            campaign: vec![("Referrer", "javascript:alert(1)")],
            spam_reasons: &reasons,
            for_owner: false,
            history: vec![],
        };
        let form = FormState::default();
        let html = show(&lead, &["new", "spam"], &form, &form).main.into_string();
        assert!(
            !html.contains("<script")
                && !html.contains("<b>")
                && html.contains("<dd dir=\"auto\">javascript:alert(1)</dd>")
        );
        assert!(html.contains(&format!("action=\"/admin/leads/{ID}/status\"")));
        assert!(html.contains(&format!("action=\"/admin/leads/{ID}/notes\"")));
        assert!(html.contains(r#"<option value="spam" selected>"#));
    }
}
