//! The pages on which visitors pay, without a script.

use super::{Fields, Reply, World};

impl World {
    /// A page, or what its form does.
    pub fn page(&mut self, is_post: bool, path: &str, form: &Fields) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let ["pay" | "portal", id] = parts[..] else {
            return Reply::Page(404, "<!doctype html><title>Nothing here</title>".into());
        };
        let Some(known) = self.objects.get(id).cloned() else {
            return Reply::Page(404, "<!doctype html><title>Nothing here</title>".into());
        };
        let place = |name: &str| {
            known[name].as_str().unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", id)
        };
        if parts[0] == "portal" {
            let back = place("return_url");
            return Reply::Page(
                200,
                format!(
                    "<!doctype html><html lang=en><title>Your payments</title><h1>Your payments</h1><a href=\"{back}\">Back</a></html>"
                ),
            );
        }
        if known["status"] != "open" {
            return Reply::Page(
                410,
                "<!doctype html><html lang=en><title>Over</title><h1>This page is over</h1></html>"
                    .into(),
            );
        }
        if is_post {
            return match form.get("do").map(String::as_str) {
                Some("pay") => {
                    self.pay(id);
                    Reply::SeeOther(place("success_url"))
                }
                _ => Reply::Page(402, "<!doctype html><html lang=en><title>Declined</title><h1>Your card was declined</h1></html>".into()),
            };
        }
        let (amount, currency, cancel) =
            (&known["amount_total"], &known["currency"], place("cancel_url"));
        Reply::Page(
            200,
            format!(
                "<!doctype html><html lang=en><title>Pay</title><h1>Pay {amount} {currency}</h1>\
                 <form method=post><button name=do value=pay>Pay</button> <button name=do value=fail>Pay with a bad card</button></form>\
                 <a href=\"{cancel}\">Back</a></html>"
            ),
        )
    }
}
