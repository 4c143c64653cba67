//! Leads as staff see them.

use super::Ignored;
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::leads::{self, By, Listed, Shown, Source, Status};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::leads::{Event, Filter, Lead, Row};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/leads`
pub struct Index;

/// What the list is asked for. What makes no sense selects nothing away.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    status: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/leads";
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
        let filter = leads::Filter {
            status: Status::ALL.into_iter().find(|status| status.as_str() == query.status),
            source: Source::ALL.into_iter().find(|source| source.as_str() == query.source),
            test: match query.test.as_str() {
                "only" => Some(true),
                "none" => Some(false),
                _ => None,
            },
            text: query.q.trim().to_owned(),
            before: query.before.parse().ok(),
        };
        let found = leads::list(db, who, &filter, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |lead| lead.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let shown = Filter {
            status: filter.status.map(Status::as_str),
            source: filter.source.map(Source::as_str),
            test: filter.test,
            q: &filter.text,
            statuses: &Status::ALL.map(Status::as_str),
            sources: &Source::ALL.map(Source::as_str),
            for_owner: who.is_owner(),
        };
        Ok(templates::admin::leads::index(&rows, &shown, older, filter.before.is_none()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(lead: &'a Listed) -> Self {
        Self {
            id: lead.id,
            name: &lead.name,
            email: &lead.email,
            company: lead.company.as_deref(),
            message: &lead.message,
            status: lead.status.as_str(),
            source: lead.source.as_str(),
            test: lead.test,
            created_at: lead.created_at,
        }
    }
}

/// `/admin/leads/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/leads/{id}";
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
        lead(db, who, *id, blank, blank).await
    }
}

/// The page of one lead, with the two forms that stand on it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn lead(
    db: &mut PgConnection,
    who: &Staff,
    id: Uuid,
    status_form: &FormState,
    note_form: &FormState,
) -> Result<View> {
    let lead = leads::by_id(db, By::Staff(who), id).await?;
    let statuses = Status::ALL.map(Status::as_str);
    let shown = Lead { for_owner: who.is_owner(), ..(&lead).into() };
    Ok(templates::admin::leads::show(&shown, &statuses, status_form, note_form))
}

impl<'a> From<&'a Shown> for Lead<'a> {
    fn from(lead: &'a Shown) -> Self {
        let event = |event: &'a leads::Event| Event {
            at: event.at,
            by: &event.by,
            note: event.note.as_deref(),
            change: event.change.as_ref().map(|change| (change.from.as_str(), change.to.as_str())),
        };
        Self {
            id: lead.id,
            name: &lead.name,
            email: &lead.email,
            company: lead.company.as_deref(),
            phone: lead.phone.as_deref(),
            message: &lead.message,
            status: lead.status.as_str(),
            source: lead.source.as_str(),
            created_at: lead.created_at,
            test: lead.test,
            key_name: lead.key_name.as_deref(),
            consent: lead
                .consent
                .as_ref()
                .map(|given| (given.words.as_str(), given.version.as_str(), given.at)),
            campaign: lead.campaign.labelled(),
            spam_reasons: &lead.spam_reasons,
            history: lead.history.iter().map(event).collect(),
            for_owner: false,
        }
    }
}
