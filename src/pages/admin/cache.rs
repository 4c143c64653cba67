//! What the page cache of this instance keeps, and why a page is not fresh.

use super::Context;
use crate::app::App;
use crate::cache::coherence::Verdict;
use crate::cache::report;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::policies;
use crate::services::revalidation::{self, Cause};
use crate::services::sessions::Staff;
use crate::tags::Tag;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::View;
use templates::admin::cache::{self, Filter, Kept, Totals};

/// More than anyone looks through.
const MOST: usize = 100;

/// `/admin/cache`
pub struct Index;

/// Which kept pages to list.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    q: String,
    /// Separated by spaces.
    #[serde(default)]
    tags: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/cache";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl LivePage for Index {
    type At = ();
    type Query = Query;

    async fn view(
        _: &mut PgConnection,
        _: &Staff,
        (): &(),
        query: &Query,
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        learn(app).await;
        let q = query.q.trim();
        let tags: Vec<String> = query.tags.split_whitespace().map(str::to_owned).collect();
        let wanted = |address: &str, depends_on: &[&Tag]| {
            let depends = |tag: &&Tag| tags.contains(&tag.to_string());
            address.contains(q) && (tags.is_empty() || depends_on.iter().any(depends))
        };
        let (found, count) = app.cache.kept_where(app.clock.moment(), MOST, wanted);
        let rows: Vec<Kept> = found.iter().map(Into::into).collect();
        let totals = app.cache.totals().into();
        Ok(cache::index(&totals, &Filter { q, tags: &tags }, &rows, count, blank))
    }
}

/// `/admin/cache/page`
pub struct Show;

/// Which page.
#[derive(Debug, Deserialize)]
pub struct Address {
    #[serde(default)]
    address: String,
}

impl Gate for Show {
    const PATH: &'static str = "/admin/cache/page";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl LivePage for Show {
    type At = ();
    type Query = Address;

    async fn view(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        Address { address }: &Address,
        Context { app, blank }: &Context<'_>,
    ) -> Result<View> {
        learn(app).await;
        let Some(kept) = app.cache.kept_at(app.clock.moment(), address) else {
            return Ok(cache::show(address, None, &[], blank));
        };
        let causes = match (&kept.seen, &kept.verdict) {
            (Some(seen), Verdict::Changed(_) | Verdict::Suspect) => {
                let own = [Tag::Path(address.clone())];
                let tags: Vec<Tag> = kept.tags.iter().cloned().chain(own).collect();
                revalidation::causes(db, who, &tags, seen).await?
            }
            _ => Vec::new(),
        };
        let causes: Vec<_> = causes.into_iter().map(Into::into).collect();
        Ok(cache::show(address, Some(&(&kept).into()), &causes, blank))
    }
}

/// An idle site asks nothing; whoever looks here wants to know how things stand now.
async fn learn(app: &App) {
    if let Err(error) = app.confirm_since(app.clock.moment()).await {
        tracing::debug!(%error, "the list of kept pages may be out of date");
    }
}

impl From<report::Totals> for Totals {
    fn from(totals: report::Totals) -> Self {
        let report::Totals { pages, absences, bytes, most_bytes, served, rendered } = totals;
        Self { pages, absences, bytes, most_bytes, served, rendered }
    }
}

impl From<&report::Kept> for Kept {
    fn from(kept: &report::Kept) -> Self {
        Self {
            address: kept.address.clone(),
            exists: kept.exists,
            state: match kept.verdict {
                Verdict::Fresh => "fresh",
                Verdict::Changed(_) => "changed",
                Verdict::TimeHasCome => "due",
                Verdict::Suspect => "suspect",
            },
            hits: kept.hits,
            bytes: kept.bytes,
            age: kept.age,
            tags: kept.tags.iter().map(Tag::to_string).collect(),
        }
    }
}

impl From<Cause> for cache::Cause {
    fn from(Cause { tag, xid, at, hard }: Cause) -> Self {
        Self { tag, xid, at, hard }
    }
}
