//! What staff see.

pub mod audit;
pub mod cache;
pub mod imports;
pub mod inbox;
pub mod issues;
pub mod keys;
pub mod leads;
pub mod ledger;
pub mod orders;
pub mod outbox;
pub mod people;
pub mod posts;
pub mod products;
pub mod routes;
pub mod runs;
pub mod settings;
pub mod staff;
pub mod subscribers;
pub mod webhooks;

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::policies;
use crate::services::leads as lead_service;
use crate::services::sessions::Staff;
use crate::services::subscribers::{self as subscriber_service, Keeper};
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{View, paths};

/// `/admin`
pub struct Dashboard;

/// A query nothing is read from.
#[derive(Debug, Deserialize)]
pub struct Ignored {}

impl Gate for Dashboard {
    const PATH: &'static str = "/admin";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Dashboard {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        _: &Ignored,
        Context { app, .. }: &Context<'_>,
    ) -> Result<View> {
        let new = lead_service::count_new(db, who).await?;
        let new_leads = paths::admin_leads_where(&[("status", "new"), ("test", "none")]);
        let readers = subscriber_service::count_confirmed(db, &Keeper::Staff(who)).await?;
        let confirmed = paths::admin_subscribers_where(&[("status", "confirmed")]);
        let mut counts = vec![("New leads", new, new_leads), ("Subscribers", readers, confirmed)];
        let silent = runs::count_silent(db, app).await?;
        if silent > 0 {
            counts.push(("Tasks that do not run", silent, paths::admin_runs()));
        }
        Ok(templates::admin::dashboard(&counts, who.is_owner()))
    }
}
