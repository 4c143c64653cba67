//! What is known of payments is compared with what Stripe knows, and put right.

use super::{Plan, Progress, Turn};
use crate::error::Result;
use crate::payments::reconcile::{How, reconcile};

/// When it is due.
pub const PLAN: Plan = Plan::every_minutes("Compare payments", 10);

/// Compares; each thing that is put right is so in a transaction of its own.
///
/// # Errors
/// Where Stripe or the database is away.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    let how = How { repairs: turn.run().is_some(), everything: false };
    let report = reconcile(turn.app(), how).await?;
    for (what, count) in [
        ("payments_compared", report.compared),
        ("events_lost", report.lost.len()),
        ("payments_put_right", report.drifted.len()),
        ("payments_unknown_to_stripe", report.unknown.len()),
        ("unlike_the_books", report.doubtful.len()),
    ] {
        turn.count(what, i64::try_from(count).unwrap_or(i64::MAX));
    }
    if !report.is_clean() {
        tracing::warn!(?report, "payments stood otherwise than at Stripe");
    }
    Ok(Progress::Finished)
}
