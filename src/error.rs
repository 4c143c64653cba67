//! Why something did not happen, in the application's own words.
//!
//! Nothing here knows HTTP: `http::errors` turns each variant into a page or a problem document, `cli` into lines on
//! stderr. A cause is kept for the log and never shown.

use crate::identity::Refused;
use crate::services::keys::{Left, Quota};
use std::collections::BTreeMap;

/// What every fallible function of the application returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Messages by field name, in whole sentences. The name `""` is the input as a whole.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// Why an operation did not happen. Nothing was changed when one of these comes back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some fields need correcting; the caller can.
    #[error("Some fields need correcting.")]
    Invalid(FieldErrors),
    /// There is nothing here, or nothing this caller may know of.
    #[error("There is nothing at this address.")]
    NotFound,
    /// It was here and was withdrawn on purpose. Holds what it was called.
    #[error("“{0}” was here and has been withdrawn.")]
    Gone(String),
    /// It was good once, for a while. Says what to do instead.
    #[error("{0}")]
    Over(&'static str),
    /// It lives at another path now, for good.
    #[error("This has moved to {0}.")]
    Moved(String),
    /// Someone else is at it.
    #[error("{why}")]
    Conflict {
        /// What, and what to do.
        why: &'static str,
        /// When it is worth trying again.
        retry_after_seconds: u64,
    },
    /// It is not configured. Says what is missing.
    #[error("This is off: {0}")]
    Off(&'static str),
    /// The caller has not proved who they are.
    #[error("{0}")]
    Unproven(&'static str),
    /// The caller is known, and too much time has passed since they proved who they are.
    #[error("This matters, and it is a while since you proved who you are. Do so once more.")]
    Unconfirmed,
    /// The caller has proved who they are by one factor, and two are asked of them.
    #[error("Set up a second factor first: this site asks it of you.")]
    OneFactor,
    /// An identity provider has not vouched for the caller, or not for somebody who gets in.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// The caller is known and may not, or the request comes from where it may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The same request, with the same key, is under way.
    #[error(
        "A request with this Idempotency-Key is under way. Send it again in a moment: the answer will be the same."
    )]
    Running,
    /// The key was sent before, with another request.
    #[error("This Idempotency-Key was sent with another request. Use a key of its own for each.")]
    KeyReused,
    /// The caller takes nothing that is answered here.
    #[error("This is answered as application/json, which your Accept header refuses.")]
    NotAcceptable,
    /// An app asked for what it cannot have, for a reason that OAuth has a name for.
    #[error("{}", .0.detail())]
    OAuth(OAuthRefusal),
    /// It was changed since the caller looked.
    #[error("It was changed since you looked. Get it again, and then say what it is to be.")]
    Stale,
    /// The caller has not said what they looked at.
    #[error("Say which version this is about: send its ETag as If-Match, or * for any.")]
    Unconditional,
    /// The key that was sent is one of ours and of no use here. A program can act on why.
    #[error("{0}")]
    Key(#[from] KeyRefusal),
    /// Too often.
    #[error("Too many requests. Try again in {retry_after_seconds} seconds.")]
    TooMany {
        /// When it is worth trying again.
        retry_after_seconds: u64,
    },
    /// The input could not be read at all.
    #[error("{0}")]
    Malformed(String),
    /// The input is larger than this door takes.
    #[error("That is more than the {limit_kib} KiB accepted here.")]
    TooLarge {
        /// What this door takes.
        limit_kib: usize,
    },
    /// The input is of a kind this door does not read.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The input came too slowly.
    #[error("The request took too long to arrive.")]
    TooSlow,
    /// Something needed is away for now; nothing was lost.
    #[error("This is not available at the moment. Please try again shortly.")]
    Unavailable(#[source] anyhow::Error),
    /// A defect.
    #[error("Something went wrong on our side.")]
    Internal(#[source] anyhow::Error),
}

/// Why an app gets no token, or is not let in with the one it has (RFC 6749 §5.2, RFC 6750 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthRefusal {
    /// The request lacks something, or contradicts itself. Says what.
    Request(&'static str),
    /// There is no such app.
    Client,
    /// What was brought is not good: a password, a code, a refresh token.
    Grant,
    /// Tokens are not to be had in this way.
    GrantType,
    /// The password is right, and this account asks for more.
    SecondFactor,
    /// The access token is not good, or not any more.
    Token,
}

impl OAuthRefusal {
    /// As programs read it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Client => "invalid_client",
            Self::Grant => "invalid_grant",
            Self::GrantType => "unsupported_grant_type",
            Self::SecondFactor => "second-factor-required",
            Self::Token => "invalid_token",
        }
    }

    /// As people do.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Request(what) => what,
            Self::Client => "There is no app with this client_id, or not any more.",
            Self::Grant => {
                "What was sent to prove who is there is wrong, was used before, or is too old."
            }
            Self::GrantType => {
                "grant_type has to be password, authorization_code or refresh_token."
            }
            Self::SecondFactor => {
                "This account asks for more than a password. Have its owner sign in at /oauth/authorize."
            }
            Self::Token => "This access token is not good, or not any more.",
        }
    }
}

/// Why a key of ours opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Its time is over.
    #[error("This API key has expired. Ask for a new one.")]
    Expired,
    /// There is a newer secret, and the time of this one is over.
    #[error("This API key was replaced by a newer one. Use that.")]
    Replaced,
    /// It is good elsewhere alone.
    #[error("This API key may not be used from this address.")]
    FromElsewhere,
    /// It is for trying things out, and this would be in earnest. Says what it is good for.
    #[error("{0}")]
    ForTests(String),
    /// A script of a site sends it that it does not name.
    #[error("This API key does not name the site whose script has sent it.")]
    FromOtherSite,
    /// It stands in pages that anyone can read, and this is not for anyone.
    #[error(
        "This API key is for scripts of the sites it names. Send one that names none for this."
    )]
    ForScripts,
    /// It comes more often than it may in a minute.
    #[error(
        "This API key may make {limit} requests a minute. Try again in {retry_after_seconds} seconds."
    )]
    TooOften {
        /// How often it may.
        limit: u32,
        /// When it is worth trying again.
        retry_after_seconds: u64,
    },
    /// All requests of the day are made.
    #[error("This API key has used up its {limit} requests of today (UTC).")]
    QuotaUsedUp {
        /// How many it has.
        limit: u32,
        /// When there are others.
        retry_after_seconds: u64,
    },
}

impl KeyRefusal {
    /// Which limit it is, and how it stands, where it is one.
    pub fn limit(&self) -> Option<(Quota, Left)> {
        let (quota, limit, reset_seconds) = match *self {
            Self::TooOften { limit, retry_after_seconds } => {
                (Quota::Minute, limit, retry_after_seconds)
            }
            Self::QuotaUsedUp { limit, retry_after_seconds } => {
                (Quota::Day, limit, retry_after_seconds)
            }
            _ => return None,
        };
        Some((quota, Left { limit, remaining: 0, reset_seconds }))
    }
}

/// Why there is no page at an address: a fact read from the database like any other, so that it may be kept and will be
/// asked for again when it may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// There is nothing here.
    NotFound,
    /// It was here and was withdrawn on purpose. Holds what it was called.
    Gone(String),
    /// It lives at another path now, for good.
    Moved(String),
}

/// What was looked for, or why it is not there.
pub type Found<T> = Result<T, Absence>;

impl From<Absence> for Error {
    fn from(absence: Absence) -> Self {
        match absence {
            Absence::NotFound => Self::NotFound,
            Absence::Gone(name) => Self::Gone(name),
            Absence::Moved(path) => Self::Moved(path),
        }
    }
}

/// What was asked for; none where there is nothing, for those to whom that is no error.
///
/// # Errors
/// Every other.
pub fn found<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Err(Error::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

impl Error {
    /// One message on one field.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(name.to_owned(), vec![message.into()])]))
    }

    /// A door's own "not now", when no other error caused it.
    pub fn unavailable(why: &'static str) -> Self {
        Self::Unavailable(anyhow::anyhow!(why))
    }

    /// What happened, with its cause: for the log and for those who run the site, never for whoever called.
    pub fn with_cause(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) => format!("{cause:#}"),
            Self::Invalid(fields) => {
                let said =
                    |(name, said): (&String, &Vec<String>)| format!("{name}: {}", said.join(" "));
                fields.iter().map(said).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        }
    }

    /// Whether the connection itself is gone, so that nothing asked over it can have been done by later statements.
    pub(crate) fn is_disconnect(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) => true,
            sqlx::Error::Database(cause) => {
                cause.code().is_some_and(|code| code.starts_with("57P"))
            }
            _ => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) {
            Self::Unavailable(error.into())
        } else if is_no_text(&error) {
            Self::Malformed("A text holds a NUL character; remove it.".to_owned())
        } else {
            Self::Internal(error.into())
        }
    }
}

/// Whether the database was given what it cannot keep as text (22021): NUL, as everything here is UTF-8. Fields refuse it by
/// their own rules; this is for one that has forgotten to.
fn is_no_text(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|cause| cause.code()).is_some_and(|code| code == "22021")
}

/// Whether the database is away, restarting or overrun, rather than refusing what was asked.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // 08 connection, 53 resources, 57P0x shutdown and start, 40 deadlock and serialisation, 55P03 and 57014 somebody else in
        // the way for longer than a statement waits: all pass with time.
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            ["08", "53", "57P", "40", "55P03", "57014"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// Gives a violated constraint its meaning.
pub trait OnConstraint<T> {
    /// `meaning()` where the constraint `name` was violated; every other error passes through.
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|error| match &error {
            sqlx::Error::Database(cause) if cause.constraint() == Some(name) => meaning(),
            _ => error.into(),
        })
    }
}
