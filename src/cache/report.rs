//! What is kept, and why: for the people who run the site.

use super::coherence::{Seen, Verdict};
use super::{Entry, PageCache};
use crate::clock::Moment;
use crate::tags::Tag;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often something was kept already, and how often it had to be rendered.
#[derive(Debug, Default)]
pub struct Tally {
    pub(super) served: AtomicU64,
    pub(super) rendered: AtomicU64,
}

/// What this instance keeps.
#[derive(Debug)]
pub struct Totals {
    /// How many pages.
    pub pages: usize,
    /// How many addresses at which there is nothing.
    pub absences: usize,
    /// What all of it takes, in bytes.
    pub bytes: u64,
    /// What it may take.
    pub most_bytes: u64,
    /// How many answers were given without rendering.
    pub served: u64,
    /// How many pages were rendered.
    pub rendered: u64,
}

/// One kept page.
#[derive(Debug)]
pub struct Kept {
    /// Where.
    pub address: String,
    /// Whether there is a page; if not, that is kept.
    pub exists: bool,
    /// Whether it may be served, and if not, why.
    pub verdict: Verdict,
    /// How often it was asked for since it was rendered, and half of that before.
    pub hits: u32,
    /// What it takes, in bytes.
    pub bytes: usize,
    /// How long ago it was rendered.
    pub age: Duration,
    /// What it depends on.
    pub tags: Vec<Tag>,
    /// What was known when it was rendered.
    pub seen: Option<Arc<Seen>>,
}

impl PageCache {
    /// What is kept in all.
    pub fn totals(&self) -> Totals {
        Totals {
            pages: self.pages.len(),
            absences: self.absences.len(),
            bytes: self.pages.weight() + self.absences.weight(),
            most_bytes: self.pages.capacity() + self.absences.capacity(),
            served: self.tally.served.load(Ordering::Relaxed),
            rendered: self.tally.rendered.load(Ordering::Relaxed),
        }
    }

    /// Up to `most` kept pages that `wanted` picks by address and tags, those asked for most first; and how many there
    /// are of them.
    pub fn kept_where(
        &self,
        now: Moment,
        most: usize,
        wanted: impl Fn(&str, &[&Tag]) -> bool,
    ) -> (Vec<Kept>, usize) {
        let all = self.pages.iter().chain(self.absences.iter());
        let mut found: Vec<(String, Arc<Entry>)> =
            all.filter(|(address, entry)| wanted(address, &tags(entry))).collect();
        let count = found.len();
        found.sort_by(|(a, this), (b, that)| {
            (Reverse(this.hits()), a).cmp(&(Reverse(that.hits()), b))
        });
        found.truncate(most);
        let kept = |(address, entry): (String, Arc<Entry>)| self.describe(address, &entry, now);
        (found.into_iter().map(kept).collect(), count)
    }

    /// What is kept at `address`.
    pub fn kept_at(&self, now: Moment, address: &str) -> Option<Kept> {
        self.peek(address).map(|entry| self.describe(address.to_owned(), &entry, now))
    }

    /// As anyone would find it, without being counted as someone.
    fn peek(&self, address: &str) -> Option<Arc<Entry>> {
        self.pages.peek(address).or_else(|| self.absences.peek(address))
    }

    fn describe(&self, address: String, entry: &Entry, now: Moment) -> Kept {
        Kept {
            exists: entry.page.is_ok(),
            verdict: self.coherence.judge(entry, now),
            hits: entry.hits(),
            bytes: entry.bytes(),
            age: now.since(entry.rendered_at),
            tags: tags(entry).into_iter().cloned().collect(),
            seen: entry.judged.seen.clone(),
            address,
        }
    }
}

/// What an entry depends on, without its own address.
fn tags(entry: &Entry) -> Vec<&Tag> {
    let all = entry.judged.marks.iter().map(|mark| mark.tag());
    all.filter(|tag| !matches!(tag, Tag::Path(_))).collect()
}
