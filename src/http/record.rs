//! What those who run the site do is recorded, or it is not done.
//!
//! A door for one of us answers with [`Recorded`], which is made here alone, where the line of the log is written: an action
//! that forgets it does not compile. The line stands in the transaction of the deed, and that holds the session it is done
//! with, so nothing is done by somebody of whom it was acknowledged that they may not.

use super::action::{Done, Visit};
use super::client;
use super::errors::shared;
use crate::app::{App, Written};
use crate::error::Result;
use crate::services::audit::{self, Act, By, Line};
use crate::services::recent::OneOfUs;
use crate::services::sessions::Member;
use actix_web::web::Data;
use sqlx::PgConnection;
use templates::{Flash, View};
use uuid::Uuid;

/// Something that was recorded.
pub struct Recorded<T>(T);

/// What a door answers with.
pub trait Answer<T> {
    /// The answer itself.
    fn answer(self) -> T;
}

impl<T> Answer<T> for T {
    fn answer(self) -> T {
        self
    }
}

impl<T> Answer<T> for Recorded<T> {
    fn answer(self) -> T {
        self.0
    }
}

impl Recorded<Done> {
    /// A page and nothing done, so there is nothing to record.
    #[must_use]
    pub fn nothing(view: View) -> Self {
        Self(Done::at(Written::nothing(String::new())).here(view))
    }

    /// As [`Done::here`], where something was done all the same: for what is shown this once and never again.
    #[must_use]
    pub fn here(self, view: View) -> Self {
        Self(self.0.here(view))
    }

    /// As [`Done::saying`].
    #[must_use]
    pub fn saying(self, flash: Flash) -> Self {
        Self(self.0.saying(flash))
    }
}

impl Visit<'_> {
    /// As [`Visit::once`], by one of us, on the record: `work` says what it did, none where that changed nothing, and where to
    /// go next.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unproven`](crate::Error::Unproven) where they are not one of us any more.
    pub async fn record<L: Into<Option<Line>>>(
        &self,
        who: &impl OneOfUs,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<(L, String)>,
    ) -> Result<Recorded<Done>> {
        let id = self.app.clock.id();
        let done = self.once(async |tx| {
            who.hold(&mut *tx).await?;
            let (line, whereto) = work(&mut *tx).await?;
            if let Some(line) = line.into() {
                audit::write(tx, id, By::Staff(who.one()), line).await?;
            }
            Ok(whereto)
        });
        done.await.map(Recorded)
    }

    /// Records, in the transaction of the deed, what anyone with an account may do with it: a line is written where they are
    /// one of us.
    ///
    /// # Errors
    /// As any statement.
    pub async fn note(&self, tx: &mut PgConnection, account: Uuid, line: Line) -> Result<()> {
        audit::note(tx, self.app.clock.id(), account, &self.network(), line).await
    }

    /// Records that somebody could not prove that they are who has this account, where that is one of us. Beside the answer,
    /// so that the time it takes tells nobody whose account it is.
    pub fn note_failure(&self, account: Option<Uuid>, act: Act) {
        let Some(account) = account else { return };
        let (app, network) = (Data::clone(shared(self.request)), self.network());
        let id = app.clock.id();
        actix_web::rt::spawn(async move {
            let noted =
                app.bookkeep(async |tx| audit::note_stranger(tx, id, account, &network, act).await);
            if let Err(error) = noted.await {
                tracing::warn!(%error, "a failed proof is not on the record");
            }
        });
    }

    /// The network it comes from, in words.
    fn network(&self) -> String {
        client::network(client::address(&self.app.config, self.request)).to_string()
    }
}

/// Records what anyone with an account may have handed out: a line is written where they are one of us.
///
/// # Errors
/// As any statement.
pub async fn note(app: &App, who: &Member, line: Line) -> Result<()> {
    let id = app.clock.id();
    app.bookkeep(async |tx| audit::note(tx, id, who.id(), who.network(), line).await).await
}

/// Hands something out to one of us, once that is recorded.
///
/// # Errors
/// As any statement.
pub async fn hand_out<T>(
    app: &App,
    who: &impl OneOfUs,
    line: Line,
    what: T,
) -> Result<Recorded<T>> {
    let id = app.clock.id();
    let noted = app.bookkeep(async |tx| {
        who.hold(&mut *tx).await?;
        audit::write(tx, id, By::Staff(who.one()), line).await
    });
    noted.await.map(|()| Recorded(what))
}
