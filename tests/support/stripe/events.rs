//! Events: what happened, and how it is signed.

use super::{Stripe, World};
use frontdesk::digest::hex;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// What stands in `Stripe-Signature`.
pub fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex(&mac.finalize().into_bytes()))
}

impl World {
    /// Notes that something has happened to an object.
    pub(super) fn happened(&mut self, kind: &str, object: &str) {
        let (id, created) = (self.id("evt"), self.now());
        let object = self.objects[object].clone();
        self.events.push(json!({ "id": id, "object": "event", "api_version": "2020-08-27", "type": kind, "created": created,
            "livemode": false, "data": { "object": object } }));
    }

    /// Notes something that nobody does anything about.
    pub fn murmur(&mut self) {
        let id = self.make("pi", "payment_intent", json!({ "amount": 1, "status": "processing" }));
        self.happened("payment_intent.processing", &id);
    }
}

impl Stripe {
    /// What has happened since this was last asked.
    pub fn news(&self) -> Vec<Value> {
        let mut world = self.world();
        let news = world.events[world.handed_out..].to_vec();
        world.handed_out = world.events.len();
        news
    }
}
