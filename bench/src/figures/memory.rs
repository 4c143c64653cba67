//! What the program needs beside the pages it keeps.

use super::Figure;
use crate::readers::{Readers, caller, get};
use crate::world::{POSTS, World};
use anyhow::{Result, ensure};
use std::time::Duration;

/// How much beside the bodies, in MB, the program itself included.
const MOST: f64 = 40.0;
const MB: f64 = 1e6;

/// Has every page kept in every encoding. The bodies' bytes are counted as they arrive, which is what is kept of them.
#[allow(clippy::cast_precision_loss)] // megabytes
pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let mut kept = 0;
    println!("  {:6.1} MB resident at first", site.resident()? / MB);
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
        let (resident, kept) = (site.resident()? / MB, kept as f64 / MB);
        println!("  {resident:6.1} MB resident with {kept:.1} MB kept, after {encoding}");
    }
    let beside = site.resident()? - kept as f64;
    Ok(vec![Figure::new("memory beside 10,000 kept pages, MB", beside / MB, MOST)])
}
