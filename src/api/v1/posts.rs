//! Posts, for programs that read and that write them.

use crate::error::{Absence, Error, Result};
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, IF_MATCH, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::{Page, Reply};
use crate::http::{Gate, cursor};
use crate::policies::{ApiKey, PostReader, Reads};
use crate::services::audit::{self, Act};
use crate::services::input::{self, Valid};
use crate::services::keys::{Partner, PostsWrite};
use crate::services::posts::{self, Author, Draft, Published, Reader, Revision, Status, Summary};
use actix_web::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use templates::paths;
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/posts`
pub struct Index;

/// Which of them, and where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Query {
    /// Only those of this topic, by its place in the address.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[schemars(example = &"news")]
    topic: Option<String>,
    /// The `next` of the part before.
    after: Option<Uuid>,
    /// How many at a time; 20 where it is not said.
    #[serde(default = "cursor::usual")]
    #[validate(range(min = 1, max = 100, message = "Ask for 1 to 100 at a time."))]
    limit: u16,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/posts";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = PostReader;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Read what is published, newest first.";
    const SCRIPTS: bool = true;
    const BODY: usize = 0;
    type At = ();
    type Input = Query;
    type Output = Page<Published>;

    async fn run(
        call: &Call<'_>,
        who: &Reads,
        (): &(),
        asked: Valid<Query>,
    ) -> Result<Reply<Page<Published>>> {
        let (reader, size) = (reader(who), usize::from(asked.limit));
        let (topic, most) = (asked.topic.as_deref(), cursor::ask(size));
        let found = call
            .read(async |db| posts::published_after(db, &reader, topic, asked.after, most).await);
        Ok(Reply::part(found.await?, size, |post| post.id))
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
    const SCRIPTS: bool = true;
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
            // What is not published yet is for its writer alone.
            let location = match post.status {
                Status::Published => paths::api(&paths::post(&post.slug)),
                _ => paths::api_post_source(&post.slug),
            };
            Ok(Reply::created(post, Some(location)).as_it_is())
        })
        .await
    }
}

/// `GET /api/v1/posts/{slug}/source`
pub struct Source;

impl Gate for Source {
    const PATH: &'static str = "/api/v1/posts/{slug}/source";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<PostsWrite>;
}

impl Endpoint for Source {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Read a post that was written with this key, published or not.";
    const BODY: usize = 0;
    type At = String;
    type Input = Nothing;
    type Output = Summary;

    async fn run(
        call: &Call<'_>,
        who: &Partner<PostsWrite>,
        slug: &String,
        _: Valid<Nothing>,
    ) -> Result<Reply<Summary>> {
        call.read(async |db| posts::own(db, who, slug, false).await).await.map(Reply::ok)
    }
}

/// `PATCH /api/v1/posts/{slug}`
pub struct Edit;

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/posts/{slug}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = ApiKey<PostsWrite>;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const SUMMARY: &'static str = "Change a post that was written with this key.";
    const HEADERS: &'static [(&'static str, &'static str)] = &[IF_MATCH];
    const BODY: usize = 1024 * 1024;
    type At = String;
    type Input = Revision;
    type Output = Summary;

    /// A published post that everyone may read whole has one tag, whether it is read here or as its source.
    async fn run(
        call: &Call<'_>,
        who: &Partner<PostsWrite>,
        slug: &String,
        new: Valid<Revision>,
    ) -> Result<Reply<Summary>> {
        let (precondition, network) = (call.precondition()?, call.network());
        let id = call.clock.id();
        call.write(async |tx| {
            let seen = posts::own(&mut *tx, who, slug, true).await?;
            precondition.is_about(&seen)?;
            let post = posts::revise(&mut *tx, who, seen, &new).await?;
            let line = Act::PostEdited.on("post", post.id).with("status", post.status.as_str());
            audit::note_program(tx, id, who, &network, line).await?;
            Ok(Reply::done(post).as_it_is())
        })
        .await
    }
}
