//! New posts by mail, and new leads to staff: to each whose morning it is.

use super::{Plan, Progress, Turn};
use crate::error::Result;
use crate::jobs::digests;

/// When it is due: somewhere it is seven o'clock every hour.
pub const PLAN: Plan = Plan::hourly("Send digests");

/// Writes down every digest whose time has come. Each is written once, however often this is done. What a trial run would
/// write is not known beforehand, and nothing is written then.
///
/// # Errors
/// As any statement.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    if turn.run().is_some() {
        let queued = digests::queue(turn.app()).await?;
        turn.count("digests", i64::try_from(queued).unwrap_or(i64::MAX));
    }
    Ok(Progress::Finished)
}
