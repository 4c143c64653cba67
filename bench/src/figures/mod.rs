//! The figures that are promised, a file per measurement.

mod cached;
mod churn;
mod guessing;
mod latency;
mod leads;
mod memory;
mod not_modified;
mod sign_in_storm;
mod signed_in;
mod strangers;
mod webhooks;

use crate::world::World;
use anyhow::Result;
use std::fmt;

/// A measurement.
pub type Measure = fn(&World) -> Result<Vec<Figure>>;

/// All of them, by name.
pub const MEASUREMENTS: [(&str, Measure); 11] = [
    ("cached", cached::measure),
    ("latency", latency::measure),
    ("not-modified", not_modified::measure),
    ("signed-in", signed_in::measure),
    ("churn", churn::measure),
    ("memory", memory::measure),
    ("strangers", strangers::measure),
    ("sign-in-storm", sign_in_storm::measure),
    ("guessing", guessing::measure),
    ("leads", leads::measure),
    ("webhooks", webhooks::measure),
];

/// Something measured, and the most it may be.
pub struct Figure {
    name: &'static str,
    value: f64,
    most: f64,
}

impl Figure {
    /// `name` says the unit, where there is one.
    pub fn new(name: &'static str, value: f64, most: f64) -> Self {
        Self { name, value, most }
    }

    /// Whether the limit is met.
    pub fn is_met(&self) -> bool {
        self.value <= self.most
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_met() { "met" } else { "MISSED" };
        write!(f, "{:<62}{:9.2}  at most {:7.2}  {verdict}", self.name, self.value, self.most)
    }
}
