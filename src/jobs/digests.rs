//! Having digests written down. Whoever calls this, however often, and on however many instances: each is written once.

use crate::app::App;
use crate::error::Result;
use crate::services::digests::{self, Round};
use crate::services::{issues, subscribers};
use sqlx::PgConnection;

/// Writes down every digest whose time has come, some people at a time, and returns how many there were. To be called
/// every few minutes; whatever else of the newsletter needs looking after now and then is looked after too.
///
/// # Errors
/// As any statement. What was written until then stays written.
pub async fn queue(app: &App) -> Result<usize> {
    let (now, id) = (app.clock.now(), || app.clock.id());
    let queued = in_rounds(app, async |tx| digests::of_posts(tx, id, now).await).await?
        + in_rounds(app, async |tx| digests::of_leads(tx, id, now).await).await?;
    app.bookkeep(async |tx| issues::settle(tx, None).await).await?;
    app.bookkeep(async |tx| subscribers::forget_unconfirmed(tx, now).await).await?;
    Ok(queued)
}

/// Has `round` done until there is no more, each in a transaction of its own.
async fn in_rounds(
    app: &App,
    round: impl AsyncFn(&mut PgConnection) -> Result<Round>,
) -> Result<usize> {
    let mut queued = 0;
    loop {
        let done = app.work(async |tx| round(tx).await).await?.value;
        queued += done.queued;
        if !done.more {
            return Ok(queued);
        }
    }
}
