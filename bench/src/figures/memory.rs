//! What the program needs beside the pages it keeps.

use super::Figure;
use crate::readers::{Readers, caller, get};
use crate::site::Site;
use crate::world::{POSTS, World};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// How much beside the bodies, in MB, the program itself included.
const MOST: f64 = 40.0;
const MB: f64 = 1e6;

/// Has every page kept in every encoding. The bodies' bytes are counted as they arrive, which is what is kept of them.
#[allow(clippy::cast_precision_loss)] // megabytes
pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let mut kept = 0;
    println!("  {:6.1} MB resident at first", resident(&site)? / MB);
    for encoding in ["identity", "gzip", "br"] {
        let request = |number: usize| {
            let headers = format!("accept-encoding: {encoding}\r\n{}", caller(number));
            get(&site.authority, &format!("/posts/note-{}", number + 1), &headers)
        };
        let answers = Readers {
            authority: &site.authority,
            requests: &(0..POSTS).map(request).collect::<Vec<_>>(),
            connections: 8,
            every: Duration::ZERO,
            count: POSTS,
        };
        let answers = answers.come()?;
        ensure!(answers.failed == 0, "{} pages were not to be had", answers.failed);
        kept += answers.bytes;
        let (resident, kept) = (resident(&site)? / MB, kept as f64 / MB);
        println!("  {resident:6.1} MB resident with {kept:.1} MB kept, after {encoding}");
    }
    let beside = resident(&site)? - kept as f64;
    Ok(vec![Figure::new("memory beside 10,000 kept pages, MB", beside / MB, MOST)])
}

/// What a server has in memory, in bytes.
fn resident(site: &Site) -> Result<f64> {
    let pid = site.workers.first().context("no process")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kib.context("the kernel does not say what is resident")? * 1024.0)
}
