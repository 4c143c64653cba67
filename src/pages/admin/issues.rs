//! Issues of the newsletter as staff see them.

use super::{Context, Ignored};
use crate::app::App;
use crate::error::Result;
use crate::http::framed::Framed;
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::{Gate, cursor};
use crate::mail;
use crate::policies;
use crate::services::batches;
use crate::services::issues::{self, Issue, Listed};
use crate::services::sessions::Staff;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::issues::{Progress, Row, Stored, Text, index, preview, show};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/issues`
pub struct Index;

/// Where in the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/issues";
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
        let found = issues::list(db, who, before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |issue| issue.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        Ok(index(&rows, older, before.is_none()))
    }
}

impl<'a> From<&'a Listed> for Row<'a> {
    fn from(issue: &'a Listed) -> Self {
        Self {
            id: issue.id,
            subject: &issue.subject,
            slug: &issue.slug,
            topic: issue.topic.as_deref(),
            status: issue.status.as_str(),
            updated_at: issue.updated_at,
        }
    }
}

/// The page of one issue: `edit` is the state of its text's form, `send` that of all others.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn issue(
    db: &mut PgConnection,
    who: &Staff,
    id: Uuid,
    edit: &FormState,
    send: &FormState,
) -> Result<View> {
    let issue = issues::by_id(db, who, id).await?;
    let topics = issues::topics(db, who).await?;
    Ok(show(&(&issue).into(), &names(&topics), edit, send))
}

/// `/admin/issues/{id}/preview`
pub struct Preview;

impl Gate for Preview {
    const PATH: &'static str = "/admin/issues/{id}/preview";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl LivePage for Preview {
    type At = Uuid;
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        _: &Staff,
        id: &Uuid,
        _: &Ignored,
        Context { app, .. }: &Context<'_>,
    ) -> Result<View> {
        Ok(preview(*id, &mail::issue_for_nobody(app, db, *id).await?))
    }
}

/// `/admin/issues/{id}/mail`
pub struct Letter;

impl Gate for Letter {
    const PATH: &'static str = "/admin/issues/{id}/mail";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl Framed for Letter {
    type At = Uuid;

    async fn html(app: &App, _: &Staff, id: &Uuid) -> Result<String> {
        let mail = app.read(async |db| mail::issue_for_nobody(app, db, *id).await).await?;
        Ok(mail.html())
    }
}

/// A slug and a name each.
pub fn names(topics: &[issues::Topic]) -> Vec<(&str, &str)> {
    topics.iter().map(|topic| (topic.slug.as_str(), topic.name.as_str())).collect()
}

impl<'a> From<&'a Issue> for Stored<'a> {
    fn from(issue: &'a Issue) -> Self {
        let batches::Progress { done, dead, dropped, .. } = issue.progress;
        let (total, ended) = (issue.progress.total(), issue.progress.ended());
        Self {
            id: issue.id,
            text: Text {
                subject: &issue.subject,
                slug: &issue.slug,
                topic: issue.topic.as_deref().unwrap_or_default(),
                body: &issue.body,
            },
            status: issue.status.as_str(),
            scheduled_at: issue.scheduled_at,
            started_at: issue.started_at,
            finished_at: issue.finished_at,
            updated_at: issue.updated_at,
            progress: Progress { total, ended, done, dead, dropped },
        }
    }
}
