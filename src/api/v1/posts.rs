//! Posts, for programs that read and that write them.

use crate::error::{Absence, Error, Result};
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::http::{Gate, cursor};
use crate::policies::{ApiKey, PostReader, Reads};
use crate::services::input::Valid;
use crate::services::keys::{Partner, PostsWrite};
use crate::services::posts::{self, Author, Draft, Published, Reader, Status, Summary};
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use templates::paths;
use uuid::Uuid;
use validator::Validate;

const PER_PAGE: usize = 20;

/// `GET /api/v1/posts`
pub struct Index;

/// Where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Cursor {
    /// The `next` of the page before.
    after: Option<Uuid>,
}

/// A part of the list, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page {
    items: Vec<Published>,
    /// The cursor of the next part; none where this is the last.
    next: Option<Uuid>,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/posts";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = PostReader;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Read what is published, newest first.";
    const BODY: usize = 0;
    type At = ();
    type Input = Cursor;
    type Output = Page;

    async fn run(call: &Call<'_>, who: &Reads, (): &(), at: Valid<Cursor>) -> Result<Reply<Page>> {
        let (reader, most) = (reader(who), cursor::ask(PER_PAGE));
        let found = call.read(async |db| posts::published_after(db, &reader, at.after, most).await);
        let (items, next) = cursor::cut(found.await?, PER_PAGE, |post| post.id);
        Ok(Reply::ok(Page { items, next }).next(next))
    }
}

fn reader(who: &Reads) -> Reader<'_> {
    match who {
        Reads::Stranger => Reader::Stranger,
        Reads::Member(member) => Reader::Member(member),
        Reads::Partner(partner) => Reader::Partner(partner),
    }
}

/// `GET /api/v1/posts/{slug}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/v1/posts/{slug}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = PostReader;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Read a published post.";
    const BODY: usize = 0;
    type At = String;
    type Input = Nothing;
    type Output = Published;

    async fn run(
        call: &Call<'_>,
        who: &Reads,
        slug: &String,
        _: Valid<Nothing>,
    ) -> Result<Reply<Published>> {
        let found = call.read(async |db| posts::by_slug(db, slug).await).await?;
        match found.untracked() {
            Ok(post) => Ok(Reply::ok(Published::of(post, &reader(who)))),
            // A page moved to a page; for programs the post lives among the API's own addresses.
            Err(Absence::Moved(to)) => Err(Error::Moved(paths::api(&to))),
            Err(absence) => Err(absence.into()),
        }
    }
}

/// `POST /api/v1/posts`
pub struct Create;

impl Gate for Create {
    const PATH: &'static str = "/api/v1/posts";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<PostsWrite>;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Write a post.";
    const STATUS: StatusCode = StatusCode::CREATED;
    const BODY: usize = 1024 * 1024;
    type At = ();
    type Input = Draft;
    type Output = Summary;

    async fn run(
        call: &Call<'_>,
        who: &Partner<PostsWrite>,
        (): &(),
        input: Valid<Draft>,
    ) -> Result<Reply<Summary>> {
        let id = call.clock.id();
        call.write(async |tx| {
            let post = posts::create(tx, &Author::Partner(who), id, &input).await?;
            // What is not published yet is nowhere to be read.
            let is_published = post.status == Status::Published;
            let location = is_published.then(|| paths::api(&paths::post(&post.slug)));
            Ok(Reply::created(post, location))
        })
        .await
    }
}
