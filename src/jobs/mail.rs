//! Sending one mail.

use super::cause;
use crate::app::App;
use crate::mail::{self, Mail, Trouble};
use crate::services::outbox::End;
use uuid::Uuid;

/// Writes the mail and hands it over.
pub async fn send(app: &App, id: Uuid, mail: &Mail) -> End {
    let letter = match app.read(async |db| mail::compose(app, db, mail).await).await {
        Ok(Some(letter)) => letter,
        Ok(None) => {
            return End::Dropped(
                "There is nobody left who is to get it, or they want no such mail.",
            );
        }
        Err(error) => return End::Failed(cause(&error)),
    };
    match app.postman.send(&app.config, id, &letter).await {
        Ok(true) => End::Done,
        Ok(false) => {
            let at = mail::link(app, &templates::paths::admin_outbox_entry(id));
            tracing::info!(
                kind = mail.name(),
                at,
                "a mail to be read in the outbox; SMTP_URL is not set"
            );
            End::Kept
        }
        Err(Trouble::Away(why)) => End::Away(why),
        Err(Trouble::Failed(why)) => End::Failed(why),
        Err(Trouble::Refused(why)) => End::Refused(why),
        Err(Trouble::Unreachable(why)) => End::Unreachable(why),
    }
}
