//! What each mail says.

use super::{Letter, Mail, Person, access, newsletter, payments, security, shop};
use crate::app::App;
use crate::error::{Result, found};
use crate::services::links::{self, Token};
use crate::services::{
    accounts, email_changes, leads, memberships, orders, retention, settings, staff, suppressions,
    webhooks,
};
use sqlx::PgConnection;
use templates::mail::{self as template, Part};
use templates::{format, paths};
use time::OffsetDateTime;
use uuid::Uuid;

/// Writes a mail, from what the database says now. None where there is nobody left to send it to, or they do not want it.
/// `token` is what a mailed link ends in, for those who may see it.
///
/// # Errors
/// As any statement.
pub async fn compose(
    app: &App,
    db: &mut PgConnection,
    mail: &Mail,
    token: Option<&Token>,
) -> Result<Option<Letter>> {
    let Some(letter) = written(app, &mut *db, mail, token).await? else { return Ok(None) };
    let wanted = !suppressions::holds(db, &letter.to.email, mail.purpose()).await?;
    Ok(wanted.then_some(letter))
}

async fn written(
    app: &App,
    db: &mut PgConnection,
    mail: &Mail,
    token: Option<&Token>,
) -> Result<Option<Letter>> {
    let letter = match mail {
        Mail::LeadNotice { lead, staff } => {
            let (Some(lead), Some(to)) = (
                found(leads::for_mail(db, *lead).await)?,
                found(staff::for_mail(db, *staff).await)?,
            ) else {
                return Ok(None);
            };
            if lead.is_spam {
                return Ok(None); // found out while the mail waited
            }
            lead_notice(app, lead, to)
        }
        Mail::LeadReceipt { lead } => {
            let Some(lead) = found(leads::for_mail(db, *lead).await)? else { return Ok(None) };
            let answer = settings::autoreply(db).await?;
            if lead.is_spam || !answer.on {
                return Ok(None);
            }
            let to = Person { name: String::new(), email: lead.email };
            Letter { to, reply_to: None, unsubscribe: None, mail: receipt(app, &answer.text) }
        }
        Mail::RetentionNotice { staff } => {
            let Some(to) = found(staff::for_mail(db, *staff).await)? else { return Ok(None) };
            let going = retention::going(db).await?;
            let Some(at) = going.at else { return Ok(None) };
            retention_notice(app, to, going.leads, at)
        }
        Mail::Link { link } => {
            let Some(held) = links::for_mail(db, *link).await? else { return Ok(None) };
            let change = email_changes::for_mail(db, &held).await?;
            let Some(letter) = access::letter(app, held, change.as_ref(), token) else {
                return Ok(None);
            };
            letter
        }
        Mail::AccountNotice { account, event } => {
            let Some(to) = found(accounts::for_mail(db, *account).await)? else { return Ok(None) };
            security::letter(app, to, *event)
        }
        Mail::WebhookDisabled { webhook, staff } => {
            let (Some((name, why)), Some(to)) = (
                found(webhooks::for_mail(db, *webhook).await)?,
                found(staff::for_mail(db, *staff).await)?,
            ) else {
                return Ok(None);
            };
            let Some(why) = why else { return Ok(None) }; // it is told again
            webhook_disabled(app, to, (*webhook, &name), why)
        }
        Mail::Test { staff } => {
            let Some(to) = found(staff::for_mail(db, *staff).await)? else { return Ok(None) };
            test(app, to)
        }
        Mail::MembershipBegun { subscription }
        | Mail::TrialEnds { subscription }
        | Mail::PaymentFailed { subscription }
        | Mail::MembershipEnded { subscription } => {
            let Some(about) = memberships::for_mail(db, subscription).await? else {
                return Ok(None);
            };
            let Some(letter) = payments::letter(app, mail, about) else { return Ok(None) };
            letter
        }
        Mail::OrderReceipt { order } => {
            let Some(order) = orders::for_mail(db, *order).await? else { return Ok(None) };
            let Some(letter) = shop::receipt(app, order) else { return Ok(None) };
            letter
        }
        Mail::Disputed { dispute, staff } => {
            let (Some(to), Some(money)) = (
                found(staff::for_mail(&mut *db, *staff).await)?,
                memberships::dispute(db, dispute).await?,
            ) else {
                return Ok(None);
            };
            payments::disputed(app, to, &money)
        }
        Mail::RefundFailed { order, staff } => {
            let (Some(to), Some(order)) = (
                found(staff::for_mail(&mut *db, *staff).await)?,
                found(orders::for_owners(db, *order).await)?,
            ) else {
                return Ok(None);
            };
            let Some(letter) = shop::refund_failed(app, to, &order) else { return Ok(None) };
            letter
        }
        _ => return newsletter::compose(app, db, mail).await,
    };
    Ok(Some(letter))
}

fn lead_notice(app: &App, lead: leads::ForMail, to: Person) -> Letter {
    let from = Person { name: lead.name.clone(), email: lead.email.clone() };
    let mut facts =
        vec![("From".to_owned(), lead.name.clone()), ("Email".to_owned(), lead.email.clone())];
    let optional = [("Company", lead.company), ("Phone", lead.phone)];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    facts.push(("Source".to_owned(), lead.source.as_str().to_owned()));
    let mail = template::Mail {
        subject: format!("New lead: {}", lead.name),
        parts: vec![
            Part::Text(format!("{} wrote to {}.", lead.name, app.config.site_name)),
            Part::Quote(lead.message),
            Part::Facts(facts),
            Part::Link("Open the lead".to_owned(), link(app, &paths::admin_lead(lead.id))),
            Part::Footer("Answer this mail to answer them.".to_owned()),
            Part::FooterLink(
                "When you are told of leads".to_owned(),
                link(app, &paths::admin_notices()),
            ),
        ],
    };
    Letter { to, reply_to: Some(from), unsubscribe: None, mail }
}

/// What whoever writes to us is answered, in the owner's `words`. Nothing of what was typed stands in it: whoever fills in a
/// stranger's address must not be able to write to them.
pub fn receipt(app: &App, words: &str) -> template::Mail {
    let site = &app.config.site_name;
    let footer = format!(
        "You get this mail because this address was given in a form at {site}. If that was not you, you need not do anything."
    );
    template::Mail {
        subject: format!("{site} has your message"),
        parts: vec![Part::Lines(words.to_owned()), Part::Footer(footer)],
    }
}

fn retention_notice(app: &App, to: Person, leads: i64, at: OffsetDateTime) -> Letter {
    let site = &app.config.site_name;
    let days = app.config.retention_leads_days.unwrap_or_default();
    let (subject, which) = match leads {
        1 => (format!("{site} deletes one lead soon"), "One lead has".to_owned()),
        more => (format!("{site} deletes {more} leads soon"), format!("{more} leads have")),
    };
    let mail = template::Mail {
        subject,
        parts: vec![
            Part::Text(format!(
                "{which} been left alone for more than {days} days and will be deleted for good, the first of them from {} UTC on.",
                format::sortable(at),
            )),
            Part::Text(
                "Whatever you want to keep, keep: a note on a lead, or another status, spares it."
                    .to_owned(),
            ),
            Part::Link("See all leads".to_owned(), link(app, &paths::admin_leads())),
            Part::Footer(format!("RETENTION_LEADS_DAYS is set to {days} for this site.")),
        ],
    };
    Letter { to, reply_to: None, unsubscribe: None, mail }
}

fn webhook_disabled(app: &App, to: Person, (id, name): (Uuid, &str), why: String) -> Letter {
    let site = &app.config.site_name;
    let mail = template::Mail {
        subject: format!("A webhook of {site} was disabled"),
        parts: vec![
            Part::Text(format!("{site} tells “{name}” nothing any more.")),
            Part::Text(why),
            Part::Text("What had not arrived was given up. Once the receiver is well again, have it told again there, and what was given up sent once more.".to_owned()),
            Part::Link("Look at it".to_owned(), link(app, &paths::admin_webhook(id))),
        ],
    };
    Letter { to, reply_to: None, unsubscribe: None, mail }
}

fn test(app: &App, to: Person) -> Letter {
    let site = &app.config.site_name;
    let mail = template::Mail {
        subject: format!("A test from {site}"),
        parts: vec![
            Part::Text("If you can read this, mail from your site arrives.".to_owned()),
            Part::Link("Open the outbox".to_owned(), link(app, &paths::admin_outbox())),
        ],
    };
    Letter { to, reply_to: None, unsubscribe: None, mail }
}

/// One of our paths, as people outside can follow it.
pub fn link(app: &App, path: &str) -> String {
    format!("{}{path}", app.config.canonical_origin())
}
