//! Identity providers: others who vouch for people (ARCHITECTURE.md, "Signing in with an identity provider").
//!
//! Somebody is sent to one with a `state` that is bound to their browser, a `nonce` and a PKCE challenge, and comes back
//! with a code. Only a code that was asked for by that browser, at that provider, is exchanged, and only what the provider
//! has signed for us is believed. The protocol is that of the crates `openidconnect` and `oauth2`; none of it is written
//! here. What somebody is allowed then is decided by `services::identities`.

mod github;
mod known;
mod openid;
mod refusal;
mod web;

pub use refusal::{Refusal, Refused};

use crate::clock::Clock;
use crate::config::{Config, IdentityProvider, Protocol};
use crate::digest;
use crate::outgoing::Outgoing;
use crate::services::input;
use github::GitHub;
use openid::OpenId;
use openidconnect::RedirectUrl;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use templates::paths;
use url::Url;

/// How long everything that we ask a provider may take while somebody waits.
const WITHIN: Duration = Duration::from_secs(10);
/// How soon it is noticed that a provider is back.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The longest subject there is (OpenID Connect Core 1.0, §2).
const LONGEST_SUBJECT: usize = 255;

/// Those who are configured.
pub struct Providers(Vec<Provider>);

/// One of them.
pub struct Provider {
    id: String,
    name: String,
    redirect: Option<RedirectUrl>,
    spoken: Spoken,
}

enum Spoken {
    OpenId(Box<OpenId>),
    GitHub(Box<GitHub>),
}

/// What somebody takes along who is sent to a provider: it must come back, or be known, with their answer.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Stands in the token that answers.
    pub nonce: String,
    /// Whose hash was sent along: whoever has a code and not this, has nothing.
    pub verifier: String,
}

impl Asked {
    /// Something that nobody can guess.
    pub fn new(clock: &Clock) -> Self {
        let secret = || digest::hex(&clock.random::<32>());
        Self { nonce: secret(), verifier: secret() }
    }
}

/// Where somebody is sent.
#[derive(Debug)]
pub struct Departure(Url);

impl Departure {
    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// With what somebody comes back. Each may be there once.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// What we gave them to bring back.
    pub state: Option<String>,
    /// What the provider gave them to bring to us.
    pub code: Option<String>,
    /// Who has sent them, as it calls itself.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Who somebody is at a provider. Only a provider's own answer makes one, so holding one is the proof.
#[derive(Debug, Clone)]
pub struct Vouched {
    issuer: String,
    subject: String,
    email: Option<Email>,
    name: Option<String>,
}

/// The address that somebody has at a provider.
#[derive(Debug, Clone)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether the provider says that it is theirs.
    pub is_verified: bool,
}

impl Vouched {
    /// What cannot be an address, or a name, is none.
    fn new(
        issuer: &str,
        subject: &str,
        email: Option<(&str, bool)>,
        name: Option<&str>,
    ) -> Result<Self, Refusal> {
        let sensible = (1..=LONGEST_SUBJECT).contains(&subject.len());
        if !sensible || subject.chars().any(char::is_control) {
            return Err(Refusal::untrusted("the subject is none"));
        }
        let email = email.map(|(address, is_verified)| (address.trim(), is_verified));
        let email = email.filter(|(address, _)| input::email(address).is_ok());
        let name = name.map(str::trim).filter(|name| {
            (2..=100).contains(&name.chars().count()) && input::one_line(name).is_ok()
        });
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email: email
                .map(|(address, is_verified)| Email { address: address.to_owned(), is_verified }),
            name: name.map(str::to_owned),
        })
    }

    /// Who says so.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom they mean. An address may be given to somebody else some day; this never is.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The address they have there.
    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// What they are called there.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// A provider, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// In addresses.
    pub id: String,
    /// On pages.
    pub name: String,
    /// The origin that people are sent to; none while the provider has not said.
    pub origin: Option<String>,
}

impl Providers {
    /// Those in `config`. Nobody is asked anything yet.
    ///
    /// # Errors
    /// Where TLS cannot be had.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let outgoing = Arc::new(Outgoing::new(config)?);
        let provider = |one| Provider::new(config, &outgoing, one);
        config.identity.iter().map(provider).collect::<Result<_, _>>().map(Self)
    }

    /// The one with this id.
    pub fn called(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.id == id)
    }

    /// All of them.
    pub fn all(&self) -> &[Provider] {
        &self.0
    }

    /// Whom they know is kept under these names.
    pub fn issuers(&self) -> Vec<String> {
        self.0.iter().map(|provider| provider.issuer().to_owned()).collect()
    }

    /// All of them, as pages show them. Nobody waits for this.
    pub fn doors(&self) -> Vec<Door> {
        self.0.iter().map(Provider::door).collect()
    }

    /// The origins that a form which leads to any of them leads to.
    pub fn origins(&self) -> Vec<String> {
        self.0.iter().filter_map(|provider| provider.door().origin).collect()
    }

    /// Sees to it that this is known for as long as the process runs. Where it is, nobody is asked.
    pub async fn keep_known(&self, clock: &Clock) {
        while !self.0.is_empty() {
            self.know(clock).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Has each say where people are to be sent, unless that is known.
    pub async fn know(&self, clock: &Clock) {
        let asked = self.0.iter().map(|provider| async move {
            if let Err(refusal) = provider.know(clock).await {
                let (provider, cause) = (&provider.id, refusal.cause());
                tracing::warn!(provider, cause, "an identity provider does not say what it is");
            }
        });
        futures_util::future::join_all(asked).await;
    }
}

impl Provider {
    fn new(
        config: &Config,
        outgoing: &Arc<Outgoing>,
        configured: &IdentityProvider,
    ) -> anyhow::Result<Self> {
        let IdentityProvider { id, name, client_id, client_secret, protocol } = configured;
        let spoken = match protocol {
            Protocol::OpenId { issuer } => {
                Spoken::OpenId(OpenId::new(outgoing, issuer, client_id, client_secret)?.into())
            }
            Protocol::GitHub { base, api_base } => Spoken::GitHub(
                GitHub::new(outgoing, base, api_base, client_id, client_secret)?.into(),
            ),
        };
        // A command that serves nobody has no origin, and sends nobody anywhere.
        let origin = config.public_origins.first();
        let redirect = origin.map(|origin| format!("{origin}{}", paths::oauth_callback(id)));
        let redirect = redirect.map(RedirectUrl::new).transpose()?;
        Ok(Self { id: id.clone(), name: name.clone(), redirect, spoken })
    }

    /// In addresses.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// On pages.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn issuer(&self) -> &str {
        match &self.spoken {
            Spoken::OpenId(provider) => provider.issuer(),
            Spoken::GitHub(provider) => provider.issuer(),
        }
    }

    fn door(&self) -> Door {
        let origin = match &self.spoken {
            Spoken::OpenId(provider) => provider.destination(),
            Spoken::GitHub(provider) => Some(provider.destination()),
        };
        Door { id: self.id.clone(), name: self.name.clone(), origin }
    }

    /// Has it say what it is, unless that is known.
    ///
    /// # Errors
    /// [`Refusal::Away`], [`Refusal::Untrusted`].
    pub async fn know(&self, clock: &Clock) -> Result<(), Refusal> {
        match &self.spoken {
            Spoken::OpenId(provider) => within(provider.know(clock)).await.map(drop),
            Spoken::GitHub(_) => Ok(()),
        }
    }

    /// Where to send somebody.
    ///
    /// # Errors
    /// As [`Provider::know`].
    pub async fn depart(
        &self,
        clock: &Clock,
        state: &str,
        asked: &Asked,
    ) -> Result<Departure, Refusal> {
        let redirect = self.redirect()?;
        match &self.spoken {
            Spoken::OpenId(provider) => {
                within(provider.depart(clock, redirect, state, asked)).await
            }
            Spoken::GitHub(provider) => Ok(provider.depart(redirect, state, asked)),
        }
    }

    /// Whether an answer comes from here, as far as the answer says (RFC 9207).
    ///
    /// # Errors
    /// [`Refusal::Untrusted`], and as [`Provider::know`].
    pub async fn is_from_here(&self, clock: &Clock, iss: Option<&str>) -> Result<(), Refusal> {
        match &self.spoken {
            Spoken::OpenId(provider) => within(provider.is_from_here(clock, iss)).await,
            Spoken::GitHub(provider) => provider.is_from_here(iss),
        }
    }

    /// Who somebody is who has come back with a code.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`], [`Refusal::Away`].
    pub async fn vouch(
        &self,
        clock: &Clock,
        asked: &Asked,
        code: &str,
    ) -> Result<Vouched, Refusal> {
        let redirect = self.redirect()?;
        match &self.spoken {
            Spoken::OpenId(provider) => within(provider.vouch(clock, redirect, asked, code)).await,
            Spoken::GitHub(provider) => within(provider.vouch(redirect, asked, code)).await,
        }
    }

    fn redirect(&self) -> Result<RedirectUrl, Refusal> {
        self.redirect.clone().ok_or(Refusal::Away("this command serves nobody".to_owned()))
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let late = |_| Refusal::Away("no answer in time".to_owned());
    tokio::time::timeout(WITHIN, work).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_address_or_a_name_is_none_and_somebody_without_a_subject_is_nobody() {
        let vouched =
            |subject, email, name| Vouched::new("https://a.example", subject, email, name);
        let ada = vouched("1", Some((" ada@example.com ", true)), Some(" Ada ")).unwrap();
        assert_eq!((&*ada.email().unwrap().address, ada.name()), ("ada@example.com", Some("Ada")));
        let odd = vouched("1", Some(("ada@x\0.com", true)), Some("A\nB")).unwrap();
        assert!(odd.email().is_none() && odd.name().is_none());
        for subject in ["", "a\0b", &"x".repeat(256)] {
            assert!(vouched(subject, None, None).is_err(), "{subject:?}");
        }
    }
}
