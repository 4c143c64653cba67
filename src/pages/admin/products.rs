//! Products as staff see them.

use super::Ignored;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::policies;
use crate::services::products::{self, Keeper, Stored};
use crate::services::sessions::Staff;
use sqlx::PgConnection;
use templates::View;
use templates::admin::products::Product;

/// `/admin/products`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/admin/products";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Index {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        _: &Ignored,
        _: &Context<'_>,
    ) -> Result<View> {
        let found = products::all(db, &Keeper::Staff(who)).await?;
        let shown: Vec<Product<'_>> = found.iter().map(Into::into).collect();
        Ok(templates::admin::products::index(&shown))
    }
}

impl<'a> From<&'a Stored> for Product<'a> {
    fn from(product: &'a Stored) -> Self {
        Self {
            id: product.id,
            slug: &product.slug,
            title: &product.title,
            text: &product.text,
            kind: product.kind.as_str(),
            amount: product.amount,
            currency: &product.currency,
            stock: product.stock,
            sold: product.sold,
            left: product.left,
            active: product.active,
            happens_at: product.happens_at,
            updated_at: product.updated_at,
        }
    }
}
