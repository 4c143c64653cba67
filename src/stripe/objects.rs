//! What we read of Stripe's objects: what we need, and nothing that we do not.

use serde::{Deserialize, Deserializer};
use std::collections::HashMap;
use time::OffsetDateTime;

/// Another object, by its id or whole.
fn id_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Other {
        Id(String),
        Whole { id: String },
    }
    Ok(Option::<Other>::deserialize(from)?.map(|other| match other {
        Other::Id(id) | Other::Whole { id } => id,
    }))
}

/// A list, or the beginning of one.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    /// What is in it.
    pub data: Vec<T>,
    /// Whether there is more.
    #[serde(default)]
    pub has_more: bool,
}

/// A subscription.
#[derive(Debug, Clone, Deserialize)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// Whose.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// trialing, active, past_due, canceled, unpaid, incomplete, incomplete_expired, paused.
    pub status: String,
    #[serde(default)]
    cancel_at_period_end: bool,
    #[serde(default)]
    cancel_at: Option<i64>,
    created: i64,
    #[serde(default)]
    trial_end: Option<i64>,
    #[serde(default)]
    ended_at: Option<i64>,
    // Of a version before 2025; of the items since then.
    #[serde(default)]
    current_period_end: Option<i64>,
    items: List<Item>,
    /// What we noted on it.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Item {
    price: Price,
    #[serde(default)]
    current_period_end: Option<i64>,
}

impl<T: Clone> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { data: self.data.clone(), has_more: self.has_more }
    }
}

/// A price.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
}

fn at(seconds: Option<i64>) -> Option<OffsetDateTime> {
    seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
}

impl Subscription {
    /// Until when it is paid for.
    pub fn current_period_end(&self) -> Option<OffsetDateTime> {
        at(self
            .items
            .data
            .iter()
            .find_map(|item| item.current_period_end)
            .or(self.current_period_end))
    }

    /// What is paid.
    pub fn price(&self) -> Option<&str> {
        self.items.data.first().map(|item| item.price.id.as_str())
    }

    /// Whether it ends with what is paid for.
    pub fn ends(&self) -> bool {
        self.cancel_at_period_end || self.cancel_at.is_some()
    }

    /// Until when it costs nothing.
    pub fn trial_end(&self) -> Option<OffsetDateTime> {
        at(self.trial_end)
    }

    /// When it was over.
    pub fn ended_at(&self) -> Option<OffsetDateTime> {
        at(self.ended_at)
    }

    /// When it was begun.
    pub fn created_at(&self) -> OffsetDateTime {
        at(Some(self.created)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// Somebody's way through checkout.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// `cs_…`
    pub id: String,
    /// open, complete, expired.
    pub status: Option<String>,
    /// paid, unpaid, no_payment_required.
    pub payment_status: String,
    /// Where it is, while it is open.
    #[serde(default)]
    pub url: Option<String>,
    /// The number of ours.
    #[serde(default)]
    pub client_reference_id: Option<String>,
    /// What has begun with it.
    #[serde(default, deserialize_with = "id_of")]
    pub subscription: Option<String>,
    /// What was paid with it.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// How much.
    #[serde(default)]
    pub amount_total: Option<i64>,
    /// Of what.
    #[serde(default)]
    pub currency: Option<String>,
    /// Who, as they have said there.
    #[serde(default)]
    pub customer_details: Option<Buyer>,
    /// Whether a payment that takes days has failed, which the session itself does not say.
    #[serde(skip)]
    pub has_failed: bool,
}

impl Session {
    /// Whoever pays, as they have said there: their address, and what they are called.
    pub fn buyer(&self) -> (Option<&str>, Option<&str>) {
        let buyer = self.customer_details.as_ref();
        (
            buyer.and_then(|buyer| buyer.email.as_deref()),
            buyer.and_then(|buyer| buyer.name.as_deref()),
        )
    }
}

/// Somebody who has paid.
#[derive(Debug, Clone, Deserialize)]
pub struct Buyer {
    /// Where mail reaches them.
    #[serde(default)]
    pub email: Option<String>,
    /// What they are called.
    #[serde(default)]
    pub name: Option<String>,
}

/// An invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// draft, open, paid, void, uncollectible.
    pub status: Option<String>,
    /// How much of it was paid.
    pub amount_paid: i64,
    /// How much of it is owed.
    #[serde(default)]
    pub amount_due: i64,
    #[serde(default)]
    attempt_count: i64,
    /// How the balance of the customer stood, and stands: what is paid from there is no money that comes.
    #[serde(default)]
    pub starting_balance: i64,
    /// See above.
    #[serde(default)]
    pub ending_balance: Option<i64>,
    /// Of what.
    pub currency: String,
    #[serde(default, deserialize_with = "id_of")]
    subscription: Option<String>,
    #[serde(default)]
    parent: Option<Parent>,
}

#[derive(Debug, Clone, Deserialize)]
struct Parent {
    #[serde(default)]
    subscription_details: Option<Details>,
}

#[derive(Debug, Clone, Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "id_of")]
    subscription: Option<String>,
}

impl Invoice {
    /// What it is for.
    pub fn subscription(&self) -> Option<&str> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let named = details.and_then(|details| details.subscription.as_deref());
        named.or(self.subscription.as_deref())
    }

    /// Whether somebody was to pay it, and it did not work.
    pub fn was_tried(&self) -> bool {
        self.attempt_count > 0
    }

    /// How much of it was paid from what we owed them.
    pub fn credited(&self) -> i64 {
        // A balance below nothing is what we owe.
        self.ending_balance.map_or(0, |ending| (ending - self.starting_balance).max(0))
    }
}

/// A charge.
#[derive(Debug, Clone, Deserialize)]
pub struct Charge {
    /// `ch_…`
    pub id: String,
    /// The payment that it is part of.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
}

/// Money that goes back.
#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    /// pending, succeeded, failed, canceled, requires_action.
    pub status: Option<String>,
    /// How much.
    pub amount: i64,
    /// Of what.
    pub currency: String,
    /// Of which payment.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
}

/// Somebody who wants their money back from their bank.
#[derive(Debug, Clone, Deserialize)]
pub struct Dispute {
    /// `dp_…`
    pub id: String,
    /// needs_response, under_review, won, lost, …
    pub status: String,
    /// How much.
    pub amount: i64,
    /// Of what.
    pub currency: String,
    /// Of which payment.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
}

/// Something that has happened. What it says of its object is not believed: that is read anew.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// What has.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub created: i64,
    data: Data,
}

#[derive(Debug, Clone, Deserialize)]
struct Data {
    object: Object,
}

#[derive(Debug, Clone, Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
}

impl Event {
    /// What it is about. What does not look like an id of Stripe's is none: it is asked for by a path.
    pub fn object(&self) -> Option<&str> {
        let plain = |id: &&str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.data.object.id.as_deref().filter(plain)
    }

    /// When it happened.
    pub fn at(&self) -> OffsetDateTime {
        at(Some(self.created)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subscription_is_read_as_it_was_written_before_and_since_its_items_have_periods() {
        let old = json!({ "id": "sub_1", "customer": { "id": "cus_1", "object": "customer" },
            "status": "active", "created": 1, "current_period_end": 86_400, "items": { "data": [{ "price": { "id": "p" } }] } });
        let new = json!({ "id": "sub_1", "customer": "cus_1", "status": "active", "created": 1, "cancel_at": 9,
            "items": { "data": [{ "price": { "id": "p", "new": {} }, "current_period_end": 86_400 }] }, "unheard_of": [] });
        for (said, ends) in [(old, false), (new, true)] {
            let read: Subscription = serde_json::from_value(said).unwrap();
            assert_eq!(read.current_period_end().unwrap().unix_timestamp(), 86_400);
            assert_eq!(
                (read.customer.as_deref(), read.price(), read.ends()),
                (Some("cus_1"), Some("p"), ends)
            );
        }
    }
}
