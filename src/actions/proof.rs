//! What matters most asks once more who is there: somebody may have left their browser open.

use crate::error::{Error, Result};
use crate::http::action::Visit;
use crate::services::accounts;
use crate::services::sessions::Member;
use sqlx::PgConnection;
use templates::proof::Proof;

/// Passes where `who` has proven who they are within ten minutes, or has typed their password now.
///
/// # Errors
/// [`Error::Invalid`] on `current_password`.
pub async fn ask(visit: &Visit<'_>, who: &Member, typed: &str) -> Result<()> {
    if who.is_recent() { Ok(()) } else { ask_always(visit, who, typed).await }
}

/// Passes where `who` has typed their password now. Whoever has none has to have proven who they are within ten minutes.
///
/// # Errors
/// [`Error::Invalid`] on `current_password`.
pub async fn ask_always(visit: &Visit<'_>, who: &Member, typed: &str) -> Result<()> {
    let app = visit.app;
    app.guesses.count_session(who.session())?;
    let stored = app.read(async |db| accounts::password_hash(db, who).await).await?;
    let (right, message) = match stored {
        None => (who.is_recent(), "Sign in once more, then send this again."),
        stored => {
            (app.passwords.verify(typed, stored).await?, "This is not your current password.")
        }
    };
    if right { Ok(()) } else { Err(Error::field("current_password", message)) }
}

/// What has to be asked of `who` on the form at `path`.
///
/// # Errors
/// As any statement.
pub async fn wanted(db: &mut PgConnection, who: &Member, path: String) -> Result<Proof> {
    if who.is_recent() {
        return Ok(Proof::Given);
    }
    Ok(match accounts::profile(db, who).await?.has_password {
        true => Proof::Password,
        false => Proof::Again { path },
    })
}
