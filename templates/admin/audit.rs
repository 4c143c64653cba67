//! What was done by those who run the site.

use super::{page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// Something that was done.
pub struct Row<'a> {
    /// When.
    pub at: OffsetDateTime,
    /// Who, as they were called.
    pub name: &'a str,
    /// Their page, where they are one of us.
    pub href: Option<String>,
    /// web or shell.
    pub door: &'a str,
    /// The network.
    pub network: &'a str,
    /// What, in words.
    pub act: &'a str,
    /// On what.
    pub object: &'a str,
    /// Where that is to be seen.
    pub object_href: Option<String>,
    /// A few facts.
    pub facts: String,
}

/// Which lines are shown, as it was asked for; and what there is to choose from.
pub struct Filter<'a> {
    /// An account, or the operator.
    pub who: &'a str,
    /// An act.
    pub act: &'a str,
    /// A kind and an id.
    pub object: &'a str,
    /// A day.
    pub from: &'a str,
    /// A day.
    pub until: &'a str,
    /// Words.
    pub q: &'a str,
    /// Those who run the site: what is sent, and what they are called.
    pub staff: &'a [(String, &'a str)],
    /// Every act: its name and its words.
    pub acts: &'a [(&'a str, &'a str)],
}

impl Filter<'_> {
    fn pairs<'b>(&'b self, before: &'b str) -> [(&'static str, &'b str); 7] {
        [
            ("who", self.who),
            ("act", self.act),
            ("object", self.object),
            ("from", self.from),
            ("until", self.until),
            ("q", self.q),
            ("before", before),
        ]
    }

    fn path(&self, before: &str) -> String {
        paths::admin_audit_where(&self.pairs(before))
    }
}

/// The log, the last line first. `older` is the cursor of the next page; `first` is false on every page but the newest.
pub fn index(rows: &[Row<'_>], filter: &Filter<'_>, older: Option<Uuid>, first: bool) -> View {
    let main = html! {
        header.page-head {
            h1 { "What was done, and by whom" }
            p { "Each line was written with the deed, and none is ever changed." }
            p.actions { a.quiet href=(paths::admin_audit_export(&filter.pairs(""))) { "Take these along (CSV)" } }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "Nothing." } } @else { (table(rows)) }
        (pager((!first).then(|| filter.path("")), older.map(|id| filter.path(&id.to_string()))))
    };
    page("What was done", &paths::admin_audit(), main)
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    let choice = |value, label| Choice { value, label, hint: "" };
    let staff = [choice("", "Anyone"), choice("operator", "The operator")].into_iter();
    let staff = staff.chain(filter.staff.iter().map(|(id, name)| choice(id, name)));
    let acts = std::iter::once(choice("", "Anything"));
    let acts = acts.chain(filter.acts.iter().map(|(name, words)| choice(name, words)));
    html! {
        form.filter method="get" action=(paths::admin_audit()) role="search" {
            (form::search(&state, "q", "Search").optional().stored(filter.q))
            (form::select(&state, "who", "Who", staff).stored(filter.who))
            (form::select(&state, "act", "What", acts).stored(filter.act))
            (form::text(&state, "object", "On what").optional().stored(filter.object).autocomplete("off"))
            (form::date(&state, "from", "From").optional().stored(filter.from))
            (form::date(&state, "until", "Until").optional().stored(filter.until))
            p.actions {
                button type="submit" { "Show" }
                a.quiet href=(paths::admin_audit()) { "Clear" }
            }
        }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "When" }
                    th scope="col" { "Who" }
                    th scope="col" { "What" }
                    th scope="col" { "On what" }
                    th scope="col" { "From where" }
                }
            }
            tbody { @for row in rows { (line(row)) } }
        }
    }
}

fn line(row: &Row<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { (format::moment(row.at)) }
            td data-label="Who" { (linked(row.href.as_deref(), row.name)) }
            td data-label="What" {
                (row.act)
                @if !row.facts.is_empty() { span.sub dir="auto" { (row.facts) } }
            }
            td data-label="On what" { (linked(row.object_href.as_deref(), row.object)) }
            td data-label="From where" { (row.door) @if !row.network.is_empty() { span.sub { (row.network) } } }
        }
    }
}

fn linked(href: Option<&str>, words: &str) -> Markup {
    html! {
        @match href {
            Some(href) => a dir="auto" href=(href) { (words) },
            None => bdi { (words) },
        }
    }
}
