//! The one client for everything that is sent to other servers.
//!
//! Where an address comes from is in its type. What people typed is [`Foreign`]: only https, and only to somewhere on the
//! Internet, or whoever typed it could reach through us what only this machine and its neighbours should; the operator may let
//! them name other networks (`WEBHOOKS_ALLOW`). What the operator
//! wrote into the configuration is [`Configured`], and may lead anywhere. Either way nothing is sent on to where an answer
//! points, no proxy of the environment is asked, time is short, and no more than the beginning of an answer is read.

mod address;
mod global;

pub use address::{Configured, Foreign, Unfit};

use crate::config::Config;
use address::Somewhere;
use anyhow::Context;
use global::is_global;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Method, redirect};
use serde::Serialize;
use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::net::lookup_host;

/// How far we go with one request.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How long finding and reaching the server may take, TLS included.
    connect: Duration,
    /// How long all of it may take.
    whole: Duration,
    /// How much of an answer's body is read, in bytes.
    body: usize,
}

const LIMITS: Limits =
    Limits { connect: Duration::from_secs(3), whole: Duration::from_secs(10), body: 64 * 1024 };

/// Which addresses people may have us go to.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Besides those on the Internet.
    allowed: Arc<[IpNet]>,
}

impl Guard {
    /// One that lets these networks pass, too.
    pub fn new(allowed: &[IpNet]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether it may be gone to.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_global(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// What knows the addresses of names. The system does; tests have names of their own.
pub type Names = Arc<dyn Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync>;

/// The client.
pub struct Outgoing {
    foreign: Client,
    configured: Client,
    guard: Guard,
    limits: Limits,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// How.
    pub method: Method,
    /// What stands above it.
    pub headers: HeaderMap,
    /// What it says.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether that is all of it: there may be more, or it did not come in time.
    pub is_whole: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It was not sent: this leads to where we do not go.
    #[error("{0}")]
    Refused(String),
    /// Nobody answered, or not in time. It may be sent another time, and may have arrived.
    #[error("{0}")]
    Failed(String),
}

impl Outgoing {
    /// A client that keeps the limits above.
    ///
    /// # Errors
    /// Where TLS cannot be had, or a certificate cannot be read.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Self::asking(config, None)
    }

    /// The same, that asks `names` and not the system where the names lead that people typed.
    ///
    /// # Errors
    /// As [`Outgoing::new`].
    pub fn asking(config: &Config, names: Option<Names>) -> anyhow::Result<Self> {
        let known = config.webhooks_ca_file.as_deref().map(|file| {
            let pem = std::fs::read(file)
                .with_context(|| format!("WEBHOOKS_CA_FILE: {} cannot be read", file.display()))?;
            Certificate::from_pem(&pem).context("WEBHOOKS_CA_FILE: this is no certificate in PEM")
        });
        Self::with(LIMITS, Guard::new(&config.webhooks_allow), known.transpose()?, names)
    }

    fn with(
        limits: Limits,
        guard: Guard,
        known: Option<Certificate>,
        names: Option<Names>,
    ) -> anyhow::Result<Self> {
        let judged = Arc::new(Judged { guard: guard.clone(), names });
        let foreign = builder(&limits).https_only(true).dns_resolver(judged);
        let foreign = known.into_iter().fold(foreign, ClientBuilder::add_root_certificate);
        let built = |client: ClientBuilder| client.build().context("the client for other servers");
        let configured = built(builder(&limits))?;
        Ok(Self { foreign: built(foreign)?, configured, guard, limits })
    }

    /// An address that somebody typed, as far as can be told from itself that it will do.
    ///
    /// # Errors
    /// A sentence for whoever typed it.
    pub fn foreign(&self, text: &str) -> Result<Foreign, Unfit> {
        Foreign::parse(text, &self.guard)
    }

    /// Sends `message` there, once, and returns whatever is answered.
    ///
    /// # Errors
    /// Where nothing is.
    pub async fn send(&self, to: &impl Somewhere, message: Message) -> Result<Answer, Trouble> {
        self.send_for(to, message, self.limits.body).await
    }

    /// As [`Outgoing::send`], for an answer of whose body up to `most` bytes are read: somebody we know has much to say.
    ///
    /// # Errors
    /// Where nothing is answered.
    pub async fn send_for(
        &self,
        to: &impl Somewhere,
        message: Message,
        most: usize,
    ) -> Result<Answer, Trouble> {
        let client = if to.is_trusted() { &self.configured } else { &self.foreign };
        let Message { method, headers, body } = message;
        let request = client.request(method, to.url().clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| trouble(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut answer = Answer { status, headers, body: Vec::new(), is_whole: false };
        // Whatever becomes of the rest: with the status it was answered.
        while let Ok(piece) = response.chunk().await {
            let Some(piece) = piece else {
                answer.is_whole = true;
                break;
            };
            let room = most - answer.body.len();
            answer.body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                break;
            }
        }
        Ok(answer)
    }
}

fn builder(limits: &Limits) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Frontdesk/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        // Each request is led to an address that was judged for it, and servers here have a runtime for each thread.
        .pool_max_idle_per_host(0)
        .connect_timeout(limits.connect)
        .timeout(limits.whole)
}

impl Message {
    /// A JSON document, to be posted.
    ///
    /// # Errors
    /// Where it cannot be one.
    pub fn json(document: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_vec(document).map(Self::of_json)
    }

    /// The same, of the bytes of one.
    pub fn of_json(body: Vec<u8>) -> Self {
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        Self { method: Method::POST, headers, body }
    }
}

impl Answer {
    /// The beginning of what it says, on one line, for people who want to know what went wrong.
    pub fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.replace(|c: char| c.is_control(), " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
    }

    /// How long the server wants to be left alone, as it says at `now`: in seconds, or until a time (RFC 9110 §10.2.3).
    pub fn retry_after(&self, now: OffsetDateTime) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Some((until - now).try_into().unwrap_or_default())
    }
}

/// Finds the addresses of a name and lets them pass together or not at all. The connection is made to one of those that
/// passed: nobody asks a second time, and gets another answer.
struct Judged {
    guard: Guard,
    names: Option<Names>,
}

/// That a name leads to where we do not go.
#[derive(Debug, thiserror::Error)]
#[error("its name does not lead to a public address")]
struct NotPublic;

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, names) = (self.guard.clone(), self.names.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = match names {
                Some(names) => {
                    names(name.as_str())?.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
                }
                None => lookup_host((name.as_str(), 0)).await?.collect(),
            };
            Ok(Box::new(judge(found, &guard)?.into_iter()) as Addrs)
        })
    }
}

/// All that were found, or none: a name that leads here and there was not made for us.
fn judge(found: Vec<SocketAddr>, guard: &Guard) -> Result<Vec<SocketAddr>, NotPublic> {
    if found.iter().all(|address| guard.admits(address.ip())) { Ok(found) } else { Err(NotPublic) }
}

/// Says what went wrong, without the address: there may be a secret in it.
fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<NotPublic>() {
        return Trouble::Refused(format!("It is not sent there: {cause}."));
    }
    Trouble::Failed(match (error.is_timeout(), error.is_connect()) {
        (true, true) => "The server could not be reached in time.".to_owned(),
        (true, false) => "The server did not answer in time.".to_owned(),
        (false, true) => format!("The server could not be reached: {cause}."),
        (false, false) => format!("The server did not answer: {cause}."),
    })
}

#[cfg(test)]
mod tests;
