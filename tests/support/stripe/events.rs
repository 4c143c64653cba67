//! Events: what happened, signed, and brought late, twice, in another order, or never.

use super::super::signer::Delivery;
use super::super::{Chance, Person};
use super::{SECRET, Stripe, World};
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

/// Events on their way.
pub struct Mailbag {
    /// Those that are to be brought, in this order; one may be in it twice.
    pub bag: Vec<Value>,
    /// How many of them are lost on the way.
    pub lost: usize,
}

impl Stripe {
    /// What has happened since this was last asked.
    pub fn news(&self) -> Vec<Value> {
        let mut world = self.world();
        let news = world.events[world.handed_out..].to_vec();
        world.handed_out = world.events.len();
        news
    }

    /// The same, as it comes over a bad line: some twice or three times, some never, all in another order.
    pub fn shuffled_news(&self, chance: &mut Chance, loses: bool) -> Mailbag {
        let (mut bag, mut lost) = (Vec::new(), 0);
        let mut below = |limit: usize| usize::try_from(chance.below(limit as u64)).unwrap();
        for event in self.news() {
            if loses && below(20) == 0 {
                lost += 1;
                continue;
            }
            for _ in 0..=[0, 0, 0, 1, 2][below(5)] {
                bag.push(event.clone());
            }
        }
        for at in (1..bag.len()).rev() {
            bag.swap(at, below(at + 1));
        }
        Mailbag { bag, lost }
    }

    /// An event as it is sent.
    pub fn sealed(&self, event: &Value, secret: &str) -> Delivery {
        let body = event.to_string();
        let signature = signature(secret, self.world().now(), body.as_bytes());
        Delivery::new("stripe", &[("stripe-signature", &signature)], body.as_bytes())
    }

    /// Brings everything that has happened, in order.
    pub async fn deliver(&self, to: &Person<'_>) {
        for event in self.news() {
            let answer = self.sealed(&event, SECRET).send(to).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
}
