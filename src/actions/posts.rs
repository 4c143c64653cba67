//! Writing posts.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::policies;
use crate::services::audit::{Act, Line};
use crate::services::input::Valid;
use crate::services::posts::{self, Author, Draft, Status};
use crate::services::sessions::Staff;
use crate::tags::{Dependencies, Tag};
use sqlx::PgConnection;
use templates::admin::posts::{Stored, edit};
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/posts/new`
pub struct Write;

impl Gate for Write {
    const PATH: &'static str = "/admin/posts/new";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Write {
    type At = ();
    type Form = Draft;
    const BODY: usize = 1024 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<Draft>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let post = posts::create(tx, &Author::Staff(who), id, &form).await?;
                Ok((line(Act::PostWritten, &post), whereto(&post)))
            })
            .await
            .map(|done| done.saying(flash(form.status)))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let topics = posts::topic_names(db, who).await?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        Ok(edit(None, &topics, state))
    }
}

/// `/admin/posts/{id}/edit`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/admin/posts/{id}/edit";
    const LIMIT: Limit = Limit::per_minute(60);
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
                let post = posts::update(tx, &Author::Staff(who), *id, &form).await?;
                Ok((line(Act::PostEdited, &post), whereto(&post)))
            })
            .await
            .map(|done| done.saying(flash(form.status)))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let post = posts::stored(db, &Author::Staff(who), *id).await?;
        let topics = posts::topic_names(db, who).await?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let touches = posts::touches(db, &Author::Staff(who), *id).await?;
        let touches: Vec<String> = touches.iter().map(Tag::to_string).collect();
        let stored = Stored {
            id: post.id,
            title: &post.title,
            slug: &post.slug,
            summary: &post.summary,
            body: &post.body,
            topic: &post.topic,
            status: post.status.as_str(),
            audience: post.audience.as_str(),
            published_at: post.published_at,
            updated_at: post.updated_at,
            touches: &touches.join(" "),
        };
        Ok(edit(Some(&stored), &topics, state))
    }
}

fn line(act: Act, post: &posts::Summary) -> Line {
    act.on("post", post.id).with("status", post.status.as_str())
}

fn flash(status: Status) -> Flash {
    match status {
        Status::Published => Flash::PostPublished,
        Status::Scheduled => Flash::PostScheduled,
        Status::Draft | Status::Archived => Flash::PostSaved,
    }
}

/// A writer wants to see what visitors see, or else to go on writing.
fn whereto(post: &posts::Summary) -> String {
    match post.status {
        Status::Published => paths::post(&post.slug),
        Status::Draft | Status::Scheduled | Status::Archived => paths::admin_edit_post(post.id),
    }
}
