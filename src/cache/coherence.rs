//! The rules that keep kept pages true: which entries may be served, decided from polls, renderings and moments.
//!
//! Pure: no I/O and no clock in here. Polls go in, decisions come out. ARCHITECTURE.md ("The page cache") says why each
//! step is where it is; the order of the stores in [`Coherence::apply`] is part of the proof. Readers take no lock that
//! a poll holds while it works: marks are atomics that each entry points to.
#![allow(clippy::mutable_key_type)] // of a mark only the tag is hashed, and it never changes

use super::snapshot::{Incarnation, Snapshot, Token};
use crate::clock::Moment;
use crate::tags::Tag;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// No page is older than this on any instance while the database answers (Δ).
pub const STALE_AFTER: Duration = Duration::from_millis(250);
/// From this age on a reader causes a poll, without waiting for it (P).
pub const POLL_AFTER: Duration = Duration::from_millis(50);
/// Rows of `cache_inval` are kept at least this long.
pub const RETENTION: Duration = Duration::from_secs(3600);
/// More marks than this and all of them are forgotten at once, entries included.
const MOST_MARKS: usize = 100_000;

/// What one poll saw: one statement, one snapshot.
#[derive(Debug)]
pub struct Polled {
    /// When the statement was sent, not when it answered.
    pub started: Moment,
    /// The database it was sent to.
    pub incarnation: Incarnation,
    /// What it could see.
    pub snapshot: Snapshot,
    /// Everything invalidated between the previous poll's snapshot and this one; hard or not.
    pub changed: Vec<(Tag, bool)>,
    /// All pages were invalidated; hard or not.
    pub everything: Option<bool>,
}

/// Which poll last invalidated a tag. Entries point to the marks of their tags.
#[derive(Debug)]
pub struct Mark {
    tag: Tag,
    any: AtomicU64,
    hard: AtomicU64,
}

impl Mark {
    fn new(tag: Tag) -> Self {
        Self { tag, any: AtomicU64::new(0), hard: AtomicU64::new(0) }
    }

    /// Of which tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }
}

// A mark is found by its tag, which is kept once: there are several to a page.
impl Borrow<Tag> for Arc<Mark> {
    fn borrow(&self) -> &Tag {
        &self.tag
    }
}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}

impl Eq for Mark {}

/// What the last poll saw.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// In which life of the database.
    pub incarnation: Incarnation,
    /// What had been committed.
    pub snapshot: Snapshot,
}

/// By what a kept page is judged.
#[derive(Debug)]
pub struct Judged {
    /// The poll that was the latest when its snapshot was opened.
    pub stamp: u64,
    /// The marks of the tags it depends on.
    pub marks: Box<[Arc<Mark>]>,
    /// What was known when it was rendered, or a little less: to say later what has changed since.
    pub seen: Option<Arc<Seen>>,
}

/// Whether a kept page may be served, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Fresh,
    /// These have changed.
    Changed(Vec<Tag>),
    /// The moment has come at which something on it changes by itself.
    TimeHasCome,
    /// Everything was to be rendered again, or something may have been missed.
    Suspect,
}

/// What a kept page must have to be judged.
pub trait Kept {
    /// The poll that was the latest when its snapshot was opened.
    fn stamp(&self) -> u64;
    /// The marks of the tags it depends on.
    fn marks(&self) -> &[Arc<Mark>];
    /// From when on it is not true any more, without anyone writing anything.
    fn until(&self) -> Option<Moment> {
        None
    }
}

/// How well this instance knows the database's present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// Just now.
    Recently,
    /// Recently enough, but a poll is due.
    PollDue,
    /// Too long ago: nothing may be served before a poll.
    TooLongAgo,
}

/// Whether a write can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Its effects are in what the last poll saw.
    Visible,
    /// They are not.
    Hidden,
    /// Its transaction id means nothing in the life of the database that the last poll saw.
    OtherLife,
}

/// Mistakes that would be easy to make. Each can be switched on in tests, and the explorer finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A rendering takes its stamp after its snapshot.
    StampAfterSnapshot,
    /// A poll's number is published before its marks are set.
    PublishBeforeMarks,
    /// A poll asks for rows above the highest it has seen, not for transactions it could not see.
    AboveTheLast,
    /// An invalidation deletes what is kept, and is not remembered.
    DeleteOnInvalidate,
    /// A reader is not kept until its own write is visible.
    NoCatchUp,
    /// A reader whose own write nobody could be asked about in time is shown what there is.
    GiveUpUnasked,
    /// Whoever waited for a rendering takes it as it is.
    TrustFlight,
    /// A restart after a crash goes unnoticed.
    NoIncarnation,
}

/// The state machine. One per instance.
#[derive(Debug, Default)]
pub struct Coherence {
    /// Number of the last poll whose findings are published.
    applied: AtomicU64,
    /// Entries with an older stamp are not fresh, whatever their tags.
    floor: AtomicU64,
    hard_floor: AtomicU64,
    /// When the last good poll started, in microseconds plus one; 0: never.
    confirmed_at: AtomicU64,
    marks: RwLock<HashSet<Arc<Mark>>>,
    seen: RwLock<Option<Arc<Seen>>>,
    /// How many marks there may be before those that nobody needs are looked for.
    tidy_at: AtomicUsize,
    /// What is done wrong on purpose.
    #[cfg(test)]
    mistake: Option<Mistake>,
}

/// A poll whose marks are set and whose number is not published yet.
#[must_use]
#[derive(Debug)]
pub struct Applying {
    number: u64,
    polled: Polled,
}

/// A rendering under way.
#[derive(Debug, Clone)]
pub struct Rendering {
    seen: Option<Arc<Seen>>,
    stamp: u64,
}

impl Coherence {
    /// Takes in what a poll saw. Polls must be applied one after the other, in the order they were sent.
    pub fn apply(&self, polled: Polled) {
        let applying = self.begin(polled);
        self.publish(applying);
    }

    /// The first half of [`Coherence::apply`]: whatever the poll found is marked, and nobody relies on it yet.
    pub fn begin(&self, polled: Polled) -> Applying {
        let number = self.applied.load(Ordering::Relaxed) + 1;
        let same_life = self.errs(Mistake::NoIncarnation)
            || self.seen().is_some_and(|before| before.incarnation == polled.incarnation);
        let in_time =
            self.confirmed_at().is_some_and(|at| polled.started.since(at) <= RETENTION / 2);
        let heard_all = same_life && in_time;
        if !heard_all || polled.everything.is_some() {
            self.floor.store(number, Ordering::Release);
        }
        // What was not heard of may have been a withdrawal.
        if !heard_all || polled.everything == Some(true) {
            self.hard_floor.store(number, Ordering::Release);
        }
        let applying = Applying { number, polled };
        if self.errs(Mistake::PublishBeforeMarks) {
            self.rely_on(&applying);
        } else {
            self.mark(&applying);
        }
        applying
    }

    /// The second half: from now on readers rely on it.
    pub fn publish(&self, applying: Applying) {
        if self.errs(Mistake::PublishBeforeMarks) {
            self.mark(&applying);
        } else {
            self.rely_on(&applying);
        }
    }

    fn rely_on(&self, Applying { number, polled }: &Applying) {
        let seen = Seen { incarnation: polled.incarnation, snapshot: polled.snapshot.clone() };
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(seen));
        self.confirmed_at.store(polled.started.0 + 1, Ordering::Release);
        // Last: a rendering that begins with this number must be judged by marks that are all there.
        self.applied.store(*number, Ordering::Release);
    }

    /// One that makes a mistake.
    #[cfg(test)]
    pub fn mistaken(mistake: Option<Mistake>) -> Self {
        Self { mistake, ..Self::default() }
    }

    /// Whether this mistake is to be made. Never outside tests.
    #[inline]
    pub fn errs(&self, mistake: Mistake) -> bool {
        #[cfg(test)]
        let made = self.mistake == Some(mistake);
        #[cfg(not(test))]
        let made = false;
        let _ = mistake;
        made
    }

    fn mark(&self, Applying { number, polled }: &Applying) {
        if polled.changed.is_empty() {
            return;
        }
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        if marks.len() > MOST_MARKS {
            // Entries keep pointing to the forgotten marks, but are all below the floor from now on.
            self.floor.store(*number, Ordering::Release);
            self.hard_floor.store(*number, Ordering::Release);
            marks.clear();
        }
        for (tag, hard) in &polled.changed {
            let mark = mark_of(&mut marks, tag.clone());
            mark.any.store(*number, Ordering::Release);
            if *hard {
                mark.hard.store(*number, Ordering::Release);
            }
        }
    }

    /// Begins a rendering. Its snapshot must be opened AFTER this.
    pub fn begin_rendering(&self) -> Rendering {
        Rendering { seen: self.seen(), stamp: self.applied.load(Ordering::Acquire) }
    }

    /// Ends a rendering that depends on `tags`: by what it will be judged.
    pub fn end_rendering(&self, rendering: Rendering, tags: Vec<Tag>) -> Judged {
        let too_late = self.errs(Mistake::StampAfterSnapshot);
        let Rendering { seen, stamp } = if too_late { self.begin_rendering() } else { rendering };
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        self.tidy(&mut marks);
        let marks = tags.into_iter().map(|tag| mark_of(&mut marks, tag)).collect();
        Judged { stamp, marks, seen }
    }

    /// Forgets marks that were never set and that no entry points to any more: they say what no mark would say.
    fn tidy(&self, marks: &mut HashSet<Arc<Mark>>) {
        if marks.len() < self.tidy_at.load(Ordering::Relaxed).max(MOST_MARKS / 10) {
            return;
        }
        marks.retain(|mark| Arc::strong_count(mark) > 1 || mark.any.load(Ordering::Relaxed) > 0);
        self.tidy_at.store(marks.len() * 2, Ordering::Relaxed);
    }

    /// Whether nothing the entry depends on has changed since it was rendered, as far as the last poll knows, and its
    /// time has not run out.
    pub fn is_fresh(&self, entry: &impl Kept, now: Moment) -> bool {
        let stamp = entry.stamp();
        entry.until().is_none_or(|until| now < until)
            && stamp >= self.floor.load(Ordering::Acquire)
            && (self.errs(Mistake::DeleteOnInvalidate)
                || entry.marks().iter().all(|mark| mark.any.load(Ordering::Acquire) <= stamp))
    }

    /// Whether the entry may be served, as [`Coherence::is_fresh`] says, and if not, why.
    pub fn judge(&self, entry: &impl Kept, now: Moment) -> Verdict {
        let changed = |mark: &&Arc<Mark>| mark.any.load(Ordering::Acquire) > entry.stamp();
        let tags = || entry.marks().iter().filter(changed).map(|mark| mark.tag.clone()).collect();
        match tags() {
            _ if self.is_fresh(entry, now) => Verdict::Fresh,
            tags if !Vec::is_empty(&tags) => Verdict::Changed(tags),
            _ if entry.until().is_some_and(|until| now >= until) => Verdict::TimeHasCome,
            _ => Verdict::Suspect,
        }
    }

    /// Whether the entry may be shown although the database is away: nothing on it was withdrawn.
    pub fn may_outlive(&self, entry: &impl Kept) -> bool {
        let stamp = entry.stamp();
        stamp >= self.hard_floor.load(Ordering::Acquire)
            && entry.marks().iter().all(|mark| mark.hard.load(Ordering::Acquire) <= stamp)
    }

    /// How well the present state is known at `now`.
    pub fn confirmed(&self, now: Moment) -> Confirmed {
        match self.confirmed_at().map(|at| now.since(at)) {
            Some(age) if age <= POLL_AFTER => Confirmed::Recently,
            Some(age) if age <= STALE_AFTER => Confirmed::PollDue,
            _ => Confirmed::TooLongAgo,
        }
    }

    /// When the last good poll started.
    pub fn confirmed_at(&self) -> Option<Moment> {
        self.confirmed_at.load(Ordering::Acquire).checked_sub(1).map(Moment)
    }

    /// Whether the write behind `token` is visible to what this instance serves.
    pub fn sees(&self, token: &Token) -> Sight {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        match seen.as_deref() {
            Some(seen) if seen.incarnation != token.incarnation => Sight::OtherLife,
            Some(seen) if seen.snapshot.sees(token.xid) => Sight::Visible,
            _ => Sight::Hidden,
        }
    }

    /// What the last poll saw.
    pub fn seen(&self) -> Option<Arc<Seen>> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn mark_of(marks: &mut HashSet<Arc<Mark>>, tag: Tag) -> Arc<Mark> {
    match marks.get(&tag) {
        Some(mark) => Arc::clone(mark),
        None => {
            let mark = Arc::new(Mark::new(tag));
            marks.insert(Arc::clone(&mark));
            mark
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Moment = Moment(0);

    struct Entry(u64, Box<[Arc<Mark>]>);

    impl Kept for Entry {
        fn stamp(&self) -> u64 {
            self.0
        }
        fn marks(&self) -> &[Arc<Mark>] {
            &self.1
        }
    }

    fn page(state: &Coherence, tag: Tag) -> Entry {
        let judged = state.end_rendering(state.begin_rendering(), vec![tag]);
        Entry(judged.stamp, judged.marks)
    }

    fn poll(at_ms: u64, boot: u128, changed: &[(Tag, bool)]) -> Polled {
        Polled {
            started: Moment(at_ms * 1000),
            incarnation: Incarnation { system: 1, boot: Uuid::from_u128(boot) },
            snapshot: "10:12:10".parse().unwrap(),
            changed: changed.to_vec(),
            everything: None,
        }
    }

    #[test]
    fn a_change_makes_its_pages_stale_and_no_others() {
        let state = Coherence::default();
        state.apply(poll(0, 1, &[]));
        let posts = page(&state, Tag::Posts);
        let topics = page(&state, Tag::Topics);
        state.apply(poll(1, 1, &[(Tag::Posts, false)]));
        assert!(!state.is_fresh(&posts, NOW) && state.is_fresh(&topics, NOW));
        assert!(
            state.may_outlive(&posts),
            "only withdrawn pages must go while the database is away"
        );
    }

    #[test]
    fn a_change_published_while_a_page_was_rendered_disowns_it() {
        let state = Coherence::default();
        state.apply(poll(0, 1, &[]));
        let rendering = state.begin_rendering(); // the snapshot opens after this
        state.apply(poll(1, 1, &[(Tag::Posts, true)]));
        let judged = state.end_rendering(rendering, vec![Tag::Posts]);
        let entry = Entry(judged.stamp, judged.marks);
        assert!(!state.is_fresh(&entry, NOW) && !state.may_outlive(&entry));
    }

    #[test]
    fn another_incarnation_or_a_long_silence_makes_everything_suspect() {
        let state = Coherence::default();
        state.apply(poll(0, 1, &[]));
        let entry = page(&state, Tag::Posts);
        state.apply(poll(1, 2, &[]));
        assert!(!state.is_fresh(&entry, NOW));
        let entry = page(&state, Tag::Posts);
        state.apply(poll(1000, 2, &[]));
        assert!(state.is_fresh(&entry, NOW));
        state.apply(poll(1000 + 1_800_001, 2, &[]));
        assert!(!state.is_fresh(&entry, NOW));
    }

    #[test]
    fn marks_nobody_needs_are_forgotten_and_all_others_kept() {
        let state = Coherence::default();
        state.apply(poll(0, 1, &[]));
        let kept = page(&state, Tag::Page("kept".into()));
        let underway = state.begin_rendering();
        state.apply(poll(1, 1, &[(Tag::Topics, false)]));
        for n in 0..3 * MOST_MARKS {
            page(&state, Tag::Path(n.to_string()));
        }
        assert!(state.marks.read().unwrap().len() <= MOST_MARKS / 10);
        let judged = state.end_rendering(underway, vec![Tag::Topics]);
        assert!(!state.is_fresh(&Entry(judged.stamp, judged.marks), NOW));
        assert!(state.is_fresh(&kept, NOW));
        state.apply(poll(2, 1, &[(Tag::Page("kept".into()), false)]));
        assert_eq!(state.judge(&kept, NOW), Verdict::Changed(vec![Tag::Page("kept".into())]));
    }

    #[test]
    fn a_token_is_seen_once_its_transaction_is() {
        let state = Coherence::default();
        let incarnation = Incarnation { system: 1, boot: Uuid::from_u128(1) };
        let sight = |xid| state.sees(&Token { incarnation, xid });
        assert_eq!(sight(3), Sight::Hidden);
        state.apply(poll(0, 1, &[])); // 10:12:10
        let expected = [Sight::Visible, Sight::Hidden, Sight::Visible, Sight::Hidden];
        assert_eq!([9, 10, 11, 12].map(sight), expected);
        let other = Incarnation { system: 1, boot: Uuid::from_u128(9) };
        assert_eq!(state.sees(&Token { incarnation: other, xid: 9 }), Sight::OtherLife);
    }

    #[test]
    fn confirmation_ages() {
        let state = Coherence::default();
        assert_eq!(state.confirmed(Moment(0)), Confirmed::TooLongAgo);
        state.apply(poll(0, 1, &[]));
        assert_eq!(state.confirmed(Moment(50_000)), Confirmed::Recently);
        assert_eq!(state.confirmed(Moment(250_000)), Confirmed::PollDue);
        assert_eq!(state.confirmed(Moment(250_001)), Confirmed::TooLongAgo);
    }
}
