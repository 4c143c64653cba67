//! What staff see.

pub mod cache;
pub mod issues;
pub mod leads;
pub mod notices;
pub mod outbox;
pub mod people;
pub mod posts;
pub mod runs;
pub mod subscribers;

use crate::{View, paths};
use maud::{Markup, html};

/// The first page after signing in. Each count is a label, a number and the page that lists what was counted.
pub fn dashboard(counts: &[(&str, i64, String)]) -> View {
    let main = html! {
        header.page-head { h1 { "Desk" } }
        ul.counts {
            @for (label, count, href) in counts {
                li { a href=(href) { strong { (count) } span { (label) } } }
            }
        }
        p.actions {
            a.button href=(paths::admin_new_post()) { "Write a post" }
            a.quiet href=(paths::admin_leads()) { "See all leads" }
        }
        (rooms())
    };
    page("Desk", &paths::admin(), main)
}

/// What is not needed every day.
fn rooms() -> Markup {
    let rooms = [
        (paths::admin_notices(), "Notices", "What you are told by mail, and when."),
        (
            paths::admin_people(),
            "One person",
            "What is kept about somebody: hand it out, erase it.",
        ),
        (paths::admin_runs(), "Runs", "What happens by the clock."),
        (paths::admin_cache(), "Kept pages", "What visitors are shown, and why."),
    ];
    html! {
        section {
            div.section-head { h2 { "In the back room" } }
            dl.details {
                @for (path, name, words) in &rooms { dt { a href=(path) { (name) } } dd { (words) } }
            }
        }
    }
}

/// A page that is nobody else's business.
fn page(title: &str, path: &str, main: Markup) -> View {
    View::new(title, main).canonical(path).noindex()
}

/// A status as a word in its colour.
fn badge(status: &str) -> Markup {
    html! { span class={ "badge badge-" (status) } { (status) } }
}

/// The way through a list that is paged by cursor.
fn pager(newest: Option<String>, older: Option<String>) -> Markup {
    html! {
        @if newest.is_some() || older.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(path) = newest { a.newer href=(path) { "Newest" } }
                @if let Some(path) = older { a.older rel="next" href=(path) { "Older" } }
            }
        }
    }
}
