//! Posts as staff see them.

use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::posts::{self, Author, Listed};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::View;
use templates::admin::posts::Row;

const PER_PAGE: usize = 50;

/// `/admin/posts`
pub struct Index;

/// Where in the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/posts";
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
        let before = query.before.parse().ok();
        let found = posts::list(db, &Author::Staff(who), before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |post| post.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        Ok(templates::admin::posts::index(&rows, older, before.is_none()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(post: &'a Listed) -> Self {
        Self {
            id: post.id,
            title: &post.title,
            slug: &post.slug,
            status: post.status.as_str(),
            whom: post.audience.whom(),
            topic: &post.topic,
            updated_at: post.updated_at,
        }
    }
}
