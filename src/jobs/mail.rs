//! Sending one mail.

use crate::app::App;
use crate::error::Result;
use crate::mail::{self, Mail, Trouble};
use crate::services::links::{self, Token};
use crate::services::outbox::End;
use uuid::Uuid;

/// Writes the mail and hands it over.
pub async fn send(app: &App, id: Uuid, mail: &Mail) -> End {
    let token = match minted(app, mail).await {
        Ok(token) => token,
        Err(error) => return End::Failed(error.with_cause()),
    };
    let letter = app.read(async |db| mail::compose(app, db, mail, token.as_ref()).await).await;
    let letter = match letter {
        Ok(Some(letter)) => letter,
        Ok(None) => {
            return End::Dropped(
                "There is nobody left who is to get it, they want no such mail, or there is nothing to say any more.",
            );
        }
        Err(error) => return End::Failed(error.with_cause()),
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

/// The random part of a mailed link, made for this mail. Where nobody carries mail, owners read it in the outbox.
async fn minted(app: &App, mail: &Mail) -> Result<Option<Token>> {
    let Mail::Link { link } = mail else { return Ok(None) };
    let (random, shown) = (app.clock.random(), !app.postman.is_on_duty());
    app.bookkeep(async |tx| links::mint(tx, *link, random, shown).await).await.map(Some)
}
