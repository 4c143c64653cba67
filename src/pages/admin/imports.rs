//! What became of lists of subscribers that were brought over. The form is in `actions`.

use super::{Context, Ignored};
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::policies;
use crate::services::sessions::Staff;
use crate::services::subscribers::{self, Keeper};
use sqlx::PgConnection;
use templates::View;
use templates::admin::imports::{Brought, Line, show};
use uuid::Uuid;

/// `/admin/subscribers/imports/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/subscribers/imports/{id}";
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
        _: &Context<'_>,
    ) -> Result<View> {
        let (brought, lines) = subscribers::imported(db, &Keeper::Staff(who), *id).await?;
        let lines: Vec<Line<'_>> = lines.iter().map(Into::into).collect();
        Ok(show(&(&brought).into(), &lines))
    }
}

impl<'a> From<&'a subscribers::Brought> for Brought<'a> {
    fn from(brought: &'a subscribers::Brought) -> Self {
        Self {
            id: brought.id,
            at: brought.at,
            by: brought.by.as_deref().unwrap_or("the operator"),
            consent: &brought.consent,
            added: brought.added,
            skipped: brought.skipped,
            refused: brought.refused,
        }
    }
}

impl<'a> From<&'a subscribers::LeftOut> for Line<'a> {
    fn from(line: &'a subscribers::LeftOut) -> Self {
        Self {
            line: line.line,
            outcome: line.outcome.as_str(),
            why: &line.why,
            subscriber: line.subscriber.as_ref().map(|(id, email)| (*id, email.as_str())),
        }
    }
}
