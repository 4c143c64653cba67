//! What subscribers read, and staff of it.

use super::{Letter, Mail, Person, link};
use crate::app::App;
use crate::error::{Result, found};
use crate::services::digests::{self, Window};
use crate::services::issues;
use crate::services::staff;
use crate::services::subscribers::{self, Confirming, ForMail, Holder, Managing, Status};
use sqlx::PgConnection;
use templates::mail::{self as template, Part};
use templates::{format, paths};
use uuid::Uuid;

/// Writes a mail to a subscriber, or to staff about them. None where there is nobody left to send it to, or they do not
/// want it any more.
///
/// # Errors
/// As any statement.
pub(super) async fn compose(
    app: &App,
    db: &mut PgConnection,
    mail: &Mail,
) -> Result<Option<Letter>> {
    match mail {
        Mail::ConfirmSubscription { subscriber } => {
            let to = found(subscribers::for_mail(db, *subscriber).await)?;
            Ok(to.filter(|to| to.awaited).map(|to| confirm(app, to)))
        }
        Mail::SubscribedAlready { subscriber } => {
            Ok(reader(db, *subscriber).await?.map(|to| already(app, to)))
        }
        Mail::Issue { issue, subscriber } => {
            let (Some(issue), Some(to)) =
                (found(issues::for_mail(db, *issue).await)?, reader(db, *subscriber).await?)
            else {
                return Ok(None);
            };
            Ok(Some(to_reader(app, to, of_issue(app, issue))))
        }
        Mail::IssueTest { issue, staff } => {
            let (Some(issue), Some(to)) = (
                found(issues::for_mail(db, *issue).await)?,
                found(staff::for_mail(db, *staff).await)?,
            ) else {
                return Ok(None);
            };
            Ok(Some(as_test(to, of_issue(app, issue))))
        }
        Mail::Digest { subscriber, window } => {
            let Some(to) = reader(db, *subscriber).await? else { return Ok(None) };
            let posts = digests::posts(db, to.id, window).await?;
            Ok((!posts.is_empty()).then(|| to_reader(app, to, of_posts(app, posts))))
        }
        Mail::LeadDigest { staff, window } => of_leads(app, db, *staff, window).await,
        Mail::LeadNotice { .. }
        | Mail::LeadReceipt { .. }
        | Mail::RetentionNotice { .. }
        | Mail::Link { .. }
        | Mail::AccountNotice { .. }
        | Mail::WebhookDisabled { .. }
        | Mail::MembershipBegun { .. }
        | Mail::TrialEnds { .. }
        | Mail::PaymentFailed { .. }
        | Mail::MembershipEnded { .. }
        | Mail::Disputed { .. }
        | Mail::RefundFailed { .. }
        | Mail::OrderReceipt { .. }
        | Mail::Test { .. } => Ok(None),
    }
}

/// The issue as each of its readers gets it, but that the links at its end are good for nobody.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn issue_for_nobody(
    app: &App,
    db: &mut PgConnection,
    id: Uuid,
) -> Result<template::Mail> {
    let issue = issues::for_mail(db, id).await?;
    let nobody = ForMail {
        id: Uuid::nil(),
        email: String::new(),
        status: Status::Confirmed,
        awaited: false,
    };
    Ok(to_reader(app, nobody, of_issue(app, issue)).mail)
}

/// A subscriber who gets mail.
async fn reader(db: &mut PgConnection, id: Uuid) -> Result<Option<ForMail>> {
    let to = found(subscribers::for_mail(db, id).await)?;
    Ok(to.filter(|to| to.status == Status::Confirmed))
}

fn anonymous(email: String) -> Person {
    Person { name: String::new(), email }
}

/// Nothing of what was typed stands in it: whoever fills in a stranger's address must not be able to write to them.
fn confirm(app: &App, to: ForMail) -> Letter {
    let site = &app.config.site_name;
    let token = Holder::<Confirming>::token(&app.secrets, to.id);
    let footer = format!(
        "You get this mail because this address was given in a form at {site}. If that was not you, you need not do anything: you will get nothing."
    );
    let mail = template::Mail {
        subject: format!("Please confirm: mail from {site}"),
        parts: vec![
            Part::Text(format!("Do you want to get mail from {site}? Then say so once more.")),
            Part::Link("Confirm".to_owned(), link(app, &paths::newsletter_confirm(&token))),
            Part::Footer(footer),
        ],
    };
    Letter { to: anonymous(to.email), reply_to: None, unsubscribe: None, mail }
}

fn already(app: &App, to: ForMail) -> Letter {
    let site = &app.config.site_name;
    let token = Holder::<Managing>::token(&app.secrets, to.id);
    let mail = template::Mail {
        subject: format!("You are subscribed already: {site}"),
        parts: vec![
            Part::Text(format!("You asked for mail from {site}. This address is subscribed.")),
            Part::Link(
                "Choose what you get".to_owned(),
                link(app, &paths::newsletter_preferences(&token)),
            ),
            Part::Footer("If you did not ask, you need not do anything.".to_owned()),
        ],
    };
    Letter { to: anonymous(to.email), reply_to: None, unsubscribe: None, mail }
}

fn of_issue(app: &App, issue: issues::ForMail) -> template::Mail {
    let origin = app.config.canonical_origin().to_string();
    let at = link(app, &paths::newsletter_issue(&issue.slug));
    template::Mail {
        subject: issue.subject,
        parts: vec![
            Part::Markdown(template::absolute(&issue.body, &origin)),
            Part::FooterLink("Read it on the web".to_owned(), at),
        ],
    }
}

fn of_posts(app: &App, posts: Vec<digests::Post>) -> template::Mail {
    let site = &app.config.site_name;
    let count = format::plural(posts.len(), "new post", "new posts");
    let items = posts.into_iter().map(|post| Part::Item {
        at: link(app, &paths::post(&post.slug)),
        title: post.title,
        words: post.summary,
    });
    template::Mail { subject: format!("{count} at {site}"), parts: items.collect() }
}

/// Adds how to get less of it.
fn to_reader(app: &App, to: ForMail, mut mail: template::Mail) -> Letter {
    let token = Holder::<Managing>::token(&app.secrets, to.id);
    let unsubscribe = link(app, &paths::newsletter_unsubscribe(&token));
    let footer = format!("You get this mail because you subscribed at {}.", app.config.site_name);
    mail.parts.extend([
        Part::Footer(footer),
        Part::FooterLink(
            "Choose what you get".to_owned(),
            link(app, &paths::newsletter_preferences(&token)),
        ),
        Part::FooterLink("Unsubscribe".to_owned(), unsubscribe.clone()),
    ]);
    Letter { to: anonymous(to.email), reply_to: None, unsubscribe: Some(unsubscribe), mail }
}

fn as_test(to: Person, mut mail: template::Mail) -> Letter {
    mail.subject = format!("Test: {}", mail.subject);
    let footer = "This is a test. Subscribers find here how to choose what they get, and how to unsubscribe.";
    mail.parts.push(Part::Footer(footer.to_owned()));
    Letter { to, reply_to: None, unsubscribe: None, mail }
}

async fn of_leads(
    app: &App,
    db: &mut PgConnection,
    staff: Uuid,
    window: &Window,
) -> Result<Option<Letter>> {
    let Some((to, leads)) = digests::leads(db, staff, window).await? else { return Ok(None) };
    let fact = |lead: &digests::Lead| {
        let company = lead.company.as_ref().map(|company| format!(", {company}"));
        let who = format!("{}{}", lead.name, company.unwrap_or_default());
        (who, format!("{}: {}", lead.status.as_str(), format::shorten(&lead.message, 120)))
    };
    let count = format::plural(leads.len(), "lead", "leads");
    let mail = template::Mail {
        subject: format!("{count} since {}", format::date(window.since)),
        parts: vec![
            Part::Text(format!("What has come in at {}:", app.config.site_name)),
            Part::Facts(leads.iter().map(fact).collect()),
            Part::Link("Open the leads".to_owned(), link(app, &paths::admin_leads())),
            Part::FooterLink(
                "When you are told of leads".to_owned(),
                link(app, &paths::admin_notices()),
            ),
        ],
    };
    Ok(Some(Letter { to, reply_to: None, unsubscribe: None, mail }))
}
