//! What has run out is deleted.

use super::{Plan, Progress, Turn};
use crate::error::Result;
use crate::services::cleanup::{self, Kind};

/// When it is due.
pub const PLAN: Plan = Plan::hourly("Clean up");

/// Sweeps every kind in turn.
///
/// # Errors
/// As any statement.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    for kind in Kind::ALL {
        let swept =
            turn.in_parts(kind.name(), async |tx, most| cleanup::sweep(tx, kind, most).await);
        if swept.await? == Progress::Unfinished {
            return Ok(Progress::Unfinished);
        }
    }
    Ok(Progress::Finished)
}
