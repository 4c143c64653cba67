//! How fast Frontdesk is: `bin/bench`, or `bin/bench NAME…` for some of the measurements.
//!
//! Requests per second depend on the machine and on what else it does; processor time per request, beside that of
//! something else under the same load in the same minute, hardly does. So what is compared takes turns, and the median of
//! the rounds counts. Processor time is the servers' own, read from the operating system; that of Postgres is not in it.

#![allow(clippy::disallowed_methods)] // a measurement has to ask the machine for the time

mod bare;
mod figures;
mod processor;
mod readers;
mod sign_ins;
mod site;
mod world;

use anyhow::{Result, ensure};
use figures::{Figure, MEASUREMENTS, Measure};
use std::process::ExitCode;
use world::World;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["bare", database] => bare::serve(database).map(|()| true),
        _ => measure(&words),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the measurements called so, or all of them. Whether every limit was met.
fn measure(names: &[&str]) -> Result<bool> {
    for name in names {
        let known = MEASUREMENTS.map(|(name, _)| name);
        ensure!(known.contains(name), "there is no {name}; there are {}", known.join(", "));
    }
    let world = World::new()?;
    let mut figures = Vec::new();
    let wanted = |(name, _): &(&str, Measure)| names.is_empty() || names.contains(name);
    for (name, take) in MEASUREMENTS.into_iter().filter(wanted) {
        println!("{name}");
        figures.extend(take(&world)?);
    }
    println!();
    for figure in &figures {
        println!("{figure}");
    }
    Ok(figures.iter().all(Figure::is_met))
}
