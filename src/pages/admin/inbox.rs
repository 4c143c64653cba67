//! What other programs have told us, and what became of it.

use super::Context;
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::inbox::{self, Effect, Listed, Reader};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::inbox::{Change, Filter, Row, Said, index, show};
use templates::{FormState, View, paths};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/inbox`
pub struct Index;

/// Which events.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    state: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/inbox";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Index {
    type At = ();
    type Query = Query;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        query: &Query,
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let filter = inbox::Filter {
            state: given(&query.state),
            source: given(&query.source),
            before: query.before.parse().ok(),
        };
        let by = Reader::Staff(who);
        let found = inbox::list(db, &by, &filter, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |event| event.id);
        let counts = inbox::count(db, &by, filter.source.as_deref()).await?;
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let mut sources: Vec<&str> =
            app.config.webhooks.iter().map(|sender| sender.name.as_str()).collect();
        let is_on = !sources.is_empty();
        let (state, source) = (query.state.trim(), query.source.trim());
        if !source.is_empty() && !sources.contains(&source) {
            sources.push(source);
        }
        let shown = Filter { state, source, sources: &sources };
        let place = (older, filter.before.is_none());
        Ok(index(&rows, &counts, &shown, place, (is_on, who.is_owner()), blank))
    }
}

/// `/admin/inbox/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/inbox/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Show {
    type At = Uuid;
    type Query = super::Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        _: &super::Ignored,
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        event(db, who, *id, blank).await
    }
}

/// The page of one event.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn event(db: &mut PgConnection, who: &Staff, id: Uuid, form: &FormState) -> Result<View> {
    let shown = inbox::by_id(db, &Reader::Staff(who), id).await?;
    let changes: Vec<Change<'_>> = shown.effects.iter().map(change).collect();
    let said = match (shown.size, &shown.payload) {
        (None, _) => Said::Gone,
        (Some(size), None) => Said::NotForYou(size),
        (Some(size), Some(text)) => Said::Text(text, size),
    };
    Ok(show(&(&shown.event).into(), &changes, &said, who.is_owner(), form))
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(event: &'a Listed) -> Self {
        Self {
            id: event.id,
            source: &event.source,
            event_id: &event.event_id,
            kind: &event.kind,
            state: &event.state,
            attempts: event.attempts,
            remark: event.remark.as_deref(),
            received_at: event.received_at,
            ended_at: event.ended_at,
        }
    }
}

/// An effect in words, and where it is to be seen.
fn change(effect: &Effect) -> Change<'_> {
    let id = |object: &str| object.split_once(':').and_then(|(_, id)| id.parse().ok());
    let (of, _) = effect.object.split_once(':').unwrap_or_default();
    let (words, href) = match (of, effect.kind.as_str()) {
        ("outbox", "delivered") => {
            ("A mail has arrived", id(&effect.object).map(paths::admin_outbox_entry))
        }
        ("outbox", "delayed") => {
            ("A mail is late", id(&effect.object).map(paths::admin_outbox_entry))
        }
        ("outbox", "bounced") => {
            ("A mail came back", id(&effect.object).map(paths::admin_outbox_entry))
        }
        ("outbox", "complained") => {
            ("A mail is called spam", id(&effect.object).map(paths::admin_outbox_entry))
        }
        ("subscriber", _) => {
            ("A subscriber gets no more mail", id(&effect.object).map(paths::admin_subscriber))
        }
        (_, "task-due") => ("A task is run", Some(paths::admin_runs())),
        (_, "revalidated") => ("Pages are rendered again", Some(paths::admin_cache())),
        (_, "begun") => ("A membership has begun", None),
        (_, "trial-ends") => ("A trial ends soon", None),
        (_, "payment-failed") => ("A payment has failed", None),
        (_, "ended") => ("A membership has ended", None),
        (_, "ownerless") => ("A membership ends, as its account is gone", None),
        (_, "disputed") => ("A bank takes a payment back", None),
        (_, "booked") => ("A payment is in the books", Some(paths::admin_ledger())),
        (_, "booked-credit") => ("A credit is in the books", Some(paths::admin_ledger())),
        (_, "booked-refund") => ("What went back is in the books", Some(paths::admin_ledger())),
        (_, "booked-refund-failed") => {
            ("What came again is in the books", Some(paths::admin_ledger()))
        }
        (_, "refund-failed") => ("What went back came again", None),
        (_, "booked-dispute") => ("What a bank took is in the books", Some(paths::admin_ledger())),
        (_, "booked-dispute-won") => {
            ("What a bank gave again is in the books", Some(paths::admin_ledger()))
        }
        _ => ("Something this program does not know", None),
    };
    Change { words, href, detail: effect.detail.as_deref(), at: effect.at }
}
