//! Stripe, as it is spoken to and understood.
//!
//! What is asked is built by the types of async-stripe, which know Stripe's parameters and how they are written ([`asking`]), and
//! is text from there on: it is stored before it is sent, and sent again letter for letter. It goes through `outgoing`, with its
//! limits and its TLS, and not through a second client. What is answered is read by a few types of ours ([`objects`]) that take
//! what we need and overlook the rest: those of the crate lose an object where one of its two hundred members is new.
//! Nothing of the crate leaves this folder. Words of Stripe's are about people, so of an error its code is kept alone.

pub mod asking;
pub mod objects;

pub use asking::{Frozen, Reading};

use crate::config::Config;
use crate::error::Error;
use crate::outgoing::{Answer, Configured, Message, Outgoing, Trouble};
use anyhow::anyhow;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_client_core::VERSION;
use uuid::Uuid;

/// Where Stripe is.
const HOME: &str = "https://api.stripe.com";
/// Where its pages are, to which our forms lead.
const PAGES: [&str; 2] = ["https://checkout.stripe.com", "https://billing.stripe.com"];
/// How much of an answer is read: a list of a hundred events is long.
const MOST: usize = 4 * 1024 * 1024;

/// Why there is nothing from Stripe.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may be there another time; what was sent may have arrived, and is sent again with the same key.
    #[error("{0}")]
    Away(String),
    /// It said no, and will again.
    #[error("Stripe refused it: {0}")]
    Refused(String),
    /// There is no such thing.
    #[error("Stripe knows no such thing.")]
    Unknown,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Away(_) => Self::Unavailable(anyhow!(failure.to_string())),
            Failure::Refused(_) | Failure::Unknown => Self::Internal(anyhow!(failure.to_string())),
        }
    }
}

/// Whether a text can be a secret key: of the account, or a restricted one.
pub fn is_secret_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (text.starts_with("sk_") || text.starts_with("rk_")) && text.chars().all(plain)
}

/// An account at Stripe.
pub struct Stripe {
    base: Configured,
    authorization: HeaderValue,
    pages: Vec<String>,
    is_test: bool,
}

impl Stripe {
    /// As it is configured; none where payments are off.
    ///
    /// # Errors
    /// A key that no header can hold.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(key) = &config.stripe_key else { return Ok(None) };
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}"))?;
        authorization.set_sensitive(true);
        let (base, pages) = match &config.stripe_base {
            Some(base) => (base.clone(), vec![base.origin()]),
            None => (
                HOME.parse().map_err(|()| anyhow!("the address of Stripe"))?,
                PAGES.map(str::to_owned).to_vec(),
            ),
        };
        Ok(Some(Self { base, authorization, pages, is_test: key.contains("_test_") }))
    }

    /// The origins of its pages, to which forms of ours lead.
    pub fn pages(&self) -> &[String] {
        &self.pages
    }

    /// Whether no real money moves.
    pub fn is_test(&self) -> bool {
        self.is_test
    }

    /// Asks for something to be done, under a key that has it done once.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send(
        &self,
        outgoing: &Outgoing,
        call: &Frozen,
        key: Uuid,
    ) -> Result<Value, Failure> {
        let mut headers = self.headers();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        let key = HeaderValue::try_from(key.to_string()).map_err(odd)?;
        headers.insert(HeaderName::from_static("idempotency-key"), key);
        let message =
            Message { method: Method::POST, headers, body: call.body.clone().into_bytes() };
        self.ask(outgoing, &call.path, message).await
    }

    /// Reads something.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn read<T: DeserializeOwned>(
        &self,
        outgoing: &Outgoing,
        what: &Reading,
    ) -> Result<T, Failure> {
        let message = Message { method: Method::GET, headers: self.headers(), body: Vec::new() };
        let read = self.ask(outgoing, &what.path, message).await?;
        understood(read)
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([
            (AUTHORIZATION, self.authorization.clone()),
            (
                HeaderName::from_static("stripe-version"),
                HeaderValue::from_str(VERSION.as_str()).unwrap_or(HeaderValue::from_static("")),
            ),
        ])
    }

    async fn ask(
        &self,
        outgoing: &Outgoing,
        path: &str,
        message: Message,
    ) -> Result<Value, Failure> {
        let to = self.base.below(&format!("v1{path}")).ok_or_else(|| odd("its address"))?;
        let answer = outgoing.send_for(&to, message, MOST).await;
        judge(&answer.map_err(|trouble| match trouble {
            Trouble::Failed(why) | Trouble::Refused(why) => Failure::Away(why),
        })?)
    }
}

/// What an answer amounts to (<https://docs.stripe.com/error-low-level>).
fn judge(answer: &Answer) -> Result<Value, Failure> {
    let said = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.is_whole);
    match (answer.status, said) {
        (200..300, Some(value)) => Ok(value),
        (404, Some(_)) => Err(Failure::Unknown),
        (401 | 403, _) => {
            Err(Failure::Away("Stripe does not accept STRIPE_SECRET_KEY.".to_owned()))
        }
        (400 | 402, Some(said)) => Err(Failure::Refused(code(&said))),
        (status, _) => Err(Failure::Away(format!("Stripe answered {status}."))),
    }
}

/// What an error is called.
fn code(said: &Value) -> String {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Named {
        r#type: String,
        code: Option<String>,
        param: Option<String>,
    }
    let named: Named = serde_json::from_value(said["error"].clone()).unwrap_or_default();
    let parts = [Some(named.r#type), named.code, named.param];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// Reads what Stripe said.
///
/// # Errors
/// Where it lacks something that we cannot do without.
pub fn understood<T: DeserializeOwned>(said: Value) -> Result<T, Failure> {
    serde_json::from_value(said).map_err(odd)
}

fn odd(what: impl std::fmt::Display) -> Failure {
    Failure::Away(format!("Stripe cannot be understood: {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<Value, Failure> {
        let body = body.as_bytes().to_vec();
        judge(&Answer { status, headers: HeaderMap::new(), body, is_whole: true })
    }

    #[test]
    fn an_answer_is_good_final_or_to_be_asked_for_again() {
        let error = r#"{"error":{"type":"card_error","code":"declined","message":"Ada's card"}}"#;
        assert!(judged(200, r#"{"id":"cs_1"}"#).is_ok());
        assert!(matches!(judged(404, error), Err(Failure::Unknown)));
        let refused = judged(402, error).unwrap_err().to_string();
        assert_eq!(refused, "Stripe refused it: card_error declined");
        for (status, body) in
            [(409, error), (429, error), (500, error), (401, error), (200, "{"), (400, "<html>")]
        {
            assert!(matches!(judged(status, body), Err(Failure::Away(_))), "{status}");
        }
    }

    #[test]
    fn a_key_is_secret_or_restricted() {
        assert!(["sk_test_1aZ", "rk_live_x"].iter().all(|key| is_secret_key(key)));
        assert!(!["pk_test_1", "sk_test_\n", "", "whsec_1"].iter().any(|key| is_secret_key(key)));
    }
}
