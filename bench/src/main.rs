//! How fast Frontdesk is, as ratios taken in one run: `bin/bench`.
//!
//! Requests per second depend on the machine and on what else it does; processor time per request, beside that of a bare
//! handler with the same bytes under the same load in the same minute, hardly does. Runs alternate, and the median of the
//! pairs counts. The load comes from `wrk`.

mod bare;
mod measure;
mod site;

use anyhow::{Context, Result, ensure};
use measure::{Run, load, median};
use site::Site;
use std::process::ExitCode;

const PAGE: &str = "/posts/prices-on-the-page";
const PAIRS: usize = 7;
/// A cached page may cost at most this many times a bare handler.
const MOST: f64 = 2.0;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("bare") => bare::serve(),
        _ => compare(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<()> {
    let site = Site::frontdesk()?;
    let page = site.fetch(PAGE)?;
    let bare = Site::bare(&page)?;
    println!("{PAGE}: {} bytes, {PAIRS} pairs", page.len());
    load(&site, PAGE)?; // warm
    load(&bare, "/")?;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let (ours, theirs) = (load(&site, PAGE)?, load(&bare, "/")?);
        report("frontdesk", &ours);
        report("bare", &theirs);
        ratios.push(ours.micros_per_request() / theirs.micros_per_request());
    }
    let ratio = median(&mut ratios).context("no pair was measured")?;
    println!("processor time per request, frontdesk / bare: {ratio:.2} (at most {MOST})");
    ensure!(ratio <= MOST, "a cached page costs {ratio:.2} times a bare handler");
    Ok(())
}

fn report(name: &str, run: &Run) {
    let (micros, rate) = (run.micros_per_request(), run.requests_per_second());
    println!("  {name:<10} {micros:6.1} µs/request  {rate:8.0} requests/s");
}
