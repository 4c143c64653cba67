//! Lists of subscribers that are brought over: the form, and what became of each.

use super::{badge, page};
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A list that was brought over.
pub struct Brought<'a> {
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// By whom.
    pub by: &'a str,
    /// On whose word.
    pub consent: &'a str,
    /// How many get mail since.
    pub added: i32,
    /// How many were here already.
    pub skipped: i32,
    /// How many stay away.
    pub refused: i32,
}

/// A line by which nobody was added.
pub struct Line<'a> {
    /// Its number.
    pub line: i32,
    /// skipped or refused.
    pub outcome: &'a str,
    /// Why, in words.
    pub why: &'a str,
    /// Who, while they are on the list.
    pub subscriber: Option<(Uuid, &'a str)>,
}

/// The form that brings many over, and the last times it was used.
pub fn import(earlier: &[Brought<'_>], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_subscribers()) { "All subscribers" } }
            h1 { "Bring many over" }
            p { "Only people who have agreed to get mail from you. They are not asked again. Whoever is here already, or has left, stays as they are." }
        }
        div.panel {
            (form::Form::new(state).action(paths::admin_import_subscribers()).button("Bring them over", "Reading…").show(html! {
                (form::textarea(state, "csv", "People", 12)
                    .hint("One a line, as a table with commas: email, topics, digest, time_zone. Only the address is needed; a first line may name the columns. At most 5,000. Where a line cannot be used, nobody is brought over until it is put right."))
                (form::text(state, "consent", "Their consent").hint("Where and when they agreed, such as: sign-up sheet at the fair, May 2026. It is kept with each of them."))
            }))
        }
        @if !earlier.is_empty() {
            section aria-labelledby="earlier" {
                h2 #earlier { "Brought over before" }
                (table(earlier))
            }
        }
    };
    page(&form::title(state, "Bring many over"), &paths::admin_import_subscribers(), main)
}

fn table(earlier: &[Brought<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "When" }
                    th scope="col" { "By" }
                    th scope="col" { "Added" }
                    th scope="col" { "Skipped" }
                    th scope="col" { "Refused" }
                }
            }
            tbody {
                @for one in earlier {
                    tr {
                        th scope="row" {
                            a href=(paths::admin_import(one.id)) { (format::moment(one.at)) }
                            span.sub dir="auto" { (one.consent) }
                        }
                        td data-label="By" dir="auto" { (one.by) }
                        td.number data-label="Added" { (one.added) }
                        td.number data-label="Skipped" { (one.skipped) }
                        td.number data-label="Refused" { (one.refused) }
                    }
                }
            }
        }
    }
}

/// What became of one list: how many were added, and by which lines nobody was.
pub fn show(one: &Brought<'_>, lines: &[Line<'_>]) -> View {
    let left_out = usize::try_from(one.skipped + one.refused).unwrap_or_default();
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_import_subscribers()) { "Bring others over" } }
            h1 { "What became of the list" }
            p.meta { span { (format::moment(one.at)) } span { "by " bdi { (one.by) } } }
            p dir="auto" { (one.consent) }
        }
        ul.counts {
            li { div { strong { (one.added) } span { "added" } } }
            li { div { strong { (one.skipped) } span { "skipped: here already" } } }
            li { div { strong { (one.refused) } span { "refused: they stay away" } } }
        }
        @if !lines.is_empty() {
            section aria-labelledby="lines" {
                h2 #lines { "Lines by which nobody was added" }
                (told(lines))
                @if left_out > lines.len() { p { "And " (left_out - lines.len()) " more." } }
            }
        }
        p { a href=(paths::admin_subscribers()) { "See all subscribers" } }
    };
    page("What became of the list", &paths::admin_import(one.id), main)
}

fn told(lines: &[Line<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Line" }
                    th scope="col" { "What" }
                    th scope="col" { "Why" }
                }
            }
            tbody {
                @for line in lines {
                    tr {
                        th scope="row" {
                            "Line " (line.line)
                            span.sub {
                                @match line.subscriber {
                                    Some((id, email)) => a dir="auto" href=(paths::admin_subscriber(id)) { (email) },
                                    None => "Not on the list",
                                }
                            }
                        }
                        td data-label="What" { (badge(line.outcome)) }
                        td data-label="Why" { (line.why) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted() {
        let one = Brought {
            id: Uuid::from_u128(7),
            at: OffsetDateTime::UNIX_EPOCH,
            by: "Ada <3",
            consent: "The fair",
            added: 5,
            skipped: 40,
            refused: 3,
        };
        let line = Line { line: 2, outcome: "refused", why: "They have left.", subscriber: None };
        let html = show(&one, &[line]).main.into_string();
        assert!(
            html.contains("Line 2") && html.contains("And 42 more.") && html.contains("Ada &lt;3")
        );
        let html = show(&Brought { skipped: 0, refused: 0, ..one }, &[]).main.into_string();
        assert!(!html.contains("Lines by which") && !html.contains("more."));
    }
}
