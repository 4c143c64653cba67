//! Whether a delivery is from whom it says: an HMAC-SHA256 over its very bytes, by Standard Webhooks 1.0 or as a header has it.
//!
//! Every signature is compared with that of every secret, to the end and in constant time, so that the time it takes tells
//! nothing. What proved it is not kept.

use crate::error::{Error, Result};
use crate::services::inbox::Delivery;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};
use time::OffsetDateTime;

/// How far a sender's clock may be from ours, in seconds.
const TOLERANCE: i64 = 300;
/// No sender signs with more secrets at once.
const MOST_SIGNATURES: usize = 16;
/// No id is longer.
const LONGEST_ID: usize = 255;

const UNSIGNED: Error = Error::Unproven("There is no signature. Send the headers that it is in.");
const DOUBTFUL: Error =
    Error::Unproven("A header that the signature needs stands there twice, or cannot be read.");
const WRONG: Error = Error::Unproven("The signature is not that of this body and this secret.");

/// Somebody who sends us events.
pub struct Sender {
    /// As the address names them.
    pub name: String,
    /// How they sign.
    pub scheme: Scheme,
    /// What they sign with: the secret of now, and others while it is replaced.
    pub keys: Vec<Vec<u8>>,
}

/// How somebody signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks 1.0: id, time and body are signed.
    Standard,
    /// As Stripe does: time and body, in a header of its own; the body names the event.
    Stripe,
    /// The body alone is, in a header of the sender's own.
    Header(Shape),
}

/// Where a sender of the second kind puts what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The header with the signature.
    pub signature: String,
    /// What stands before it.
    pub prefix: String,
    /// How it is written.
    pub encoding: Encoding,
    /// The header with the event's id; without one, the body is its own.
    pub id: Option<String>,
    /// The header with its type; without one, the body says it.
    pub kind: Option<String>,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In hexadecimal digits.
    Hex,
    /// In base 64.
    Base64,
}

impl std::str::FromStr for Encoding {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            _ => Err(()),
        }
    }
}

impl Encoding {
    fn read(self, text: &str) -> Option<[u8; 32]> {
        let bytes = match self {
            Self::Hex => crate::digest::unhex(text),
            Self::Base64 => BASE64_STANDARD.decode(text).ok(),
        };
        bytes?.try_into().ok()
    }
}

/// A secret as Standard Webhooks writes it: `whsec_` and base 64.
pub fn standard_key(text: &str) -> Option<Vec<u8>> {
    let key = BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
    Some(key).filter(|key| key.len() >= 16)
}

/// What is signed before the body by Standard Webhooks.
fn before(id: &str, at: impl Display) -> String {
    format!("{id}.{at}.")
}

fn mac(key: &[u8], before: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(before.as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// What we sign by Standard Webhooks: the signatures of all keys that are good, as their header has them.
pub fn standard_signatures(keys: &[Vec<u8>], id: &str, at: i64, body: &[u8]) -> String {
    let before = before(id, at);
    let signature =
        |key: &Vec<u8>| format!("v1,{}", BASE64_STANDARD.encode(mac(key, &before, body)));
    keys.iter().map(signature).collect::<Vec<_>>().join(" ")
}

/// What the head of a request claims. Nothing is proven before the body is there.
pub struct Claim {
    sender: Arc<Sender>,
    id: Option<String>,
    kind: Option<String>,
    /// What is signed before the body.
    before: String,
    signatures: Vec<[u8; 32]>,
}

impl Claim {
    /// Reads the head by `header`, which knows each by its name.
    ///
    /// # Errors
    /// [`Error::Unproven`] where it cannot be a claim of this sender, or is too old.
    pub fn of(
        sender: &Arc<Sender>,
        now: OffsetDateTime,
        header: impl Fn(&str) -> Result<Option<String>, ()>,
    ) -> Result<Self> {
        let header = |name: &str| header(name).map_err(|()| DOUBTFUL);
        let sender = Arc::clone(sender);
        match &sender.scheme {
            Scheme::Standard => {
                // Svix, from which the standard came, calls its headers after itself.
                let ours = header("webhook-signature")?.is_some();
                let prefix = if ours { "webhook" } else { "svix" };
                let named = |part: &str| header(&format!("{prefix}-{part}"))?.ok_or(UNSIGNED);
                let (id, at, list) = (named("id")?, named("timestamp")?, named("signature")?);
                is_recent(&at, now)?;
                let before = before(&id, &at);
                let signatures = listed(&list)?;
                Ok(Self { id: Some(checked(id)?), kind: None, before, signatures, sender })
            }
            Scheme::Stripe => {
                let said = header("stripe-signature")?.ok_or(UNSIGNED)?;
                let (at, signatures) = timed_and_signed(&said)?;
                is_recent(at, now)?;
                let before = format!("{at}.");
                Ok(Self { id: None, kind: None, before, signatures, sender })
            }
            Scheme::Header(shape) => {
                let said = header(&shape.signature)?.ok_or(UNSIGNED)?;
                let signature =
                    said.strip_prefix(&shape.prefix).and_then(|rest| shape.encoding.read(rest));
                let asked = |name: &Option<String>| name.as_deref().map(&header).transpose();
                let id = match (&shape.id, asked(&shape.id)?.flatten()) {
                    (None, _) => None,
                    (Some(_), Some(id)) => Some(checked(id)?),
                    (Some(_), None) => return Err(UNSIGNED),
                };
                let kind = asked(&shape.kind)?.flatten();
                let signatures = vec![signature.ok_or(WRONG)?];
                Ok(Self { id, kind, before: String::new(), signatures, sender })
            }
        }
    }

    /// The delivery, where the body is what was signed.
    ///
    /// # Errors
    /// [`Error::Unproven`].
    pub fn prove(self, body: Bytes) -> Result<Delivery> {
        let right = self.sender.keys.iter().map(|key| mac(key, &self.before, &body));
        let mut good = Choice::from(0);
        for right in right {
            for signature in &self.signatures {
                good |= right.ct_eq(signature);
            }
        }
        if !bool::from(good) {
            return Err(WRONG);
        }
        let named = match self.sender.scheme {
            Scheme::Stripe => named_within(&body).and_then(|id| checked(id).ok()),
            Scheme::Standard | Scheme::Header(_) => self.id,
        };
        let id = named.unwrap_or_else(|| crate::digest::hex(&Sha256::digest(&body)));
        Ok(Delivery::proven(self.sender.name.clone(), id, self.kind, body))
    }
}

/// Whether it was signed within five minutes of now, before or after.
fn is_recent(at: &str, now: OffsetDateTime) -> Result<()> {
    let plain = (1..=12).contains(&at.len()) && at.bytes().all(|byte| byte.is_ascii_digit());
    let at = at.parse::<i64>().ok().filter(|_| plain).ok_or(DOUBTFUL)?;
    match now.unix_timestamp().abs_diff(at) <= TOLERANCE.unsigned_abs() {
        true => Ok(()),
        false => Err(Error::Unproven(
            "It was signed more than five minutes ago, or will be. Sign it anew, and set your clock.",
        )),
    }
}

/// The signatures of a version that we know, `v1`. Others stand beside them, such as those of keys of another kind.
fn listed(list: &str) -> Result<Vec<[u8; 32]>> {
    let parts: Vec<&str> = list.split(' ').filter(|part| !part.is_empty()).collect();
    if parts.len() > MOST_SIGNATURES {
        return Err(DOUBTFUL);
    }
    let known = parts.iter().filter_map(|part| part.strip_prefix("v1,"));
    let signatures: Vec<_> = known.filter_map(|text| Encoding::Base64.read(text)).collect();
    if signatures.is_empty() { Err(WRONG) } else { Ok(signatures) }
}

/// The id that an event gives itself.
fn named_within(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.id)
}

/// No header of Stripe's holds more signatures.
const MOST_OF_STRIPE: usize = 8;

/// `t=…,v1=…,v1=…`: one time, and up to eight signatures of the version that we know. Others stand beside them, such as `v0`.
fn timed_and_signed(said: &str) -> Result<(&str, Vec<[u8; 32]>)> {
    let parts: Vec<(&str, &str)> = said
        .split(',')
        .map(|part| part.trim().split_once('=').ok_or(DOUBTFUL))
        .collect::<Result<_>>()?;
    let all = |name: &'static str| {
        parts.iter().filter(move |(known, _)| *known == name).map(|(_, value)| *value)
    };
    let (Some(at), None) = (all("t").next(), all("t").nth(1)) else { return Err(DOUBTFUL) };
    if all("v1").count() > MOST_OF_STRIPE {
        return Err(DOUBTFUL);
    }
    let signatures: Vec<_> = all("v1").filter_map(|text| Encoding::Hex.read(text)).collect();
    if signatures.is_empty() { Err(WRONG) } else { Ok((at, signatures)) }
}

/// An id that can be kept, told and found again.
fn checked(id: String) -> Result<String> {
    let plain =
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { Ok(id) } else { Err(DOUBTFUL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_649_367_553;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn standard(keys: &[&str]) -> Arc<Sender> {
        let keys = keys.iter().map(|key| standard_key(key).unwrap()).collect();
        Arc::new(Sender { name: "partner".into(), scheme: Scheme::Standard, keys })
    }

    fn judged(sender: &Arc<Sender>, now: i64, head: &[(&str, &str)], body: &str) -> bool {
        let header = |name: &str| {
            Ok(head.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        let claim = Claim::of(sender, at(now), header);
        claim.and_then(|claim| claim.prove(Bytes::copy_from_slice(body.as_bytes()))).is_ok()
    }

    #[test]
    fn the_published_examples_are_good() {
        // Of the reference libraries of Standard Webhooks, and of Svix before them.
        for (key, id, at, body, signature) in [
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                AT,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            let (sender, text) = (standard(&[key]), at.to_string());
            for prefix in ["webhook", "svix"] {
                let names = ["id", "timestamp", "signature"].map(|part| format!("{prefix}-{part}"));
                let head = [(&*names[0], id), (&*names[1], &text), (&*names[2], signature)];
                assert!(judged(&sender, at, &head, body), "{id}");
                assert!(!judged(&sender, at, &head, &body.replace('t', "T")), "{id}");
            }
        }
        // Of GitHub's documentation on how to validate deliveries.
        let github = crate::config::github_sender(&["It's a Secret to Everybody"]);
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let head = [
            ("x-hub-signature-256", signature),
            ("x-github-delivery", "1"),
            ("x-github-event", "push"),
        ];
        assert!(judged(&github, 0, &head, "Hello, World!"));
        assert!(!judged(&github, 0, &head, "Hello, World"));
    }

    #[test]
    fn a_time_is_recent_for_five_minutes_both_ways_and_is_digits() {
        for (off, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(is_recent(&AT.to_string(), at(AT + off)).is_ok(), good, "{off}");
        }
        for wrong in ["", "+1649367553", "1649367553.0", " 1649367553", "99999999999999", "٣", "-1"]
        {
            assert!(is_recent(wrong, at(AT)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_with_and_without_its_prefix() {
        assert_eq!(
            standard_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").map(|key| key.len()),
            Some(24)
        );
        assert_eq!(standard_key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").map(|key| key.len()), Some(24));
        for wrong in ["", "whsec_", "whsec_AAAA", "whsec_not base 64 at all, is it", "whsk_AAAA"] {
            assert_eq!(standard_key(wrong), None, "{wrong}");
        }
    }
}
