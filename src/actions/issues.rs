//! Writing issues of the newsletter, and sending them.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::http::record::Recorded;
use crate::mail::Mail;
use crate::pages::admin::issues::{issue, names};
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::issues::{self, Draft, When};
use crate::services::outbox;
use crate::services::posts::{self, Author};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use std::marker::PhantomData;
use std::time::Duration;
use templates::admin::issues::{Text, write};
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// `/admin/issues/new`
pub struct Write;

impl Gate for Write {
    const PATH: &'static str = "/admin/issues/new";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Write {
    type At = ();
    type Form = Draft;
    const BODY: usize = 1024 * 1024;
    const PREFILLED: &'static [&'static str] = &["post"];

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<Draft>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                issues::create(tx, who, id, &form).await?;
                Ok((Act::IssueWritten.on("issue", id), paths::admin_issue(id)))
            })
            .await
            .map(|done| done.saying(Flash::IssueSaved))
    }

    /// With `?post={id}` it begins with what that post says to everyone: a subscriber is not a member.
    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let topics = issues::topics(db, who).await?;
        let post = match state.typed("post").and_then(|id| id.parse().ok()) {
            Some(id) => Some(posts::stored(db, &Author::Staff(who), id).await?),
            None => None,
        };
        let body = post.as_ref().map(from_post).unwrap_or_default();
        let text = match &post {
            Some(post) => {
                Text { subject: &post.title, slug: &post.slug, body: &body, ..Text::default() }
            }
            None => Text::default(),
        };
        Ok(write(&text, &names(&topics), state))
    }
}

fn from_post(post: &posts::Summary) -> String {
    let text = post.for_everyone();
    // What stands in place of the whole text may be the summary itself.
    let parts = [post.summary.as_str(), if text == post.summary { "" } else { text.as_str() }];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let link = format!("[Read it on the site]({})\n", paths::post(&post.slug));
    parts.chain([link.as_str()]).collect::<Vec<_>>().join("\n\n")
}

/// `/admin/issues/{id}`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/admin/issues/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Staff;
}

impl Action for Edit {
    type At = Uuid;
    type Form = Draft;
    const BODY: usize = 1024 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        id: &Uuid,
        form: Valid<Draft>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                issues::update(tx, who, *id, &form).await?;
                Ok((Act::IssueEdited.on("issue", id), paths::admin_issue(*id)))
            })
            .await
            .map(|done| done.saying(Flash::IssueSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        issue(db, who, *id, state, &blank_like(state)).await
    }
}

/// A button on an issue's page, with the fields beside it. All of them stand on that one page, and lead back to it.
pub trait Button: 'static {
    /// Where it posts to.
    const PATH: &'static str;
    /// How often one caller may press it.
    const LIMIT: Limit;
    /// What it is on the record.
    const ACT: Act;
    /// The fields.
    type Form: DeserializeOwned + Validate + 'static;

    /// Does it.
    async fn press(tx: &mut PgConnection, by: &Press<'_>, form: &Valid<Self::Form>) -> Result<()>;

    /// What is said once it is done.
    fn says(form: &Self::Form) -> Flash;

    /// Where that is said.
    fn leads_to(by: &Press<'_>) -> String {
        paths::admin_issue(by.issue)
    }
}

/// That somebody presses a button.
pub struct Press<'a> {
    who: &'a Staff,
    issue: Uuid,
    /// A fresh one.
    id: Uuid,
    /// How far apart mails are to go out.
    apart: Option<Duration>,
}

/// The door behind a button.
pub struct Pressed<B>(PhantomData<B>);

impl<B: Button> Gate for Pressed<B> {
    const PATH: &'static str = B::PATH;
    const LIMIT: Limit = B::LIMIT;
    type Auth = policies::Staff;
}

impl<B: Button> Action for Pressed<B> {
    type At = Uuid;
    type Form = B::Form;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        at: &Uuid,
        form: Valid<B::Form>,
    ) -> Result<Recorded<Done>> {
        let (id, apart) = (visit.app.clock.id(), visit.app.config.newsletter_apart());
        let by = Press { who, issue: *at, id, apart };
        visit
            .record(who, async |tx| {
                B::press(tx, &by, &form).await?;
                Ok((B::ACT.on("issue", at), B::leads_to(&by)))
            })
            .await
            .map(|done| done.saying(B::says(&form)))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        issue(db, who, *id, &blank_like(state), state).await
    }
}

/// `/admin/issues/{id}/test`
pub struct Test;

impl Button for Test {
    const PATH: &'static str = "/admin/issues/{id}/test";
    const LIMIT: Limit = Limit::per_minute(10);
    const ACT: Act = Act::IssueTested;
    type Form = Nothing;

    async fn press(tx: &mut PgConnection, by: &Press<'_>, _: &Valid<Nothing>) -> Result<()> {
        issues::by_id(tx, by.who, by.issue).await?;
        let mail = Mail::IssueTest { issue: by.issue, staff: by.who.id() };
        outbox::put_for_myself(tx, by.who, by.id, mail, format!("issue:{}", by.issue)).await
    }

    fn says(_: &Nothing) -> Flash {
        Flash::TestAskedFor
    }

    fn leads_to(by: &Press<'_>) -> String {
        paths::admin_outbox_entry(by.id)
    }
}

/// `/admin/issues/{id}/send`
pub struct Send;

impl Button for Send {
    const PATH: &'static str = "/admin/issues/{id}/send";
    const LIMIT: Limit = Limit::per_minute(60);
    const ACT: Act = Act::IssueSent;
    type Form = When;

    async fn press(tx: &mut PgConnection, by: &Press<'_>, form: &Valid<When>) -> Result<()> {
        issues::send(tx, by.who, by.id, by.issue, form).await
    }

    fn says(form: &When) -> Flash {
        if form.send_at.is_some() { Flash::IssueScheduled } else { Flash::IssueSending }
    }
}

/// `/admin/issues/{id}/recall`
pub struct Recall;

impl Button for Recall {
    const PATH: &'static str = "/admin/issues/{id}/recall";
    const LIMIT: Limit = Limit::per_minute(60);
    const ACT: Act = Act::IssueRecalled;
    type Form = Nothing;

    async fn press(tx: &mut PgConnection, by: &Press<'_>, _: &Valid<Nothing>) -> Result<()> {
        issues::recall(tx, by.who, by.issue).await
    }

    fn says(_: &Nothing) -> Flash {
        Flash::IssueRecalled
    }
}

/// `/admin/issues/{id}/pause`
pub struct Pause;

impl Button for Pause {
    const PATH: &'static str = "/admin/issues/{id}/pause";
    const LIMIT: Limit = Limit::per_minute(60);
    const ACT: Act = Act::IssuePaused;
    type Form = Nothing;

    async fn press(tx: &mut PgConnection, by: &Press<'_>, _: &Valid<Nothing>) -> Result<()> {
        issues::pause(tx, by.who, by.id, by.issue).await
    }

    fn says(_: &Nothing) -> Flash {
        Flash::IssuePaused
    }
}

/// `/admin/issues/{id}/resume`
pub struct Resume;

impl Button for Resume {
    const PATH: &'static str = "/admin/issues/{id}/resume";
    const LIMIT: Limit = Limit::per_minute(60);
    const ACT: Act = Act::IssueResumed;
    type Form = Nothing;

    async fn press(tx: &mut PgConnection, by: &Press<'_>, _: &Valid<Nothing>) -> Result<()> {
        issues::resume(tx, by.who, by.id, by.issue, by.apart).await
    }

    fn says(_: &Nothing) -> Flash {
        Flash::IssueSending
    }
}
