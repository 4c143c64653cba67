//! What staff see.

pub mod audit;
pub mod cache;
pub mod imports;
pub mod inbox;
pub mod issues;
pub mod keys;
pub mod leads;
pub mod ledger;
pub mod notices;
pub mod orders;
pub mod outbox;
pub mod people;
pub mod posts;
pub mod products;
pub mod routes;
pub mod runs;
pub mod settings;
pub mod staff;
pub mod subscribers;
pub mod webhooks;

use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// The first page after signing in. Each count is a label, a number and the page that lists what was counted.
pub fn dashboard(counts: &[(&str, i64, String)], is_owner: bool) -> View {
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
            @if is_owner { a.quiet href=(paths::admin_routes()) { "Routes" } }
        }
        (rooms(is_owner))
    };
    page("Desk", &paths::admin(), main)
}

/// What is not needed every day.
fn rooms(is_owner: bool) -> Markup {
    let rooms = [
        (paths::admin_orders(), "Orders", "What was bought, and what became of it."),
        (paths::admin_products(), "Products", "What there is to buy."),
        (paths::admin_notices(), "Notices", "What you are told by mail, and when."),
        (paths::admin_runs(), "Runs", "What happens by the clock."),
        (paths::admin_inbox(), "Inbox", "What other programs have told this site."),
        (paths::admin_cache(), "Kept pages", "What visitors are shown, and why."),
    ];
    let for_owners = [
        (paths::admin_staff(), "Staff", "Who runs the site."),
        (paths::admin_audit(), "Audit log", "What was done, by whom, and when."),
        (
            paths::admin_people(),
            "One person",
            "What is kept about somebody: hand it out, erase it.",
        ),
        (paths::admin_ledger(), "Ledger", "What was paid, and what went back."),
        (paths::admin_keys(), "API keys", "What partners’ programs may do here."),
        (paths::admin_webhooks(), "Webhooks", "Who is told of what happens here."),
        (paths::admin_settings(), "Settings", "What the site does by itself."),
    ];
    html! {
        section {
            div.section-head { h2 { "In the back room" } }
            dl.details {
                @for (path, name, words) in rooms.iter().chain(for_owners.iter().filter(|_| is_owner)) { dt { a href=(path) { (name) } } dd { (words) } }
            }
        }
    }
}

/// A page that is nobody else's business.
fn page(title: &str, path: &str, main: Markup) -> View {
    View::new(title, main).canonical(path).noindex()
}

/// A status as a word in its colour.
pub(crate) fn badge(status: &str) -> Markup {
    html! { span class={ "badge badge-" (status) } { (status) } }
}

/// Which text is being changed, by when it was last saved.
fn version(saved_at: OffsetDateTime, state: &FormState) -> Markup {
    seen("version", &format::exact(saved_at), state)
}

/// What whoever fills in the form has seen. Once they have been told that it is something else by now, it is that.
fn seen(name: &str, now: &str, state: &FormState) -> Markup {
    let told = state.errors(name);
    let told = FormState::new(Vec::new(), [(name.to_owned(), told.to_vec())].into());
    let state = if state.errors(name).is_empty() { state } else { &told };
    form::hidden(state, name, now)
}

/// The way through a list that is paged by cursor.
pub(crate) fn pager(newest: Option<String>, older: Option<String>) -> Markup {
    html! {
        @if newest.is_some() || older.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(path) = newest { a.newer href=(path) { "Newest" } }
                @if let Some(path) = older { a.older rel="next" href=(path) { "Older" } }
            }
        }
    }
}
