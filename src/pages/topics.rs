//! The posts on one topic.

use super::posts::PER_PAGE;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, PageNumber};
use crate::policies::Anyone;
use crate::services::posts;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::posts::{Card, Pages};
use templates::{View, paths};

/// `/topics/{topic}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/topics/{topic}";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = String;
    type Query = PageNumber;

    fn address(slug: &String, page: &PageNumber) -> String {
        paths::topic_page(slug, page.0)
    }

    async fn view(
        db: &mut PgConnection,
        slug: &String,
        &PageNumber(number): &PageNumber,
        seen: &mut Dependencies,
    ) -> Result<View> {
        let topic = seen.find(posts::topic(db, slug).await?)?;
        let listing = seen.find(posts::published(db, Some(&topic), number, PER_PAGE).await?)?;
        let cards: Vec<Card<'_>> = listing.cards.iter().map(Into::into).collect();
        let pages = Pages { number, last: listing.last };
        Ok(templates::posts::topic(&(&topic).into(), &topic.description, &cards, pages))
    }
}
