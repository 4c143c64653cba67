//! Processor time per request under full load, of several answers in turn.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// Each answer is measured so often.
pub const ROUNDS: usize = 7;
const SECONDS: u32 = 3;

/// Something to ask for again and again.
pub struct Contestant<'a> {
    /// For the report.
    pub name: &'static str,
    /// Whose processor time counts.
    pub site: &'a Site,
    /// What is asked for.
    pub path: &'a str,
    /// A header to send along, `Name: value`.
    pub header: Option<String>,
    /// A script for `wrk`.
    pub script: Option<PathBuf>,
    /// How many ask at a time.
    pub connections: u32,
}

impl<'a> Contestant<'a> {
    /// The plain way to ask.
    pub fn new(name: &'static str, site: &'a Site, path: &'a str) -> Self {
        Self { name, site, path, header: None, script: None, connections: 16 }
    }
}

/// What the answers cost in one round, in the order of the contestants.
pub type Round = Vec<Run>;

/// One burst of load.
#[derive(Clone, Copy)]
pub struct Run {
    /// Processor time of the server per request.
    pub micros: f64,
    /// How many requests were answered.
    pub per_second: f64,
}

/// Has each contestant loaded in turn, several times over, and says what came out.
///
/// # Errors
/// Where `wrk` is missing or any request failed.
pub fn compare(contestants: &[Contestant<'_>]) -> Result<Vec<Round>> {
    for contestant in contestants {
        load(contestant)?; // warm
    }
    let round = |_| contestants.iter().map(load).collect::<Result<Round>>();
    let rounds = (0..ROUNDS).map(round).collect::<Result<Vec<Round>>>()?;
    for (at, contestant) in contestants.iter().enumerate() {
        let micros = median(rounds.iter().map(|round| round[at].micros))?;
        let per_second = median(rounds.iter().map(|round| round[at].per_second))?;
        println!("  {:<22}{micros:8.1} µs/request{per_second:10.0} requests/s", contestant.name);
    }
    Ok(rounds)
}

/// As many requests as will go over its connections, for a few seconds.
#[allow(clippy::cast_precision_loss)] // quotients for people to read
fn load(contestant: &Contestant<'_>) -> Result<Run> {
    let mut wrk = Command::new("wrk");
    let connections = format!("-c{}", contestant.connections);
    wrk.args(["-t1", &connections, &format!("-d{SECONDS}s")]);
    if let Some(header) = &contestant.header {
        wrk.args(["-H", header]);
    }
    if let Some(script) = &contestant.script {
        wrk.arg("-s").arg(script);
    }
    wrk.arg(format!("http://{}{}", contestant.site.authority, contestant.path));
    let before = nanos(contestant.site)?;
    let output = wrk.output().context("could not run wrk: apt-get install wrk")?;
    let nanos = nanos(contestant.site)? - before;
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = said.contains("Non-2xx") || said.contains("Socket errors");
    ensure!(!failed, "{}: requests failed:\n{said}", contestant.name);
    let line = said.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let count = count.context("wrk said no number")? as f64;
    Ok(Run { micros: nanos as f64 / 1000.0 / count, per_second: count / f64::from(SECONDS) })
}

/// What all threads of a server have used so far.
fn nanos(site: &Site) -> Result<u64> {
    let mut sum = 0;
    for pid in &site.workers {
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
            sum += nanos.context("the kernel keeps no schedstat")?;
        }
    }
    Ok(sum)
}

/// The one in the middle.
///
/// # Errors
/// Where there is none.
pub fn median(values: impl Iterator<Item = f64>) -> Result<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("nothing was measured")
}
