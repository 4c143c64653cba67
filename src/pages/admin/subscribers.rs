//! Subscribers as staff see them.

use super::{Context, Ignored};
use crate::app::App;
use crate::error::Result;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::record::{self, Recorded};
use crate::http::{Gate, cursor};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::recent::Recent;
use crate::services::sessions::Staff;
use crate::services::subscribers::{self, Keeper, Listed, Shown, Status};
use crate::services::{csv, export};
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::subscribers::{Filter, Row, Subscriber, index, show};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;
/// How many are read at a time where all are.
const AT_ONCE: i64 = 5000;

/// `/admin/subscribers`
pub struct Index;

/// What the list is asked for. What makes no sense selects nothing away.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    status: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/subscribers";
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
        _: &Context<'_>,
    ) -> Result<View> {
        let filter = subscribers::Filter {
            status: Status::ALL.into_iter().find(|status| status.as_str() == query.status),
            text: query.q.trim().to_owned(),
            before: query.before.parse().ok(),
        };
        let ask = cursor::ask(PER_PAGE);
        let found = subscribers::list(db, &Keeper::Staff(who), &filter, ask).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |one| one.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let shown = Filter {
            status: filter.status.map_or("", Status::as_str),
            q: &filter.text,
            statuses: &Status::ALL.map(Status::as_str),
        };
        Ok(index(&rows, &shown, older, filter.before.is_none()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(one: &'a Listed) -> Self {
        Self {
            id: one.id,
            email: &one.email,
            status: one.status.as_str(),
            digest: &one.digest,
            source: &one.source,
            created_at: one.created_at,
        }
    }
}

/// `/admin/subscribers/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/subscribers/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Show {
    type At = Uuid;
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        _: &Ignored,
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        one(db, who, *id, blank).await
    }
}

/// The page of one subscriber, with the form that takes them off the list.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn one(db: &mut PgConnection, who: &Staff, id: Uuid, form: &FormState) -> Result<View> {
    let found = subscribers::by_id(db, &Keeper::Staff(who), id).await?;
    Ok(show(&(&found).into(), form))
}

impl<'a> From<&'a Shown> for Subscriber<'a> {
    fn from(one: &'a Shown) -> Self {
        Self {
            id: one.id,
            email: &one.email,
            status: one.status.as_str(),
            topics: &one.topics,
            digest: &one.digest,
            time_zone: &one.time_zone,
            source: &one.source,
            consent: &one.consent,
            words: one.words.as_deref(),
            consent_at: one.consent_at,
            confirmed_at: one.confirmed_at,
            ended_at: one.ended_at,
            remark: one.remark.as_deref(),
        }
    }
}

/// `/admin/subscribers.csv`
pub struct Export;

impl Gate for Export {
    const PATH: &'static str = "/admin/subscribers.csv";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = Recently<policies::Staff>;
}

impl Download for Export {
    type At = ();

    async fn file(app: &App, who: &Recent<Staff>, (): &()) -> Result<Recorded<File>> {
        let text = all(app, &Keeper::Staff(who)).await?;
        let file = File { name: "subscribers.csv", kind: "text/csv; charset=utf-8", text };
        record::hand_out(app, who, Act::SubscribersExported.to("subscribers"), file).await
    }
}

/// All subscribers, as a table. Read in parts, as a list may be longer than one reading may take.
///
/// # Errors
/// As any statement.
pub async fn all(app: &App, by: &Keeper<'_>) -> Result<String> {
    let columns = subscribers::COLUMNS;
    let (mut text, mut after) = (csv::line(columns), None);
    loop {
        let part = app.read(async |db| subscribers::export(db, by, after, AT_ONCE).await).await?;
        text.extend(part.rows.iter().map(|row| export::line(&columns, &row.fields)));
        after = part.after;
        if after.is_none() {
            return Ok(text);
        }
    }
}
