//! Why something did not happen, in the application's own words.
//!
//! Nothing here knows HTTP: `http::errors` turns each variant into a page or a problem document, `cli` into lines on
//! stderr. A cause is kept for the log and never shown.

use crate::identity::Refused;
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
        // 08 connection, 53 resources, 57P0x shutdown and start, 40 deadlock and serialisation: all pass with time.
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            ["08", "53", "57P", "40"].iter().any(|class| code.starts_with(class))
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
