//! What a reader does next, until it has a page: pure, like everything that decides here.
//!
//! The shell in `mod.rs` carries the steps out and comes back; nothing it learns on the way is believed without asking
//! here again.

use super::coherence::{Coherence, Kept, Mistake, STALE_AFTER, Sight};
use super::snapshot::Token;
use crate::clock::Moment;
use std::time::Duration;

/// How long a reader is kept for its own write to be visible here.
pub const CATCH_UP: Duration = Duration::from_millis(500);
/// What does not show at the first poll is asked for again only after a while: anyone may send a token.
const PAUSE: Duration = Duration::from_millis(50);
/// After so many renderings by others that were out of date at once, a reader renders for itself.
const PATIENCE: u32 = 3;

/// Someone who wants a page.
#[derive(Debug, Clone)]
pub struct Reader {
    arrived: Moment,
    /// The write that must be visible.
    token: Option<Token>,
    /// Whether a poll has been asked for in order to see it.
    asked: bool,
    /// Renderings by others that were waited for.
    landings: u32,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Have a poll published that started at `since` or later. Where that cannot be had until `by`, the database counts
    /// as away.
    Confirm {
        /// The earliest start that will do.
        since: Moment,
        /// The latest moment to wait until.
        by: Moment,
    },
    /// The same, in order to see the reader's own write. Where that cannot be had in time, ask again what to do.
    CatchUp {
        /// The earliest start that will do. It may lie ahead.
        since: Moment,
        /// The latest moment to wait until.
        by: Moment,
    },
    /// The database counts as away: it was not heard of in time.
    Away,
    /// Serve the entry that was shown to [`Reader::next`].
    Serve,
    /// Render, or wait for whoever is rendering, then say [`Reader::landed`].
    Render,
    /// Render, whoever else does.
    RenderAlone,
}

impl Reader {
    /// A reader who came at `arrived` and must see the write behind `token`.
    pub fn new(arrived: Moment, token: Option<Token>) -> Self {
        Self { arrived, token, asked: false, landings: 0 }
    }

    /// The next step, given what is kept and what time it is.
    pub fn next(&mut self, state: &Coherence, entry: Option<&impl Kept>, now: Moment) -> Next {
        let enough = self.arrived.minus(STALE_AFTER);
        if state.confirmed_at().is_none_or(|at| at < enough) {
            return Next::Confirm { since: enough, by: self.arrived.plus(STALE_AFTER) };
        }
        if let Some(step) = self.catching_up(state, now) {
            return step;
        }
        let trusts_flight = self.landings > 0 && state.errs(Mistake::TrustFlight);
        match entry {
            Some(entry) if trusts_flight || state.is_fresh(entry, now) => Next::Serve,
            _ if self.landings >= PATIENCE => Next::RenderAlone,
            _ => Next::Render,
        }
    }

    /// The step towards seeing the reader's own write; none where it shows, or where the database was asked and it has
    /// been waited for long enough: a token may be older than any database we have.
    fn catching_up(&mut self, state: &Coherence, now: Moment) -> Option<Next> {
        let token = self.token?;
        let polled = state.confirmed_at().is_some_and(|at| at >= self.arrived);
        let late = now >= self.arrived.plus(CATCH_UP);
        let wanted = match state.sees(&token) {
            Sight::Hidden => {
                let asked = polled || state.errs(Mistake::GiveUpUnasked);
                !(asked && late)
            }
            // Of a life of the database that is over, or of one that began before we have heard of it. One poll tells.
            Sight::OtherLife => !polled,
            Sight::Visible => false,
        };
        if !wanted || state.errs(Mistake::NoCatchUp) {
            self.token = None;
            return None;
        }
        if late {
            return Some(Next::Away); // nobody has said that the write is not there
        }
        let pause = if self.asked { PAUSE } else { Duration::ZERO };
        self.asked = true;
        Some(Next::CatchUp { since: now.plus(pause), by: self.arrived.plus(CATCH_UP) })
    }

    /// Notes that a rendering by someone else has ended.
    pub fn landed(&mut self) {
        self.landings += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::coherence::{Mark, Polled};
    use super::super::snapshot::Incarnation;
    use super::*;
    use std::sync::Arc;
    use uuid::Uuid;

    struct Page;

    impl Kept for Page {
        fn stamp(&self) -> u64 {
            1
        }
        fn marks(&self) -> &[Arc<Mark>] {
            &[]
        }
    }

    fn ms(ms: u64) -> Moment {
        Moment(1_000_000 + ms * 1000)
    }

    /// A reader who comes at 0 with a token that the poll of 10 ms before did not see.
    fn world() -> (Coherence, Reader, Incarnation) {
        let (state, incarnation) =
            (Coherence::default(), Incarnation { system: 1, boot: Uuid::from_u128(1) });
        state.apply(polled(incarnation, ms(0).minus(Duration::from_millis(10))));
        (state, Reader::new(ms(0), Some(Token { incarnation, xid: 12 })), incarnation)
    }

    fn polled(incarnation: Incarnation, started: Moment) -> Polled {
        let snapshot = "10:12:10".parse().unwrap();
        Polled { started, incarnation, snapshot, changed: Vec::new(), everything: None }
    }

    #[test]
    fn whose_write_nobody_could_be_asked_about_is_not_shown_the_old_page_as_if_it_were_true() {
        let (state, mut reader, _) = world();
        let by = ms(500);
        assert_eq!(reader.next(&state, Some(&Page), ms(1)), Next::CatchUp { since: ms(1), by });
        assert_eq!(reader.next(&state, Some(&Page), ms(500)), Next::Away);
    }

    #[test]
    fn whose_write_does_not_show_although_the_database_answers_is_not_kept_waiting() {
        let (state, mut reader, incarnation) = world();
        reader.next(&state, Some(&Page), ms(1));
        state.apply(polled(incarnation, ms(1)));
        let again = Next::CatchUp { since: ms(52), by: ms(500) };
        assert_eq!(reader.next(&state, Some(&Page), ms(2)), again);
        assert_eq!(reader.next(&state, Some(&Page), ms(500)), Next::Serve);
    }
}
