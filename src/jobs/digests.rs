//! Having digests written down. Whoever calls this, however often, and on however many instances: each is written once.

use crate::app::App;
use crate::error::Result;
use crate::services::digests::{self, Round};
use crate::services::{issues, subscribers};

/// Writes down every digest whose time has come, some people at a time, and returns how many there were. To be called
/// every few minutes; whatever else of the newsletter needs looking after now and then is looked after too.
///
/// # Errors
/// As any statement. What was written until then stays written.
pub async fn queue(app: &App) -> Result<usize> {
    let (now, id) = (app.clock.now(), || app.clock.id());
    let mut queued = 0;
    loop {
        let round: Round = app.work(async |tx| digests::of_posts(tx, id, now).await).await?.value;
        queued += round.queued;
        if !round.more {
            break;
        }
    }
    loop {
        let round: Round = app.work(async |tx| digests::of_leads(tx, id, now).await).await?.value;
        queued += round.queued;
        if !round.more {
            break;
        }
    }
    app.bookkeep(async |tx| issues::settle(tx, None).await).await?;
    app.bookkeep(async |tx| subscribers::forget_unconfirmed(tx, now).await).await?;
    Ok(queued)
}
