//! Orders as staff see them.

use super::Ignored;
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::http::{Gate, cursor};
use crate::pages::orders::shown;
use crate::policies;
use crate::services::orders::staff::{self, Listed};
use crate::services::orders::{self, Status};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::orders::{Besides, Filter, Row};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/orders`
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
    const PATH: &'static str = "/admin/orders";
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
        let filter = staff::Filter {
            status: Status::ALL.into_iter().find(|status| status.as_str() == query.status),
            text: query.q.trim().to_owned(),
            before: query.before.parse().ok(),
        };
        let found = staff::list(db, who, &filter, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |order| order.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let asked = Filter {
            status: filter.status.map(Status::as_str),
            q: &filter.text,
            statuses: &Status::ALL.map(Status::as_str),
        };
        let place = (older, filter.before.is_none());
        Ok(templates::admin::orders::index(&rows, &asked, place, who.is_owner()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(order: &'a Listed) -> Self {
        Self {
            id: order.id,
            number: orders::number(order.id),
            status: order.status.as_str(),
            amount: order.amount,
            currency: &order.currency,
            refunded: order.refunded,
            name: order.name.as_deref(),
            email: order.email.as_deref(),
            lines: &order.lines,
            placed_at: order.placed_at,
        }
    }
}

/// `/admin/orders/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/orders/{id}";
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
        order(db, who, *id, blank).await
    }
}

/// The page of one order, with what was wrong with a form on it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn order(
    db: &mut PgConnection,
    who: &Staff,
    id: Uuid,
    state: &FormState,
) -> Result<View> {
    let found = staff::shown(db, who, id).await?;
    let money = found
        .money
        .iter()
        .map(|(kind, state, amount, id)| (kind.as_str(), state.as_str(), *amount, id.as_str()));
    let events =
        found.events.iter().map(|event| (event.at, event.what.as_str(), event.detail.as_deref()));
    let besides = Besides {
        id,
        payment: found.payment.as_deref(),
        refused: found.refused.as_deref(),
        money: money.collect(),
        events: events.collect(),
    };
    Ok(templates::admin::orders::show(&shown(&found.order, ""), &besides, state))
}
