//! The newsletter's archive, and where whoever asked for it ends up. Its forms are in `actions`.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, PageNumber};
use crate::policies::Anyone;
use crate::services::archive;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::newsletter::{Issue, Line, index, show, thanks};
use templates::posts::Pages;
use templates::{View, paths};

/// How many issues stand below the form.
pub const ON_FIRST_PAGE: u32 = 5;
/// How many stand on one page of the list.
pub const PER_PAGE: u32 = 30;

/// `/newsletter/thanks`
pub struct Thanks;

impl Gate for Thanks {
    const PATH: &'static str = "/newsletter/thanks";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Thanks {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::newsletter_thanks()
    }

    async fn view(_: &mut PgConnection, (): &(), (): &(), _: &mut Dependencies) -> Result<View> {
        Ok(thanks())
    }
}

/// `/newsletter/issues`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/newsletter/issues";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Index {
    type At = ();
    type Query = PageNumber;

    fn address((): &(), page: &PageNumber) -> String {
        paths::newsletter_issues_page(page.0)
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        &PageNumber(number): &PageNumber,
        seen: &mut Dependencies,
    ) -> Result<View> {
        let listing = seen.find(archive::sent(db, number, PER_PAGE).await?)?;
        let lines: Vec<Line<'_>> = listing.lines.iter().map(Into::into).collect();
        Ok(index(&lines, Pages { number, last: listing.last }))
    }
}

/// `/newsletter/{slug}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/newsletter/{slug}";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = String;
    type Query = ();

    fn address(slug: &String, (): &()) -> String {
        paths::newsletter_issue(slug)
    }

    async fn view(
        db: &mut PgConnection,
        slug: &String,
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        let issue = seen.find(archive::by_slug(db, slug).await?)?;
        let archive::Issue { slug, subject, body, sent_at } = &issue;
        Ok(show(&Issue { slug, subject, body, sent_at: *sent_at }))
    }
}

impl<'a> From<&'a archive::Line> for Line<'a> {
    fn from(line: &'a archive::Line) -> Self {
        Self { slug: &line.slug, subject: &line.subject, sent_at: line.sent_at }
    }
}
