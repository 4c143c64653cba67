//! Five hundred people a second who want to sign in, for a minute, beside readers of kept pages. A password takes twenty
//! milliseconds of a processor, so most of them have to be sent away, at once, and nobody else is to notice.

use super::Figure;
use crate::readers::{Answers, Readers, caller, get};
use crate::sign_ins::{email, request};
use crate::site::Site;
use crate::world::{PAGE, World};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

const SIGN_INS_PER_SECOND: u32 = 500;
const READS_PER_SECOND: u32 = 200;
const SECONDS: u32 = 60;
/// The slowest hundredth of the readers may wait so many times as long as without all that.
const MOST: f64 = 2.0;
/// How much memory may be taken for it, in MB.
const GROWTH: f64 = 64.0;
/// How long whoever is sent away may wait for that, in milliseconds.
const REFUSED: f64 = 50.0;

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    // Everything that is made when it is first needed.
    storm(&site, 2, 0)?;
    read(&site, 2)?;
    let alone = read(&site, SECONDS / 4)?;
    let before = site.resident()?;
    let (beside, answers) = std::thread::scope(|scope| {
        let storm = scope.spawn(|| storm(&site, SECONDS, 1));
        let beside = read(&site, SECONDS);
        let answers = storm.join().ok().context("the storm panicked")?;
        Ok::<_, anyhow::Error>((beside?, answers?))
    })?;
    let grown = (site.resident()? - before) / 1e6;
    report(&alone, &beside, &answers, grown);
    let known = answers.of_status(422).count() + answers.of_status(503).count();
    ensure!(known == answers.count(), "there were other answers than “wrong” and “not now”");
    Ok(vec![
        Figure::new(
            "readers' p99 beside 500 sign-ins/s / alone",
            beside.millis(0.99) / alone.millis(0.99),
            MOST,
        ),
        Figure::new("memory taken for them, MB", grown, GROWTH),
        Figure::new(
            "p99 of whoever is sent away, ms",
            answers.of_status(503).millis(0.99),
            REFUSED,
        ),
    ])
}

fn report(alone: &Answers, beside: &Answers, answers: &Answers, grown: f64) {
    for (name, readers) in [("alone", alone), ("beside the storm", beside)] {
        let (p50, p99) = (readers.millis(0.5), readers.millis(0.99));
        println!("  readers {name:<18}p50 {p50:7.3} ms  p99 {p99:7.3} ms");
    }
    for (name, status) in [("checked", 422), ("sent away", 503)] {
        let these = answers.of_status(status);
        let (p50, p99, last) = (these.millis(0.5), these.millis(0.99), these.millis(0.9999));
        let count = these.count();
        println!("  {count:6} {name:<12}p50 {p50:7.2} ms  p99 {p99:7.2} ms  slowest {last:7.2} ms");
    }
    println!("  {grown:.1} MB more in memory");
}

fn read(site: &Site, seconds: u32) -> Result<Answers> {
    let request = |number| get(&site.authority, PAGE, &caller(number));
    let answers = Readers {
        authority: &site.authority,
        requests: &(0..1000).map(request).collect::<Vec<_>>(),
        connections: 16,
        every: Duration::from_secs(1) / READS_PER_SECOND,
        count: (READS_PER_SECOND * seconds) as usize,
    };
    let answers = answers.come()?;
    ensure!(answers.failed == 0, "{} readers got no page", answers.failed);
    Ok(answers)
}

/// Each from another address with another account, so that nothing else stands in their way.
fn storm(site: &Site, seconds: u32, wave: usize) -> Result<Answers> {
    let count = (SIGN_INS_PER_SECOND * seconds) as usize;
    let request =
        |number| request(&site.authority, number, &email(wave * 50_000 + number, false), "wrong");
    let storm = Readers {
        authority: &site.authority,
        requests: &(0..count).map(request).collect::<Vec<_>>(),
        connections: 64,
        every: Duration::from_secs(1) / SIGN_INS_PER_SECOND,
        count,
    };
    storm.come()
}
