//! What is kept about one person: to be handed out, or deleted.

use super::page;
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// Someone who was looked for.
pub struct Person<'a> {
    /// Their address.
    pub email: &'a str,
    /// How many rows each table has about them.
    pub counts: Vec<(String, i64)>,
}

/// That someone was erased.
pub struct Erasure {
    /// When.
    pub at: OffsetDateTime,
    /// By whom.
    pub by: String,
    /// How many rows of what.
    pub counts: Vec<(String, i64)>,
}

/// The search, what was found, and the last erasures.
pub fn index(
    asked: &str,
    person: Option<&Person<'_>>,
    erasures: &[Erasure],
    state: &FormState,
) -> View {
    let blank = FormState::default();
    let main = html! {
        header.page-head {
            h1 { "One person" }
            p { "Everything that is kept about whoever has an address: to be handed out to them, or deleted at their wish." }
        }
        form.filter method="get" action=(paths::admin_people()) role="search" {
            (form::search(&blank, "email", "Address").stored(asked))
            p.actions { button type="submit" { "Look" } }
        }
        @match person {
            Some(person) => (found(person, state)),
            None if !asked.is_empty() => p.empty { "This is no address." },
            None => {},
        }
        h2 { "Who was erased" }
        @if erasures.is_empty() { p.empty { "Nobody yet." } } @else { (table(erasures)) }
    };
    page(&form::title(state, "One person"), &paths::admin_people(), main)
}

fn found(person: &Person<'_>, state: &FormState) -> Markup {
    let nothing = person.counts.iter().all(|(_, count)| *count == 0);
    html! {
        section aria-labelledby="found" {
            h2 #found { "About " bdi { (person.email) } }
            ul.counts {
                @for (table, count) in &person.counts { li { div { strong { (count) } span { (table) } } } }
            }
            @if nothing { p.empty { "Nothing is kept about them." } } @else {
                p.actions { a.button href=(paths::admin_person_export(person.email)) { "Hand out as JSON" } }
                div.panel.narrow {
                    h3 { "Erase" }
                    p { "This cannot be taken back. What they wrote is deleted, mail to them is not sent any more, and what was sent does not say to whom." }
                    (form::Form::new(state).action(paths::admin_person_erase()).button("Erase them", "Erasing…").show(html! {
                        (form::hidden(state, "email", person.email))
                        (form::text(state, "confirmation", "Their address once more").autocomplete("off"))
                    }))
                }
            }
        }
    }
}

fn table(erasures: &[Erasure]) -> Markup {
    html! {
        table.stacked {
            thead { tr { th scope="col" { "When" } th scope="col" { "By" } th scope="col" { "What" } } }
            tbody {
                @for erasure in erasures {
                    tr {
                        th scope="row" { (format::moment(erasure.at)) }
                        td data-label="By" { (erasure.by) }
                        td data-label="What" { (said(&erasure.counts)) }
                    }
                }
            }
        }
    }
}

fn said(counts: &[(String, i64)]) -> String {
    let said: Vec<String> =
        counts.iter().map(|(table, count)| format!("{table} {count}")).collect();
    said.join(", ")
}
