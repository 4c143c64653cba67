//! Issues of the newsletter: the list, the editor, and how far the sending of one has come.

use super::outbox::linked;
use super::{badge, page, pager, version};
use crate::{FormState, View, form, format, mail, markdown, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// An issue in the list.
pub struct Row<'a> {
    /// Which.
    pub id: Uuid,
    /// Its subject.
    pub subject: &'a str,
    /// Its place in the URL.
    pub slug: &'a str,
    /// The slug of the topic it is for.
    pub topic: Option<&'a str>,
    /// How far it has come.
    pub status: &'a str,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

/// What stands in the editor while nothing has been typed.
#[derive(Default)]
pub struct Text<'a> {
    /// The subject.
    pub subject: &'a str,
    /// Its place in the URL.
    pub slug: &'a str,
    /// The slug of the topic it is for, or nothing.
    pub topic: &'a str,
    /// Markdown.
    pub body: &'a str,
}

/// An issue as it is stored.
pub struct Stored<'a> {
    /// Which.
    pub id: Uuid,
    /// What it says.
    pub text: Text<'a>,
    /// How far it has come.
    pub status: &'a str,
    /// When it is to be sent.
    pub scheduled_at: Option<OffsetDateTime>,
    /// When that began.
    pub started_at: Option<OffsetDateTime>,
    /// When that ended.
    pub finished_at: Option<OffsetDateTime>,
    /// When it was last changed: what is saved over is what was seen.
    pub updated_at: OffsetDateTime,
    /// What has become of its mails.
    pub progress: Progress,
}

/// How far the sending has come.
#[derive(Clone, Copy)]
pub struct Progress {
    /// How many mails there are.
    pub total: i64,
    /// How many of them have come to an end, whichever.
    pub ended: i64,
    /// Sent.
    pub done: i64,
    /// Refused for good.
    pub dead: i64,
    /// To people who had left meanwhile.
    pub dropped: i64,
}

/// The list, the last written first. `older` is the cursor of the next page; `first` is false on every page but the newest.
pub fn index(rows: &[Row<'_>], older: Option<Uuid>, first: bool) -> View {
    let main = html! {
        header.page-head {
            h1 { "Newsletter" }
            p.actions {
                a.button href=(paths::admin_new_issue()) { "Write an issue" }
                a.quiet href=(paths::admin_subscribers()) { "See who gets it" }
            }
        }
        @if rows.is_empty() { p.empty { "No issues yet." } } @else { (table(rows)) }
        (pager((!first).then(paths::admin_issues), older.map(paths::admin_issues_before)))
    };
    page("Newsletter", &paths::admin_issues(), main)
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Subject" }
                    th scope="col" { "For" }
                    th scope="col" { "Status" }
                    th scope="col" { "Changed" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_issue(row.id)) { (row.subject) }
                            span.sub { (row.slug) }
                        }
                        td data-label="For" { (row.topic.unwrap_or("everyone")) }
                        td data-label="Status" { (badge(row.status)) }
                        td data-label="Changed" { (format::moment(row.updated_at)) }
                    }
                }
            }
        }
    }
}

/// The form for a new issue, which begins with `text`. Topics are a slug and a name.
pub fn write(text: &Text<'_>, topics: &[(&str, &str)], state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_issues()) { "All issues" } }
            h1 { "New issue" }
        }
        div.panel {
            (form::Form::new(state).action(paths::admin_new_issue()).button("Save issue", "Saving…").show(fields(text, topics, state)))
        }
    };
    page(&form::title(state, "New issue"), &paths::admin_new_issue(), main)
}

/// One issue. `edit` is the state of its text's form, `send` that of the others.
pub fn show(
    issue: &Stored<'_>,
    topics: &[(&str, &str)],
    edit: &FormState,
    send: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_issues()) { "All issues" } }
            h1 dir="auto" { (issue.text.subject) }
            p.meta {
                (badge(issue.status))
                a href=(paths::admin_issue_preview(issue.id)) { "See it as a mail" }
                @if issue.started_at.is_some() {
                    a href=(paths::newsletter_issue(issue.text.slug)) { "See it on the site" }
                }
                @if let (Some(at), "scheduled") = (issue.scheduled_at, issue.status) { span { "for " (format::moment(at)) } }
                @if let Some(at) = issue.finished_at { span { "ended " (format::moment(at)) } }
            }
        }
        @if issue.started_at.is_some() { (progress(issue)) }
        div.columns {
            div {
                div.panel {
                    (form::Form::new(edit).action(paths::admin_issue(issue.id)).button("Save issue", "Saving…").show(html! {
                        (version(issue.updated_at, edit))
                        (fields(&issue.text, topics, edit))
                    }))
                }
                section aria-labelledby="preview" {
                    h2 #preview { "As it will be read" }
                    div.prose dir="auto" { (markdown::render(issue.text.body)) }
                }
            }
            div { (buttons(issue, send)) }
        }
    };
    let erroneous = if edit.has_errors() { edit } else { send };
    page(&form::title(erroneous, issue.text.subject), &paths::admin_issue(issue.id), main)
}

/// An issue as its readers get it: what mail programs show, in a frame of its own, and beside it what those show that know
/// nothing but text.
pub fn preview(id: Uuid, mail: &mail::Mail) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_issue(id)) { "Back to the issue" } }
            h1 dir="auto" { (mail.subject) }
            p { "As it is saved, and as each reader gets it, but that the last links are good for nobody." }
        }
        div.side-by-side {
            section aria-labelledby="as-html" {
                h2 #as-html { "With its looks" }
                iframe.mail src=(paths::admin_issue_mail(id)) sandbox="" title="The mail with its looks" {}
            }
            section aria-labelledby="as-text" {
                h2 #as-text { "As plain text" }
                div.letter dir="auto" { (linked(&mail.text())) }
            }
        }
    };
    page(&mail.subject, &paths::admin_issue_preview(id), main).with_frame()
}

fn fields(text: &Text<'_>, topics: &[(&str, &str)], state: &FormState) -> Markup {
    let everyone = Choice { value: "", label: "Everyone", hint: "" };
    let topics = topics.iter().map(|(slug, name)| Choice { value: slug, label: name, hint: "" });
    html! {
        (form::text(state, "subject", "Subject").stored(text.subject))
        (form::text(state, "slug", "Address").stored(text.slug).optional()
            .hint("The last part of the URL. Left empty, it is made from the subject. It stays once the issue is sent."))
        (form::select(state, "topic", "For", std::iter::once(everyone).chain(topics)).stored(text.topic))
        (form::textarea(state, "body", "Text", 20).stored(text.body).hint("Markdown: ## heading, **bold**, [link](https://…), - list."))
    }
}

/// How far it has come; while it goes on, a script keeps this fresh.
fn progress(issue: &Stored<'_>) -> Markup {
    let Progress { total, ended, done, dead, dropped } = issue.progress;
    html! {
        section #progress aria-labelledby="progress-title" data-live[issue.status == "sending"] {
            h2 #progress-title { "Sent" }
            p { progress max=(total.max(1)) value=(ended) aria-label="Mails that have come to an end" {} }
            p {
                strong { (done) } " of " (total)
                @if dead > 0 { ", " (dead) " refused" }
                @if dropped > 0 { ", " (dropped) " not wanted any more" }
                @if total == 0 && issue.status == "sending" { ": the mails are being written" }
                "."
            }
        }
    }
}

fn buttons(issue: &Stored<'_>, state: &FormState) -> Markup {
    let button = |path: String, label, pending, fields: Markup| {
        form::Form::new(state).action(path).button(label, pending).show(fields)
    };
    html! {
        @if matches!(issue.status, "draft" | "scheduled") {
            div.panel {
                h2 { "Send it" }
                (button(paths::admin_issue_send(issue.id), "Send", "Asking…", html! {
                    (form::text(state, "send_at", "When").optional().hint("Empty is now. In UTC: 2027-01-31 09:00."))
                }))
            }
        }
        @if issue.status == "scheduled" {
            div.panel { (button(paths::admin_issue_recall(issue.id), "Do not send it yet", "Asking…", html! {})) }
        }
        @if issue.status == "sending" {
            div.panel { (button(paths::admin_issue_pause(issue.id), "Pause", "Pausing…", html! {})) }
        }
        @if issue.status == "paused" {
            div.panel { (button(paths::admin_issue_resume(issue.id), "Go on", "Asking…", html! {})) }
        }
        div.panel {
            h2 { "Try it" }
            (button(paths::admin_issue_test(issue.id), "Send me a test", "Asking…", html! {}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(status: &'static str) -> Stored<'static> {
        let text = Text { subject: "Spring <3", slug: "spring", topic: "", body: "## Hello" };
        Stored {
            id: Uuid::from_u128(7),
            text,
            status,
            scheduled_at: None,
            started_at: (status == "sending").then_some(OffsetDateTime::UNIX_EPOCH),
            finished_at: None,
            updated_at: OffsetDateTime::UNIX_EPOCH,
            progress: Progress { total: 10, ended: 4, done: 3, dead: 1, dropped: 0 },
        }
    }

    #[test]
    fn what_can_be_done_depends_on_how_far_it_has_come() {
        let html = |status| {
            let state = FormState::default();
            show(&issue(status), &[], &state, &state).main.into_string()
        };
        let (draft, sending) = (html("draft"), html("sending"));
        assert!(
            draft.contains("/send\"")
                && !draft.contains("/pause\"")
                && !draft.contains("<progress")
        );
        assert!(sending.contains("/pause\"") && !sending.contains("/send\""));
        assert!(
            sending.contains(r#"<progress max="10" value="4""#) && sending.contains("data-live")
        );
        assert!(
            sending.contains("3</strong> of 10, 1 refused.") && sending.contains("Spring &lt;3")
        );
    }
}
