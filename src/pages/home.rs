//! The start page.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::CachedPage;
use crate::policies::Anyone;
use crate::services::{pages, posts};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::home::{Home, page};
use templates::{View, paths};

/// `/`
pub struct Show;

/// How many posts stand on it.
pub const LATEST: u32 = 5;

impl Gate for Show {
    const PATH: &'static str = "/";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::home()
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        let text = seen.track(pages::by_name(db, "home").await?);
        let latest = seen.find(posts::published(db, None, 1, LATEST).await?)?;
        let topics = seen.track(posts::topics(db).await?);
        Ok(page(&Home {
            title: &text.title,
            body: &text.body,
            latest: latest.cards.iter().map(Into::into).collect(),
            topics: topics.iter().map(Into::into).collect(),
        }))
    }
}
