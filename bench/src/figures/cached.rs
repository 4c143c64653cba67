//! A kept page beside a bare handler with the same bytes, and beside nginx with the same bytes in a file.

use super::Figure;
use crate::processor::{Contestant, compare, median};
use crate::site::Site;
use crate::world::{PAGE, World};
use anyhow::{Result, ensure};

/// How many times a bare handler a kept page may cost.
const MOST: f64 = 1.15;

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let page = site.fetch(PAGE)?;
    println!("  {PAGE}: {} bytes", page.len());
    ensure!((10_000..25_000).contains(&page.len()), "the page is not of a usual length");
    let bare = Site::bare(&page, &world.database)?;
    let nginx = Site::nginx(&page, &world.folder.join("nginx"))?;
    let mut contestants =
        vec![Contestant::new("frontdesk", &site, PAGE), Contestant::new("bare", &bare, "/")];
    match &nginx {
        Some(nginx) => contestants.push(Contestant::new("nginx", nginx, "/page.html")),
        None => println!("  nginx is not installed: not compared"),
    }
    let rounds = compare(&contestants)?;
    let ratio = |to: usize| median(rounds.iter().map(|round| round[0].micros / round[to].micros));
    let mut figures =
        vec![Figure::new("kept page / bare handler, processor time", ratio(1)?, MOST)];
    if nginx.is_some() {
        figures.push(Figure::new("kept page / nginx, processor time", ratio(2)?, 1.0));
    }
    Ok(figures)
}
