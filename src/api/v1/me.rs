//! The member whose app asks, as they are.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::endpoint::{Endpoint, Nothing, Reply};
use crate::http::limit::Limit;
use crate::policies::AccessToken;
use crate::services::accounts::{self, Edited, Profile};
use crate::services::audit::{self, Act};
use crate::services::input::{self, Valid};
use crate::services::sessions::Member;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{EntityTag, Header, IfMatch};
use serde::{Deserialize, Deserializer, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/me`
pub struct Show;

/// A member, for their own app.
#[derive(Debug, Serialize)]
pub struct Me {
    id: Uuid,
    name: String,
    email: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl Me {
    fn reply(who: &Member, profile: Profile) -> Self {
        let Profile { name, email, created_at, .. } = profile;
        Self { id: who.id(), name, email, created_at }
    }
}

impl Gate for Show {
    const PATH: &'static str = "/api/v1/me";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = AccessToken;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const BODY: usize = 0;
    type At = ();
    type Input = Nothing;
    type Output = Me;

    async fn run(app: &App, who: &Member, (): &(), _: Valid<Nothing>) -> Result<Reply<Me>> {
        let profile = app.read(async |db| accounts::profile(db, who).await).await?;
        let version = profile.version;
        Ok(Reply::ok(Me::reply(who, profile)).version(version))
    }
}

/// `PATCH /api/v1/me`
pub struct Edit;

/// What is to be changed. What is not named stays.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// The versions it is about.
    #[serde(skip)]
    if_match: Option<IfMatch>,
}

/// What is named is to be changed, if to nothing.
fn given<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    input::line(input).map(Some)
}

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/me";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = AccessToken;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const BODY: usize = 16 * 1024;
    type At = ();
    type Input = Changes;
    type Output = Me;

    async fn run(app: &App, who: &Member, (): &(), changes: Valid<Changes>) -> Result<Reply<Me>> {
        let if_match = changes.if_match.as_ref().ok_or(Error::Unconditional)?;
        let id = app.clock.id();
        let edited = app.write(async |tx| {
            let seen = accounts::profile(&mut *tx, who).await?;
            if !is_meant(if_match, seen.version) {
                return Err(Error::Stale);
            }
            match &changes.name {
                Some(name) => {
                    let line = Act::ProfileEdited.on("staff", who.id());
                    audit::note(&mut *tx, id, who.id(), who.network(), line).await?;
                    edit(tx, who, name, seen.version).await
                }
                None => Ok(seen),
            }
        });
        let edited = edited.await?;
        let version = edited.value.version;
        Ok(Reply::done(edited.map(|profile| Me::reply(who, profile))).version(version))
    }

    fn supplement(request: &HttpRequest, changes: &mut Changes) {
        let given = request.headers().contains_key(IfMatch::name());
        changes.if_match = given.then(|| IfMatch::parse(request).ok()).flatten();
    }
}

async fn edit(db: &mut PgConnection, who: &Member, name: &str, seen: i32) -> Result<Profile> {
    let edited = Edited { name: name.to_owned(), version: u64::try_from(seen).ok() };
    match accounts::edit(&mut *db, who, &Valid::check(edited)?).await {
        // Somebody was quicker, by a hair.
        Err(Error::Invalid(fields)) if fields.contains_key("version") => Err(Error::Stale),
        edited => edited.map(drop),
    }?;
    accounts::profile(db, who).await
}

fn is_meant(if_match: &IfMatch, version: i32) -> bool {
    let current = EntityTag::new_strong(version.to_string());
    match if_match {
        IfMatch::Any => true,
        IfMatch::Items(tags) => tags.iter().any(|tag| tag.strong_eq(&current)),
    }
}
