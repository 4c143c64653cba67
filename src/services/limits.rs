//! Limits that hold for all instances together, however many there are.
//!
//! What this process counts by itself stands before it: nobody who comes too often here costs a statement.

use crate::error::Result;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::time::Duration;

/// One that wants to be taken from a bucket.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// Whose, and for what: a hash.
    pub bucket: [u8; 32],
    /// How many there are when nobody has taken any.
    pub size: u32,
    /// How long until one of them is there again.
    pub pause: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// It was there, and so many are left.
    Taken(u32),
    /// There was none. The next one will be there after so long.
    Empty(Duration),
}

/// Takes all of them, in one statement, and says for each what came of it. Exact: no two instances take the same one.
///
/// # Errors
/// As any statement. Then some may be taken and not used.
pub async fn draw(db: &mut PgConnection, all: &[Draw]) -> Result<Vec<Drawn>> {
    let mut wanted: BTreeMap<[u8; 32], (i32, Draw)> = BTreeMap::new();
    for draw in all {
        wanted.entry(draw.bucket).or_insert((0, *draw)).0 += 1;
    }
    // By bucket, so that nobody waits in a circle.
    let buckets: Vec<&[u8]> = wanted.keys().map(<[u8; 32]>::as_slice).collect();
    let counts: Vec<i32> = wanted.values().map(|(count, _)| *count).collect();
    let sizes: Vec<i32> = wanted.values().map(|(_, draw)| draw.size.cast_signed()).collect();
    let pauses: Vec<f64> = wanted.values().map(|(_, draw)| draw.pause.as_secs_f64()).collect();
    let rows = sqlx::query!(
        r#"select taken as "taken!", remaining as "remaining!", next as "next!"
             from unnest($1::bytea[], $2::integer[], $3::integer[], $4::double precision[]) with ordinality
               as asked (bucket, wanted, size, pause, place),
                  shared_limit_take(bucket, wanted, size, pause) order by place"#,
        &buckets as &[&[u8]],
        &counts,
        &sizes,
        &pauses,
    );
    let rows = rows.fetch_all(db).await?;
    let rows = rows.into_iter().map(|row| (row.taken, row.remaining, row.next));
    let mut found: BTreeMap<[u8; 32], (i32, i32, f64)> = wanted.into_keys().zip(rows).collect();
    let one = |draw: &Draw| match found.get_mut(&draw.bucket) {
        Some((taken, remaining, _)) if *taken > 0 => {
            *taken -= 1;
            Drawn::Taken((*remaining + *taken).cast_unsigned())
        }
        Some((_, _, next)) => Drawn::Empty(Duration::from_secs_f64(next.max(0.0))),
        None => Drawn::Empty(draw.pause),
    };
    Ok(all.iter().map(one).collect())
}
