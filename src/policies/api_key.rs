//! Programs with a key.

use super::{AccessToken, Knock, Policy, Proof, bearer};
use crate::app::App;
use crate::error::{Error, KeyRefusal, Result};
use crate::http::{client, errors};
use crate::services::keys::{
    self, Admission, Knocking, Left, Partner, PostsRead, Presented, Quota, Scope,
};
use crate::services::{sessions, tokens};
use crate::together::{self, Together};
use actix_web::HttpRequest;
use actix_web::web::Data;
use std::marker::PhantomData;
use std::net::IpAddr;
use uuid::Uuid;

/// A partner's key that is good for the scope.
pub struct ApiKey<S>(PhantomData<S>);

impl<S: Scope> Policy for ApiKey<S> {
    const NAME: &'static str = S::NAME;
    const AMBIENT: bool = false;
    const PROOF: Proof = Proof::Key(S::NAME);
    type Grant = Partner<S>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Partner<S>> {
        let Knock { app, request } = knock;
        // What is no key costs no statement, nor does a known one that comes too often.
        let presented = presented_key(request).and_then(Presented::read);
        let presented = presented.ok_or(Error::Unproven(keys::REFUSED))?;
        let counted = app.keys.count(&presented)?;
        let address = client::address(&app.config, request);
        let knocking = Knocking::for_scope::<S>(presented, address);
        let admission = app.knocking.join(errors::shared(request), knocking, admit_all).await?;
        let partner = admission.partner::<S>().inspect_err(|why| {
            if is_no_good(why) {
                app.keys.forget(&presented);
            }
        })?;
        let minute = app.keys.settle(&presented, partner.key(), partner.per_minute(), counted)?;
        if partner.is_stale() && app.keys.is_to_be_noted(partner.key(), app.clock.moment()) {
            note_use(errors::shared(request), partner.key(), address);
        }
        Ok(partner.with_minute(minute))
    }

    fn caller(partner: &Partner<S>) -> Option<Uuid> {
        Some(partner.key())
    }

    fn limits(partner: &Partner<S>) -> Vec<(Quota, Left)> {
        partner.limits().collect()
    }

    fn sites(partner: &Partner<S>) -> Option<&[String]> {
        Some(partner.sites())
    }
}

/// Whether it is said of the secret itself, or of where it comes from: not of what a good key may do.
fn is_no_good(why: &Error) -> bool {
    use KeyRefusal::{Expired, FromElsewhere, Replaced};
    matches!(why, Error::Unproven(_) | Error::Key(Expired | Replaced | FromElsewhere))
}

/// Those who knock with a key at the same time.
pub type AllKnocking = Together<Knocking, Admission>;

async fn admit_all(app: &App, all: &[Knocking]) -> Vec<Result<Admission>> {
    match app.ask(async |db| keys::admit(db, all).await).await {
        Ok(admissions) => admissions.into_iter().map(Ok).collect(),
        Err(error) => together::each(&error, all.len()),
    }
}

/// Notes that a key is in use, beside the request: it waits for nothing and fails for nothing.
fn note_use(app: &Data<App>, key: Uuid, address: IpAddr) {
    let (app, network) = (Data::clone(app), client::network(address).to_string());
    actix_web::rt::spawn(async move {
        let noted = app.bookkeep(async |tx| keys::note_use(tx, key, &network).await).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "that a key is in use is not noted");
        }
    });
}

/// No proof required; a member's token shows what is for members, and a key with `posts:read` whatever is published. A good
/// key without shows what anyone sees, and what is no good is told so.
pub struct PostReader;

/// Who reads.
pub enum Reads {
    /// Anyone.
    Stranger,
    /// A member, by their app.
    Member(sessions::Member),
    /// A partner's program.
    Partner(Partner<PostsRead>),
}

impl Reads {
    fn partner(&self) -> Option<&Partner<PostsRead>> {
        match self {
            Self::Partner(partner) => Some(partner),
            Self::Stranger | Self::Member(_) => None,
        }
    }
}

impl Policy for PostReader {
    const NAME: &'static str = "anyone; a member's app or posts:read for more";
    const AMBIENT: bool = false;
    const PROOF: Proof = Proof::KeyForMore(PostsRead::NAME);
    type Grant = Reads;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Self::Grant> {
        if presented_key(knock.request).is_none() {
            return Ok(Reads::Stranger);
        }
        if bearer(knock.request).is_some_and(is_access_token) {
            return AccessToken::admit(knock).await.map(Reads::Member);
        }
        match ApiKey::<PostsRead>::admit(knock).await {
            Err(Error::Forbidden(_)) => Ok(Reads::Stranger),
            admitted => admitted.map(Reads::Partner),
        }
    }

    fn limits(reads: &Reads) -> Vec<(Quota, Left)> {
        reads.partner().map(ApiKey::limits).unwrap_or_default()
    }

    fn sites(reads: &Reads) -> Option<&[String]> {
        reads.partner().map(Partner::sites)
    }
}

/// Whether it has the form of a member's token: then it is no key, good or not.
fn is_access_token(presented: &[u8]) -> bool {
    let text = std::str::from_utf8(presented).ok();
    text.and_then(|text| tokens::Secret::parse(tokens::Kind::Access, text)).is_some()
}

/// The key, from one of the two places it may stand in.
fn presented_key(request: &HttpRequest) -> Option<&[u8]> {
    let headers = request.headers();
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes());
    }
    bearer(request)
}
