//! What the operator does is recorded in the transaction that does it. No other file of this door writes (`tests/house.rs`).

use crate::app::App;
use crate::error::Result;
use crate::policies::Operator;
use crate::services::audit::{self, By, Line};
use sqlx::PgConnection;

/// Runs `work` in one transaction; beside what it has come to, it says what goes on the record: none where nothing was
/// changed.
///
/// # Errors
/// Those of `work`: then nothing was changed.
pub async fn record<T, L: Into<Option<Line>>>(
    app: &App,
    operator: &Operator,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<(T, L)>,
) -> Result<T> {
    let written = app.write(async |tx| {
        let (value, line) = work(&mut *tx).await?;
        if let Some(line) = line.into() {
            audit::write(tx, app.clock.id(), By::Operator(operator), line).await?;
        }
        Ok(value)
    });
    written.await.map(|written| written.value)
}
