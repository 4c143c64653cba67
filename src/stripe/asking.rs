//! What we ask of Stripe, built by the types of async-stripe and then only text.

use std::collections::HashMap;
use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_billing::invoice::{ListInvoice, RetrieveInvoice};
use stripe_billing::subscription::{ListSubscription, RetrieveSubscription, UpdateSubscription};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionDiscounts, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionSubscriptionData, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_client_core::StripeRequest;
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::CreateCustomer;
use stripe_core::dispute::{ListDispute, RetrieveDispute};
use stripe_core::event::ListEvent;
use stripe_core::refund::{CreateRefund, ListRefund, RetrieveRefund};
use stripe_product::coupon::CreateCoupon;
use stripe_product::price::{
    CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, UpdatePrice,
};
use stripe_product::product::{CreateProduct, UpdateProduct};
use stripe_shared::{CheckoutSessionMode, CouponDuration};
use stripe_types::{Currency, RangeQueryTs};
use time::OffsetDateTime;
use uuid::Uuid;

/// A call that does something: its parameters as they are stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Below `/v1`.
    pub path: String,
    /// As a form is written.
    pub body: String,
}

/// A call that only looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub(super) path: String,
}

fn frozen(request: &impl StripeRequest) -> Frozen {
    let built = request.build();
    Frozen { path: built.path, body: built.body.unwrap_or_default() }
}

fn reading(request: &impl StripeRequest) -> Reading {
    let built = request.build();
    let query = built.query.filter(|query| !query.is_empty());
    Reading { path: query.map_or(built.path.clone(), |query| format!("{}?{query}", built.path)) }
}

fn meta(pairs: &[(&str, String)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap_or(Currency::EUR)
}

/// A customer, for an account.
pub fn customer(account: Uuid, email: &str, name: &str) -> Frozen {
    let new = CreateCustomer::new().email(email).name(name);
    frozen(&new.metadata(meta(&[("account", account.to_string())])))
}

/// What every checkout has.
#[derive(Debug, Clone)]
pub struct Way {
    /// Ours.
    pub checkout: Uuid,
    /// Where it goes on, with `{CHECKOUT_SESSION_ID}` in it.
    pub success: String,
    /// Where it goes back.
    pub cancel: String,
    /// Until when it is open: half an hour at least, a day at most.
    pub expires_at: OffsetDateTime,
}

/// A plan, as somebody begins it.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Who.
    pub account: Uuid,
    /// Who they are at Stripe.
    pub customer: String,
    /// The price there.
    pub price: String,
    /// Free of charge at first.
    pub trial_days: u32,
    /// What is taken off.
    pub coupon: Option<String>,
}

/// A checkout for a plan.
pub fn checkout_of_plan(way: &Way, membership: &Membership) -> Frozen {
    let about = meta(&[
        ("account", membership.account.to_string()),
        ("checkout", way.checkout.to_string()),
    ]);
    let mut line = CreateCheckoutSessionLineItems::new();
    line.price = Some(membership.price.clone());
    line.quantity = Some(1);
    let mut subscription = CreateCheckoutSessionSubscriptionData::new();
    subscription.metadata = Some(about.clone());
    subscription.trial_period_days = Some(membership.trial_days).filter(|days| *days > 0);
    let mut new = session(way, CheckoutSessionMode::Subscription)
        .customer(membership.customer.as_str())
        .line_items(vec![line])
        .subscription_data(subscription)
        .metadata(about);
    if let Some(coupon) = &membership.coupon {
        let mut discount = CreateCheckoutSessionDiscounts::new();
        discount.coupon = Some(coupon.clone());
        new = new.discounts(vec![discount]);
    }
    frozen(&new)
}

/// Something that is bought.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is called.
    pub title: String,
    /// What one costs.
    pub amount: i64,
    /// How many.
    pub quantity: u64,
}

/// A checkout for an order. Its page need not ask for an address: whoever pays has given it here. One with
/// letters that Stripe may not take is left out, or there would be no way to pay.
pub fn checkout_of_order(
    way: &Way,
    order: Uuid,
    (email, money): (&str, &str),
    lines: &[Line],
) -> Frozen {
    let about = meta(&[("order", order.to_string()), ("checkout", way.checkout.to_string())]);
    let lines = lines.iter().map(|line| {
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency(money));
        price.unit_amount = Some(line.amount);
        price.product_data = Some(ProductData::new(line.title.as_str()));
        let mut item = CreateCheckoutSessionLineItems::new();
        item.price_data = Some(price);
        item.quantity = Some(line.quantity);
        item
    });
    let mut payment = CreateCheckoutSessionPaymentIntentData::new();
    payment.metadata = Some(about.clone());
    let new = session(way, CheckoutSessionMode::Payment).line_items(lines.collect::<Vec<_>>());
    let new = if email.is_ascii() { new.customer_email(email) } else { new };
    frozen(&new.payment_intent_data(payment).metadata(about))
}

fn session(way: &Way, mode: CheckoutSessionMode) -> CreateCheckoutSession {
    CreateCheckoutSession::new()
        .mode(mode)
        .client_reference_id(way.checkout.to_string())
        .success_url(way.success.as_str())
        .cancel_url(way.cancel.as_str())
        .expires_at(way.expires_at.unix_timestamp())
}

/// That a checkout is not open any more.
pub fn expiry(session: &str) -> Frozen {
    frozen(&ExpireCheckoutSession::new(session))
}

/// So much of a payment back; all of it where nothing is said.
pub fn refund(payment: &str, amount: Option<i64>, order: Uuid) -> Frozen {
    let new = CreateRefund::new().payment_intent(payment);
    let new = new.metadata(meta(&[("order", order.to_string())]));
    frozen(&match amount {
        Some(amount) => new.amount(amount),
        None => new,
    })
}

/// A way to the pages where customers look after their payments.
pub fn portal(customer: &str, back: &str) -> Frozen {
    frozen(&CreateBillingPortalSession::new().customer(customer).return_url(back))
}

/// Whether a subscription ends with what was paid for.
pub fn ending(subscription: &str, ends: bool) -> Frozen {
    frozen(&UpdateSubscription::new(subscription).cancel_at_period_end(ends))
}

/// A product, for a plan.
pub fn product(plan: Uuid, name: &str, text: &str) -> Frozen {
    let new = CreateProduct::new(name).metadata(meta(&[("plan", plan.to_string())]));
    frozen(&if text.is_empty() { new } else { new.description(text) })
}

/// A price of a plan.
pub fn price(price: Uuid, product: &str, amount: i64, money: &str, yearly: bool) -> Frozen {
    let every = match yearly {
        true => CreatePriceRecurringInterval::Year,
        false => CreatePriceRecurringInterval::Month,
    };
    let new = CreatePrice::new(currency(money)).product(product).unit_amount(amount);
    let new = new.recurring(CreatePriceRecurring::new(every));
    frozen(&new.metadata(meta(&[("price", price.to_string())])))
}

/// Whether a product can be had.
pub fn offered_product(product: &str, offered: bool) -> Frozen {
    frozen(&UpdateProduct::new(product).active(offered))
}

/// Whether a price can be.
pub fn offered_price(price: &str, offered: bool) -> Frozen {
    frozen(&UpdatePrice::new(price).active(offered))
}

/// So much off the first payment.
pub fn coupon(plan: Uuid, percent: i32, until: OffsetDateTime) -> Frozen {
    let new = CreateCoupon::new().percent_off(f64::from(percent)).duration(CouponDuration::Once);
    let new = new.redeem_by(until.unix_timestamp());
    frozen(&new.metadata(meta(&[("plan", plan.to_string())])))
}

/// A subscription.
pub fn subscription(id: &str) -> Reading {
    reading(&RetrieveSubscription::new(id))
}

/// All subscriptions, whatever became of them, after the one called `after`.
pub fn subscriptions(after: Option<&str>) -> Reading {
    use stripe_billing::subscription::ListSubscriptionStatus::All;
    let list = ListSubscription::new().status(All).limit(100);
    reading(&match after {
        Some(after) => list.starting_after(after),
        None => list,
    })
}

/// The invoices since then, after the one called `after`.
pub fn invoices_since(since: OffsetDateTime, after: Option<&str>) -> Reading {
    let list = ListInvoice::new().limit(100).created(RangeQueryTs::gte(since.unix_timestamp()));
    reading(&match after {
        Some(after) => list.starting_after(after),
        None => list,
    })
}

/// What has gone back since then, after the one called `after`.
pub fn refunds_since(since: OffsetDateTime, after: Option<&str>) -> Reading {
    let list = ListRefund::new().limit(100).created(RangeQueryTs::gte(since.unix_timestamp()));
    reading(&match after {
        Some(after) => list.starting_after(after),
        None => list,
    })
}

/// The disputes since then, after the one called `after`.
pub fn disputes_since(since: OffsetDateTime, after: Option<&str>) -> Reading {
    let list = ListDispute::new().limit(100).created(RangeQueryTs::gte(since.unix_timestamp()));
    reading(&match after {
        Some(after) => list.starting_after(after),
        None => list,
    })
}

/// A checkout.
pub fn checkout(id: &str) -> Reading {
    reading(&RetrieveCheckoutSession::new(id))
}

/// An invoice.
pub fn invoice(id: &str) -> Reading {
    reading(&RetrieveInvoice::new(id))
}

/// A charge.
pub fn charge(id: &str) -> Reading {
    reading(&RetrieveCharge::new(id))
}

/// What was given back of a charge.
pub fn refunds_of(charge: &str) -> Reading {
    reading(&ListRefund::new().charge(charge).limit(100))
}

/// Money that goes back.
pub fn money_back(id: &str) -> Reading {
    reading(&RetrieveRefund::new(id))
}

/// A dispute.
pub fn dispute(id: &str) -> Reading {
    reading(&RetrieveDispute::new(id))
}

/// The events since then, the last first, after the one called `after`.
pub fn events_since(since: OffsetDateTime, after: Option<&str>) -> Reading {
    let list = ListEvent::new().limit(100).created(RangeQueryTs::gte(since.unix_timestamp()));
    reading(&match after {
        Some(after) => list.starting_after(after),
        None => list,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_text_that_says_all_of_it() {
        let way = Way {
            checkout: Uuid::nil(),
            success: "https://example.com/thanks?session_id={CHECKOUT_SESSION_ID}".into(),
            cancel: "https://example.com/membership".into(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
        };
        let membership = Membership {
            account: Uuid::nil(),
            customer: "cus_1".into(),
            price: "price_1".into(),
            trial_days: 14,
            coupon: Some("half".into()),
        };
        let call = checkout_of_plan(&way, &membership);
        assert_eq!(call.path, "/checkout/sessions");
        let pairs: HashMap<String, String> =
            form_urlencoded::parse(call.body.as_bytes()).into_owned().collect();
        for (name, value) in [
            ("mode", "subscription"),
            ("customer", "cus_1"),
            ("line_items[0][price]", "price_1"),
            ("line_items[0][quantity]", "1"),
            ("discounts[0][coupon]", "half"),
            ("subscription_data[trial_period_days]", "14"),
            ("success_url", "https://example.com/thanks?session_id={CHECKOUT_SESSION_ID}"),
            ("expires_at", "0"),
        ] {
            assert_eq!(pairs.get(name).map(String::as_str), Some(value), "{name}: {}", call.body);
        }
        assert_eq!(subscription("sub_1").path, "/subscriptions/sub_1");
        let events = events_since(OffsetDateTime::UNIX_EPOCH, Some("evt_1")).path;
        assert!(
            events.starts_with("/events?") && events.contains("starting_after=evt_1"),
            "{events}"
        );
    }
}
