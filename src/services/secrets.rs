//! Keys this installation made for itself, shared by its instances through the database.

use crate::clock::Clock;
use crate::digest;
use crate::error::{Error, Result};
use anyhow::anyhow;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgConnection;

/// What the keys sign. Each use has its own key, so that no signature serves another purpose.
#[derive(Clone)]
pub struct Secrets {
    forms: [u8; 32],
    devices: [u8; 32],
    subscribers: [u8; 32],
    indexnow: [u8; 32],
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
        "insert into secrets (name, value) values ('forms', $1), ('devices', $2), ('subscribers', $3), ('indexnow', $4)
             on conflict do nothing",
        &fresh.forms,
        &fresh.devices,
        &fresh.subscribers,
        &fresh.indexnow,
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
    })
}
