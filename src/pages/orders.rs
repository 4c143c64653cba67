//! An order, for whoever has the link to it.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::pages::admin::Ignored;
use crate::payments;
use crate::policies::MailedLink;
use crate::services::orders::{self, Buying};
use crate::services::subscribers::Holder;
use sqlx::PgConnection;
use templates::shop::{Bought, Order};
use templates::{FormState, View};

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
    Ok(templates::shop::order(&shown(&order, token), state))
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
        placed_at: order.placed_at,
        paid_at: order.paid_at,
        pay_at: order.pay_at.as_deref(),
        open_until: order.open_until,
        is_under_way: order.is_under_way,
        lines: order.lines.iter().map(line).collect(),
    }
}
