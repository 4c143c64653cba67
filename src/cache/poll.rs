//! The one question put to the database again and again: what was invalidated since I last asked?
//!
//! One statement is one snapshot. `id > last` would lose what commits out of order, a clock would lose what commits
//! late; comparing snapshots loses nothing.

use super::coherence::Polled;
use super::snapshot::{Incarnation, Snapshot};
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::tags::{EVERYTHING, Tag};
use anyhow::Context;
use sqlx::PgConnection;
use uuid::Uuid;

/// Asks for everything that became visible after `since`, at the moment `started`. None where the database's present
/// life has no id yet: see [`name_boot`].
///
/// # Errors
/// [`Error::Unavailable`](crate::Error::Unavailable) where the database is away.
pub async fn ask(
    db: &mut PgConnection,
    started: Moment,
    since: Option<&Snapshot>,
) -> Result<Option<Polled>> {
    let row = sqlx::query!(
        r#"with asked as (select coalesce($1::text::pg_snapshot, pg_current_snapshot()) as since)
           select pg_current_snapshot()::text as "snapshot!",
                  (select system_identifier from pg_control_system()) as "system!",
                  (select id from cache_boot) as boot,
                  coalesce(array_agg(tag), '{}') as "tags!",
                  coalesce(array_agg(hard), '{}') as "hard!"
             from (select distinct tag, hard from cache_inval, asked
                    where xid >= pg_snapshot_xmin(since) and not pg_visible_in_snapshot(xid, since)) found"#,
        since.map(Snapshot::to_string),
    )
    .fetch_one(db)
    .await?;
    let Some(boot) = row.boot else { return Ok(None) };
    let snapshot =
        row.snapshot.parse().context("the database's snapshot").map_err(Error::Internal)?;
    let mut polled = Polled {
        started,
        incarnation: Incarnation { system: row.system.cast_unsigned(), boot },
        snapshot,
        changed: Vec::with_capacity(row.tags.len()),
        everything: None,
    };
    for (tag, hard) in row.tags.iter().zip(row.hard) {
        match tag.parse::<Tag>() {
            Ok(tag) => polled.changed.push((tag, hard)),
            Err(_) if tag == EVERYTHING => {
                polled.everything = Some(hard || polled.everything == Some(true));
            }
            Err(_) => {} // of a newer program on the same database; no page here depends on it
        }
    }
    Ok(Some(polled))
}

/// Gives the database's present life an id, where it has none yet.
///
/// # Errors
/// As any statement.
pub async fn name_boot(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("insert into cache_boot (id) values ($1) on conflict do nothing", id)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets invalidations of transactions below `xmin`. Whoever calls this knows that every one of them had ended
/// longer ago than the retention.
///
/// # Errors
/// As any statement.
pub async fn prune(db: &mut PgConnection, xmin: u64) -> Result<()> {
    sqlx::query!("delete from cache_inval where xid < $1::text::xid8", xmin.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// The id of the transaction under way, if it invalidated anything.
///
/// # Errors
/// As any statement.
pub async fn touched(db: &mut PgConnection) -> Result<Option<u64>> {
    let xid = sqlx::query_scalar!(
        r#"select xid::text as "xid!" from cache_inval where xid = pg_current_xact_id_if_assigned() limit 1"#
    )
    .fetch_optional(db)
    .await?;
    xid.map(|xid| xid.parse().context("a transaction id").map_err(Error::Internal)).transpose()
}
