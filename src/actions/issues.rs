//! Writing issues of the newsletter, and sending them.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::mail::Mail;
use crate::pages::admin::issues::{issue, names};
use crate::policies;
use crate::services::input::Valid;
use crate::services::issues::{self, Draft, Status, When};
use crate::services::outbox;
use crate::services::posts::{self, Author};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use std::marker::PhantomData;
use templates::admin::issues::{Text, write};
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

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

    async fn run(visit: &Visit<'_>, who: &Staff, (): &(), form: Valid<Draft>) -> Result<Done> {
        let id = visit.app.clock.id();
        visit
            .once(async |tx| {
                issues::create(tx, who, id, &form).await?;
                Ok(paths::admin_issue(id))
            })
            .await
            .map(|done| done.saying(Flash::IssueSaved))
    }

    /// With `?post={id}` it begins with what that post says.
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
    let summary = match post.summary.as_str() {
        "" => String::new(),
        summary => format!("{summary}\n\n"),
    };
    format!("{summary}{}\n\n[Read it on the site]({})\n", post.body, paths::post(&post.slug))
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

    async fn run(visit: &Visit<'_>, who: &Staff, id: &Uuid, form: Valid<Draft>) -> Result<Done> {
        visit
            .once(async |tx| {
                issues::update(tx, who, *id, &form).await?;
                Ok(paths::admin_issue(*id))
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

/// `/admin/issues/{id}/test`
pub struct Test;

impl Gate for Test {
    const PATH: &'static str = "/admin/issues/{id}/test";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = policies::Staff;
}

impl Action for Test {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Staff, at: &Uuid, _: Valid<Nothing>) -> Result<Done> {
        let id = visit.app.clock.id();
        visit
            .once(async |tx| {
                issues::by_id(tx, who, *at).await?;
                let mail = Mail::IssueTest { issue: *at, staff: who.id() };
                outbox::put_for_myself(tx, who, id, mail, format!("issue:{at}")).await?;
                Ok(paths::admin_outbox_entry(id))
            })
            .await
            .map(|done| done.saying(Flash::TestAskedFor))
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

/// `/admin/issues/{id}/send`
pub struct Send;

impl Gate for Send {
    const PATH: &'static str = "/admin/issues/{id}/send";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Send {
    type At = Uuid;
    type Form = When;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Staff, at: &Uuid, form: Valid<When>) -> Result<Done> {
        let (id, mut status) = (visit.app.clock.id(), Status::Sending);
        visit
            .once(async |tx| {
                status = issues::send(tx, who, id, *at, &form).await?;
                Ok(paths::admin_issue(*at))
            })
            .await
            .map(|done| {
                done.saying(match status {
                    Status::Scheduled => Flash::IssueScheduled,
                    _ => Flash::IssueSending,
                })
            })
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

/// A button on an issue's page: nothing is sent along.
pub trait Button: 'static {
    /// Where it posts to.
    const PATH: &'static str;
    /// What is said once it is done.
    const SAYS: Flash;

    /// Does it.
    async fn press(visit: &Visit<'_>, tx: &mut PgConnection, who: &Staff, at: Uuid) -> Result<()>;
}

/// The door behind a button.
pub struct Pressed<B>(PhantomData<B>);

impl<B: Button> Gate for Pressed<B> {
    const PATH: &'static str = B::PATH;
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl<B: Button> Action for Pressed<B> {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Staff, at: &Uuid, _: Valid<Nothing>) -> Result<Done> {
        visit
            .once(async |tx| {
                B::press(visit, tx, who, *at).await?;
                Ok(paths::admin_issue(*at))
            })
            .await
            .map(|done| done.saying(B::SAYS))
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

/// `/admin/issues/{id}/recall`
pub struct Recall;

impl Button for Recall {
    const PATH: &'static str = "/admin/issues/{id}/recall";
    const SAYS: Flash = Flash::IssueRecalled;

    async fn press(_: &Visit<'_>, tx: &mut PgConnection, who: &Staff, at: Uuid) -> Result<()> {
        issues::recall(tx, who, at).await
    }
}

/// `/admin/issues/{id}/pause`
pub struct Pause;

impl Button for Pause {
    const PATH: &'static str = "/admin/issues/{id}/pause";
    const SAYS: Flash = Flash::IssuePaused;

    async fn press(visit: &Visit<'_>, tx: &mut PgConnection, who: &Staff, at: Uuid) -> Result<()> {
        issues::pause(tx, who, visit.app.clock.id(), at).await
    }
}

/// `/admin/issues/{id}/resume`
pub struct Resume;

impl Button for Resume {
    const PATH: &'static str = "/admin/issues/{id}/resume";
    const SAYS: Flash = Flash::IssueSending;

    async fn press(visit: &Visit<'_>, tx: &mut PgConnection, who: &Staff, at: Uuid) -> Result<()> {
        let apart = visit.app.config.newsletter_apart();
        issues::resume(tx, who, visit.app.clock.id(), at, apart).await
    }
}
