//! API keys: the list, one of them, the form that makes one, and the page that shows a secret, once.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A key, without its secret.
pub struct Key<'a> {
    /// Which.
    pub id: Uuid,
    /// Whose it is.
    pub name: &'a str,
    /// Its beginning.
    pub prefix: &'a str,
    /// Whether it is for tests.
    pub test: bool,
    /// What it may do.
    pub scopes: &'a [String],
    /// Whether it opens anything.
    pub state: &'a str,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Until when it is good.
    pub expires_at: Option<OffsetDateTime>,
    /// When its secret was replaced.
    pub rotated_at: Option<OffsetDateTime>,
    /// Since when it is refused.
    pub revoked_at: Option<OffsetDateTime>,
    /// Where it may come from.
    pub allowed: &'a [String],
    /// The sites whose scripts may send it.
    pub origins: &'a [String],
    /// How many requests a minute.
    pub per_minute: Option<i32>,
    /// How many a day.
    pub per_day: Option<i32>,
    /// How many there were today.
    pub used_today: Option<i32>,
    /// When and where it was last used.
    pub last_used: Option<(OffsetDateTime, &'a str)>,
}

/// What a key can be given: the name, what it lets a program do, and whether a key for tests can have it.
pub type Scope<'a> = (&'a str, &'a str, bool);

/// The list, newest first.
pub fn index(keys: &[Key<'_>], older: Option<Uuid>, first: bool) -> View {
    let main = html! {
        header.page-head {
            h1 { "API keys" }
            p { "With a key a partner’s program does here what you let it do. " a href=(paths::callers()) { "Who else is calling" } }
        }
        p.actions { a.button href=(paths::admin_new_key()) { "Make a key" } }
        @if keys.is_empty() {
            p.empty { "No keys yet." }
        } @else {
            (table(keys))
        }
        (pager((!first).then(paths::admin_keys), older.map(paths::admin_keys_before)))
    };
    page("API keys", &paths::admin_keys(), main)
}

fn table(keys: &[Key<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Whose" }
                    th scope="col" { "May" }
                    th scope="col" { "State" }
                    th scope="col" { "Good until" }
                    th scope="col" { "Last used" }
                }
            }
            tbody {
                @for key in keys {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_key(key.id)) { (key.name) }
                            span.sub { code { (key.prefix) "…" } }
                        }
                        td data-label="May" { (key.scopes.join(", ")) }
                        td data-label="State" { div { (state(key)) } }
                        td data-label="Good until" { (until(key)) }
                        td data-label="Last used" { div { (last_used(key)) } }
                    }
                }
            }
        }
    }
}

fn state(key: &Key<'_>) -> Markup {
    html! { (badge(key.state)) @if key.test { " " (badge("test")) } }
}

fn until(key: &Key<'_>) -> Markup {
    html! { @match key.expires_at { Some(at) => (format::moment(at)), None => "you revoke it" } }
}

fn last_used(key: &Key<'_>) -> Markup {
    html! {
        @match key.last_used {
            Some((at, network)) => { (format::moment(at)) span.sub { "from " (network) } }
            None => "never",
        }
    }
}

const KINDS: [Choice<'static>; 2] = [
    Choice { value: "live", label: "Live", hint: "What it does is in earnest." },
    Choice {
        value: "test",
        label: "Test",
        hint: "To try things out: leads it hands in are marked, nobody is told, and they go by themselves after thirty days.",
    },
];

/// The form that makes one.
pub fn new(state: &FormState, scopes: &[Scope<'_>], expiries: &[(&str, &str)]) -> View {
    let label = |(name, words, test): &Scope<'_>| {
        format!("{words} ({name}{})", if *test { "" } else { "; live keys alone" })
    };
    let labels: Vec<String> = scopes.iter().map(label).collect();
    let boxes = scopes.iter().zip(&labels);
    let boxes: Vec<_> = boxes.map(|((name, ..), label)| (*name, label.as_str(), false)).collect();
    let expiries: Vec<_> =
        expiries.iter().map(|(value, label)| Choice { value, label, hint: "" }).collect();
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_keys()) { "API keys" } }
            h1 { "Make a key" }
        }
        div.panel.narrow {
            (form::Form::new(state).native(true).action(paths::admin_new_key()).button("Make it", "One moment…").show(html! {
                (form::text(state, "name", "Name").hint("Whose key it is, so that you know it again."))
                (form::choice(state, "kind", "Kind", &KINDS).stored("live"))
                (form::checkboxes(state, "scopes", "It may", "No more than is needed.", &boxes))
                (form::select(state, "expires", "Good for", expiries).stored("1-year"))
                (form::date(state, "expires_on", "Last day").optional().hint("Where you have chosen a day above, as in 2027-01-31 (UTC)."))
                (form::textarea(state, "allowed", "Only from", 3).optional().hint("Addresses and networks that it may come from, one a line, such as 203.0.113.7 or 2001:db8::/32. Empty: from anywhere."))
                (form::textarea(state, "origins", "For scripts of these sites", 3).optional().hint("Their origins, one a line, such as https://shop.example. Anyone who reads a page of theirs has the key, so it opens nothing then but what scripts may call: handing in leads, reading posts. Empty: for programs."))
                (form::text(state, "per_minute", "Requests a minute").optional().hint("Empty: as many as anyone may make."))
                (form::text(state, "per_day", "Requests a day").optional().hint("From midnight to midnight, UTC. Empty: any number."))
            }))
        }
    };
    page(&form::title(state, "Make a key"), &paths::admin_new_key(), main)
}

/// The page that shows a secret, the only one that ever does. `words` say what becomes of the one it replaces.
pub fn secret(id: Uuid, name: &str, secret: &str, words: &str) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_keys()) { "API keys" } }
            h1 { "Keep this key now" }
            p.lede { "It is for " bdi { (name) } ". It is shown here and never again: we keep nothing it could be read from." }
        }
        div.panel.small {
            p { code.api-key #secret { (secret) } }
            p { (words) }
            p.hint { "Programs send it with each request: " code { "x-api-key: …" } }
            p.actions { a.button href=(paths::admin_key(id)) { "I have kept it" } }
        }
    };
    page("Keep this key now", &paths::admin_key(id), main)
}

/// One key, with the form that gives it another secret and the one that ends it. `old` are the beginnings of secrets that are
/// good still, and until when.
pub fn show(
    key: &Key<'_>,
    old: &[(&str, OffsetDateTime)],
    rotation: &FormState,
    button: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_keys()) { "API keys" } }
            h1 dir="auto" { (key.name) }
            p.meta {
                (state(key))
                a href=(paths::admin_audit_where(&[("object", &format!("key:{}", key.id))])) { "What was done with it" }
            }
        }
        div.columns {
            div { (details(key, old)) }
            div {
                @if key.state == "good" { div.panel.small { (replacing(key.id, rotation)) } }
                @if key.revoked_at.is_none() { div.panel.small { (ending(key.id, button)) } }
                @else if key.state != "good" { p { a href=(paths::admin_new_key()) { "Make another key" } } }
            }
        }
    };
    let erroneous = if button.has_errors() { button } else { rotation };
    page(&form::title(erroneous, key.name), &paths::admin_key(key.id), main)
}

const OVERLAPS: [Choice<'static>; 4] = [
    Choice { value: "now", label: "Not at all", hint: "Somebody else may have it." },
    Choice { value: "1-hour", label: "An hour", hint: "" },
    Choice { value: "24-hours", label: "A day", hint: "" },
    Choice { value: "7-days", label: "A week", hint: "" },
];

fn replacing(id: Uuid, state: &FormState) -> Markup {
    html! {
        h2 { "Replace the secret" }
        p { "You are shown a new one. All else about the key stays as it is." }
        (form::Form::new(state).native(true).action(paths::admin_key_rotate(id)).button("Replace it", "One moment…").show(html! {
            (form::choice(state, "overlap", "The old one is good for", &OVERLAPS).stored("24-hours"))
        }))
    }
}

fn ending(id: Uuid, state: &FormState) -> Markup {
    html! {
        h2 { "Revoke it" }
        p { "It opens nothing any more, at once and for good. What it has handed in stays." }
        (form::Form::new(state).action(paths::admin_key_revoke(id)).button("Revoke it", "Saving…").show(html! {}))
    }
}

fn details(key: &Key<'_>, old: &[(&str, OffsetDateTime)]) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Begins with" } dd { code { (key.prefix) } }
                @for (prefix, until) in old { dd { code { (prefix) } " is good until " (format::moment(*until)) } }
                dt { "May" } @for scope in key.scopes { dd { (scope) } }
                dt { "Made" } dd { (format::moment(key.created_at)) }
                @if let Some(at) = key.rotated_at { dt { "Replaced" } dd { (format::moment(at)) } }
                @if let Some(at) = key.revoked_at { dt { "Revoked" } dd { (format::moment(at)) } }
                dt { "Good until" } dd { (until(key)) }
                dt { "Only from" }
                @if key.allowed.is_empty() { dd { "anywhere" } }
                @for network in key.allowed { dd { (network) } }
                @if !key.origins.is_empty() { dt { "For scripts of" } }
                @for origin in key.origins { dd { (origin) } }
                dt { "Requests a minute" }
                dd { @match key.per_minute { Some(most) => { (most) ", at each instance" }, None => "as many as anyone" } }
                dt { "Requests a day" }
                dd { @match key.per_day { Some(most) => { (key.used_today.unwrap_or_default()) " of " (most) " today" }, None => "any number" } }
                dt { "Last used" } dd { (last_used(key)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_says_what_each_scope_lets_a_program_do() {
        let scopes = [("leads:write", "Hand in leads.", true), ("posts:write", "Write.", false)];
        let html = new(&FormState::default(), &scopes, &[("never", "For ever")]).main.into_string();
        assert!(html.contains("Hand in leads. (leads:write)"), "{html}");
        assert!(html.contains("Write. (posts:write; live keys alone)"), "{html}");
        assert!(html.contains("data-native"), "its answer is a page");
    }
}
