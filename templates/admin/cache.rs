//! The page cache, for the people who run the site: what is kept, whether it is true, and why not.

use super::{badge, page};
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use std::time::Duration;
use time::OffsetDateTime;

/// What is kept in all, on the instance that answers.
pub struct Totals {
    /// How many pages.
    pub pages: usize,
    /// How many addresses at which there is nothing.
    pub absences: usize,
    /// What all of it takes, in bytes.
    pub bytes: u64,
    /// What it may take.
    pub most_bytes: u64,
    /// How many answers were given without rendering.
    pub served: u64,
    /// How many pages were rendered.
    pub rendered: u64,
}

/// A kept page.
pub struct Kept {
    /// Where.
    pub address: String,
    /// Whether there is a page; if not, that is kept.
    pub exists: bool,
    /// Whether it may be served, as a word.
    pub state: &'static str,
    /// How often it was asked for.
    pub hits: u32,
    /// What it takes, in bytes.
    pub bytes: usize,
    /// How long ago it was rendered.
    pub age: Duration,
    /// What it depends on.
    pub tags: Vec<String>,
}

/// A change that a kept page does not show yet.
pub struct Cause {
    /// What it touched.
    pub tag: String,
    /// The transaction.
    pub xid: u64,
    /// When it was written.
    pub at: OffsetDateTime,
    /// Whether the old page must not be shown any more even while the database is away.
    pub hard: bool,
}

/// Which kept pages are listed.
pub struct Filter<'a> {
    /// Only those whose address contains this.
    pub q: &'a str,
    /// Only those that depend on one of these.
    pub tags: &'a [String],
}

/// The list. `count` is how many pages match; `rows` are those of them that are asked for most.
pub fn index(
    totals: &Totals,
    filter: &Filter<'_>,
    rows: &[Kept],
    count: usize,
    blank: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            h1 { "Kept pages" }
            p { "Pages are kept until something they show changes, whoever changes it. This is what the instance that answers you keeps." }
        }
        (figures(totals))
        (filter_form(filter))
        @if rows.is_empty() {
            p.empty { @if filter.is_set() { "No kept page matches." } @else { "Nothing is kept yet." } }
        } @else {
            @if count > rows.len() {
                p.meta { "The " (rows.len()) " asked for most, of " (count) "." }
            }
            (table(rows, blank))
        }
        div.panel.narrow {
            h2 { "Render again" }
            p { "On every instance, when it is next asked for." }
            (drop_field(blank, filter.tags.first().map_or("", String::as_str)))
            (drop_button(blank, "*", "Render everything again"))
        }
    };
    page("Kept pages", &paths::admin_cache(), main)
}

/// The form alone, with what was wrong.
pub fn refused(state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_cache()) { "All kept pages" } }
            h1 { "Render again" }
        }
        div.panel.narrow { (drop_field(state, "")) }
    };
    page(&form::title(state, "Render again"), &paths::admin_cache_drop(), main)
}

/// One address: what is kept there, and what it does not show yet.
pub fn show(address: &str, kept: Option<&Kept>, causes: &[Cause], blank: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_cache()) { "All kept pages" } }
            h1 { "Why is it " @if kept.is_some_and(|kept| kept.state == "fresh") { "fresh" } @else { "not fresh" } "?" }
            // Only what is kept is known to be an address of ours.
            p.meta { @if let Some(kept) = kept { (badge(kept.state)) a href=(address) { (address) } } @else { bdi { (address) } } }
        }
        @match kept {
            None => { p { "Nothing is kept for this address: nobody has asked for it since this instance was started, or there was no more room for it." } }
            Some(kept) => {
                p { (reason(kept, causes)) }
                @if !causes.is_empty() { (cause_table(causes)) }
                section aria-labelledby="details" {
                    h2 #details { "Details" }
                    dl.details {
                        dt { "Rendered" } dd { (ago(kept.age)) }
                        dt { "Asked for" } dd { (kept.hits) }
                        dt { "Size" } dd { (format::size(kept.bytes as u64)) }
                        dt { "Depends on" } dd { (tag_links(&kept.tags)) }
                    }
                }
                (drop_button(blank, &format!("path:{address}"), "Render it again"))
            }
        }
    };
    page("Why", &paths::admin_cache_page(address), main)
}

fn reason(kept: &Kept, causes: &[Cause]) -> &'static str {
    match kept.state {
        "fresh" => "Nothing that it depends on has changed since it was rendered.",
        "due" => "The moment has come at which something on it changes by itself.",
        _ if causes.is_empty() => {
            "This instance may have missed something: the database was restarted after a crash, or could not be asked for long."
        }
        _ => {
            "These changes were made since it was rendered. Whoever asks for it next gets it rendered again."
        }
    }
}

impl Filter<'_> {
    fn is_set(&self) -> bool {
        !self.q.is_empty() || !self.tags.is_empty()
    }
}

fn figures(totals: &Totals) -> Markup {
    let all = totals.served + totals.rendered;
    let rate = totals.served.saturating_mul(100).checked_div(all).unwrap_or(0);
    html! {
        dl.figures {
            div { dt { "Pages" } dd { (totals.pages) } }
            div { dt { "Addresses without a page" } dd { (totals.absences) } }
            div { dt { "Space" } dd { (format::size(totals.bytes)) " of " (format::size(totals.most_bytes)) } }
            div { dt { "Answered from here" } dd { (rate) " % of " (all) } }
        }
    }
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let state = FormState::default();
    let tags = filter.tags.join(" ");
    html! {
        form.filter method="get" action=(paths::admin_cache()) role="search" {
            (form::search(&state, "q", "Address").optional().stored(filter.q))
            (form::text(&state, "tags", "Depends on").optional().stored(&tags))
            p.actions {
                button type="submit" { "Show" }
                @if filter.is_set() { a.quiet href=(paths::admin_cache()) { "Clear" } }
            }
        }
    }
}

fn table(rows: &[Kept], blank: &FormState) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Address" }
                    th scope="col" { "State" }
                    th scope="col" { "Asked for" }
                    th scope="col" { "Size" }
                    th scope="col" { "Rendered" }
                    th scope="col" { "Depends on" }
                    th scope="col" { span.visually-hidden { "Action" } }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(row.address) { (row.address) }
                            @if !row.exists { span.sub { "Nothing is there" } }
                        }
                        td data-label="State" {
                            (badge(row.state)) " "
                            a.sub href=(paths::admin_cache_page(&row.address)) { "Why?" span.visually-hidden { " " (row.address) } }
                        }
                        td.number data-label="Asked for" { (row.hits) }
                        td.number data-label="Size" { (format::size(row.bytes as u64)) }
                        td.number data-label="Rendered" { (ago(row.age)) }
                        td.wide data-label="Depends on" { (tag_links(&row.tags)) }
                        td { (drop_button(blank, &format!("path:{}", row.address), "Render again")) }
                    }
                }
            }
        }
    }
}

fn cause_table(causes: &[Cause]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "Transaction" }
                    th scope="col" { "When" }
                    th scope="col" { "Withdrawn" }
                }
            }
            tbody {
                @for cause in causes {
                    tr {
                        th scope="row" { (cause.tag) }
                        td data-label="Transaction" { (cause.xid) }
                        td data-label="When" { (format::moment(cause.at)) }
                        td data-label="Withdrawn" { @if cause.hard { "yes" } @else { "no" } }
                    }
                }
            }
        }
    }
}

fn tag_links(tags: &[String]) -> Markup {
    html! {
        @for (index, tag) in tags.iter().enumerate() {
            @if index > 0 { ", " }
            a href=(paths::admin_cache_where(&[("tags", tag)])) { (tag) }
        }
        @if tags.is_empty() { "nothing that changes" }
    }
}

fn drop_field(state: &FormState, stored: &str) -> Markup {
    let hint = "posts, post:ID, topics, topic:SLUG, page:NAME, path:/ADDRESS, or * for everything.";
    form::Form::new(state)
        .action(paths::admin_cache_drop())
        .button("Render again", "Marking…")
        .show(html! { (form::text(state, "tag", "What depends on").hint(hint).stored(stored)) })
}

fn drop_button(blank: &FormState, tag: &str, label: &str) -> Markup {
    html! {
        form.inline method="post" action=(paths::admin_cache_drop()) {
            (form::submission(blank.submission().unwrap_or_default()))
            (form::hidden(&FormState::default(), "tag", tag))
            button.quiet type="submit" data-pending="Marking…" {
                (label) @if let Some(address) = tag.strip_prefix("path:") { span.visually-hidden { " " (address) } }
            }
        }
    }
}

fn ago(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7199 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_in_the_largest_unit_that_fits() {
        let ages = [0, 119, 120, 7199, 7200].map(|age| ago(Duration::from_secs(age)));
        assert_eq!(ages, ["0 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago"]);
    }
}
