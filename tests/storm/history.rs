//! What happened in a storm, as its clients saw it, and whether a site that keeps its promises can have answered so.
//!
//! Pure, and nothing here knows the site: each writer writes 1, 2, 3, … at a place of its own, pages show the numbers, and
//! all moments are of the clients' one clock, taken before a request is sent and after its answer has come. So whatever is
//! slow, the checker can only become more lenient.

use frontdesk::cache::coherence::STALE_AFTER;
use frontdesk::clock::Moment;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// A number as it stands on pages.
pub fn mark(writer: usize, number: u32) -> String {
    format!("W{writer:02}-N{number:06}")
}

/// A writer whose numbers a page shows: the lowest of them, and the highest.
pub type Shown = (usize, u32, u32);

/// The writers on a page.
pub fn shown(body: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for (at, _) in body.match_indices("-N") {
        let writer = at.checked_sub(3).and_then(|start| body.get(start..at)?.strip_prefix('W'));
        let number = body.get(at + 2..at + 8).and_then(|digits| digits.parse::<u32>().ok());
        let Some((writer, number)) = writer.and_then(|it| it.parse().ok()).zip(number) else {
            continue;
        };
        match found.iter_mut().find(|(known, ..)| *known == writer) {
            Some((_, low, high)) => (*low, *high) = (number.min(*low), number.max(*high)),
            None => found.push((writer, number, number)),
        }
    }
    found
}

/// A number on its way. Without an acknowledgement nobody knows whether it arrived.
struct Write {
    sent: Moment,
    acknowledged: Option<Moment>,
}

/// A page that was answered.
#[derive(Clone)]
pub struct Read {
    /// Before the request was sent.
    pub sent: Moment,
    /// After the answer had come.
    pub received: Moment,
    /// By which instance.
    pub at: usize,
    /// Which page.
    pub path: String,
    /// How it came to be, in the server's words.
    pub status: String,
    /// The write whose token was sent along, by writer and number.
    pub held: Option<(usize, u32)>,
    /// What it showed.
    pub shown: Vec<Shown>,
}

impl Read {
    /// Whether the server has said that it could not ask the database.
    pub fn is_degraded(&self) -> bool {
        self.status.contains("database-unreachable")
    }
}

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A page is older than 250 ms.
    Old,
    /// Whoever holds the token of a write does not see it.
    Own,
    /// Whoever holds the token of a write sees what was there before that.
    Back,
    /// A page shows what nobody had written.
    Invented,
    /// A page shows two moments at once.
    Torn,
}

/// A read that should not have been answered so.
#[derive(Debug)]
pub struct Violation {
    /// What it breaks.
    pub rule: Rule,
    told: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.told)
    }
}

/// What came out.
#[derive(Debug, Default)]
pub struct Findings {
    /// Everything that should not have been.
    pub violations: Vec<Violation>,
    /// The longest time for which something was known and not yet shown.
    pub oldest: Duration,
}

impl Findings {
    /// The rules that were broken.
    pub fn rules(&self) -> BTreeSet<Rule> {
        self.violations.iter().map(|violation| violation.rule).collect()
    }
}

/// Everything its clients did.
pub struct History {
    /// By writer; the number is the place in the list plus one.
    writes: Vec<Vec<Write>>,
    /// Writers from this one on keep what they wrote before beside what they write: of theirs, a page may show several.
    many_from: usize,
    /// All pages.
    pub reads: Vec<Read>,
}

impl History {
    /// Nothing yet, by so many writers.
    pub fn new(writers: usize, many_from: usize) -> Self {
        let writes = std::iter::repeat_with(Vec::new).take(writers).collect();
        Self { writes, many_from, reads: Vec::new() }
    }

    /// Notes that a writer sends the next number, and gives it.
    pub fn send(&mut self, writer: usize, sent: Moment) -> u32 {
        let writes = &mut self.writes[writer];
        writes.push(Write { sent, acknowledged: None });
        u32::try_from(writes.len()).unwrap()
    }

    /// Notes that the last number of a writer has been acknowledged.
    pub fn acknowledge(&mut self, writer: usize, at: Moment) {
        self.writes[writer].last_mut().unwrap().acknowledged = Some(at);
    }

    /// How many numbers were sent, and how many of them acknowledged.
    pub fn written(&self) -> (usize, usize) {
        let all = || self.writes.iter().flatten();
        (all().count(), all().filter(|write| write.acknowledged.is_some()).count())
    }

    /// Holds every read against every write.
    pub fn check(&self) -> Findings {
        let known: Vec<Known> = (0..self.writes.len()).map(|writer| self.known(writer)).collect();
        let mut findings = Findings::default();
        for read in &self.reads {
            for shown in &read.shown {
                self.judge(read, *shown, &known, &mut findings);
            }
        }
        findings
    }

    /// What can be known of a writer, and from when on: what was acknowledged, and what a page has shown. Whatever a page
    /// shows has been committed, whether its writer was told so or not.
    fn known(&self, writer: usize) -> Known {
        let acknowledged = (1..)
            .zip(&self.writes[writer])
            .filter_map(|(number, it)| Some((it.acknowledged?, number)));
        let seen = self.reads.iter().filter_map(|read| {
            let (.., high) = read.shown.iter().find(|(shown, ..)| *shown == writer)?;
            Some((read.received, *high))
        });
        let mut known: Vec<(Moment, u32)> = acknowledged.chain(seen).collect();
        known.sort_unstable();
        let mut newest = 0;
        known.retain(|(_, number)| {
            let rises = *number > newest;
            newest = newest.max(*number);
            rises
        });
        Known(known)
    }

    fn judge(
        &self,
        read: &Read,
        (writer, low, high): Shown,
        known: &[Known],
        findings: &mut Findings,
    ) {
        let Findings { violations, oldest } = findings;
        let mut broken = |rule, why: String| {
            let told = format!("{}; {why}", Excerpt(read, writer, high));
            violations.push(Violation { rule, told });
        };
        let sent = self.writes[writer].partition_point(|write| write.sent <= read.received);
        if high as usize > sent {
            broken(
                Rule::Invented,
                format!("the last it had sent was {}", mark(writer, sent as u32)),
            );
        }
        if low != high && writer < self.many_from {
            broken(Rule::Torn, format!("and {} too", mark(writer, low)));
        }
        if read.is_degraded() {
            return; // it said so
        }
        let newer = known[writer].first_above(high).filter(|(since, _)| *since < read.sent);
        if let Some((since, number)) = newer {
            let age = read.sent.since(since);
            if age > STALE_AFTER {
                broken(Rule::Old, format!("{} was known {age:?} before", mark(writer, number)));
            }
            *oldest = age.max(*oldest);
        }
        let Some((holder, number)) = read.held else { return };
        if holder == writer && high < number {
            broken(Rule::Own, format!("{} is the reader's own", mark(writer, number)));
        }
        let began = self.writes[holder][number as usize - 1].sent;
        let before = known[writer].at(began);
        if high < before {
            let (old, own) = (mark(writer, before), mark(holder, number));
            broken(
                Rule::Back,
                format!("{old} was known when the reader sent {own} at {}", At(began)),
            );
        }
    }
}

/// From when on which number can be known; both rise.
struct Known(Vec<(Moment, u32)>);

impl Known {
    /// The newest number at a moment.
    fn at(&self, moment: Moment) -> u32 {
        let later = self.0.partition_point(|(at, _)| *at <= moment);
        later.checked_sub(1).map_or(0, |last| self.0[last].1)
    }

    /// From when on something above `number` could be known.
    fn first_above(&self, number: u32) -> Option<(Moment, u32)> {
        self.0.get(self.0.partition_point(|(_, known)| *known <= number)).copied()
    }
}

/// A moment, for people.
pub struct At(pub Moment);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", Duration::from_micros(self.0.0).as_secs_f64())
    }
}

struct Excerpt<'a>(&'a Read, usize, u32);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Read { sent, received, at, path, status, .. }, writer, high) = self;
        let shown = mark(*writer, *high);
        let (sent, received) = (At(*sent), At(*received));
        write!(
            f,
            "{path} at instance {at}, asked {sent}, answered {received} ({status}) shows {shown}"
        )
    }
}
