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
    /// The same, in order to see the reader's own write. Where that cannot be had in time, go on.
    CatchUp {
        /// The earliest start that will do. It may lie ahead.
        since: Moment,
        /// The latest moment to wait until.
        by: Moment,
    },
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
        if let Some(since) = self.catching_up(state, now) {
            return Next::CatchUp { since, by: self.arrived.plus(CATCH_UP) };
        }
        let trusts_flight = self.landings > 0 && state.errs(Mistake::TrustFlight);
        match entry {
            Some(entry) if trusts_flight || state.is_fresh(entry, now) => Next::Serve,
            _ if self.landings >= PATIENCE => Next::RenderAlone,
            _ => Next::Render,
        }
    }

    /// From when on a poll is needed before the reader's own write can be expected to show; none where it does, or where
    /// it has been waited for long enough: a token may be older than any database we have.
    fn catching_up(&mut self, state: &Coherence, now: Moment) -> Option<Moment> {
        let token = self.token?;
        let hopeless = now >= self.arrived.plus(CATCH_UP) || state.errs(Mistake::NoCatchUp);
        let polled = state.confirmed_at().is_some_and(|at| at >= self.arrived);
        let wanted = match state.sees(&token) {
            Sight::Hidden => !hopeless,
            // Of a life of the database that is over, or of one that began before we have heard of it. One poll tells.
            Sight::OtherLife => !polled && !hopeless,
            Sight::Visible => false,
        };
        if !wanted {
            self.token = None;
            return None;
        }
        let pause = if self.asked { PAUSE } else { Duration::ZERO };
        self.asked = true;
        Some(now.plus(pause))
    }

    /// Notes that a rendering by someone else has ended.
    pub fn landed(&mut self) {
        self.landings += 1;
    }
}
