//! Who may come in. A policy reads the request, asks a service, and hands on the proof.
//!
//! A grant cannot be made elsewhere: its fields are private to the service that minted it. What asks for one as an
//! argument cannot be reached without it. A policy that needs no database takes no connection.

mod api_key;
mod identity;
mod programs;
mod second_factor;
mod shopper;
mod sites;
mod webhooks;

pub use api_key::{AllKnocking, ApiKey, PostReader, Reads};
pub use identity::{ArrivedFromProvider, BackFromProvider, Returned, Welcomed, led_to};
pub use programs::{AccessToken, Program};
pub use second_factor::{HalfWay, SettingUp, ShownCodes};
pub use shopper::{Shopper, look_into_cart};
pub use sites::{KnownForm, KnownSite, known_site};
pub use webhooks::{Family, GitHub, Named, Resend, Signed, Stripe};

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::record::{Answer, Recorded};
use crate::http::{client, session};
use crate::services::keys::{Left, Quota};
use crate::services::recent::{self, Recent};
use crate::services::sessions;
use crate::services::subscribers::{Holder, Kind, Managing};
use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use std::marker::PhantomData;
use subtle::{Choice, ConstantTimeEq};
use templates::Who;
use uuid::Uuid;

/// A request at the door.
pub struct Knock<'a> {
    /// What the policy may ask.
    pub app: &'a App,
    /// The head of the request. No body has been read.
    pub request: &'a HttpRequest,
}

/// What a program proves itself by, for the description of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// An API key with this scope.
    Key(&'static str),
    /// Nothing; with such a key it sees more.
    KeyForMore(&'static str),
    /// The access token of a member.
    Member,
    /// What is none of the API's business.
    Otherwise,
}

impl Proof {
    /// Whether it says whose program it is.
    pub fn is_someones(self) -> bool {
        matches!(self, Self::Key(_) | Self::Member)
    }
}

/// A kind of caller and the proof asked of them.
pub trait Policy: 'static {
    /// As `frontdesk routes` prints it.
    const NAME: &'static str;
    /// Whether browsers prove it without being asked, by a cookie, or gain such a proof here. Then a form must show that
    /// it came from our own pages.
    const AMBIENT: bool;
    /// Whether scripts of the sites in `CORS_ORIGINS` may call.
    const CORS: bool = false;
    /// Whether it judges itself where a form comes from.
    const LOOKS_AT_ORIGIN: bool = false;
    /// What a program proves it by.
    const PROOF: Proof = Proof::Otherwise;
    /// The proof.
    type Grant: 'static;
    /// What a door answers with: what one of us does is recorded.
    type Outcome<T>: Answer<T>;

    /// Lets the caller in, or says why not.
    async fn admit(knock: &Knock<'_>) -> Result<Self::Grant>;

    /// Whose `Idempotency-Key`s count as the same caller's; none where nobody in particular comes.
    fn caller(_: &Self::Grant) -> Option<Uuid> {
        None
    }

    /// The limits of their own that apply to them, besides the door's.
    fn limits(_: &Self::Grant) -> Vec<(Quota, Left)> {
        Vec::new()
    }

    /// The sites whose scripts may send what they have shown; none where that is nobody's to say.
    fn sites(_: &Self::Grant) -> Option<&[String]> {
        None
    }

    /// Who that is, for the pages that are drawn for them.
    fn who(_: &Self::Grant) -> Option<Who<'_>> {
        None
    }
}

/// No proof required.
pub struct Anyone;

impl Policy for Anyone {
    const NAME: &'static str = "anyone";
    const AMBIENT: bool = false;
    type Grant = ();
    type Outcome<T> = T;

    async fn admit(_: &Knock<'_>) -> Result<()> {
        Ok(())
    }
}

/// No proof required yet: whoever succeeds here gets a session.
pub struct Newcomer;

impl Policy for Newcomer {
    const NAME: &'static str = "anyone, to prove who they are";
    const AMBIENT: bool = true;
    type Grant = ();
    type Outcome<T> = T;

    async fn admit(_: &Knock<'_>) -> Result<()> {
        Ok(())
    }
}

/// A session of anyone with an account.
pub struct Member;

impl Policy for Member {
    const NAME: &'static str = "a member";
    const AMBIENT: bool = true;
    type Grant = sessions::Member;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<sessions::Member> {
        let member = signed_in(knock.app, knock.request).await?;
        member.ok_or(Error::Unproven("Sign in first."))
    }

    fn who(member: &sessions::Member) -> Option<Who<'_>> {
        Some(who(member))
    }
}

/// Who is signed in. That they are here is noted now and then, so that their session does not run out in their hands.
///
/// # Errors
/// Where the database is away.
pub async fn signed_in(app: &App, request: &HttpRequest) -> Result<Option<sessions::Member>> {
    let Some(token) = session::token(&app.config, request) else { return Ok(None) };
    let member = app.ask(async |db| sessions::resume(db, &token).await).await?;
    let member = member.map(|member| member.coming_from(network(app, request)));
    if let Some(member) = &member {
        session::note_cart(request, member.in_cart());
        note(app, member).await?;
    }
    Ok(member)
}

fn network(app: &App, request: &HttpRequest) -> String {
    client::network(client::address(&app.config, request)).to_string()
}

async fn note(app: &App, member: &sessions::Member) -> Result<()> {
    match member.is_stale() {
        true => app.bookkeep(async |tx| sessions::touch(tx, member).await).await,
        false => Ok(()),
    }
}

/// Them, as pages name them.
pub fn who(member: &sessions::Member) -> Who<'_> {
    Who { name: member.name(), is_staff: member.is_staff() }
}

/// A session of a member of staff.
pub struct Staff;

impl Policy for Staff {
    const NAME: &'static str = "staff";
    const AMBIENT: bool = true;
    type Grant = sessions::Staff;
    type Outcome<T> = Recorded<T>;

    async fn admit(knock: &Knock<'_>) -> Result<sessions::Staff> {
        sessions::Staff::among(Member::admit(knock).await?, knock.app.config.two_factors_of)
    }

    fn who(staff: &sessions::Staff) -> Option<Who<'_>> {
        Some(who(staff.member()))
    }
}

/// A session of an owner.
pub struct Owner;

impl Policy for Owner {
    const NAME: &'static str = "an owner";
    const AMBIENT: bool = true;
    type Grant = sessions::Owner;
    type Outcome<T> = Recorded<T>;

    async fn admit(knock: &Knock<'_>) -> Result<sessions::Owner> {
        sessions::Owner::among(Staff::admit(knock).await?)
    }

    fn who(owner: &sessions::Owner) -> Option<Who<'_>> {
        Some(who(owner.staff().member()))
    }
}

/// Someone who has signed in, as a policy says.
pub trait SignedIn: Policy<Grant: recent::SignedIn> {
    /// As `frontdesk routes` prints it, where it has to be proven lately.
    const RECENTLY: &'static str;
}

impl SignedIn for Member {
    const RECENTLY: &'static str = "a member, proven lately";
}

impl SignedIn for Staff {
    const RECENTLY: &'static str = "staff, proven lately";
}

impl SignedIn for Owner {
    const RECENTLY: &'static str = "an owner, proven lately";
}

/// The same, who has proven within ten minutes who they are: for what matters most. Whoever has not is asked to, and comes
/// back with what was typed.
pub struct Recently<P>(PhantomData<P>);

impl<P: SignedIn> Policy for Recently<P> {
    const NAME: &'static str = P::RECENTLY;
    const AMBIENT: bool = true;
    type Grant = Recent<P::Grant>;
    type Outcome<T> = P::Outcome<T>;

    async fn admit(knock: &Knock<'_>) -> Result<Recent<P::Grant>> {
        Recent::among(P::admit(knock).await?)
    }

    fn who(who: &Recent<P::Grant>) -> Option<Who<'_>> {
        P::who(who)
    }
}

/// Anyone, and whoever they are where they have signed in. Whoever succeeds here gets a session.
pub struct Whoever;

impl Policy for Whoever {
    const NAME: &'static str = "anyone, signed in or not";
    const AMBIENT: bool = true;
    type Grant = Option<sessions::Member>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Option<sessions::Member>> {
        signed_in(knock.app, knock.request).await
    }

    fn who(member: &Option<sessions::Member>) -> Option<Who<'_>> {
        member.as_ref().map(who)
    }
}

/// A scheduler, with one of the secrets in `CRON_SECRET`. Its own proof: what it may do is have tasks run.
#[derive(Debug)]
pub struct Scheduler(());

impl Policy for Scheduler {
    const NAME: &'static str = "a scheduler";
    const AMBIENT: bool = false;
    type Grant = Self;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Self> {
        let secrets = &knock.app.config.cron_secrets;
        if secrets.is_empty() {
            return Err(Error::Off("CRON_SECRET is not set."));
        }
        let presented = bearer(knock.request).unwrap_or_default();
        if is_one_of(presented, secrets) {
            return Ok(Self(()));
        }
        Err(Error::Unproven("Send one of the secrets in CRON_SECRET: Authorization: Bearer …"))
    }
}

/// Compares with every secret, the right one or not, and always the same number of bytes: the time it takes tells nothing.
fn is_one_of(presented: &[u8], secrets: &[String]) -> bool {
    let presented = Sha256::digest(presented);
    let equal = |secret: &String| Sha256::digest(secret).ct_eq(&presented);
    secrets.iter().map(equal).fold(Choice::from(0), |any, equal| any | equal).into()
}

/// What `Authorization: Bearer` carries.
fn bearer(request: &HttpRequest) -> Option<&[u8]> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes())
}

/// A link that was mailed to a subscriber, or to a buyer, good for one kind of thing. Where there is none of ours, there is nothing.
pub struct MailedLink<K>(PhantomData<K>);

impl<K: Kind> Policy for MailedLink<K> {
    const NAME: &'static str = "a link that was mailed";
    const AMBIENT: bool = false;
    type Grant = Holder<K>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Holder<K>> {
        let token = knock.request.match_info().get("token").unwrap_or_default();
        Holder::of(&knock.app.secrets, token).ok_or(Error::NotFound)
    }
}

/// The same, used by a person or by their mail program (RFC 8058), wherever that runs: no cookie counts here, so there is
/// nothing that another site could borrow.
pub struct OneClick;

impl Policy for OneClick {
    const NAME: &'static str = "a link that was mailed, from anywhere";
    const AMBIENT: bool = false;
    const LOOKS_AT_ORIGIN: bool = true;
    type Grant = Holder<Managing>;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Holder<Managing>> {
        MailedLink::<Managing>::admit(knock).await
    }
}

/// The operator, on the shell: whoever can read the database's address could do anything anyway.
#[derive(Debug)]
pub struct Operator(());

impl Operator {
    /// Whoever wrote the configuration: what it says to do is done on their behalf.
    pub(crate) fn as_configured() -> Self {
        Self(())
    }

    /// For `cli` and the first start alone.
    pub(crate) fn at_the_shell() -> Self {
        Self(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_secrets_will_do_and_nothing_like_them() {
        let secrets = ["the old one".to_owned(), "the new one".to_owned()];
        for right in &secrets {
            assert!(is_one_of(right.as_bytes(), &secrets));
        }
        for wrong in ["", "the", "the new one ", "The new one", "the old one,the new one"] {
            assert!(!is_one_of(wrong.as_bytes(), &secrets), "{wrong}");
        }
        assert!(!is_one_of(b"", &[]));
    }
}
