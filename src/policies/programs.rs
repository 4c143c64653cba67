//! Programs: a partner's with a key, a member's with a token, and whoever asks for one.

use super::{Knock, Policy, bearer, network, note};
use crate::error::{Error, OAuthRefusal, Result};
use crate::http::origin::{self, Verdict};
use crate::services::{keys, sessions, tokens};
use actix_web::HttpRequest;
use std::marker::PhantomData;

/// A partner's key that is good for the scope.
pub struct ApiKey<S>(PhantomData<S>);

impl<S: keys::Scope> Policy for ApiKey<S> {
    const NAME: &'static str = S::NAME;
    const AMBIENT: bool = false;
    type Grant = keys::Partner<S>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<keys::Partner<S>> {
        let presented = presented_key(knock.request).ok_or(Error::Unproven(keys::REFUSED))?;
        knock.app.ask(async |db| keys::admit(db, presented).await).await
    }
}

/// No proof required; a key with `posts:read` shows what is not for everyone, too. A good one without shows what anyone
/// sees, and a wrong one is told so.
pub struct PostReader;

impl Policy for PostReader {
    const NAME: &'static str = "anyone; posts:read for more";
    const AMBIENT: bool = false;
    type Grant = Option<keys::Partner<keys::PostsRead>>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Self::Grant> {
        if presented_key(knock.request).is_none() {
            return Ok(None);
        }
        match ApiKey::<keys::PostsRead>::admit(knock).await {
            Err(Error::Forbidden(_)) => Ok(None),
            admitted => admitted.map(Some),
        }
    }
}

/// The key, from one of the two places it may stand in.
fn presented_key(request: &HttpRequest) -> Option<&[u8]> {
    let headers = request.headers();
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes());
    }
    bearer(request)
}

/// A member's app, with an access token. It stands where a partner's key may stand too, and neither is ever taken for the other:
/// each is looked up by its own hash in its own table.
pub struct AccessToken;

impl Policy for AccessToken {
    const NAME: &'static str = "a member's app";
    const AMBIENT: bool = false;
    type Grant = sessions::Member;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<sessions::Member> {
        let presented = bearer(knock.request).ok_or(Error::Unproven(NO_TOKEN))?;
        let refused = || Error::OAuth(OAuthRefusal::Token);
        let token = std::str::from_utf8(presented).ok();
        let token = token.and_then(|token| tokens::Secret::parse(tokens::Kind::Access, token));
        let token = token.ok_or_else(refused)?;
        let member = knock.app.ask(async |db| sessions::of_app(db, &token).await).await?;
        let member = member.ok_or_else(refused)?.coming_from(network(knock.app, knock.request));
        note(knock.app, &member).await?;
        Ok(member)
    }
}

const NO_TOKEN: &str = "Send an access token of a member: Authorization: Bearer …";

/// A program, which is nobody's browser: no page of another site has its visitors send this. What is proven is in what is
/// sent.
pub struct Program;

impl Policy for Program {
    const NAME: &'static str = "a program";
    const AMBIENT: bool = false;
    type Grant = ();
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<()> {
        match origin::judge(&knock.app.config, knock.request, Self::AMBIENT) {
            Verdict::Deny => {
                Err(Error::Forbidden("This is for programs, not for pages of other sites."))
            }
            Verdict::Allow | Verdict::Confirm => Ok(()),
        }
    }
}
