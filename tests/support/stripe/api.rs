//! What can be asked below `/v1`.

use super::{Fields, Reply, World, error};
use actix_web::http::header::HeaderMap;
use serde_json::{Value, json};

/// No such thing.
fn unknown() -> Reply {
    error(404, "invalid_request_error", "resource_missing")
}

fn refused(code: &str) -> Reply {
    error(400, "invalid_request_error", code)
}

/// A whole number in a form.
fn number(form: &Fields, name: &str) -> Option<i64> {
    form.get(name).and_then(|text| text.parse().ok())
}

/// `metadata[…]`, below `prefix`.
fn metadata(form: &Fields, prefix: &str) -> Value {
    let pairs = form.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
        Some((name.to_owned(), json!(value)))
    });
    Value::Object(pairs.collect())
}

impl World {
    /// Does something, once for each key: the same comes back, and other words under the same key are refused.
    pub fn once(&mut self, headers: &HeaderMap, path: &str, body: &[u8], form: &Fields) -> Reply {
        let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
            return refused("idempotency_key_missing");
        };
        let print = format!("{path} {}", String::from_utf8_lossy(body));
        if let Some((known, status, said)) = self.keys.get(key) {
            return match *known == print {
                true => Reply::Json(*status, said.clone()),
                false => error(400, "idempotency_error", "idempotency_key_in_use"),
            };
        }
        let reply = self.change(path, form);
        if let Reply::Json(status, said) = &reply {
            self.keys.insert(key.to_owned(), (print, *status, said.clone()));
        }
        reply
    }

    /// Begins a checkout as we would.
    pub(super) fn begin(&mut self, form: &[(&str, &str)]) {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert!(matches!(self.session(&form.collect()), Reply::Json(200, _)));
    }

    fn made(&self, id: &str) -> Reply {
        Reply::Json(200, self.objects[id].clone())
    }

    fn change(&mut self, path: &str, form: &Fields) -> Reply {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["customers"] => {
                let said = json!({ "email": form.get("email"), "name": form.get("name"), "metadata": metadata(form, "metadata") });
                let id = self.make("cus", "customer", said);
                self.made(&id)
            }
            ["products"] => {
                let said = json!({ "name": form.get("name"), "active": true, "metadata": metadata(form, "metadata") });
                let id = self.make("prod", "product", said);
                self.made(&id)
            }
            ["prices"] => self.price(form),
            ["products" | "prices", id] => {
                let Some(active) = form.get("active").filter(|_| self.objects.contains_key(id))
                else {
                    return unknown();
                };
                self.set(id, "active", json!(active == "true"));
                self.made(id)
            }
            ["coupons"] => {
                let said = json!({ "percent_off": form.get("percent_off").map(|text| text.parse::<f64>().unwrap()), "duration": form.get("duration"), "redeem_by": number(form, "redeem_by") });
                let id = self.make("coupon", "coupon", said);
                self.made(&id)
            }
            ["checkout", "sessions"] => self.session(form),
            ["checkout", "sessions", id, "expire"] => match self.expire(id) {
                Some(true) => self.made(id),
                Some(false) => refused("session_not_open"),
                None => unknown(),
            },
            ["subscriptions", id] => {
                if self.objects.get(id).is_none_or(|known| known["status"] == "canceled") {
                    return unknown();
                }
                if let Some(ends) = form.get("cancel_at_period_end") {
                    self.set(id, "cancel_at_period_end", json!(ends == "true"));
                    self.happened("customer.subscription.updated", id);
                }
                self.made(id)
            }
            ["refunds"] => self.refund(form),
            ["billing_portal", "sessions"] => {
                let known = form.get("customer").is_some_and(|id| self.objects.contains_key(id));
                if !known {
                    return refused("resource_missing");
                }
                let said = json!({ "customer": form.get("customer"), "return_url": form.get("return_url") });
                let id = self.make("bps", "billing_portal.session", said);
                let url = format!("{}/portal/{id}", self.origin);
                self.set(&id, "url", json!(url));
                self.made(&id)
            }
            _ => unknown(),
        }
    }

    fn price(&mut self, form: &Fields) -> Reply {
        let product = form.get("product").filter(|id| self.objects.contains_key(*id)).cloned();
        let (Some(product), Some(amount)) = (product, number(form, "unit_amount")) else {
            return refused("parameter_missing");
        };
        let said = json!({ "product": product, "active": true, "unit_amount": amount, "currency": form.get("currency"),
            "recurring": { "interval": form.get("recurring[interval]") }, "metadata": metadata(form, "metadata") });
        let id = self.make("price", "price", said);
        self.made(&id)
    }

    fn session(&mut self, form: &Fields) -> Reply {
        let expires_at = number(form, "expires_at").unwrap_or_default();
        // As Stripe does: half an hour at least, a day at most. Clocks may differ a little.
        if !(30 * 60 - 60..=24 * 3600).contains(&(expires_at - self.now())) {
            return refused("expires_at");
        }
        let email = form.get("customer_email");
        if email.is_some_and(|email| !email.is_ascii() || !email.contains('.')) {
            return refused("email_invalid");
        }
        let (mut total, mut lines) = (0, Vec::new());
        for line in 0.. {
            let Some(quantity) = number(form, &format!("line_items[{line}][quantity]")) else {
                break;
            };
            let price = form.get(&format!("line_items[{line}][price]"));
            let amount = match price {
                Some(price) => match self.objects.get(price) {
                    Some(known) if self.is_offered(known) => known["unit_amount"].as_i64().unwrap(),
                    Some(_) => return refused("price_inactive"),
                    None => return refused("resource_missing"),
                },
                None => {
                    number(form, &format!("line_items[{line}][price_data][unit_amount]")).unwrap()
                }
            };
            total += amount * quantity;
            let called = form.get(&format!("line_items[{line}][price_data][product_data][name]"));
            lines.push(json!({ "quantity": quantity, "amount": amount, "name": called }));
        }
        if let Some(coupon) = form.get("discounts[0][coupon]") {
            let Some(known) = self.objects.get(coupon) else { return refused("resource_missing") };
            total -= (total as f64 * known["percent_off"].as_f64().unwrap() / 100.0).round() as i64;
        }
        let mode = form.get("mode").cloned().unwrap_or_default();
        if mode == "subscription"
            && !form.get("customer").is_some_and(|id| self.objects.contains_key(id))
        {
            return refused("resource_missing");
        }
        let price = form.get("line_items[0][price]");
        let currency = match price {
            Some(price) => self.objects[price]["currency"].clone(),
            None => json!(form.get("line_items[0][price_data][currency]")),
        };
        let said = json!({
            "mode": mode, "status": "open", "payment_status": "unpaid", "expires_at": expires_at,
            "amount_total": total, "currency": currency, "customer": form.get("customer"), "customer_email": email,
            "client_reference_id": form.get("client_reference_id"), "success_url": form.get("success_url"),
            "cancel_url": form.get("cancel_url"), "subscription": null, "payment_intent": null, "customer_details": null,
            "metadata": metadata(form, "metadata"),
            "kept": { "lines": lines, "price": price, "trial": number(form, "subscription_data[trial_period_days]").unwrap_or_default(),
                      "metadata": metadata(form, "subscription_data[metadata]"), "paid": total },
        });
        let id = self.make("cs_test", "checkout.session", said);
        let url = format!("{}/pay/{id}", self.origin);
        self.set(&id, "url", json!(url));
        self.made(&id)
    }

    /// Whether a price can be had: it and its product have to be active.
    fn is_offered(&self, price: &Value) -> bool {
        let product = price["product"].as_str().and_then(|id| self.objects.get(id));
        price["active"] == true && product.is_some_and(|product| product["active"] == true)
    }

    /// Somebody gives money back in the dashboard; says whether they could.
    pub fn refund_by_hand(&mut self, form: &Fields) -> bool {
        matches!(self.refund(form), Reply::Json(200, _))
    }

    fn refund(&mut self, form: &Fields) -> Reply {
        let Some(payment) = form.get("payment_intent").cloned() else {
            return refused("parameter_missing");
        };
        let charge = self
            .all("charge")
            .into_iter()
            .find(|charge| charge["payment_intent"] == json!(payment));
        let Some(charge) = charge else { return refused("resource_missing") };
        let is_disputed =
            |one: &Value| one["payment_intent"] == json!(payment) && one["status"] != "won";
        if self.all("dispute").iter().any(is_disputed) {
            return refused("charge_disputed");
        }
        let left = charge["amount"].as_i64().unwrap() - charge["amount_refunded"].as_i64().unwrap();
        let amount = number(form, "amount").unwrap_or(left);
        if amount > left || left == 0 {
            return refused("charge_already_refunded");
        }
        let charge_id = charge["id"].as_str().unwrap();
        let status = if self.refunds_wait { "pending" } else { "succeeded" };
        let said = json!({ "status": status, "amount": amount, "currency": charge["currency"], "charge": charge_id,
            "payment_intent": payment, "metadata": metadata(form, "metadata") });
        let id = self.make("re", "refund", said);
        let back = charge["amount_refunded"].as_i64().unwrap() + amount;
        self.set(charge_id, "amount_refunded", json!(back));
        self.happened("charge.refunded", charge_id);
        self.made(&id)
    }

    /// Looks at something.
    pub fn read(&self, path: &str, query: &Fields) -> Reply {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["events"] => self.list(self.events.clone(), query),
            ["checkout", "sessions"] => self.list(self.all("checkout.session"), query),
            ["subscriptions"] => self.list(self.all("subscription"), query),
            ["invoices"] => self.list(self.all("invoice"), query),
            ["refunds"] => self.list(self.all("refund"), query),
            ["disputes"] => self.list(self.all("dispute"), query),
            ["checkout", "sessions", id] | [_, id] => match self.objects.get(id) {
                Some(known) => Reply::Json(200, known.clone()),
                None => unknown(),
            },
            _ => unknown(),
        }
    }

    /// A part of a list, the last made first.
    fn list(&self, mut all: Vec<Value>, query: &Fields) -> Reply {
        all.reverse();
        let since = number(query, "created[gte]").unwrap_or(i64::MIN);
        all.retain(|one| one["created"].as_i64().unwrap() >= since);
        for member in ["charge", "customer", "payment_intent"] {
            if let Some(wanted) = query.get(member) {
                all.retain(|one| one[member] == json!(wanted));
            }
        }
        let begin = match query.get("starting_after") {
            Some(after) => match all.iter().position(|one| one["id"] == json!(after)) {
                Some(at) => at + 1,
                None => return refused("resource_missing"),
            },
            None => 0,
        };
        let limit = usize::try_from(number(query, "limit").unwrap_or(10)).unwrap();
        let part: Vec<Value> = all.iter().skip(begin).take(limit).cloned().collect();
        let has_more = begin + part.len() < all.len();
        Reply::Json(
            200,
            json!({ "object": "list", "data": part, "has_more": has_more, "url": "/v1" }),
        )
    }
}
