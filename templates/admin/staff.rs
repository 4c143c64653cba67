//! Who runs the site: the list, one of them, and who is invited.

use super::{badge, page, pager};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// One of us.
pub struct One<'a> {
    /// Their account.
    pub id: Uuid,
    /// What others see.
    pub name: &'a str,
    /// Where they get mail.
    pub email: &'a str,
    /// What they may do.
    pub role: &'a str,
    /// Whether they may sign in.
    pub active: bool,
    /// Since when they have been one of us.
    pub since: OffsetDateTime,
    /// When they were last seen here.
    pub seen_at: Option<OffsetDateTime>,
}

/// Somebody who is asked to be one.
pub struct Invite<'a> {
    /// Which.
    pub id: Uuid,
    /// Where the mail went.
    pub email: &'a str,
    /// What they are to do.
    pub role: &'a str,
    /// Who sent it.
    pub by: Option<&'a str>,
    /// When.
    pub sent_at: OffsetDateTime,
    /// Until when it is good.
    pub expires_at: OffsetDateTime,
    /// Whether that is over.
    pub is_over: bool,
}

const ROLES: [Choice<'static>; 2] = [
    Choice { value: "editor", label: "Editor", hint: "Posts, leads and the newsletter." },
    Choice {
        value: "owner",
        label: "Owner",
        hint: "Everything, also who runs the site and what is kept about people.",
    },
];

/// The list, the last to come first, with the form that invites somebody. `button` is what the small forms show.
pub fn index(
    staff: &[One<'_>],
    invites: &[Invite<'_>],
    (older, first): (Option<Uuid>, bool),
    state: &FormState,
    button: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            h1 { "Who runs the site" }
            p { a href=(paths::admin_audit()) { "What was done, and by whom" } }
        }
        (table(staff))
        (pager((!first).then(paths::admin_staff), older.map(paths::admin_staff_before)))
        @if !invites.is_empty() { (invited(invites, button)) }
        div.panel.narrow {
            h2 { "Invite somebody" }
            (form::Form::new(state).action(paths::admin_invites()).button("Invite them", "Sending…").show(html! {
                (form::email(state, "email", "Email").autocomplete("off").hint("They get a mail with a link that is good for seven days."))
                (form::choice(state, "role", "As", &ROLES).stored("editor"))
            }))
        }
    };
    let erroneous = if button.has_errors() { button } else { state };
    page(&form::title(erroneous, "Who runs the site"), &paths::admin_staff(), main)
}

fn table(staff: &[One<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Who" }
                    th scope="col" { "Role" }
                    th scope="col" { "Account" }
                    th scope="col" { "Last seen" }
                    th scope="col" { "Since" }
                }
            }
            tbody {
                @for one in staff {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_staff_one(one.id)) { (one.name) }
                            span.sub dir="auto" { (one.email) }
                        }
                        td data-label="Role" { (one.role) }
                        td data-label="Account" { (account(one)) }
                        td data-label="Last seen" { (seen(one)) }
                        td data-label="Since" { (format::moment(one.since)) }
                    }
                }
            }
        }
    }
}

fn account(one: &One<'_>) -> Markup {
    badge(if one.active { "active" } else { "closed" })
}

fn seen(one: &One<'_>) -> Markup {
    html! { @match one.seen_at { Some(at) => (format::moment(at)), None => "never" } }
}

fn invited(invites: &[Invite<'_>], state: &FormState) -> Markup {
    html! {
        section aria-labelledby="invited" {
            h2 #invited { "Invited" }
            table.stacked {
                thead { tr { th scope="col" { "Address" } th scope="col" { "As" } th scope="col" { "Sent" } th scope="col" { "Good until" } th scope="col" { "Change" } } }
                tbody { @for invite in invites { (row(invite, state)) } }
            }
        }
    }
}

fn row(invite: &Invite<'_>, state: &FormState) -> Markup {
    html! {
        tr {
            th scope="row" dir="auto" { (invite.email) }
            td data-label="As" { (invite.role) }
            td data-label="Sent" {
                (format::moment(invite.sent_at))
                @if let Some(by) = invite.by { span.sub { "by " bdi { (by) } } }
            }
            td data-label="Good until" { (format::moment(invite.expires_at)) @if invite.is_over { span.sub { "over" } } }
            td data-label="Change" {
                (form::Form::new(state).action(paths::admin_invite_again(invite.id)).button("Send again", "Sending…").show(html! {}))
                (form::Form::new(state).action(paths::admin_invite_end(invite.id)).button("Take back", "Saving…").show(html! {}))
            }
        }
    }
}

/// One of us, with the forms about them.
pub fn show(one: &One<'_>, role: &FormState, button: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_staff()) { "Who runs the site" } }
            h1 dir="auto" { (one.name) }
            p.meta {
                (account(one))
                a href=(paths::admin_audit_where(&[("who", &one.id.to_string())])) { "What they did" }
            }
        }
        div.columns {
            div { (details(one)) }
            div {
                div.panel {
                    h2 { "Role" }
                    p { "With another one they are signed out everywhere." }
                    (form::Form::new(role).action(paths::admin_staff_role(one.id)).button("Save role", "Saving…").show(html! {
                        (form::choice(role, "role", "They are", &ROLES).stored(one.role))
                    }))
                }
                div.panel { (opening(one, button)) }
            }
        }
    };
    let erroneous = if button.has_errors() { button } else { role };
    page(&form::title(erroneous, one.name), &paths::admin_staff_one(one.id), main)
}

fn opening(one: &One<'_>, state: &FormState) -> Markup {
    let (title, words, action, button) = match one.active {
        true => (
            "Close the account",
            "They are signed out everywhere, at once. What they did stays.",
            paths::admin_staff_deactivate(one.id),
            "Deactivate",
        ),
        false => (
            "Open the account again",
            "They sign in as before.",
            paths::admin_staff_activate(one.id),
            "Activate",
        ),
    };
    html! {
        h2 { (title) }
        p { (words) }
        (form::Form::new(state).action(action).button(button, "Saving…").show(html! {}))
    }
}

fn details(one: &One<'_>) -> Markup {
    html! {
        section aria-labelledby="details" {
            h2 #details { "Details" }
            dl.details {
                dt { "Email" } dd dir="auto" { (one.email) }
                dt { "Role" } dd { (one.role) }
                dt { "Since" } dd { (format::moment(one.since)) }
                dt { "Last seen" } dd { (seen(one)) }
            }
        }
    }
}
