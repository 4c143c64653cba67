//! How evenly readers are served at half of what the server can do.
//!
//! The readers run on the same machine. They have the last of its processors and the server all others, so that what is
//! measured is the server and not who of the two waits for the other. Everything else that runs there is still in it.

use super::Figure;
use crate::processor::{Contestant, compare, median};
use crate::readers::{Readers, get};
use crate::site::Site;
use crate::world::{PAGE, World};
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many times the latency of the median reader that of the slowest hundredth may be.
const MOST: f64 = 3.0;
const SECONDS: f64 = 4.0;
const RUNS: usize = 5;

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let bare = Site::bare(&site.fetch(PAGE)?, &world.database)?;
    let processors = std::thread::available_parallelism()?.get();
    ensure!(processors > 1, "the readers need a processor of their own");
    for server in site.workers.iter().chain(&bare.workers) {
        keep_to(&["-a"], *server, &format!("0-{}", processors - 2))?;
    }
    keep_to(&[], std::process::id(), &(processors - 1).to_string())?;
    let rounds = compare(&[Contestant::new("saturated", &site, PAGE)])?;
    let rate = median(rounds.iter().map(|round| round[0].per_second))? / 2.0;
    println!("  at {rate:.0} requests/s");
    let mut ratios = Vec::new();
    for _ in 0..RUNS {
        ratios.push(unevenness("frontdesk", &site, PAGE, rate)?);
        unevenness("bare", &bare, "/", rate)?; // what this machine has to do with it
    }
    keep_to(&[], std::process::id(), &format!("0-{}", processors - 1))?;
    let ratio = median(ratios.into_iter())?;
    Ok(vec![Figure::new("latency at half of saturation, p99 / p50", ratio, MOST)])
}

/// Has a process run on these processors alone: all of its threads with `-a`, else the first.
fn keep_to(threads: &[&str], process: u32, processors: &str) -> Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(threads).args(["-p", "-c", processors, &process.to_string()]);
    let done = taskset.stdout(Stdio::null()).status().context("could not run taskset")?;
    ensure!(done.success(), "taskset could not keep a process to processors {processors}");
    Ok(())
}

/// How many times the median reader's latency that of the slowest hundredth is.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
fn unevenness(name: &str, site: &Site, path: &str, rate: f64) -> Result<f64> {
    let readers = Readers {
        authority: &site.authority,
        requests: &[get(&site.authority, path, "")],
        connections: 16,
        every: Duration::from_secs_f64(1.0 / rate),
        count: (rate * SECONDS) as usize,
    };
    let answers = readers.come()?;
    ensure!(answers.failed == 0, "{} readers got no page", answers.failed);
    let (p50, p99) = (answers.millis(0.5), answers.millis(0.99));
    println!("  {name:<22}p50 {p50:7.3} ms  p99 {p99:7.3} ms");
    Ok(p99 / p50)
}
