//! The newsletter as people meet it: the form, the way through the mails, the archive.

use crate::consent::NEWSLETTER;
use crate::posts::{Heading, Pages, Topic, pager};
use crate::{FormState, View, form, format, markdown, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;

/// An issue in a list.
pub struct Line<'a> {
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its heading.
    pub subject: &'a str,
    /// When it went out.
    pub sent_at: OffsetDateTime,
}

/// An issue with everything its page shows.
pub struct Issue<'a> {
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its heading.
    pub subject: &'a str,
    /// The text, in Markdown.
    pub body: &'a str,
    /// When it went out.
    pub sent_at: OffsetDateTime,
}

/// The form that stands at the foot of every page.
pub(crate) fn small_form() -> Markup {
    let state = FormState::default();
    html! {
        form.newsletter-box method="post" action=(paths::newsletter()) novalidate {
            label for="newsletter-address" { "Our news, by mail" }
            div.in-a-row {
                input type="email" id="newsletter-address" name="email" autocomplete="email" dir="auto" required
                    aria-describedby="newsletter-note";
                button type="submit" data-pending="Asking…" { "Subscribe" }
            }
            p.hint id="newsletter-note" { (NEWSLETTER.words) }
            (form::trap_called(&state, "website", "newsletter-website", "Leave this empty"))
        }
    }
}

/// The page with the form, and the last issues.
pub fn page(topics: &[Topic<'_>], issues: &[Line<'_>], state: &FormState) -> View {
    let choices: Vec<_> = topics.iter().map(|topic| (topic.slug, topic.name, false)).collect();
    let main = html! {
        header.page-head {
            h1 { "Newsletter" }
            p.lede { "A letter now and then: what we made, what we learned, what is new. Or a digest of new posts, daily or weekly." }
        }
        div.panel.narrow {
            // Sent from the foot of another page it comes back to this one.
            (form::Form::new(state).action(paths::newsletter()).button("Subscribe", "Asking…").show(html! {
                (form::email(state, "email", "Email").hint("You get one mail, with a link to confirm. Nothing else until you do."))
                @if !choices.is_empty() {
                    (form::checkboxes(state, "topics", "Topics", "Leave them all empty to hear of everything.", &choices))
                }
                (form::trap(state, "website"))
                p.hint { (NEWSLETTER.words) }
            }))
        }
        @if !issues.is_empty() {
            section aria-labelledby="issues" {
                div.section-head {
                    h2 #issues { "Issues" }
                    a href=(paths::newsletter_issues()) { "All issues" }
                }
                (lines(issues, Heading::H3))
            }
        }
    };
    View::new(form::title(state, "Newsletter"), main)
        .describe("What we made, what we learned, what is new: by mail.")
        .canonical(paths::newsletter())
}

/// Where whoever asked ends up, known to us or not.
pub fn thanks() -> View {
    let main = html! {
        header.page-head {
            h1 { "Look into your mailbox" }
            p.lede { "A mail is on its way to you, with a link to confirm. Nothing there in a few minutes? Then look among the spam." }
        }
        p.actions { a.button href=(paths::posts()) { "Read our posts" } a.quiet href=(paths::home()) { "Back to the start" } }
    };
    View::new("Look into your mailbox", main).canonical(paths::newsletter_thanks()).noindex()
}

/// All issues, one page of them.
pub fn index(issues: &[Line<'_>], pages: Pages) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::newsletter()) { "Newsletter" } }
            h1 { "All issues" }
        }
        @if issues.is_empty() { p.empty { "No issue has been sent yet." } } @else { (lines(issues, Heading::H2)) }
        (pager(pages, paths::newsletter_issues_page, ("Newer issues", "Older issues")))
    };
    let title = match pages.number {
        0 | 1 => "All issues".to_owned(),
        number => format!("All issues, page {number}"),
    };
    View::new(title, main).canonical(paths::newsletter_issues_page(pages.number))
}

/// One issue.
pub fn show(issue: &Issue<'_>) -> View {
    let main = html! {
        article.post {
            header.page-head {
                p.meta { a href=(paths::newsletter()) { "Newsletter" } span { (format::day(issue.sent_at)) } }
                h1 dir="auto" { (issue.subject) }
            }
            div.prose dir="auto" { (markdown::render(issue.body)) }
        }
    };
    View::new(issue.subject, main)
        .describe(&format::excerpt(issue.body, 160))
        .canonical(paths::newsletter_issue(issue.slug))
}

fn lines(issues: &[Line<'_>], heading: Heading) -> Markup {
    html! {
        ul.cards {
            @for issue in issues {
                li {
                    article.card {
                        @let subject = html! { a dir="auto" href=(paths::newsletter_issue(issue.slug)) { (issue.subject) } };
                        @match heading {
                            Heading::H2 => h2 { (subject) },
                            Heading::H3 => h3 { (subject) },
                        }
                        p.meta { span { (format::day(issue.sent_at)) } }
                    }
                }
            }
        }
    }
}

/// Where somebody says that it was they who asked: a page with a button, as programs look at every link in a mail.
pub fn confirm(email: &str, token: &str, is_subscribed: bool, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { @if is_subscribed { "You are subscribed" } @else { "One more click" } }
            p.lede {
                @if is_subscribed { "Mail goes to " } @else { "Mail is to go to " }
                bdi { (email) } "."
            }
        }
        @if !is_subscribed {
            (form::Form::new(state).action(paths::newsletter_confirm(token)).button("Yes, subscribe me", "Confirming…").show(html! {}))
        }
    };
    View::new(form::title(state, "Confirm"), main)
}

/// What a subscriber has chosen.
pub struct Choices<'a> {
    /// Where mail goes.
    pub email: &'a str,
    /// Whether it does.
    pub is_subscribed: bool,
    /// All topics: slug, name and whether it was chosen.
    pub topics: Vec<(&'a str, &'a str, bool)>,
    /// none, daily or weekly.
    pub digest: &'a str,
    /// An IANA time zone.
    pub time_zone: &'a str,
}

const DIGESTS: [Choice<'static>; 3] = [
    Choice { value: "none", label: "No digest", hint: "Only issues of the newsletter." },
    Choice {
        value: "daily",
        label: "Daily",
        hint: "Each morning at seven after a day with new posts.",
    },
    Choice {
        value: "weekly",
        label: "Weekly",
        hint: "Monday morning at seven after a week with new posts.",
    },
];

/// Where a subscriber chooses what they get.
pub fn preferences(
    stored: &Choices<'_>,
    token: &str,
    unsubscribe: &str,
    state: &FormState,
) -> View {
    let main = html! {
        header.page-head {
            h1 { "What you get" }
            p.lede { "For " bdi { (stored.email) } "." }
        }
        @if stored.is_subscribed {
            div.panel.narrow {
                (form::Form::new(state).action(paths::newsletter_preferences(token)).button("Save", "Saving…").show(html! {
                    @if !stored.topics.is_empty() {
                        (form::checkboxes(state, "topics", "Topics", "Leave them all empty to hear of everything.", &stored.topics))
                    }
                    (form::choice(state, "digest", "Digest of new posts", &DIGESTS).stored(stored.digest))
                    (form::text(state, "time_zone", "Time zone").stored(stored.time_zone).hint("Such as Europe/Berlin: where it is seven in the morning for you."))
                }))
            }
            p { a href=(unsubscribe) { "Unsubscribe" } }
        } @else {
            (gone(state))
        }
    };
    View::new(form::title(state, "What you get"), main)
}

/// Where a subscriber leaves, and is told that they have.
pub fn unsubscribe(email: &str, token: &str, is_subscribed: bool, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            h1 { @if is_subscribed { "Unsubscribe" } @else { "You are unsubscribed" } }
            p.lede {
                @if is_subscribed { "No more mail will go to " } @else { "No mail goes to " }
                bdi { (email) } "."
            }
        }
        @if is_subscribed {
            (form::Form::new(state).action(paths::newsletter_unsubscribe(token)).button("Unsubscribe", "Leaving…").show(html! {}))
        } @else {
            p { "Was that a mistake? " a href=(paths::newsletter()) { "Subscribe again" } }
        }
    };
    View::new(form::title(state, "Unsubscribe"), main)
}

fn gone(state: &FormState) -> Markup {
    html! {
        @for message in state.errors("") { p.error { (message) } }
        p { "You get no mail from us. " a href=(paths::newsletter()) { "Subscribe" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_forms_on_one_page_share_no_id() {
        let page = page(&[], &[], &FormState::default()).main.into_string();
        let small = small_form().into_string();
        let ids = |html: &str| -> Vec<String> {
            html.split(" id=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap_or("").to_owned())
                .collect()
        };
        assert!(ids(&small).iter().all(|id| !ids(&page).contains(id)) && ids(&small).len() == 3);
    }

    #[test]
    fn what_was_ticked_stays_ticked() {
        let topics =
            [Topic { slug: "craft", name: "Craft" }, Topic { slug: "print", name: "Print" }];
        let typed =
            vec![("email".to_owned(), "x".to_owned()), ("topics".to_owned(), "print,x".to_owned())];
        let state = FormState::new(typed, [].into());
        let html = page(&topics, &[], &state).main.into_string();
        assert!(
            html.contains(r#"value="print" checked"#) && !html.contains(r#"value="craft" checked"#)
        );
    }
}
