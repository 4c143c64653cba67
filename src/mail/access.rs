//! Mails with a link that lets somebody in, or asks or tells them something about their account.
//!
//! Nothing of what was typed stands in them but the address they go to: whoever fills in a stranger's address must not be
//! able to write to them.

use super::{Letter, Person, accounts, link};
use crate::app::App;
use crate::services::email_changes::Waiting;
use crate::services::links::{Held, Intent, Token};
use crate::services::staff::Role;
use templates::mail::{Mail, Part};
use templates::paths;

/// Says what the link is for. Without its token it says where the link is to be found. `change` is what a link is about that
/// asks for another address; none where it is about something else, or over.
pub(super) fn letter(
    app: &App,
    held: Held,
    change: Option<&Waiting>,
    token: Option<&Token>,
) -> Option<Letter> {
    let site = &app.config.site_name;
    let follow = |label: &str, path: fn(&str) -> String| follow(app, token, label, path);
    let (subject, words, way) = match &held.intent.0 {
        Intent::SignUp { .. } => (
            format!("Your account at {site}"),
            "Somebody has asked for an account with this address. If that was you, go on here within a day.",
            follow("Make my account", paths::sign_up_with),
        ),
        Intent::SignIn { had_one: true, .. } => (
            format!("You have an account at {site}"),
            "Somebody has asked for an account with this address, and there is one already. If that was you, sign in here within a quarter of an hour.",
            follow("Sign in", paths::sign_in_with),
        ),
        Intent::SignIn { .. } => (
            format!("Sign in to {site}"),
            "This link signs you in, once, within a quarter of an hour.",
            follow("Sign in", paths::sign_in_with),
        ),
        Intent::Reset => (
            format!("Another password for {site}"),
            "With this link you choose another password, within a quarter of an hour. You are signed out everywhere then.",
            follow("Choose a password", paths::reset_password),
        ),
        Intent::Invite { role, .. } => (
            format!("Run {site} with us"),
            match role {
                Role::Owner => {
                    "You are invited to run this site, as one of its owners. Go on here within seven days."
                }
                Role::Editor => {
                    "You are invited to run this site, as an editor. Go on here within seven days."
                }
            },
            follow("See the invitation", paths::invited),
        ),
        Intent::Nothing => (
            format!("No account at {site}"),
            "Somebody has tried to sign in with this address, and there is no account with it. You may have used another one.",
            Part::Link("Sign up".to_owned(), link(app, &paths::sign_up())),
        ),
        Intent::Taken => (
            format!("You have an account at {site}"),
            "Somebody wants to use this address for another account, and there is one with it already. If that was you, close one of the two first. Nothing has been changed.",
            Part::Link("Sign in".to_owned(), link(app, &paths::sign_in())),
        ),
        about_the_account => {
            let mail = accounts::mail(app, about_the_account, change, follow)?;
            return Some(to(held.email, mail));
        }
    };
    let footer = format!(
        "You get this mail because this address was given in a form at {site}. If that was not you, you need not do anything: nobody gets in without this mail."
    );
    let parts = vec![Part::Text(words.to_owned()), way, Part::Footer(footer)];
    Some(to(held.email, Mail { subject, parts }))
}

fn to(email: String, mail: Mail) -> Letter {
    Letter { to: Person { name: String::new(), email }, reply_to: None, unsubscribe: None, mail }
}

fn follow(app: &App, token: Option<&Token>, label: &str, path: fn(&str) -> String) -> Part {
    match token {
        Some(token) => Part::Link(label.to_owned(), link(app, &path(&token.reveal()))),
        None => Part::Text(format!("{label}: the link stands in the mail alone.")),
    }
}
