//! Word of what was done to an account: whoever did not do it themselves learns of it, and what to do.

use super::{Letter, Person, link};
use crate::app::App;
use serde::{Deserialize, Serialize};
use templates::mail::{Mail, Part};
use templates::paths;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountEvent {
    /// A second factor is asked for from now on.
    SecondFactorOn,
    /// No second factor is asked for any more.
    SecondFactorOff,
    /// Recovery codes were made anew.
    RecoveryCodesMade,
    /// Somebody got in by a recovery code.
    RecoveryCodeUsed {
        /// So many are left.
        left: i64,
    },
    /// Somebody who has the first factor has tried many codes.
    CodesRefused,
    /// There is another passkey.
    PasskeyAdded,
    /// There is one passkey less.
    PasskeyRemoved,
    /// A passkey answered as a copy of it would.
    PasskeyCopied,
    /// They may come in from an identity provider.
    IdentityAdded,
    /// They may not any more.
    IdentityRemoved,
    /// The operator has taken all of it away.
    FactorsReset,
}

impl AccountEvent {
    /// What the mail is called, and what it says.
    fn words(self) -> (&'static str, String) {
        let (subject, words) = match self {
            Self::SecondFactorOn => (
                "A second factor was turned on",
                "Whoever signs in to your account is asked for a code from an app from now on.",
            ),
            Self::SecondFactorOff => (
                "Your second factor was turned off",
                "Whoever signs in to your account is not asked for a code any more.",
            ),
            Self::RecoveryCodesMade => (
                "New recovery codes were made",
                "The recovery codes that you had are worth nothing any more; the new ones were shown once.",
            ),
            Self::RecoveryCodeUsed { left } => {
                let left = match left {
                    0 => "None is left: make new ones.".to_owned(),
                    1 => "One is left: make new ones soon.".to_owned(),
                    more => format!("{more} are left."),
                };
                return (
                    "A recovery code was used",
                    format!("Somebody has used one of your recovery codes. {left}"),
                );
            }
            Self::CodesRefused => (
                "Somebody is trying to sign in",
                "Somebody has your password, or reads your mail, and has typed many wrong codes. They did not get in. If that was not you, choose another password.",
            ),
            Self::PasskeyAdded => {
                ("A passkey was added", "Whoever holds it can sign in to your account.")
            }
            Self::PasskeyRemoved => {
                ("A passkey was removed", "It lets nobody in to your account any more.")
            }
            Self::PasskeyCopied => (
                "One of your passkeys may have been copied",
                "It was used, and its count of signatures had gone back, as it does where there are two of it. Nobody got in, and it lets nobody in any more. Remove it, and add another one.",
            ),
            Self::IdentityAdded => (
                "A way to sign in was added",
                "Whoever can sign in to an account of yours at an identity provider, such as Google or GitHub, can sign in here from there.",
            ),
            Self::IdentityRemoved => (
                "A way to sign in was removed",
                "One of the accounts at identity providers that let you in here does so no more.",
            ),
            Self::FactorsReset => (
                "Your second factor and your passkeys were taken away",
                "Whoever runs the site has done this, as one does for somebody who has lost them. You are signed out everywhere.",
            ),
        };
        (subject, words.to_owned())
    }
}

pub(super) fn letter(app: &App, to: Person, event: AccountEvent) -> Letter {
    let site = &app.config.site_name;
    let (subject, words) = event.words();
    let place = match event {
        AccountEvent::PasskeyAdded | AccountEvent::PasskeyRemoved | AccountEvent::PasskeyCopied => {
            paths::passkeys()
        }
        AccountEvent::IdentityAdded | AccountEvent::IdentityRemoved => paths::account_identities(),
        _ => paths::two_factor(),
    };
    // Another password alone would leave a stranger's passkey where it is.
    let undo = "If that was not you, undo it there, and choose another password at once: everyone else is signed out by it. If you cannot get in, write to us.";
    let parts = vec![
        Part::Text(format!("{words} This is about your account at {site}.")),
        Part::Link("Look at it".to_owned(), link(app, &place)),
        Part::Text(undo.to_owned()),
        Part::Link("Choose another password".to_owned(), link(app, &paths::forgot_password())),
        Part::Footer(format!("You get this mail because you have an account at {site}.")),
    ];
    let mail = Mail { subject: format!("{subject} · {site}"), parts };
    Letter { to, reply_to: None, unsubscribe: None, mail }
}
