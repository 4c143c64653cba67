//! A hundred thousand guesses at one account from a thousand addresses: few reach a password check, and its owner still
//! gets in where they have been before.

use super::Figure;
use crate::readers::Readers;
use crate::sign_ins::request;
use crate::world::World;
use anyhow::{Result, ensure};
use std::time::Duration;

const GUESSES: usize = 100_000;
const ADDRESSES: usize = 1000;
/// How many guesses may be checked in a quarter of an hour.
const MOST: f64 = 100.0;

#[allow(clippy::cast_precision_loss)] // counts
pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let device = world.sign_in_with(&site, "")?.device;
    let guess = |number| request(&site.authority, number, "owner@example.com", "wrong");
    let guesses = Readers {
        authority: &site.authority,
        requests: &(0..ADDRESSES).map(guess).collect::<Vec<_>>(),
        connections: 16,
        every: Duration::ZERO,
        count: GUESSES,
    };
    let answers = guesses.come()?;
    let (checked, refused) = (answers.of_status(422).count(), answers.of_status(429).count());
    println!(
        "  {checked} of {GUESSES} guesses were checked, {refused} refused: p99 {:.2} ms",
        answers.of_status(429).millis(0.99)
    );
    ensure!(checked + refused == GUESSES, "there were other answers than “wrong” and “too often”");
    let stranger = world.sign_in_with(&site, "");
    let owner = world.sign_in_with(&site, &device);
    println!(
        "  then, with the right password: {}",
        if owner.is_ok() { "the owner is in" } else { "the owner is kept out" }
    );
    Ok(vec![
        Figure::new("guesses of 100,000 at one account that are checked", checked as f64, MOST),
        Figure::new(
            "owners kept out where they have been before",
            f64::from(u8::from(owner.is_err())),
            0.0,
        ),
        Figure::new(
            "strangers let in with the right password meanwhile",
            f64::from(u8::from(stranger.is_ok())),
            0.0,
        ),
    ])
}
