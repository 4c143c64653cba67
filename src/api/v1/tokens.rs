//! Tokens for members' apps: got by password or by a code, exchanged, given back (RFC 6749, RFC 7009).
//!
//! Standard clients send forms, as those standards say; ours may send JSON, as everywhere here. Errors are problems as
//! everywhere, with the member `error` that standard clients look for.

use crate::actions::sign_in::{self, SignIn};
use crate::app::App;
use crate::error::{Error, OAuthRefusal, Result};
use crate::http::call::Call;
use crate::http::client::Caller;
use crate::http::endpoint::Endpoint;
use crate::http::limit::{self, Limit};
use crate::http::reply::Reply;
use crate::http::{Gate, errors};
use crate::policies::Program;
use crate::services::audit::{self, Act};
use crate::services::input::{self, Valid};
use crate::services::tokens::{self, Issued, Kind, Secret};
use crate::services::{accounts, alarms, apps, second_factors};
use crate::{actions::devices, app::Written};
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

/// `POST /api/v1/tokens`
pub struct Create;

/// What is sent. Members that are not known here are passed over, as the standard says.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct Asked {
    #[serde(default, deserialize_with = "input::line")]
    grant_type: String,
    #[serde(default, deserialize_with = "input::line")]
    client_id: String,
    #[serde(default, alias = "email", deserialize_with = "input::line")]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default, deserialize_with = "input::line")]
    code: String,
    #[serde(default, deserialize_with = "input::line")]
    redirect_uri: String,
    #[serde(default, deserialize_with = "input::line")]
    code_verifier: String,
    #[serde(default, deserialize_with = "input::line")]
    refresh_token: String,
    /// Who sends it.
    #[serde(skip)]
    caller: Option<Caller>,
}

impl Gate for Create {
    const PATH: &'static str = "/api/v1/tokens";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = Program;
}

impl Endpoint for Create {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Get, or renew, the tokens of a member’s app.";
    const BODY: usize = 16 * 1024;
    const OAUTH: bool = true;
    type At = ();
    type Input = Asked;
    type Output = Issued;

    async fn run(call: &Call<'_>, (): &(), (): &(), asked: Valid<Asked>) -> Result<Reply<Issued>> {
        let caller = asked.caller.as_ref().ok_or(MISSING)?;
        let client = client(call, &asked.client_id).await?;
        let issued = match asked.grant_type.as_str() {
            "password" => by_password(call.app(), caller, client, &asked).await?.map(Some),
            "authorization_code" => by_code(call, caller, client, &asked).await?,
            "refresh_token" => by_refresh(call, caller, client, &asked).await?,
            "" => return Err(Error::OAuth(OAuthRefusal::Request("grant_type is missing."))),
            _ => return Err(Error::OAuth(OAuthRefusal::GrantType)),
        };
        let Written { value, token } = issued;
        let value = value.ok_or(Error::OAuth(OAuthRefusal::Grant))?;
        Ok(Reply::written(Written { value, token }))
    }

    fn supplement(request: &HttpRequest, asked: &mut Asked) {
        asked.caller = Some(Caller::of(&errors::shared(request).config, request));
    }
}

const MISSING: Error = Error::OAuth(OAuthRefusal::Request("Something is missing."));

/// The app that asks, by its client_id; none where it does not say.
async fn client(app: &App, id: &str) -> Result<Option<Uuid>> {
    if id.is_empty() {
        return Ok(None);
    }
    let unknown = Error::OAuth(OAuthRefusal::Client);
    let Ok(id) = Uuid::try_parse(id) else { return Err(unknown) };
    let known = app.ask(async |db| apps::by_id(db, id).await).await?;
    known.map(|app| Some(app.id)).ok_or(unknown)
}

/// As at the door for people: the same counts, the same queue, the same answer for an address that nobody has.
async fn by_password(
    app: &Data<App>,
    caller: &Caller,
    client: Option<Uuid>,
    asked: &Asked,
) -> Result<Written<Issued>> {
    if asked.username.is_empty() || asked.password.is_empty() {
        return Err(Error::OAuth(OAuthRefusal::Request("username and password are needed.")));
    }
    // What is not taken there cannot be right here.
    let is_one_line = input::one_line(&asked.username).is_ok();
    if !is_one_line || asked.username.len() > 254 || asked.password.chars().count() > 200 {
        return Err(Error::OAuth(OAuthRefusal::Grant));
    }
    let email = asked.username.to_lowercase();
    limit::count_in_all::<SignIn>(app, caller.network).await?;
    app.guesses.count_stranger(app, &email).await?;
    let refused = || Error::OAuth(OAuthRefusal::Grant);
    let (account, right) = sign_in::by_password(app, &email, &asked.password).await?;
    let Some(account) = account.filter(|_| right) else { return Err(refused()) };
    let id = app.clock.id();
    app.write(async |tx| {
        if !accounts::is_yet(&mut *tx, &account).await? {
            return Err(refused());
        }
        // Whoever has two factors shows them in a browser, and lets the app in there.
        if second_factors::is_asked_for(&mut *tx, account.id).await? {
            return Err(Error::OAuth(OAuthRefusal::SecondFactor));
        }
        let chance = || app.clock.random();
        let (_, issued) =
            tokens::begin(&mut *tx, account.id, client, &caller.device, chance).await?;
        if accounts::entered(&mut *tx, account.id).await? {
            alarms::raise(&mut *tx, id, account.id, devices::alarm(&caller.device)).await?;
        }
        note(tx, app, caller, account.id).await?;
        Ok(issued)
    })
    .await
}

/// Records that an app was let in, where its member is one of us.
async fn note(db: &mut PgConnection, app: &App, caller: &Caller, account: Uuid) -> Result<()> {
    let line = Act::SignedIn.on("staff", account).with("by", "app");
    audit::note(db, app.clock.id(), account, &caller.network.to_string(), line).await
}

async fn by_code(
    app: &App,
    caller: &Caller,
    client: Option<Uuid>,
    asked: &Asked,
) -> Result<Written<Option<Issued>>> {
    let complete = [&asked.code, &asked.redirect_uri, &asked.code_verifier];
    let (Some(client), true) = (client, complete.iter().all(|given| !given.is_empty())) else {
        let needed = "client_id, code, redirect_uri and code_verifier are needed.";
        return Err(Error::OAuth(OAuthRefusal::Request(needed)));
    };
    let code = Secret::parse(Kind::Code, &asked.code).ok_or(Error::OAuth(OAuthRefusal::Grant))?;
    let (redirect_uri, verifier) = (asked.redirect_uri.as_str(), asked.code_verifier.as_str());
    let brought = tokens::Asked { app: client, redirect_uri, verifier };
    let chance = || app.clock.random();
    app.write(async |tx| {
        let redeemed = tokens::redeem(&mut *tx, &code, &brought, &caller.device, chance).await?;
        let Some((account, issued)) = redeemed else { return Ok(None) };
        note(tx, app, caller, account).await?;
        Ok(Some(issued))
    })
    .await
}

async fn by_refresh(
    app: &App,
    caller: &Caller,
    client: Option<Uuid>,
    asked: &Asked,
) -> Result<Written<Option<Issued>>> {
    if asked.refresh_token.is_empty() {
        return Err(Error::OAuth(OAuthRefusal::Request("refresh_token is needed.")));
    }
    let token = Secret::parse(Kind::Refresh, &asked.refresh_token);
    let token = token.ok_or(Error::OAuth(OAuthRefusal::Grant))?;
    let (agent, salt) = (caller.device.agent.as_str(), app.clock.random());
    app.write(async |tx| tokens::refresh(tx, &token, client, agent, salt).await).await
}

/// `POST /api/v1/tokens/revoke`
pub struct Revoke;

/// What is sent.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct Unwanted {
    #[serde(default, deserialize_with = "input::line")]
    token: String,
    #[serde(default, deserialize_with = "input::line")]
    client_id: String,
}

/// That it is over, or was none.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Revoked {}

impl Gate for Revoke {
    const PATH: &'static str = "/api/v1/tokens/revoke";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = Program;
}

impl Endpoint for Revoke {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Give back a token.";
    const BODY: usize = 16 * 1024;
    const OAUTH: bool = true;
    type At = ();
    type Input = Unwanted;
    type Output = Revoked;

    async fn run(
        call: &Call<'_>,
        (): &(),
        (): &(),
        unwanted: Valid<Unwanted>,
    ) -> Result<Reply<Revoked>> {
        if unwanted.token.is_empty() {
            return Err(Error::OAuth(OAuthRefusal::Request("token is missing.")));
        }
        let client = client(call, &unwanted.client_id).await?;
        call.write(async |tx| {
            tokens::revoke(tx, &unwanted.token, client).await?;
            Ok(Reply::done(Revoked {}))
        })
        .await
    }
}
