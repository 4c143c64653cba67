//! The member whose app asks, as they are.

use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, IF_MATCH, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::policies::AccessToken;
use crate::services::accounts::{self, Edited, Profile};
use crate::services::audit::{self, Act};
use crate::services::input::{self, Timestamp, Valid};
use crate::services::sessions::Member;
use actix_web::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/me`
pub struct Show;

/// A member, for their own app.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Me {
    id: Uuid,
    name: String,
    email: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
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
    const SUMMARY: &'static str = "See the member.";
    const BODY: usize = 0;
    type At = ();
    type Input = Nothing;
    type Output = Me;

    async fn run(call: &Call<'_>, who: &Member, (): &(), _: Valid<Nothing>) -> Result<Reply<Me>> {
        let profile = call.read(async |db| accounts::profile(db, who).await).await?;
        let version = profile.version;
        Ok(Reply::ok(Me::reply(who, profile)).version(version))
    }
}

/// `PATCH /api/v1/me`
pub struct Edit;

/// What is to be changed. What is not named stays.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    #[serde(default, deserialize_with = "input::given_line")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Gate for Edit {
    const PATH: &'static str = "/api/v1/me";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = AccessToken;
}

impl Endpoint for Edit {
    const METHOD: Method = Method::PATCH;
    const SUMMARY: &'static str = "Change the member.";
    const HEADERS: &'static [(&'static str, &'static str)] = &[IF_MATCH];
    const BODY: usize = 16 * 1024;
    type At = ();
    type Input = Changes;
    type Output = Me;

    async fn run(
        call: &Call<'_>,
        who: &Member,
        (): &(),
        changes: Valid<Changes>,
    ) -> Result<Reply<Me>> {
        let precondition = call.precondition()?;
        let id = call.clock.id();
        call.write(async |tx| {
            let seen = accounts::profile(&mut *tx, who).await?;
            precondition.is_about_version(seen.version)?;
            let edited = match &changes.name {
                Some(name) => {
                    let line = Act::ProfileEdited.on("staff", who.id());
                    audit::note(&mut *tx, id, who.id(), who.network(), line).await?;
                    edit(tx, who, name, seen.version).await?
                }
                None => seen,
            };
            let version = edited.version;
            Ok(Reply::done(Me::reply(who, edited)).version(version))
        })
        .await
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
