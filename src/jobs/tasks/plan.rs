//! When a task is due.

use crate::services::runs::Run;
use std::time::Duration;
use time::OffsetDateTime;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often a run that fails is tried in one slot before the next.
const MOST_TRIES: i32 = 5;
/// So many periods without a run that came to its end, and something is wrong.
const SILENT_AFTER: u32 = 2;

/// What becomes of a slot that nobody began with in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It is done as soon as there is someone to do it. One run makes up for all that were missed.
    CatchUp,
    /// It is left out once so much of it has passed, and the next is waited for.
    SkipAfter(Duration),
}

/// When a task is due, and how long it may take.
#[derive(Debug)]
pub struct Plan {
    /// What staff call it.
    pub title: &'static str,
    /// From one slot to the next.
    pub every: Duration,
    /// When in the period it is due.
    pub after: Duration,
    /// What becomes of a slot that nobody began with.
    pub missed: Missed,
    /// For how long it works before it lets others have a turn.
    pub budget: Duration,
}

/// Whether a task is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// It is to be run now.
    Now,
    /// It is too late for this slot.
    Skip,
    /// There is nothing to do, or someone is at it.
    Not,
}

impl Plan {
    /// Due at the beginning of every hour.
    pub const fn hourly(title: &'static str) -> Self {
        Self {
            title,
            every: HOUR,
            after: Duration::ZERO,
            missed: Missed::CatchUp,
            budget: Duration::from_secs(20),
        }
    }

    /// Due every so many minutes.
    pub const fn every_minutes(title: &'static str, minutes: u64) -> Self {
        Self { every: Duration::from_secs(minutes * 60), ..Self::hourly(title) }
    }

    /// Due each day at this hour, UTC.
    pub const fn daily(title: &'static str, hour: u64) -> Self {
        Self { every: DAY, after: Duration::from_secs(hour * 3600), ..Self::hourly(title) }
    }

    /// Not caught up with: left out where nobody has begun with it within so much of its period.
    #[must_use]
    pub const fn skipped_after(self, late: Duration) -> Self {
        Self { missed: Missed::SkipAfter(late), ..self }
    }

    /// The slot that `now` is in, by its beginning.
    pub fn slot(&self, now: OffsetDateTime) -> OffsetDateTime {
        let every = i64::try_from(self.every.as_secs()).unwrap_or(i64::MAX);
        let after = i64::try_from(self.after.as_secs()).unwrap_or_default();
        let into = (now.unix_timestamp() - after).rem_euclid(every);
        let slot = now - time::Duration::seconds(into);
        slot.replace_nanosecond(0).unwrap_or(slot)
    }

    /// Whether it is due at `now`, as the row of that slot has it.
    pub fn due(&self, now: OffsetDateTime, row: Option<&Run>) -> Due {
        let Some(run) = row else {
            let late = now - self.slot(now);
            return match self.missed {
                Missed::SkipAfter(most) if late > most => Due::Skip,
                _ => Due::Now,
            };
        };
        match (run.state.as_str(), run.ended_at) {
            // Of those that are under way the row decides whether someone is still at it.
            ("unfinished" | "running", _) => Due::Now,
            ("failed", Some(ended)) if run.attempts < MOST_TRIES => {
                let pause = MINUTE * 2u32.pow(run.attempts.unsigned_abs());
                if now >= ended + pause { Due::Now } else { Due::Not }
            }
            _ => Due::Not,
        }
    }

    /// When it is next due, as the row of this slot has it; now or before, where that is late.
    pub fn next(&self, now: OffsetDateTime, row: Option<&Run>) -> OffsetDateTime {
        let slot = self.slot(now);
        if self.due(now, row) == Due::Now { slot } else { slot + self.every }
    }

    /// Whether it has not come to its end for so long that something must be wrong.
    pub fn is_silent(&self, now: OffsetDateTime, last_done: Option<OffsetDateTime>) -> bool {
        last_done.is_none_or(|last| last < now - self.every * SILENT_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const DAILY: Plan = Plan::daily("A task", 3);

    fn run(state: &str, attempts: i32, ended_at: OffsetDateTime) -> Run {
        Run {
            id: Uuid::nil(),
            task: "cleanup".into(),
            slot: ended_at,
            trigger: "cron".into(),
            state: state.into(),
            attempts,
            started_at: ended_at,
            ended_at: Some(ended_at),
            worked_ms: 0,
            output: serde_json::Value::Null,
            remark: None,
        }
    }

    #[test]
    fn a_slot_begins_at_its_hour_and_lasts_until_the_next() {
        let slot = datetime!(2026-03-01 03:00 UTC);
        for within in
            [slot, datetime!(2026-03-01 12:34:56.789 UTC), datetime!(2026-03-02 02:59:59.9 UTC)]
        {
            assert_eq!(DAILY.slot(within), slot);
        }
        assert_eq!(DAILY.slot(datetime!(2026-03-02 03:00 UTC)), datetime!(2026-03-02 03:00 UTC));
        let hourly = Plan::hourly("A task");
        assert_eq!(hourly.slot(datetime!(2026-03-01 12:34 UTC)), datetime!(2026-03-01 12:00 UTC));
    }

    #[test]
    fn what_was_missed_is_caught_up_with_or_left_out_as_declared() {
        let skipping = Plan::daily("A task", 3).skipped_after(HOUR);
        let (early, late) = (datetime!(2026-03-01 03:30 UTC), datetime!(2026-03-01 09:00 UTC));
        assert_eq!((DAILY.due(early, None), DAILY.due(late, None)), (Due::Now, Due::Now));
        assert_eq!((skipping.due(early, None), skipping.due(late, None)), (Due::Now, Due::Skip));
    }

    #[test]
    fn what_failed_is_tried_again_ever_later_and_then_not_in_this_slot() {
        let ended = datetime!(2026-03-01 03:00 UTC);
        for (attempts, minutes) in [(1, 2), (2, 4), (4, 16)] {
            let failed = run("failed", attempts, ended);
            assert_eq!(DAILY.due(ended + MINUTE * (minutes - 1), Some(&failed)), Due::Not);
            assert_eq!(DAILY.due(ended + MINUTE * minutes, Some(&failed)), Due::Now);
        }
        assert_eq!(DAILY.due(ended + HOUR * 5, Some(&run("failed", 5, ended))), Due::Not);
        for (state, due) in [("done", Due::Not), ("skipped", Due::Not), ("unfinished", Due::Now)] {
            assert_eq!(DAILY.due(ended, Some(&run(state, 1, ended))), due, "{state}");
        }
    }

    #[test]
    fn silence_is_two_periods_without_an_end() {
        let now = datetime!(2026-03-05 04:00 UTC);
        assert!(DAILY.is_silent(now, None));
        assert!(DAILY.is_silent(now, Some(datetime!(2026-03-03 03:00 UTC))));
        assert!(!DAILY.is_silent(now, Some(datetime!(2026-03-04 03:00 UTC))));
    }
}
