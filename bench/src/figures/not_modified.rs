//! A reader who has the page already, beside one who has not.

use super::Figure;
use crate::processor::{Contestant, compare, median};
use crate::site::header;
use crate::world::{PAGE, World};
use anyhow::{Context, Result};

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let (head, _) = site.ask(&format!("GET {PAGE}"), "", "")?;
    let known = header(&head, "etag").context("a page without a validator")?;
    let rounds = compare(&[
        Contestant::new("200", &site, PAGE),
        Contestant {
            header: Some(format!("If-None-Match: {known}")),
            ..Contestant::new("304", &site, PAGE)
        },
    ])?;
    let ratio = median(rounds.iter().map(|round| round[1].micros / round[0].micros))?;
    Ok(vec![Figure::new("304 / 200, processor time", ratio, 1.0)])
}
