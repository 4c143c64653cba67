//! The reconciler: what Stripe knows is compared with what is known here, and here is put right.
//!
//! Events that never came are found in Stripe's list of them, an hour before the last that was compared, and acted upon as if they
//! had. Then things themselves are: whatever stands otherwise here than there, for whatever reason, is taken in as it is
//! there. What is reported is what stood otherwise. Orders are ours alone: they are held
//! beside the ledger, and where the two differ it is said and nothing is changed, as nobody knows which of them is right.

use super::{because, read, stripe};
use crate::app::App;
use crate::error::{Error, Result};
use crate::services::payments::{self, About, Because, Fresh, Object, checkouts, marks, take_in};
use crate::stripe::objects::{Dispute, Event, Invoice, List, Refund, Subscription};
use crate::stripe::{Reading, asking, understood};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

/// How far behind the last comparison the next begins: events may come to be listed late.
const OVERLAP: Duration = Duration::hours(1);
/// Stripe lists no older events.
const LISTED_FOR: Duration = Duration::days(29);
/// How far back money is compared each time.
const MONEY: Duration = Duration::days(3);

/// What stood otherwise.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Events that never came: their ids.
    pub lost: Vec<String>,
    /// What here was not as it is at Stripe: its id there.
    pub drifted: Vec<String>,
    /// What is here and not at Stripe.
    pub unknown: Vec<String>,
    /// Orders and products that do not agree with the books: `order:{id}`, `product:{slug}`. Somebody has to look.
    pub doubtful: Vec<String>,
    /// How many things were compared.
    pub compared: usize,
}

impl Report {
    /// Whether all was well.
    pub fn is_clean(&self) -> bool {
        let Self { lost, drifted, unknown, doubtful, .. } = self;
        [lost, drifted, unknown, doubtful].iter().all(|ids| ids.is_empty())
    }
}

/// How it is done.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Whether here is put right; else nothing is changed.
    pub repairs: bool,
    /// Whether all money is compared, and not what moved lately.
    pub everything: bool,
}

/// Compares everything.
///
/// # Errors
/// [`Error::Off`]; [`Error::Unavailable`] where Stripe or the database is away. What was put right by then is.
pub async fn reconcile(app: &App, how: How) -> Result<Report> {
    stripe(app)?;
    let mut work = Work { app, how, report: Report::default() };
    work.lost_events().await?;
    work.subscriptions().await?;
    work.money().await?;
    work.overdue().await?;
    work.shop().await?;
    Ok(work.report)
}

struct Work<'a> {
    app: &'a App,
    how: How,
    report: Report,
}

impl Work<'_> {
    /// One part of a list, and the number it was read under.
    async fn part<T: DeserializeOwned>(&self, what: &Reading) -> Result<(i64, List<T>)> {
        let app = self.app;
        let read = app.bookkeep(async |tx| payments::next_read(tx).await).await?;
        Ok((read, stripe(app)?.read(&app.outgoing, what).await?))
    }

    async fn lost_events(&mut self) -> Result<()> {
        let app = self.app;
        let began = app.clock.now();
        let mark = app.ask(async |db| marks::seen(db).await).await?;
        let since =
            mark.map_or(began - LISTED_FOR, |mark| (mark - OVERLAP).max(began - LISTED_FOR));
        let mut after: Option<String> = None;
        let mut lost = Vec::new();
        loop {
            let what = asking::events_since(since, after.as_deref());
            let (_, part) = self.part::<Value>(&what).await?;
            let events: Vec<(Event, Value)> = part
                .data
                .into_iter()
                .filter_map(|said| Some((understood(said.clone()).ok()?, said)))
                .collect();
            after = events.last().map(|(event, _)| event.id.clone());
            let ids: Vec<String> = events.iter().map(|(event, _)| event.id.clone()).collect();
            let missing = app.ask(async |db| marks::missing(db, &ids).await).await?;
            lost.extend(events.into_iter().filter(|(event, _)| missing.contains(&event.id)));
            if !part.has_more || after.is_none() {
                break;
            }
        }
        // The oldest first, as they would have come.
        for (event, said) in lost.iter().rev() {
            self.act_upon(event, said).await?;
            self.report.lost.push(event.id.clone());
        }
        if self.how.repairs {
            app.bookkeep(async |tx| marks::see(tx, began).await).await?;
        }
        Ok(())
    }

    /// Acts upon an event that never came.
    async fn act_upon(&mut self, event: &Event, said: &Value) -> Result<()> {
        if !self.how.repairs {
            return Ok(());
        }
        let app = self.app;
        let fresh = match (About::of(&event.kind), event.object()) {
            (Some(about), Some(object)) => match read(app, about, object).await {
                Ok(fresh) => Some(fresh),
                Err(Error::NotFound) => None,
                Err(error) => return Err(error),
            },
            _ => None,
        };
        let (kept, id) = (app.clock.id(), || app.clock.id());
        let done = app.work(async |tx| {
            if !marks::keep(&mut *tx, kept, event, said).await? {
                return Ok(()); // it has come meanwhile
            }
            let because = Because { event: Some(kept), ..because(app, &id) };
            match &fresh {
                Some(fresh) => take_in(tx, fresh, &because).await.map(drop),
                None => Ok(()),
            }
        });
        done.await.map(|done| done.value)
    }

    /// Takes in what was read, or only sees what would be news.
    async fn compare(&mut self, fresh: Fresh) -> Result<()> {
        let (app, how, id) = (self.app, self.how, || self.app.clock.id());
        let (mut news, mut compared) = (Vec::new(), 0);
        let taken = app.work(async |tx| {
            let because = Because { repairs: true, ..because(app, &id) };
            news = take_in(tx, &fresh, &because).await?;
            compared = fresh.objects.len();
            // What is not to be changed is rolled back.
            if how.repairs { Ok(()) } else { Err(Error::NotFound) }
        });
        match taken.await {
            Ok(_) => {}
            Err(Error::NotFound) if !how.repairs => {}
            Err(error) => return Err(error),
        }
        self.report.compared += compared;
        self.report.drifted.extend(news);
        Ok(())
    }

    async fn list<T: DeserializeOwned>(
        &mut self,
        what: impl Fn(Option<&str>) -> Reading,
        object: impl Fn(T) -> (String, Object),
        seen: &mut Vec<String>,
    ) -> Result<()> {
        let mut after: Option<String> = None;
        loop {
            let (read, part) = self.part::<T>(&what(after.as_deref())).await?;
            let (ids, mut objects): (Vec<String>, Vec<Object>) =
                part.data.into_iter().map(&object).unzip();
            after = ids.last().cloned();
            objects.reverse();
            seen.extend(ids);
            self.compare(Fresh { read, objects }).await?;
            if !part.has_more || after.is_none() {
                return Ok(());
            }
        }
    }

    async fn subscriptions(&mut self) -> Result<()> {
        let mut seen = Vec::new();
        let object = |known: Subscription| (known.id.clone(), Object::Subscription(known));
        self.list(asking::subscriptions, object, &mut seen).await?;
        let here = self.app.ask(async |db| marks::subscriptions(db).await).await?;
        for id in here.into_iter().filter(|id| !seen.contains(id)) {
            // It may have begun since the list was read.
            match read(self.app, About::Subscription, &id).await {
                Ok(fresh) => self.compare(fresh).await?,
                Err(Error::NotFound) => {
                    if self.how.repairs {
                        let gone = self.app.work(async |tx| marks::forget(tx, &id).await);
                        gone.await.map(|done| done.value)?;
                    }
                    self.report.unknown.push(id);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How far back money is compared.
    fn since(&self) -> OffsetDateTime {
        match self.how.everything {
            true => OffsetDateTime::UNIX_EPOCH,
            false => self.app.clock.now() - MONEY,
        }
    }

    async fn shop(&mut self) -> Result<()> {
        let since = self.since();
        let doubtful = self.app.ask(async |db| marks::doubtful(db, since).await);
        self.report.doubtful = doubtful.await?;
        Ok(())
    }

    async fn money(&mut self) -> Result<()> {
        let since = self.since();
        let mut seen = Vec::new();
        let invoice = |known: Invoice| (known.id.clone(), Object::Invoice(known));
        self.list(|after| asking::invoices_since(since, after), invoice, &mut seen).await?;
        let refund = |known: Refund| (known.id.clone(), Object::Refund(known));
        self.list(|after| asking::refunds_since(since, after), refund, &mut seen).await?;
        let dispute = |known: Dispute| (known.id.clone(), Object::Dispute(known));
        self.list(|after| asking::disputes_since(since, after), dispute, &mut seen).await
    }

    /// Checkouts of which nobody has heard how they ended.
    async fn overdue(&mut self) -> Result<()> {
        let (app, mut after) = (self.app, None::<String>);
        loop {
            let now = app.clock.now();
            let part =
                app.ask(async |db| checkouts::overdue(db, now, after.as_deref()).await).await?;
            let Some(last) = part.last().cloned() else { return Ok(()) };
            for session in part {
                match read(app, About::Session, &session).await {
                    Ok(fresh) => self.compare(fresh).await?,
                    Err(Error::NotFound) => self.report.unknown.push(session),
                    Err(error) => return Err(error),
                }
            }
            after = Some(last);
        }
    }
}
