//! Events of Stripe on their way to a test: late, twice, in another order, or never.

use super::signer::Delivery;
use super::stripe::{SECRET, Stripe, signature};
use super::{Chance, Person};
use serde_json::Value;

/// Events on their way.
pub struct Mailbag {
    /// Those that are to be brought, in this order; one may be in it twice.
    pub bag: Vec<Value>,
    /// How many of them are lost on the way.
    pub lost: usize,
}

impl Stripe {
    /// What has happened since this was last asked, as it comes over a bad line: some twice or three times, some never, all in another order.
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
