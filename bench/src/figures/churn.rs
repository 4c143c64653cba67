//! Readers of ten thousand pages, each of which an edit elsewhere makes out of date two hundred times a second.
//!
//! Nobody reads a page twice, in an order that has nothing to do with that of the posts: hardly a reader finds a page
//! that is still true, so nearly each of them has it rendered.

use super::Figure;
use crate::readers::{Readers, caller, get};
use crate::world::{POSTS, World};
use actix_web::rt::time::interval;
use anyhow::{Context, Result, ensure};
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How long the slowest hundredth may wait, in milliseconds.
const MOST: f64 = 100.0;
const SECONDS: u32 = 30;
const EDITS_PER_SECOND: u32 = 200;
const READS_PER_SECOND: u32 = 100;
/// Has no divisor in common with the number of posts.
const STRIDE: usize = 3_331;

#[allow(clippy::cast_precision_loss)] // a count
pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let request = |number: usize| {
        let page = number * STRIDE % POSTS + 1;
        get(&site.authority, &format!("/posts/note-{page}"), &caller(number))
    };
    let requests: Vec<_> = (0..POSTS).map(request).collect();
    let readers = |every, count| Readers {
        authority: &site.authority,
        requests: &requests,
        connections: 16,
        every,
        count,
    };
    let kept = readers(Duration::ZERO, POSTS).come()?;
    ensure!(kept.failed == 0, "{} pages were not to be had", kept.failed);

    let (over, edits) = (AtomicBool::new(false), Arc::new(AtomicU32::new(0)));
    let answers = std::thread::scope(|scope| {
        let editor = scope.spawn(|| edit(&world.database, &over, &edits));
        let count = READS_PER_SECOND * SECONDS;
        let answers = readers(Duration::from_secs(1) / READS_PER_SECOND, count as usize).come();
        over.store(true, Ordering::Relaxed);
        editor.join().ok().context("the editor panicked")??;
        answers
    })?;
    let edits = edits.load(Ordering::Relaxed) / SECONDS;
    println!(
        "  {edits} edits/s, {READS_PER_SECOND} reads/s: p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms, {} failed",
        answers.millis(0.5),
        answers.millis(0.99),
        answers.millis(0.999_999),
        answers.failed
    );
    ensure!(edits >= EDITS_PER_SECOND * 19 / 20, "the database takes only {edits} edits/s");
    Ok(vec![
        Figure::new(
            "readers' p99 under 200 edits/s on 10,000 pages, ms",
            answers.millis(0.99),
            MOST,
        ),
        Figure::new("readers without a page under 200 edits/s", answers.failed as f64, 0.0),
    ])
}

/// Commits so many edits a second until it is over. Each changes a title, and with it the list of posts, which every
/// page depends on.
fn edit(database: &str, over: &AtomicBool, edits: &Arc<AtomicU32>) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let pool: PgPool = PgPoolOptions::new().max_connections(8).connect(database).await?;
        let mut ticks = interval(Duration::from_secs(1) / EDITS_PER_SECOND);
        for number in 0_u32.. {
            ticks.tick().await;
            if over.load(Ordering::Relaxed) {
                break;
            }
            let (pool, edits) = (pool.clone(), Arc::clone(edits));
            actix_web::rt::spawn(async move {
                let edit = sqlx::query("update posts set title = $1 where slug = $2")
                    .bind(format!("Note, edited {number} times"))
                    .bind(format!("note-{}", number % 8 + 1));
                if edit.execute(&pool).await.is_ok() {
                    edits.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Ok(())
    })
}
