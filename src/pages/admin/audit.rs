//! What was done by those who run the site, for owners.

use super::Context;
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::record::{self, Recorded};
use crate::http::{Gate, cursor};
use crate::policies::{self, Recently};
use crate::services::audit::{self, ACTS, Act, Listed};
use crate::services::recent::Recent;
use crate::services::roster::{self, Reader};
use crate::services::sessions::Owner;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::audit::{Filter, Row, index};
use templates::{View, paths};
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

const PER_PAGE: usize = 100;
/// How many of those who run the site there are to choose from.
const MOST_STAFF: i64 = 500;

/// `/admin/audit`
pub struct Index;

/// What is asked for. What makes no sense selects nothing away.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    who: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
}

impl Query {
    fn filter(&self) -> audit::Filter {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        audit::Filter {
            who: self.who.parse().ok(),
            door: (self.who == "operator").then(|| "shell".to_owned()),
            act: given(&self.act),
            object: given(&self.object),
            from: day(&self.from),
            until: day(&self.until).map(|day| day + Duration::DAY),
            text: self.q.trim().to_owned(),
            before: self.before.parse().ok(),
        }
    }
}

/// The beginning of a day, in UTC.
fn day(text: &str) -> Option<OffsetDateTime> {
    let day = Date::parse(text.trim(), format_description!("[year]-[month]-[day]")).ok()?;
    // Beyond these neither time nor Postgres counts.
    (1970..9999).contains(&day.year()).then(|| day.midnight().assume_utc())
}

impl Gate for Index {
    const PATH: &'static str = "/admin/audit";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Index {
    type At = ();
    type Query = Query;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        (): &(),
        query: &Query,
        _: &Context<'_>,
    ) -> Result<View> {
        let found = audit::list(&mut *db, who, &query.filter(), cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |line| line.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let staff = roster::list(db, Reader::Owner(who), None, MOST_STAFF).await?;
        let staff: Vec<_> =
            staff.iter().map(|one| (one.id.to_string(), one.name.as_str())).collect();
        let acts: Vec<_> = ACTS.iter().map(|(_, name, words)| (*name, *words)).collect();
        let shown = Filter {
            who: &query.who,
            act: &query.act,
            object: query.object.trim(),
            from: &query.from,
            until: &query.until,
            q: query.q.trim(),
            staff: &staff,
            acts: &acts,
        };
        Ok(index(&rows, &shown, older, query.before.is_empty()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(line: &'a Listed) -> Self {
        Self {
            at: line.at,
            name: &line.name,
            href: line.staff_id.map(paths::admin_staff_one),
            door: &line.door,
            network: &line.network,
            act: line.said(),
            object: &line.object,
            object_href: place(&line.object),
            facts: line.facts(),
        }
    }
}

/// Where an object is, or was, to be seen. What an erased one leaves is its id.
fn place(object: &str) -> Option<String> {
    let (kind, id) = object.split_once(':')?;
    let id = id.parse().ok();
    match kind {
        "key" => id.map(paths::admin_key),
        "lead" => id.map(paths::admin_lead),
        "post" => id.map(paths::admin_edit_post),
        "issue" => id.map(paths::admin_issue),
        "subscriber" => id.map(paths::admin_subscriber),
        "outbox" => id.map(paths::admin_outbox_entry),
        "staff" => id.map(paths::admin_staff_one),
        _ => None,
    }
}

/// `/admin/audit.csv`
pub struct Export;

impl Gate for Export {
    const PATH: &'static str = "/admin/audit.csv";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = Recently<policies::Owner>;
}

impl Download for Export {
    type At = ();

    async fn file(app: &App, who: &Recent<Owner>, (): &()) -> Result<Recorded<File>> {
        lines(app, who, &Query::default()).await
    }

    async fn asked_for(
        app: &App,
        who: &Recent<Owner>,
        (): &(),
        query: &str,
    ) -> Result<Recorded<File>> {
        let query = serde_urlencoded::from_str(query);
        let unread = |error| Error::Malformed(format!("The query cannot be read: {error}."));
        lines(app, who, &query.map_err(unread)?).await
    }
}

async fn lines(app: &App, who: &Recent<Owner>, query: &Query) -> Result<Recorded<File>> {
    let filter = audit::Filter { before: None, ..query.filter() };
    let text = app.read(async |db| audit::export(db, who, &filter).await).await?;
    let file = File { name: "audit.csv", kind: "text/csv; charset=utf-8", text };
    record::hand_out(app, who, Act::AuditExported.to("audit"), file).await
}
