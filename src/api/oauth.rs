//! The way to an identity provider, and back (ARCHITECTURE.md, "Signing in with an identity provider").
//!
//! The only doors below `/api` to which browsers come with their cookies: what they get are pages.

use crate::actions::enter::{By, Proven, enter, own_path};
use crate::app::{App, Written};
use crate::error::{Error, Result};
use crate::http::action::{Action, Done, Visit};
use crate::http::callback::Callback;
use crate::http::limit::Limit;
use crate::http::{Gate, session};
use crate::identity::{Asked, Provider, Refusal, Refused, Vouched};
use crate::mail::AccountEvent;
use crate::policies::{self, BackFromProvider, Newcomer, Returned};
use crate::services::account_notices::tell;
use crate::services::audit::Act;
use crate::services::half_sign_ins::Proof;
use crate::services::identities::{self, Leaving, Owned, Standing, Ticket};
use crate::services::input::Valid;
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;
use validator::Validate;

/// `POST /api/oauth/{provider}/start`
pub struct Start;

/// What is sent along.
#[derive(Deserialize, Validate)]
pub struct Going {
    #[serde(default)]
    purpose: Purpose,
    #[serde(default)]
    next: String,
}

/// What somebody wants who goes to a provider.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Purpose {
    /// To come in.
    #[default]
    SignIn,
    /// To add who they are there to their account.
    Link,
}

impl Gate for Start {
    const PATH: &'static str = "/api/oauth/{provider}/start";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Newcomer;
}

impl Action for Start {
    type At = String;
    type Form = Going;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), id: &String, form: Valid<Going>) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let provider = app.identity.called(id).ok_or(Error::NotFound)?;
        let next = own_path(&form.next).unwrap_or_default();
        if !session::is_canonical(&app.config, request) {
            return Ok(Done::at(Written::nothing(canonical(app, form.purpose, &next))));
        }
        let session = match form.purpose {
            Purpose::SignIn => None,
            Purpose::Link => match recent_session(visit).await? {
                Ok(session) => Some(session),
                Err(first) => return Ok(Done::at(Written::nothing(first))),
            },
        };
        let (state, browser) = (Ticket::new(app.clock.random()), Ticket::new(app.clock.random()));
        let asked = Asked::new(&app.clock);
        let departure = provider.depart(&app.clock, &state.reveal(), &asked).await;
        let url = departure.map_err(|why| refused(provider, &next, why))?.url().to_string();
        let (state, asked) = (&state, &asked);
        let leaving =
            Leaving { state, browser: &browser, provider: id, asked, next: &next, session };
        let written = app.write(async |tx| identities::expect(tx, &leaving).await).await?;
        let ticket = session::begin_errand(&app.config, request, &browser);
        Ok(Done::at(written.map(|()| url)).with(ticket))
    }

    async fn page(
        _: &mut PgConnection,
        (): &(),
        _: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::sign_in::page(state))
    }

    fn leads_to(app: &App) -> Vec<String> {
        policies::led_to(app)
    }
}

/// Providers know this site by one origin, and a cookie of another one would not come back from there.
fn canonical(app: &App, purpose: Purpose, next: &str) -> String {
    let path = match purpose {
        Purpose::SignIn => paths::sign_in_then(next),
        Purpose::Link => paths::account_identities(),
    };
    format!("{}{path}", app.config.canonical_origin())
}

/// The session of whoever is signed in and has just proven who they are; for others, where they do that first. They go on
/// from the page that may lead elsewhere.
async fn recent_session(visit: &Visit<'_>) -> Result<Result<Uuid, String>> {
    let from = paths::account_identities();
    Ok(match policies::signed_in(visit.app, visit.request).await? {
        None => Err(paths::sign_in_then(&from)),
        Some(member) if !member.is_recent() => Err(paths::confirm_identity_then(&from)),
        Some(member) => Ok(member.session()),
    })
}

fn refused(provider: &Provider, next: &str, why: Refusal) -> Error {
    let (provider, next) = (provider.name().to_owned(), next.to_owned());
    Error::Refused(Box::new(Refused { provider, next, why }))
}

/// `GET /api/oauth/{provider}/callback`
pub struct Back;

impl Gate for Back {
    const PATH: &'static str = "/api/oauth/{provider}/callback";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = BackFromProvider;
}

impl Callback for Back {
    type At = String;

    async fn run(visit: &Visit<'_>, who: Returned, id: &String) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let provider = app.identity.called(id).ok_or(Error::NotFound)?;
        let next = who.errand.next().to_owned();
        let vouched = vouch(app, provider, &who).await;
        let vouched = vouched.map_err(|why| refused(provider, &next, why))?;
        let back = Arrived { visit, provider, vouched, next: &next };
        let done = match who.errand.session() {
            None => back.sign_in().await,
            Some(session) => back.link(session).await,
        };
        Ok(done?.with(session::end_errand(&app.config, request)))
    }
}

/// Who somebody is, if what they bring is the answer to what was asked. Whose answer it is comes first (RFC 9207): what
/// another server sends, a refusal too, means nothing.
async fn vouch(app: &App, provider: &Provider, who: &Returned) -> Result<Vouched, Refusal> {
    let answer = &who.answer;
    provider.is_from_here(&app.clock, answer.iss.as_deref()).await?;
    match (&answer.error, &answer.code) {
        (Some(error), _) => Err(Refusal::reported(error)),
        (None, None) => Err(Refusal::Untrusted("there is no code".to_owned())),
        (None, Some(code)) => provider.vouch(&app.clock, &who.errand.asked(), code).await,
    }
}

/// Somebody who is back.
struct Arrived<'a> {
    visit: &'a Visit<'a>,
    provider: &'a Provider,
    vouched: Vouched,
    next: &'a str,
}

impl Arrived<'_> {
    /// Lets them in, where they may.
    async fn sign_in(&self) -> Result<Done> {
        let app = self.visit.app;
        // Twice: the same person may come by two ways at once, and be known the second time.
        for _ in 0..2 {
            let standing =
                app.read(async |db| identities::standing(db, &self.vouched).await).await?;
            let entered = match standing {
                Standing::Known => self.enter_known().await,
                Standing::Refused(why) => return Err(self.refused(why)),
                Standing::New | Standing::WithoutAddress if self.is_someone().await? => {
                    return Err(self.refused(Refusal::NotTheirs));
                }
                Standing::New => self.enter_new().await,
                Standing::WithoutAddress => return self.ask_for_address().await,
            };
            if !matches!(entered, Err(Error::Invalid(_) | Error::NotFound)) {
                return entered;
            }
        }
        Err(self.refused(Refusal::AddressTaken))
    }

    async fn is_someone(&self) -> Result<bool> {
        Ok(policies::signed_in(self.visit.app, self.visit.request).await?.is_some())
    }

    async fn enter_known(&self) -> Result<Done> {
        let provider = self.provider.id();
        let known = async |tx: &mut PgConnection| {
            identities::recognise(tx, &self.vouched, provider).await.map(|owned| self.proven(owned))
        };
        enter(self.visit, known).await
    }

    async fn enter_new(&self) -> Result<Done> {
        let (id, provider) = (self.visit.app.clock.id(), self.provider.id());
        let new = async |tx: &mut PgConnection| {
            let made = identities::introduce(tx, id, &self.vouched, provider).await;
            made.map(|owned| self.proven(owned))
        };
        Ok(enter(self.visit, new).await?.saying(Flash::AccountMade))
    }

    fn proven(&self, owned: Owned) -> Proven {
        let (by, next) = (By::One(Proof::Provider), self.next.to_owned());
        Proven { account: owned.account, email: owned.email, next, by }
    }

    async fn ask_for_address(&self) -> Result<Done> {
        let Visit { app, request, .. } = self.visit;
        let (ticket, provider) = (Ticket::new(app.clock.random()), self.provider.id());
        let received =
            app.write(async |tx| identities::receive(tx, &ticket, &self.vouched, provider).await);
        let cookie = session::begin_arrival(&app.config, request, &ticket);
        Ok(Done::at(received.await?.map(|()| paths::sign_in_address())).with(cookie))
    }

    /// Adds who they are there to the account that they left from, in the session that they left with.
    async fn link(&self, session: Uuid) -> Result<Done> {
        let app = self.visit.app;
        let member = policies::signed_in(app, self.visit.request).await?;
        let Some(member) = member.filter(|member| member.session() == session) else {
            return Err(self.refused(Refusal::SomeoneElse));
        };
        let provider = self.provider.id();
        let linked = app.write(async |tx| {
            if identities::link(&mut *tx, &member, &self.vouched, provider).await? {
                let line = Act::IdentityAdded.on("staff", member.id()).with("provider", provider);
                self.visit.note(&mut *tx, member.id(), line).await?;
                let id = app.clock.id();
                tell(tx, id, member.id(), AccountEvent::IdentityAdded, None).await?;
            }
            Ok(())
        });
        match linked.await {
            Err(Error::Invalid(_)) => Err(self.refused(Refusal::TakenElsewhere)),
            linked => {
                let done = Done::at(linked?.map(|()| paths::account_identities()));
                Ok(done.saying(Flash::IdentityAdded))
            }
        }
    }

    fn refused(&self, why: Refusal) -> Error {
        refused(self.provider, self.next, why)
    }
}
