//! What search engines were told of each public address, and what has changed since.
//!
//! Nobody who writes has to think of it: what is there now is compared with what was there when they were last told. So a
//! scheduled post is noticed once its time has come, and an address that was left behind, whichever way that came about. An
//! address belongs to one job of the outbox; where it changes once more before that was done, it goes over to the next, and
//! nobody is told of it twice.

use crate::error::Result;
use sqlx::PgConnection;
use templates::paths;
use uuid::Uuid;

/// A kind of page that search engines list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Kind {
    /// The start page.
    Home,
    /// The contact form.
    Contact,
    /// How to get the newsletter.
    Newsletter,
    /// All of its issues.
    Issues,
    /// One of them.
    Issue,
    /// The newest posts. What stands on the further pages of a list is at addresses of its own.
    Posts,
    /// One post.
    Post,
    /// The newest posts on a topic.
    Topic,
    /// What members can be.
    Membership,
    /// What there is to buy.
    Shop,
    /// One thing of it.
    Product,
    /// Who may call.
    Callers,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Home,
        Self::Contact,
        Self::Newsletter,
        Self::Issues,
        Self::Issue,
        Self::Posts,
        Self::Post,
        Self::Topic,
        Self::Membership,
        Self::Shop,
        Self::Product,
        Self::Callers,
    ];

    /// Where the one called `slug` is; of some kinds there is but one.
    pub fn path(self, slug: &str) -> String {
        match self {
            Self::Home => paths::home(),
            Self::Contact => paths::contact(),
            Self::Newsletter => paths::newsletter(),
            Self::Issues => paths::newsletter_issues(),
            Self::Issue => paths::newsletter_issue(slug),
            Self::Posts => paths::posts(),
            Self::Post => paths::post(slug),
            Self::Topic => paths::topic(slug),
            Self::Membership => paths::membership(),
            Self::Shop => paths::shop(),
            Self::Product => paths::product(slug),
            Self::Callers => paths::callers(),
        }
    }
}

/// How many lines stand on the first page of each list: what comes after them changes nothing there.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    /// Posts on the start page.
    pub home: i64,
    /// Posts in a list of posts.
    pub posts: i64,
    /// Issues below the form of the newsletter.
    pub newsletter: i64,
    /// Issues in the list of issues.
    pub issues: i64,
}

/// Hands up to `most` addresses that are new, changed or gone over to `job`, and says how many; without a number it only
/// counts all there are. `origin` is where the site is: elsewhere everything is new.
///
/// # Errors
/// As any statement.
pub async fn note(
    db: &mut PgConnection,
    origin: &str,
    lengths: Lengths,
    job: Uuid,
    most: Option<i64>,
) -> Result<i64> {
    let noted = sqlx::query_file_scalar!(
        "src/services/announcements.sql",
        origin,
        lengths.home,
        lengths.posts,
        lengths.newsletter,
        lengths.issues,
        job,
        most,
    );
    Ok(noted.fetch_one(db).await?)
}

/// The paths that `job` is to tell of.
///
/// # Errors
/// As any statement.
pub async fn of_job(db: &mut PgConnection, job: Uuid) -> Result<Vec<String>> {
    let found = sqlx::query!(
        r#"select kind as "kind: Kind", slug from announcements where job = $1 order by kind, slug"#,
        job,
    );
    let found = found.fetch_all(db).await?;
    Ok(found.into_iter().map(|row| row.kind.path(&row.slug)).collect())
}

/// Forgets the addresses that are gone, once that was told; up to `most`, and says how many; without a number it only
/// counts all there are.
///
/// # Errors
/// As any statement.
pub async fn forget(db: &mut PgConnection, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with told as (select kind, slug from announcements where version is null
                and not exists (select from outbox where id = announcements.job and state in ('waiting', 'dead')) limit $1),
                gone as (delete from announcements using told
                          where announcements.kind = told.kind and announcements.slug = told.slug and $1::bigint is not null)
           select count(*) as "count!" from told"#,
        most,
    )
    .fetch_one(db)
    .await?)
}
