//! What deliveries are signed with: `whsec_` and 32 random bytes in base 64, as Standard Webhooks has it.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::services::secrets::Secrets;
use anyhow::anyhow;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

/// A secret, to be shown once.
pub struct Secret([u8; 32]);

impl Secret {
    /// A new one.
    pub fn generate(clock: &Clock) -> Self {
        Self(clock.random())
    }

    /// As people and programs take it over.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.0))
    }

    /// As it is kept, for this endpoint alone.
    pub(super) fn seal(&self, keys: &Secrets, endpoint: Uuid, nonce: [u8; 12]) -> Vec<u8> {
        keys.seal(&[b"webhook", endpoint.as_bytes()], nonce, &self.0)
    }
}

/// The bytes of one that was sealed.
pub(super) fn open(keys: &Secrets, endpoint: Uuid, sealed: &[u8]) -> Result<Vec<u8>> {
    let opened = keys.open(&[b"webhook", endpoint.as_bytes()], sealed);
    opened.ok_or_else(|| Error::Internal(anyhow!("the secret of a webhook cannot be opened")))
}
