//! Ten thousand attempts to sign in, every second one with an address that nobody has: the answers and the time they take tell
//! nothing.

use super::Figure;
use crate::processor::median;
use crate::sign_ins::{accounts, email, request};
use crate::site::{Site, header};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const ATTEMPTS: usize = 10_000;
/// How far apart the medians may be, in milliseconds.
const MOST: f64 = 1.0;

#[allow(clippy::cast_precision_loss)] // a count
pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    accounts(world, ATTEMPTS / 2)?;
    let mut stream = TcpStream::connect(&site.authority)?;
    stream.set_nodelay(true)?;
    let (mut known, mut unknown, mut differ) = (Vec::new(), Vec::new(), 0);
    for number in 0..ATTEMPTS / 2 {
        let mut of = |is_known| attempt(&site, &mut stream, number, is_known);
        // In turns, and each first as often as the other.
        let (of_known, of_unknown) = if number % 2 == 0 {
            let known = of(true)?;
            (known, of(false)?)
        } else {
            let unknown = of(false)?;
            (of(true)?, unknown)
        };
        differ += usize::from(of_known.1 != of_unknown.1);
        known.push(of_known.0);
        unknown.push(of_unknown.0);
    }
    let (known, unknown) = (median(known.into_iter())?, median(unknown.into_iter())?);
    println!(
        "  {ATTEMPTS} attempts: known {known:.3} ms, unknown {unknown:.3} ms, {differ} pairs differ"
    );
    Ok(vec![
        Figure::new(
            "median sign-in, known / unknown address, apart, ms",
            (known - unknown).abs(),
            MOST,
        ),
        Figure::new("answers by which known and unknown can be told apart", differ as f64, 0.0),
    ])
}

/// How long it takes, in milliseconds, and what comes back but for the date and the address that was typed.
fn attempt(
    site: &Site,
    stream: &mut TcpStream,
    number: usize,
    is_known: bool,
) -> Result<(f64, String)> {
    let email = email(number, is_known);
    let request = request(&site.authority, number * 2 + usize::from(is_known), &email, "wrong");
    let began = Instant::now();
    stream.write_all(&request)?;
    let answer = read(stream)?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(
        answer.starts_with("HTTP/1.1 422"),
        "not refused as a wrong password is: {answer:.200}"
    );
    let date = header(&answer, "date").context("an answer without a date")?.to_owned();
    Ok((took, answer.replace(&date, "DATE").replace(&email, "EMAIL")))
}

/// One answer, of a connection that stays open.
fn read(stream: &mut TcpStream) -> Result<String> {
    let (mut got, mut buffer) = (Vec::new(), [0; 64 * 1024]);
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the connection was closed");
        got.extend_from_slice(&buffer[..read]);
        let text = std::str::from_utf8(&got).unwrap_or_default();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length: usize = header(&text[..end], "content-length").unwrap_or("0").parse()?;
        if got.len() >= end + 4 + length {
            return Ok(String::from_utf8(got)?);
        }
    }
}
