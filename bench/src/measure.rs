//! Load and what it cost.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use std::process::Command;

const SECONDS: u32 = 3;

/// One burst of load.
pub struct Run {
    requests: u64,
    processor_nanos: u64,
}

impl Run {
    /// Processor time of the server per request.
    #[allow(clippy::cast_precision_loss)] // a quotient for people to read
    pub fn micros_per_request(&self) -> f64 {
        self.processor_nanos as f64 / 1000.0 / self.requests as f64
    }

    /// How many were answered.
    #[allow(clippy::cast_precision_loss)] // as above
    pub fn requests_per_second(&self) -> f64 {
        self.requests as f64 / f64::from(SECONDS)
    }
}

/// Sends as many requests as will go over 16 connections, for a few seconds.
///
/// # Errors
/// Where `wrk` is missing or any request failed.
pub fn load(site: &Site, path: &str) -> Result<Run> {
    let before = processor_nanos(site.pid())?;
    let output = Command::new("wrk")
        .args([
            "-t1",
            "-c16",
            &format!("-d{SECONDS}s"),
            &format!("http://{}{path}", site.authority),
        ])
        .output()
        .context("could not run wrk: apt-get install wrk")?;
    let processor_nanos = processor_nanos(site.pid())? - before;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        !said.contains("Non-2xx") && !said.contains("Socket errors"),
        "requests failed:\n{said}"
    );
    let line =
        said.lines().find(|line| line.contains(" requests in ")).context("wrk said nothing")?;
    let requests = line.split_whitespace().next().and_then(|count| count.parse().ok());
    Ok(Run { requests: requests.context("wrk said no number")?, processor_nanos })
}

/// What all threads of a process have used so far.
fn processor_nanos(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
        sum += nanos.context("the kernel keeps no schedstat")?;
    }
    Ok(sum)
}

/// The one in the middle.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
