//! Orders, for whoever has placed them.

use crate::app::App;
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::http::{Gate, cursor};
use crate::pages::admin::Ignored;
use crate::payments;
use crate::policies::{self, MailedLink};
use crate::services::orders::{self, Buying};
use crate::services::secrets::Secrets;
use crate::services::sessions::Member;
use crate::services::subscribers::Holder;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::orders::{Bought, Order, Row};
use templates::{FormState, View};

const PER_PAGE: usize = 50;

/// `/orders/{token}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/orders/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = MailedLink<Buying>;
}

impl LivePage for Show {
    type At = String;
    type Query = Ignored;

    async fn learn(app: &App, who: &Holder<Buying>, _: &Ignored) -> Result<()> {
        payments::shop::learn(app, who).await
    }

    async fn view(
        db: &mut PgConnection,
        who: &Holder<Buying>,
        token: &String,
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        order(db, who, token, &context.blank).await
    }
}

/// The page, with what was wrong with the form on it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn order(
    db: &mut PgConnection,
    who: &Holder<Buying>,
    token: &str,
    state: &FormState,
) -> Result<View> {
    let order = orders::held(db, who).await?;
    Ok(templates::orders::show(&shown(&order, token), state))
}

/// `/account/orders`
pub struct Own;

/// Where in the list.
#[derive(Deserialize)]
pub struct Before {
    #[serde(default)]
    before: String,
}

impl Gate for Own {
    const PATH: &'static str = "/account/orders";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Own {
    type At = ();
    type Query = Before;

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        query: &Before,
        context: &Context<'_>,
    ) -> Result<View> {
        let before = query.before.parse().ok();
        let found = orders::of(db, who, before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |order| order.id);
        let row = |order| row(order, &context.app.secrets);
        let rows: Vec<Row<'_>> = found.iter().map(row).collect();
        Ok(templates::orders::index(&rows, older, before.is_none()))
    }
}

fn row<'a>(order: &'a orders::Own, secrets: &Secrets) -> Row<'a> {
    Row {
        number: orders::number(order.id),
        token: Holder::<Buying>::token(secrets, order.id),
        status: order.status.as_str(),
        amount: order.amount,
        currency: &order.currency,
        refunded: order.refunded,
        lines: &order.lines,
        placed_at: order.placed_at,
    }
}

/// An order, as pages show it.
pub fn shown<'a>(order: &'a orders::Order, token: &'a str) -> Order<'a> {
    let line = |line: &'a orders::Bought| Bought {
        title: &line.title,
        amount: line.amount,
        quantity: line.quantity,
        happens_at: line.happens_at,
    };
    Order {
        number: orders::number(order.id),
        token,
        status: order.status.as_str(),
        amount: order.amount,
        currency: &order.currency,
        refunded: order.refunded,
        name: order.name.as_deref(),
        email: order.email.as_deref(),
        remark: order.remark.as_deref(),
        stuck: order.is_stuck.then_some(orders::STUCK),
        is_taken_back: order.is_taken_back,
        is_in_cart: order.is_in_cart,
        placed_at: order.placed_at,
        paid_at: order.paid_at,
        pay_at: order.pay_at.as_deref(),
        open_until: order.open_until,
        is_under_way: order.is_under_way,
        lines: order.lines.iter().map(line).collect(),
    }
}
