//! Webhooks, for owners.

use super::{Context, Ignored};
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{LivePage, blank_like};
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::sessions::Owner;
use crate::services::webhooks::{self, Endpoint, Filter, Keeper};
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::webhooks as template;
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/webhooks`
pub struct Index;

/// Where to go on.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/webhooks";
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
        let before = query.before.parse().ok();
        let found = webhooks::list(db, Keeper::Owner(who), before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |webhook| webhook.id);
        let rows: Vec<template::Webhook<'_>> = found.iter().map(Into::into).collect();
        Ok(template::index(&rows, older, before.is_none()))
    }
}

impl<'a> From<&'a Endpoint> for template::Webhook<'a> {
    fn from(webhook: &'a Endpoint) -> Self {
        Self {
            id: webhook.id,
            name: &webhook.name,
            url: &webhook.url,
            types: &webhook.types,
            state: &webhook.state,
            remark: webhook.remark.as_deref(),
            failing_since: webhook.failing_since,
            waiting: webhook.waiting,
            key: webhook.key.as_deref(),
            created_at: webhook.created_at,
        }
    }
}

impl<'a> From<&'a webhooks::Delivery> for template::Delivery<'a> {
    fn from(delivery: &'a webhooks::Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook: delivery.webhook,
            message: delivery.message,
            kind: delivery.kind.as_deref().unwrap_or("ping"),
            object: delivery.object,
            sequence: delivery.sequence,
            state: &delivery.state,
            attempts: delivery.attempts,
            due_at: delivery.due_at,
            remark: delivery.remark.as_deref(),
            created_at: delivery.created_at,
        }
    }
}

/// `/admin/webhooks/{id}`
pub struct Show;

/// Which deliveries.
#[derive(Debug, Deserialize)]
pub struct Part {
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
}

impl Gate for Show {
    const PATH: &'static str = "/admin/webhooks/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Show {
    type At = Uuid;
    type Query = Part;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        id: &Uuid,
        part: &Part,
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        let state = Some(part.state.trim().to_owned()).filter(|state| !state.is_empty());
        let filter = Filter { state, after: part.after.parse().ok() };
        let blank = blank_like(blank);
        with(db, who, *id, &Forms::blank(&blank), &filter).await
    }
}

/// The forms on the page of a webhook, as far as they were filled in.
pub struct Forms<'a> {
    /// That which replaces the secret.
    pub rotation: &'a FormState,
    /// That which sends once more what was given up.
    pub replay: &'a FormState,
    /// Those that are a button.
    pub button: &'a FormState,
}

impl<'a> Forms<'a> {
    /// All of them empty.
    pub fn blank(blank: &'a FormState) -> Self {
        Self { rotation: blank, replay: blank, button: blank }
    }
}

/// The page of one webhook, with its newest deliveries.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn one(db: &mut PgConnection, who: &Owner, id: Uuid, forms: &Forms<'_>) -> Result<View> {
    with(db, who, id, forms, &Filter::default()).await
}

async fn with(
    db: &mut PgConnection,
    who: &Owner,
    id: Uuid,
    forms: &Forms<'_>,
    filter: &Filter,
) -> Result<View> {
    let by = Keeper::Owner(who);
    let webhook = webhooks::by_id(&mut *db, by, id).await?;
    let found = webhooks::deliveries(db, by, id, filter, cursor::ask(PER_PAGE)).await?;
    let (found, older) = cursor::cut(found, PER_PAGE, |delivery| delivery.id);
    let rows: Vec<template::Delivery<'_>> = found.iter().map(Into::into).collect();
    let place = template::Place {
        state: filter.state.as_deref().unwrap_or_default(),
        older,
        first: filter.after.is_none(),
    };
    let Forms { rotation, replay, button } = *forms;
    let forms = template::Forms { rotation, replay, button };
    Ok(template::show(&(&webhook).into(), &rows, &place, &forms))
}

/// `/admin/webhooks/deliveries/{id}`
pub struct Delivery;

impl Gate for Delivery {
    const PATH: &'static str = "/admin/webhooks/deliveries/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Delivery {
    type At = Uuid;
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        id: &Uuid,
        _: &Ignored,
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        let by = Keeper::Owner(who);
        let (delivery, tries) = webhooks::delivery(&mut *db, by, *id).await?;
        let webhook = webhooks::by_id(db, by, delivery.webhook).await?;
        let tries: Vec<template::Try<'_>> = tries
            .iter()
            .map(|one| (one.at, one.status, one.took_ms, one.said.as_deref().unwrap_or_default()))
            .collect();
        Ok(template::delivery(&(&delivery).into(), &webhook.name, &tries, blank))
    }
}
