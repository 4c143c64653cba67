//! Webhooks: the list, one of them with what was sent there, and the forms that make and change one.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// Where events are sent to.
pub struct Webhook<'a> {
    /// Which.
    pub id: Uuid,
    /// What it is for.
    pub name: &'a str,
    /// Where.
    pub url: &'a str,
    /// Of what it is told.
    pub types: &'a [String],
    /// on, paused or disabled.
    pub state: &'a str,
    /// Why it is disabled.
    pub remark: Option<&'a str>,
    /// Since when nothing has arrived.
    pub failing_since: Option<OffsetDateTime>,
    /// How much waits.
    pub waiting: i64,
    /// Whose it is, where it is a partner's.
    pub key: Option<&'a str>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// Something that was sent, or is to be.
pub struct Delivery<'a> {
    /// Which.
    pub id: Uuid,
    /// Where.
    pub webhook: Uuid,
    /// What the receiver knows it by.
    pub message: Uuid,
    /// What it tells of.
    pub kind: &'a str,
    /// Of which object.
    pub object: Uuid,
    /// Which event of that it is.
    pub sequence: i64,
    /// waiting, delivered, failed or dropped.
    pub state: &'a str,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried again.
    pub due_at: Option<OffsetDateTime>,
    /// What became of it.
    pub remark: Option<&'a str>,
    /// When it happened.
    pub created_at: OffsetDateTime,
}

/// A time it was tried: when, what was answered, how long that took in milliseconds, and how the answer begins.
pub type Try<'a> = (OffsetDateTime, Option<i16>, i32, &'a str);

/// A type of events: its name, and when it is told.
pub type Type = (&'static str, &'static str);

/// The list, newest first.
pub fn index(webhooks: &[Webhook<'_>], older: Option<Uuid>, first: bool) -> View {
    let main = html! {
        header.page-head {
            h1 { "Webhooks" }
            p { "Programs elsewhere that are told of what happens here, when it happens." }
        }
        p.actions { a.button href=(paths::admin_new_webhook()) { "Tell another" } }
        @if webhooks.is_empty() { p.empty { "Nobody is told." } } @else { (table(webhooks)) }
        (pager((!first).then(paths::admin_webhooks), older.map(paths::admin_webhooks_before)))
    };
    page("Webhooks", &paths::admin_webhooks(), main)
}

fn table(webhooks: &[Webhook<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Who" }
                    th scope="col" { "Is told of" }
                    th scope="col" { "State" }
                    th scope="col" { "Waiting" }
                }
            }
            tbody {
                @for webhook in webhooks {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_webhook(webhook.id)) { (webhook.name) }
                            span.sub { (whose(webhook)) }
                        }
                        td data-label="Is told of" { (webhook.types.join(", ")) }
                        td data-label="State" { div { (state(webhook)) } }
                        td.number data-label="Waiting" { (webhook.waiting) }
                    }
                }
            }
        }
    }
}

fn whose(webhook: &Webhook<'_>) -> Markup {
    html! { @match webhook.key { Some(key) => { "Of the partner " bdi { (key) } }, None => "Of this site" } }
}

fn state(webhook: &Webhook<'_>) -> Markup {
    html! {
        (badge(webhook.state))
        @if let Some(remark) = webhook.remark { span.sub { (remark) } }
        @else if let Some(since) = webhook.failing_since.filter(|_| webhook.state != "disabled") { span.sub { "Nothing arrives since " (format::moment(since)) } }
    }
}

/// The form that makes one.
pub fn new(state: &FormState, types: &[Type]) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_webhooks()) { "Webhooks" } }
            h1 { "Tell another" }
        }
        div.panel.narrow {
            (form::Form::new(state).native(true).action(paths::admin_new_webhook()).button("Make it", "One moment…").show(html! {
                (form::text(state, "name", "Name").hint("What it is for, so that you know it again."))
                (form::text(state, "url", "Address").hint("Where what has happened is posted to, such as https://example.com/hook."))
                (form::checkboxes(state, "types", "It is told of", "", &boxes(types, &[])))
            }))
        }
    };
    page(&form::title(state, "Tell another"), &paths::admin_new_webhook(), main)
}

fn boxes<'a>(types: &'a [Type], chosen: &[String]) -> Vec<(&'a str, &'a str, bool)> {
    let is_chosen = |name: &str| chosen.iter().any(|one| one == name);
    types.iter().map(|(name, words)| (*name, *words, is_chosen(name))).collect()
}

/// The form that changes one.
pub fn edit(state: &FormState, webhook: &Webhook<'_>, types: &[Type]) -> View {
    let title = format!("Change {}", webhook.name);
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_webhook(webhook.id)) dir="auto" { (webhook.name) } }
            h1 dir="auto" { (title) }
        }
        div.panel.narrow {
            (form::Form::new(state).action(paths::admin_webhook_edit(webhook.id)).button("Save", "Saving…").show(html! {
                (form::text(state, "name", "Name").stored(webhook.name))
                (form::text(state, "url", "Address").stored(webhook.url))
                (form::checkboxes(state, "types", "It is told of", "", &boxes(types, webhook.types)))
            }))
        }
    };
    page(&form::title(state, &title), &paths::admin_webhook_edit(webhook.id), main)
}

/// The page that shows a secret, the only one that ever does.
pub fn secret(id: Uuid, name: &str, secret: &str, words: &str) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_webhooks()) { "Webhooks" } }
            h1 { "Keep this secret now" }
            p.lede { "With it " bdi { (name) } " sees that what arrives is from this site (Standard Webhooks). It is shown here and never again." }
        }
        div.panel { p { code.key { (secret) } } p { (words) } }
        p.actions { a.button href=(paths::admin_webhook(id)) { "I have kept it" } }
    };
    page("Keep this secret now", &paths::admin_webhook(id), main)
}

/// Which part of its deliveries is shown.
pub struct Place<'a> {
    /// Only those in this state.
    pub state: &'a str,
    /// Where the next part begins.
    pub older: Option<Uuid>,
    /// Whether this is the first.
    pub first: bool,
}

/// The forms on its page.
pub struct Forms<'a> {
    /// That which replaces the secret.
    pub rotation: &'a FormState,
    /// That which sends once more what was given up.
    pub replay: &'a FormState,
    /// Those that are a button.
    pub button: &'a FormState,
}

/// One of them, with what was sent there.
pub fn show(
    webhook: &Webhook<'_>,
    deliveries: &[Delivery<'_>],
    place: &Place<'_>,
    forms: &Forms<'_>,
) -> View {
    let object = format!("webhook:{}", webhook.id);
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_webhooks()) { "Webhooks" } }
            h1 dir="auto" { (webhook.name) }
            p.meta { (state(webhook)) a href=(paths::admin_audit_where(&[("object", &object)])) { "What was done with it" } }
        }
        div.columns {
            div { (details(webhook)) (sent(webhook.id, deliveries, place)) }
            div {
                (buttons(webhook, forms.button))
                @if webhook.state == "on" { div.panel.small { (again(webhook.id, forms.replay)) } }
                div.panel.small { (replacing(webhook.id, forms.rotation)) }
                div.panel.small { (ending(webhook.id)) }
            }
        }
    };
    let erroneous = [forms.rotation, forms.replay, forms.button];
    let erroneous = erroneous.into_iter().find(|state| state.has_errors()).unwrap_or(forms.button);
    page(&form::title(erroneous, webhook.name), &paths::admin_webhook(webhook.id), main)
}

fn details(webhook: &Webhook<'_>) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Address" } dd { code { (webhook.url) } }
                dt { "Whose" } dd { (whose(webhook)) }
                dt { "Told of" } @for name in webhook.types { dd { (name) } }
                dt { "Waiting" } dd { (webhook.waiting) }
                dt { "Made" } dd { (format::moment(webhook.created_at)) }
            }
            p { a href=(paths::admin_webhook_edit(webhook.id)) { "Change it" } }
        }
    }
}

const STATES: [(&str, &str); 5] = [
    ("", "all"),
    ("waiting", "waiting"),
    ("delivered", "delivered"),
    ("failed", "failed"),
    ("dropped", "dropped"),
];

fn sent(webhook: Uuid, deliveries: &[Delivery<'_>], place: &Place<'_>) -> Markup {
    let part = |state: &str, after: &str| {
        paths::admin_webhook_where(webhook, &[("state", state), ("after", after)])
    };
    let newest = (!place.first).then(|| part(place.state, ""));
    html! {
        section aria-labelledby="sent" {
            h2 #sent { "What was sent" }
            p.meta {
                @for (state, words) in STATES {
                    @if state == place.state { strong { (words) } } @else { a href=(part(state, "")) { (words) } }
                    " "
                }
            }
            @if deliveries.is_empty() { p.empty { "Nothing here." } } @else { (deliveries_table(deliveries)) }
            (pager(newest, place.older.map(|id| part(place.state, &id.to_string()))))
        }
    }
}

fn deliveries_table(deliveries: &[Delivery<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "State" }
                    th scope="col" { "Tries" }
                    th scope="col" { "Happened" }
                }
            }
            tbody {
                @for delivery in deliveries {
                    tr {
                        th scope="row" { a href=(paths::admin_delivery(delivery.id)) { (delivery.kind) } }
                        td data-label="State" {
                            div {
                                (badge(delivery.state))
                                @if let Some(remark) = delivery.remark { span.sub dir="auto" { (format::shorten(remark, 120)) } }
                            }
                        }
                        td.number data-label="Tries" { (delivery.attempts) }
                        td data-label="Happened" { (format::moment(delivery.created_at)) }
                    }
                }
            }
        }
    }
}

fn buttons(webhook: &Webhook<'_>, state: &FormState) -> Markup {
    let button = |deed: &str, title: &str, says: &str, words: &'static str| {
        let action = paths::admin_webhook_deed(webhook.id, deed);
        html! {
            div.panel.small {
                h2 { (title) }
                p { (says) }
                (form::Form::new(state).action(action).button(words, "One moment…").show(html! {}))
            }
        }
    };
    let again = |says| button("enable", "Have it told again", says, "Tell it again");
    html! {
        @match webhook.state {
            "on" => {
                (button("ping", "Try it out", "Something is sent there at once that tells of nothing.", "Send a ping"))
                (button("pause", "Pause it", "What happens waits until you have it told again.", "Pause it"))
            }
            "paused" => (again("What waits goes there at once.")),
            _ => (again("Beginning with what happens from now on.")),
        }
        @if webhook.state != "disabled" {
            (button("disable", "Disable it", "What waits is given up, and what happens meanwhile is never told.", "Tell it nothing any more"))
        }
    }
}

fn again(webhook: Uuid, state: &FormState) -> Markup {
    html! {
        h2 { "Send again" }
        p { "What was given up is sent once more, the oldest first, up to 5,000 at once." }
        (form::Form::new(state).action(paths::admin_webhook_deed(webhook, "replay")).button("Send it again", "Asking…").show(html! {
            (form::text(state, "since", "Since").optional().hint("As in 2027-01-31 09:00 (UTC). Empty: all of it."))
        }))
    }
}

const OVERLAPS: [Choice<'static>; 4] = [
    Choice { value: "now", label: "Not at all", hint: "Somebody else may have it." },
    Choice { value: "1-hour", label: "An hour", hint: "" },
    Choice { value: "24-hours", label: "A day", hint: "" },
    Choice { value: "7-days", label: "A week", hint: "" },
];

fn replacing(webhook: Uuid, state: &FormState) -> Markup {
    html! {
        h2 { "Replace the secret" }
        p { "You are shown a new one. Meanwhile what is sent is signed with both." }
        (form::Form::new(state).native(true).action(paths::admin_webhook_deed(webhook, "rotate")).button("Replace it", "One moment…").show(html! {
            (form::choice(state, "overlap", "The old one is used for", &OVERLAPS).stored("24-hours"))
        }))
    }
}

fn ending(webhook: Uuid) -> Markup {
    let blank = FormState::default();
    html! {
        h2 { "Remove it" }
        p { "It is told nothing any more, and what is known of it is gone." }
        (form::Form::new(&blank).action(paths::admin_webhook_deed(webhook, "remove")).button("Remove it", "One moment…").show(html! {}))
    }
}

/// Something that was sent, with each time it was tried, the last first.
pub fn delivery(row: &Delivery<'_>, webhook: &str, tries: &[Try<'_>], blank: &FormState) -> View {
    let id = row.id.to_string();
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_webhook(row.webhook)) dir="auto" { (webhook) } }
            h1 { (row.kind) }
            p.meta { (badge(row.state)) span { (format::moment(row.created_at)) } }
        }
        div.columns {
            section aria-labelledby="tries" {
                h2 #tries { "Tries" }
                @if tries.is_empty() { p.empty { "None yet." } }
                @else {
                    table.stacked {
                        thead { tr { th scope="col" { "When" } th scope="col" { "Status" } th scope="col" { "Took" } th scope="col" { "Answer" } } }
                        tbody {
                            @for (at, status, took_ms, said) in tries {
                                tr {
                                    th scope="row" { (format::moment(*at)) }
                                    td.number data-label="Status" { @match status { Some(status) => (status), None => "none" } }
                                    td.number data-label="Took" { (took_ms) " ms" }
                                    td data-label="Answer" dir="auto" { (said) }
                                }
                            }
                        }
                    }
                }
            }
            div {
                dl.details {
                    dt { "webhook-id" } dd { code { (row.message) } }
                    dt { "Object" } dd { code { (row.object) } }
                    dt { "Sequence" } dd { (row.sequence) }
                    dt { "Tries" } dd { (row.attempts) }
                    @if let Some(due_at) = row.due_at { dt { "Tried" } dd { (format::moment(due_at)) } }
                    @if let Some(remark) = row.remark { dt { "Remark" } dd dir="auto" { (remark) } }
                }
                div.panel.small {
                    (form::Form::new(blank).action(paths::admin_webhook_deed(row.webhook, "replay")).button("Send it again", "Asking…").show(html! {
                        (form::hidden(blank, "delivery", &id))
                    }))
                }
            }
        }
    };
    page(row.kind, &paths::admin_delivery(row.id), main)
}
