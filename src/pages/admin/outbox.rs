//! What is to be done after commit, what was, and each mail as it reads.

use super::{Context, Ignored};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::{Gate, cursor};
use crate::jobs::Job;
use crate::mail::{self, Letter, Mail, Person};
use crate::policies;
use crate::services::inbox;
use crate::services::links::{self, Token};
use crate::services::outbox::{self, Listed};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::outbox::{Filter, Heard, Letter as Shown, Row, index, show};
use templates::{FormState, View, paths};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/outbox`
pub struct Index;

/// Which rows.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    state: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/outbox";
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
        let filter = outbox::Filter {
            state: given(&query.state),
            kind: given(&query.kind),
            recipient: given(&query.to),
            before: query.before.parse().ok(),
        };
        let found = outbox::list(db, who, &filter, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |row| row.id);
        let counts = outbox::count(db, who, filter.kind.as_deref()).await?;
        let rows: Vec<Row> = found.iter().map(Into::into).collect();
        let (state, kind, to) = (query.state.trim(), query.kind.trim(), query.to.trim());
        let shown = Filter { state, kind, kinds: &Job::KINDS, to };
        let place = (older, filter.before.is_none());
        Ok(index(&rows, &counts, &shown, place, app.postman.is_on_duty(), blank))
    }
}

/// `/admin/outbox/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/outbox/{id}";
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
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        entry(db, who, *id, Some(app), blank).await
    }
}

/// The page of one row; with `app`, also the mail it is about.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn entry(
    db: &mut PgConnection,
    who: &Staff,
    id: Uuid,
    app: Option<&App>,
    form: &FormState,
) -> Result<View> {
    let row = outbox::by_id(db, who, id).await?;
    let letter = match (app, &row.job) {
        (Some(app), Some(Job::Mail(mail))) => {
            let token = token_for(db, who, mail).await?;
            mail::compose(app, db, mail, token.as_ref()).await?.and_then(|letter| {
                Some(shown(app.postman.sender(&app.config).ok()?.to_string(), letter))
            })
        }
        _ => None,
    };
    let heard = inbox::heard_of(db, who, id).await?.into_iter();
    let heard: Vec<_> =
        heard.map(|heard| Heard { kind: heard.kind, at: heard.at, event: heard.event }).collect();
    Ok(show(&(&row).into(), letter.as_ref(), &heard, form))
}

/// What lets somebody in stands in their mail alone; where nobody carries mail, an owner may pass it on. Who has not proven
/// lately who they are is asked to: it could be their own way to another password.
async fn token_for(db: &mut PgConnection, who: &Staff, mail: &Mail) -> Result<Option<Token>> {
    let Mail::Link { link } = mail else { return Ok(None) };
    if !who.is_owner() {
        return Ok(None);
    }
    match links::shown(db, *link).await? {
        Some(_) if !who.member().is_recent() => Err(Error::Unconfirmed),
        shown => Ok(shown),
    }
}

fn shown(from: String, Letter { to, reply_to, mail, .. }: Letter) -> Shown {
    let said = |person: Person| match person.name.is_empty() {
        true => person.email,
        false => format!("{} <{}>", person.name, person.email),
    };
    Shown { from, to: said(to), reply_to: reply_to.map(said), mail }
}

impl From<&Listed> for Row {
    fn from(row: &Listed) -> Self {
        Self {
            id: row.id,
            name: row.job.as_ref().map_or("Something this program does not know", Job::name),
            cause: row.cause.clone(),
            cause_href: place(&row.cause),
            recipient: row.recipient.clone(),
            state: row.state.clone(),
            held: row.held,
            attempts: row.attempts,
            due_at: row.due_at,
            remark: row.remark.clone(),
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

/// Where a cause is to be seen.
fn place(cause: &str) -> Option<String> {
    match cause.split_once(':')? {
        ("lead", id) => id.parse().ok().map(paths::admin_lead),
        ("run", _) => Some(paths::admin_runs()),
        ("inbox", id) => id.parse().ok().map(paths::admin_inbox_event),
        ("issue", id) => id.parse().ok().map(paths::admin_issue),
        ("subscriber", id) => id.parse().ok().map(paths::admin_subscriber),
        _ => None,
    }
}
