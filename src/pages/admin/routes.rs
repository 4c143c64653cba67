//! Every door there is: what `frontdesk routes` prints, for owners.

use super::{Context, Ignored};
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::policies;
use crate::routes::{Entry, table};
use crate::services::sessions::Owner;
use sqlx::PgConnection;
use templates::View;
use templates::admin::routes::{Row, index};

/// `/admin/routes`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/admin/routes";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Index {
    type At = ();
    type Query = Ignored;

    async fn view(
        _: &mut PgConnection,
        _: &Owner,
        (): &(),
        _: &Ignored,
        _: &Context<'_>,
    ) -> Result<View> {
        let table = table();
        let rows: Vec<Row<'_>> = table.iter().map(Into::into).collect();
        Ok(index(&rows))
    }
}

impl<'a> From<&'a Entry> for Row<'a> {
    fn from(route: &'a Entry) -> Self {
        Self {
            method: route.method,
            path: route.path,
            proof: route.proof,
            limit: route.limit.as_deref(),
            body_kib: route.body.map(|body| body / 1024),
            cached: route.cached,
        }
    }
}
