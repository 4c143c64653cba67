//! Mail about what members pay.

use super::{Letter, Mail, Person, link};
use crate::app::App;
use crate::services::entitlements::GRACE;
use crate::services::memberships::ForMail;
use templates::mail::{self as template, Part};
use templates::{format, paths};

/// What a member is told about a subscription, as it stands by now; none where that is not so any more.
pub(super) fn letter(app: &App, mail: &Mail, about: ForMail) -> Option<Letter> {
    let site = &app.config.site_name;
    let plan = about.plan.unwrap_or_else(|| "membership".to_owned());
    let until = about.current_period_end.map(format::date).unwrap_or_default();
    let (subject, words) = match (mail, about.status.as_str()) {
        (Mail::MembershipBegun { .. }, "trialing") => {
            let until = about.trial_end.map(format::date).unwrap_or_default();
            (
                "Your membership has begun".to_owned(),
                format!(
                    "Welcome! You have {plan}, free of charge until {until}. What is for members is open to you from now on."
                ),
            )
        }
        (Mail::MembershipBegun { .. }, "active") => (
            "Your membership has begun".to_owned(),
            format!(
                "Welcome! You have {plan}, paid until {until}. What is for members is open to you from now on."
            ),
        ),
        (Mail::TrialEnds { .. }, "trialing") => (
            "What is free ends soon".to_owned(),
            format!(
                "{plan} is free of charge until {until}. From then on it is paid. If you do not want that, end it before."
            ),
        ),
        (Mail::PaymentFailed { .. }, "past_due") => {
            let last = about.past_due_since.map(|since| format::date(since + GRACE));
            let last = last.unwrap_or_default();
            (
                "A payment has failed".to_owned(),
                format!(
                    "Your payment for {plan} did not go through. All of it stays open to you until {last}; please see to it that we can be paid before."
                ),
            )
        }
        (Mail::MembershipEnded { .. }, "canceled") => (
            "Your membership is over".to_owned(),
            format!(
                "{plan} is over, and nothing more is taken. Thank you for having been with us; you are welcome back at any time."
            ),
        ),
        _ => return None,
    };
    let parts = vec![
        Part::Text(words),
        Part::Link("Your membership".to_owned(), link(app, &paths::account_membership())),
        Part::Footer(format!(
            "You get this mail because you are, or were, a paying member of {site}."
        )),
    ];
    let to = Person { name: about.name, email: about.email };
    let mail = template::Mail { subject: format!("{subject} · {site}"), parts };
    Some(Letter { to, reply_to: None, unsubscribe: None, mail })
}

/// What owners are told where a bank has taken money back.
pub(super) fn disputed(app: &App, to: Person, (amount, currency): &(i64, String)) -> Letter {
    let money = format::money(*amount, currency);
    let parts = vec![
        Part::Text(format!(
            "Somebody has asked their bank for {money} back that they paid to {}.",
            app.config.site_name
        )),
        Part::Text(
            "Stripe waits for your answer for a few days: see its dashboard, under Disputes."
                .to_owned(),
        ),
    ];
    let mail = template::Mail { subject: format!("A payment of {money} is disputed"), parts };
    Letter { to, reply_to: None, unsubscribe: None, mail }
}
