//! Leads from the public: stored before anything else is tried, even while the database is away.
//!
//! A visitor who wrote to the business is not told to come back because a database is being restarted. What the database
//! does not take goes to the spool, on disk, before the visitor is thanked, and from there by the same path to where it
//! belongs. Whether a commit that got no answer went through need not be known: id and content decide.

mod spool;

pub use spool::Spool;

use crate::app::{App, Written};
use crate::error::{Error, Result};
use crate::services::input::Valid;
use crate::services::leads::{self, Arrival, HandedIn, Lead, NewLead, Sender};
use crate::together::{self, Together};
use actix_web::web::Data;
use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How often the spool is looked after.
const DRAIN_EVERY: Duration = Duration::from_secs(1);

/// The doors that anyone may use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// The contact form of the site.
    WebsiteForm,
    /// That of another site.
    Embed,
}

impl Door {
    fn sender(self) -> Sender<'static> {
        match self {
            Self::WebsiteForm => Sender::Visitor,
            Self::Embed => Sender::Embed,
        }
    }
}

/// That a lead was accepted.
#[derive(Debug)]
pub struct Receipt {
    /// Which one it is. Kept in the spool, it may turn out to be one we have.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
}

/// A lead on its way, as the spool keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    door: Door,
    lead: NewLead,
}

/// Leads that are handed in at the same time.
pub type Arrivals = Together<HandedIn, Written<Lead>>;

/// Accepts a lead: into the database, or else into the spool.
///
/// # Errors
/// [`Error::Unavailable`] where neither takes it.
pub async fn accept(app: &Data<App>, door: Door, new: &Valid<NewLead>) -> Result<Written<Receipt>> {
    let (id, at) = (app.clock.id(), app.clock.now());
    let handed = HandedIn::new(Arrival { id, at }, &door.sender(), new.clone());
    match store(app, handed).await {
        Err(Error::Unavailable(cause)) => {
            let record = Record { id, at, door, lead: NewLead::clone(new) };
            let line =
                serde_json::to_string(&record).map_err(|error| Error::Internal(error.into()))?;
            app.spool.append(line).await?;
            tracing::warn!(%id, cause = format!("{cause:#}"), "a lead waits in the spool");
            Ok(Written::nothing(Receipt { id, at }))
        }
        stored => Ok(stored?.map(|lead| Receipt { id: lead.id, at: lead.created_at })),
    }
}

/// Stores a lead, in one transaction with whatever others are being handed in. It is answered once it is on disk.
///
/// # Errors
/// As any statement: then it was not accepted, or nobody can tell; with the same arrival it may be tried again.
pub async fn store(app: &Data<App>, handed: HandedIn) -> Result<Written<Lead>> {
    app.arrivals.join(app, handed, store_all).await
}

async fn store_all(app: &App, all: &[HandedIn]) -> Vec<Result<Written<Lead>>> {
    match app.write(async |tx| leads::submit_all(tx, all).await).await {
        Ok(Written { value, token }) => {
            value.into_iter().map(|value| Ok(Written { value, token })).collect()
        }
        Err(error) => {
            let alone = async |one: &HandedIn| {
                app.write(async |tx| leads::submit(tx, one.clone()).await).await
            };
            together::apart(error, all, alone).await
        }
    }
}

/// Brings what waits in the spool to the database. Returns how many leads that were. One that the database refuses is set aside,
/// so that those behind it do not wait for it.
///
/// # Errors
/// Where the database is still away; what was brought until then stays brought.
pub async fn drain(app: &App) -> Result<usize> {
    let mut brought = 0;
    for waiting in app.spool.waiting().await? {
        match bring(app, &waiting.line).await {
            Ok(()) => brought += 1,
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::error!(
                    cause = error.with_cause(),
                    "a lead in the spool cannot be stored; it is kept in a file .refused"
                );
                app.spool.set_aside(&waiting).await?;
            }
        }
        app.spool.done(&waiting).await?;
    }
    Ok(brought)
}

async fn bring(app: &App, line: &str) -> Result<()> {
    let Ok(Record { id, at, door, lead }) = serde_json::from_str(line) else {
        return Err(Error::Internal(anyhow!("it cannot be read"))); // what serde says may hold what was written
    };
    let handed = HandedIn::new(Arrival { id, at }, &door.sender(), Valid::check(lead)?);
    app.write(async |tx| leads::submit(tx, handed).await).await.map(drop)
}

/// Looks after the spool for as long as the process lives.
pub async fn keep_draining(app: &App) {
    loop {
        match drain(app).await {
            Ok(0) => {}
            Ok(brought) => tracing::info!(brought, "leads from the spool are in the database"),
            Err(error) => tracing::debug!(%error, "the spool cannot be drained yet"),
        }
        tokio::time::sleep(DRAIN_EVERY).await;
    }
}
