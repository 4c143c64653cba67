//! Mails about what happens to an account.

use super::link;
use crate::app::App;
use crate::services::alarms::Alarm;
use crate::services::email_changes::{Side, Waiting};
use crate::services::links::Intent;
use templates::mail::{Mail, Part};
use templates::paths;

/// What such a mail says; none where there is nothing to say any more. `follow` makes the link.
pub(super) fn mail(
    app: &App,
    intent: &Intent,
    change: Option<&Waiting>,
    follow: impl Fn(&str, fn(&str) -> String) -> Part,
) -> Option<Mail> {
    let site = &app.config.site_name;
    let agree = follow("See what it is about", paths::change_email_with);
    let (subject, parts) = match intent {
        Intent::ChangeEmail { side: Side::Old, .. } => (
            format!("Another address for your account at {site}"),
            vec![
                text("Somebody who is signed in to your account wants it to have another address:"),
                Part::Facts(vec![("New address".to_owned(), change?.email.clone())]),
                text(
                    "If that was you, agree here within a day. If it was not, the same page signs everybody out.",
                ),
                agree,
            ],
        ),
        Intent::ChangeEmail { side: Side::New, .. } => {
            change?;
            let words = "Somebody wants to use this address for their account. If that was you, agree here within a day. If it was not, you need not do anything.";
            (format!("Your address for an account at {site}"), vec![text(words), agree])
        }
        Intent::Alarm { alarm } => {
            let (subject, words) = told(site, alarm);
            let remedy = "If that was you, all is well. If it was not, sign everybody out and choose another password:";
            let lock = follow("That was not me", paths::not_me);
            (subject, vec![Part::Text(words), text(remedy), lock])
        }
        Intent::Moved => {
            let words = "Your account has another address now: we were told that you cannot read the mail that comes here any more. If that is not so, write to us at once.";
            let way = Part::Link("Write to us".to_owned(), link(app, &paths::contact()));
            (format!("Your account at {site} has another address"), vec![text(words), way])
        }
        Intent::Farewell => {
            let words = "Your account is deleted, as you asked for, and everybody is signed out of it. This is the last mail about it. All the best!";
            (format!("Your account at {site} is gone"), vec![text(words)])
        }
        // Those that let somebody in have words of their own.
        _ => return None,
    };
    let footer = format!("You get this mail because of an account at {site}.");
    let parts = parts.into_iter().chain([Part::Footer(footer)]).collect();
    Some(Mail { subject, parts })
}

fn text(words: &str) -> Part {
    Part::Text(words.to_owned())
}

fn told(site: &str, alarm: &Alarm) -> (String, String) {
    match alarm {
        Alarm::PasswordChanged => (
            format!("Your password for {site} was changed"),
            "There is another password for your account, and every other session is over."
                .to_owned(),
        ),
        Alarm::NewDevice { device, network } => (
            format!("A new device at {site}"),
            format!(
                "Somebody has signed in to your account on a device that is new: {device}, from {network}."
            ),
        ),
        Alarm::AppAllowed { app } => (
            format!("An app may use your account at {site}"),
            format!("Somebody who is signed in to your account has let an app act for you: {app}."),
        ),
    }
}
