//! What happens at Stripe without us: people pay or do not, time passes, banks take money back.

use super::{Stripe, World};
use serde_json::{Value, json};

const MONTH: i64 = 30 * 24 * 3600;

impl World {
    /// Somebody pays.
    pub fn pay(&mut self, session: &str) {
        let known = self.objects[session].clone();
        assert_eq!(known["status"], "open", "{known}");
        let kept = &known["kept"];
        self.set(session, "status", json!("complete"));
        self.set(session, "url", Value::Null);
        self.set(session, "payment_status", json!("paid"));
        if known["mode"] == "subscription" {
            let trial = kept["trial"].as_i64().unwrap();
            let until = self.now() + if trial > 0 { trial * 24 * 3600 } else { MONTH };
            let status = if trial > 0 { "trialing" } else { "active" };
            let said = json!({
                "customer": known["customer"], "status": status, "cancel_at_period_end": false, "cancel_at": null,
                "trial_end": if trial > 0 { json!(until) } else { Value::Null }, "ended_at": null,
                "items": { "object": "list", "has_more": false, "data": [{ "id": "si_1", "object": "subscription_item",
                    "current_period_end": until, "price": { "id": kept["price"], "object": "price" } }] },
                "metadata": kept["metadata"],
            });
            let subscription = self.make("sub", "subscription", said);
            self.set(session, "subscription", json!(subscription));
            self.happened("customer.subscription.created", &subscription);
            let amount = if trial > 0 { 0 } else { kept["paid"].as_i64().unwrap() };
            let invoice = self.invoice(&subscription, amount, true);
            self.happened("invoice.paid", &invoice);
        } else {
            self.bought(session);
        }
        self.happened("checkout.session.completed", session);
    }

    /// Money for an order has arrived.
    fn bought(&mut self, session: &str) {
        let known = self.objects[session].clone();
        let payment = self.money(known["amount_total"].as_i64().unwrap(), &known["currency"]);
        self.set(session, "payment_intent", json!(payment));
        self.set(session, "payment_status", json!("paid"));
        self.name_buyer(session);
    }

    /// Whoever pays says who they are, where nobody has said so for them.
    fn name_buyer(&mut self, session: &str) {
        let given = self.objects[session]["customer_email"].as_str().map(str::to_owned);
        let email = given.unwrap_or_else(|| "buyer@example.com".to_owned());
        self.set(session, "customer_details", json!({ "email": email, "name": "Bea Buyer" }));
    }

    /// Somebody has something be had no more, in the dashboard.
    pub fn archive(&mut self, product: &str) {
        self.set(product, "active", json!(false));
    }

    /// A payment that has gone through.
    fn money(&mut self, amount: i64, currency: &Value) -> String {
        let said = json!({ "amount": amount, "currency": currency, "status": "succeeded" });
        let payment = self.make("pi", "payment_intent", said);
        let said = json!({ "amount": amount, "amount_refunded": 0, "currency": currency, "payment_intent": payment, "paid": true });
        self.make("ch", "charge", said);
        payment
    }

    fn invoice(&mut self, subscription: &str, amount: i64, paid: bool) -> String {
        let price = self.objects[subscription]["items"]["data"][0]["price"]["id"].clone();
        let currency = self.objects[price.as_str().unwrap()]["currency"].clone();
        let said = json!({
            "status": if paid { "paid" } else { "open" }, "amount_due": amount, "amount_paid": if paid { amount } else { 0 },
            "attempt_count": 1, "currency": currency, "customer": self.objects[subscription]["customer"],
            "starting_balance": 0, "ending_balance": 0,
            "parent": { "type": "subscription_details", "subscription_details": { "subscription": subscription } },
        });
        let invoice = self.make("in", "invoice", said);
        if paid && amount > 0 {
            self.money(amount, &currency);
        }
        invoice
    }

    fn amount(&self, subscription: &str) -> i64 {
        let price = self.objects[subscription]["items"]["data"][0]["price"]["id"].as_str().unwrap();
        self.objects[price]["unit_amount"].as_i64().unwrap()
    }

    /// A checkout ends without a payment; none where there is none, false where it is not open.
    pub fn expire(&mut self, session: &str) -> Option<bool> {
        if self.objects.get(session)?["status"] != "open" {
            return Some(false);
        }
        self.set(session, "status", json!("expired"));
        self.set(session, "url", Value::Null);
        self.happened("checkout.session.expired", session);
        Some(true)
    }

    /// A period is over, and the next is paid for, or not.
    pub fn renew(&mut self, subscription: &str, paid: bool) {
        let amount = self.amount(subscription);
        let invoice = self.invoice(subscription, amount, paid);
        let until = self.now() + MONTH;
        self.objects.get_mut(subscription).unwrap()["items"]["data"][0]["current_period_end"] =
            json!(until);
        self.set(subscription, "status", json!(if paid { "active" } else { "past_due" }));
        self.happened("customer.subscription.updated", subscription);
        self.happened(if paid { "invoice.paid" } else { "invoice.payment_failed" }, &invoice);
    }

    /// What was owed is paid.
    pub fn recover(&mut self, subscription: &str) {
        let owed = self.all("invoice").into_iter().filter(|invoice| {
            invoice["status"] == "open"
                && invoice["parent"]["subscription_details"]["subscription"] == subscription
        });
        for invoice in owed.collect::<Vec<_>>() {
            let id = invoice["id"].as_str().unwrap();
            self.set(id, "status", json!("paid"));
            self.set(id, "amount_paid", invoice["amount_due"].clone());
            self.happened("invoice.paid", id);
        }
        self.set(subscription, "status", json!("active"));
        self.happened("customer.subscription.updated", subscription);
    }

    /// It is over.
    pub fn cancel(&mut self, subscription: &str) {
        self.set(subscription, "status", json!("canceled"));
        let now = self.now();
        self.set(subscription, "ended_at", json!(now));
        self.happened("customer.subscription.deleted", subscription);
    }

    /// A bank takes a payment back, or gives it again.
    pub fn dispute(&mut self, payment: &str) -> String {
        let charge =
            self.all("charge").into_iter().find(|one| one["payment_intent"] == payment).unwrap();
        let said = json!({ "status": "needs_response", "amount": charge["amount"], "currency": charge["currency"],
            "charge": charge["id"], "payment_intent": payment });
        let dispute = self.make("dp", "dispute", said);
        self.happened("charge.dispute.created", &dispute);
        dispute
    }

    /// The bank has thought otherwise.
    pub fn win(&mut self, dispute: &str) {
        self.set(dispute, "status", json!("won"));
        self.happened("charge.dispute.closed", dispute);
    }

    /// What is free of charge ends in three days.
    pub fn trial_ends_soon(&mut self, subscription: &str) {
        let at = self.now() + 3 * 24 * 3600;
        self.set(subscription, "trial_end", json!(at));
        self.objects.get_mut(subscription).unwrap()["items"]["data"][0]["current_period_end"] =
            json!(at);
        self.happened("customer.subscription.trial_will_end", subscription);
    }
}

impl Stripe {
    /// The last checkout that was begun.
    pub fn last_session(&self) -> String {
        self.all("checkout.session").last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The last subscription that was.
    pub fn last_subscription(&self) -> String {
        self.all("subscription").last().unwrap()["id"].as_str().unwrap().to_owned()
    }
}

impl World {
    /// Somebody has begun to become a member: a customer, and a checkout that is open. Gives the customer.
    pub fn enrol(&mut self, account: &str, checkout: &str, price: &str) -> String {
        let customer = self.make("cus", "customer", json!({ "metadata": { "account": account } }));
        let expires_at = (self.now() + 3600).to_string();
        let form = [
            ("mode", "subscription"),
            ("customer", &customer),
            ("client_reference_id", checkout),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            ("expires_at", &expires_at),
            ("subscription_data[metadata][account]", account),
            ("subscription_data[metadata][checkout]", checkout),
        ];
        self.begin(&form);
        customer
    }

    /// Somebody has begun to buy.
    pub fn sell(&mut self, checkout: &str, amount: i64) {
        let (expires_at, amount) = ((self.now() + 3600).to_string(), amount.to_string());
        self.begin(&[
            ("mode", "payment"),
            ("client_reference_id", checkout),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][quantity]", "1"),
            ("expires_at", &expires_at),
        ]);
    }

    /// All objects of a kind, in the order they were made.
    pub fn list_of(&self, kind: &str) -> Vec<Value> {
        self.all(kind)
    }

    /// A subscription ends with what is paid for, or does not.
    pub fn ends(&mut self, subscription: &str, ends: bool) {
        self.set(subscription, "cancel_at_period_end", json!(ends));
        self.happened("customer.subscription.updated", subscription);
    }

    /// Somebody gets all that they paid for an order back.
    pub fn give_back(&mut self, chance: u64) {
        let orders = self.all("checkout.session").into_iter().filter(|one| {
            one["mode"] == "payment" && one["status"] == "complete" && one["refunded"].is_null()
        });
        let orders: Vec<Value> = orders.collect();
        if orders.is_empty() {
            return self.murmur();
        }
        let order = &orders[usize::try_from(chance % orders.len() as u64).unwrap()];
        let payment = order["payment_intent"].as_str().unwrap().to_owned();
        self.set(order["id"].as_str().unwrap(), "refunded", json!(true));
        assert!(self.refund_by_hand(&[("payment_intent".to_owned(), payment)].into()));
    }
}

impl World {
    /// Somebody pays in a way that takes days.
    pub fn promise(&mut self, session: &str) {
        self.set(session, "status", json!("complete"));
        self.set(session, "url", Value::Null);
        self.name_buyer(session);
        self.happened("checkout.session.completed", session);
    }

    /// It has arrived.
    pub fn keep_promise(&mut self, session: &str) {
        self.bought(session);
        self.happened("checkout.session.async_payment_succeeded", session);
    }

    /// Nothing has come of it.
    pub fn break_promise(&mut self, session: &str) {
        self.happened("checkout.session.async_payment_failed", session);
    }

    /// Money that went back comes again.
    pub fn fail_refund(&mut self, refund: &str) {
        self.set(refund, "status", json!("failed"));
        let (charge, amount) =
            (self.objects[refund]["charge"].clone(), &self.objects[refund]["amount"]);
        let charge = charge.as_str().unwrap();
        let back =
            self.objects[charge]["amount_refunded"].as_i64().unwrap() - amount.as_i64().unwrap();
        self.set(charge, "amount_refunded", json!(back));
        self.happened("refund.failed", refund);
    }
}
