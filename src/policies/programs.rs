//! Programs without a key: a member's app with a token, and whoever asks for one.

use super::{Knock, Policy, Proof, bearer, network, note};
use crate::error::{Error, OAuthRefusal, Result};
use crate::http::origin::{self, Verdict};
use crate::services::{sessions, tokens};
use uuid::Uuid;

/// A member's app, with an access token. It stands where a partner's key may stand too, and neither is ever taken for the other:
/// each is looked up by its own hash in its own table.
pub struct AccessToken;

impl Policy for AccessToken {
    const NAME: &'static str = "a member's app";
    const AMBIENT: bool = false;
    const PROOF: Proof = Proof::Member;
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

    fn caller(member: &sessions::Member) -> Option<Uuid> {
        Some(member.id())
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
