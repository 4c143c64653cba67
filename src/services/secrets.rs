//! Keys this installation made for itself, shared by its instances through the database.

use crate::clock::Clock;
use crate::digest;
use crate::error::{Error, Result};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use anyhow::anyhow;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgConnection;

/// What the keys sign and seal. Each use has its own key, so that no signature serves another purpose.
#[derive(Clone)]
pub struct Secrets {
    forms: [u8; 32],
    devices: [u8; 32],
    subscribers: [u8; 32],
    indexnow: [u8; 32],
    sealing: [u8; 32],
}

/// What a signature is for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// "Yes, I meant to send this": the confirmation of a form without any sign of where it came from.
    Form,
    /// "Someone signed in to this account on this device before".
    Device,
    /// "This link was mailed to this subscriber".
    Subscriber,
}

impl Secrets {
    /// New keys, for an installation that has none.
    pub fn generate(clock: &Clock) -> Self {
        Self {
            forms: clock.random(),
            devices: clock.random(),
            subscribers: clock.random(),
            indexnow: clock.random(),
            sealing: clock.random(),
        }
    }

    /// What search engines know this site by: whoever tells them of its pages also has it to show at the site itself.
    /// Signs nothing.
    pub fn indexnow(&self) -> String {
        digest::hex(&self.indexnow)
    }

    /// HMAC-SHA-256 of `parts`, each prefixed with its length so that no two lists sign the same.
    pub fn sign(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(purpose, parts).finalize().into_bytes().into()
    }

    /// Whether `signature` is that of `parts`; compared in constant time.
    pub fn verify(&self, purpose: Purpose, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.mac(purpose, parts).verify_slice(signature).is_ok()
    }

    /// As [`Secrets::verify`], for a signature of which only the beginning was kept.
    pub fn verify_start(&self, purpose: Purpose, parts: &[&[u8]], start: &[u8]) -> bool {
        self.mac(purpose, parts).verify_truncated_left(start).is_ok()
    }

    /// `plain`, to be read with this key alone, and where the same `bound` is named: what was sealed for one account opens
    /// for no other. AES-256-GCM; `nonce` is random.
    pub fn seal(&self, bound: &[&[u8]], nonce: [u8; 12], plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: &digest::of_parts(bound) };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        [&nonce[..], &sealed.expect("what is sealed here is short")].concat()
    }

    /// What was sealed, unless a byte of it was changed or it was sealed for something else.
    pub fn open(&self, bound: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        let payload = Payload { msg: sealed, aad: &digest::of_parts(bound) };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()
    }

    fn cipher(&self) -> Aes256Gcm {
        use aes_gcm::KeyInit;
        Aes256Gcm::new(&self.sealing.into())
    }

    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> Hmac<Sha256> {
        let key = match purpose {
            Purpose::Form => &self.forms,
            Purpose::Device => &self.devices,
            Purpose::Subscriber => &self.subscribers,
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// The installation's keys; `fresh` ones are kept where it has none, such as one that a newer version brings. Instances starting together agree.
///
/// # Errors
/// As any statement.
pub async fn settle(db: &mut PgConnection, fresh: &Secrets) -> Result<Secrets> {
    sqlx::query!(
        "insert into secrets (name, value) values ('forms', $1), ('devices', $2), ('subscribers', $3), ('indexnow', $4), ('sealing', $5)
             on conflict do nothing",
        &fresh.forms,
        &fresh.devices,
        &fresh.subscribers,
        &fresh.indexnow,
        &fresh.sealing,
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!("select name, value from secrets").fetch_all(db).await?;
    let key = |name: &str| {
        let row = rows.iter().find(|row| row.name == name);
        row.and_then(|row| <[u8; 32]>::try_from(row.value.as_slice()).ok())
            .ok_or_else(|| Error::Internal(anyhow!("the secret {name:?} is missing or damaged")))
    };
    Ok(Secrets {
        forms: key("forms")?,
        devices: key("devices")?,
        subscribers: key("subscribers")?,
        indexnow: key("indexnow")?,
        sealing: key("sealing")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_for_what_it_was_sealed_for_and_unchanged() {
        let clock = Clock::default();
        let (keys, others) = (Secrets::generate(&clock), Secrets::generate(&clock));
        let sealed = keys.seal(&[b"ab", b"c"], clock.random(), b"a secret");
        assert_eq!(keys.open(&[b"ab", b"c"], &sealed).as_deref(), Some(&b"a secret"[..]));
        assert_eq!(keys.open(&[b"a", b"bc"], &sealed), None);
        assert_eq!(others.open(&[b"ab", b"c"], &sealed), None);
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(keys.open(&[b"ab", b"c"], &changed), None, "{place}");
            assert_eq!(keys.open(&[b"ab", b"c"], &sealed[..place]), None, "{place}");
        }
    }
}
