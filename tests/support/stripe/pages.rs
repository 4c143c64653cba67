//! The pages on which visitors pay, and look after their payments, without a script.

use super::{Fields, Reply, World};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use templates::format;

const LOOKS: &str = "body{margin:2rem auto;padding:0 1rem;max-width:30rem;font:1.1rem/1.6 sans-serif;color:#1a1f36;background:#fff}\
    button{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0}";

impl World {
    /// A page, or what its form does.
    pub fn page(&mut self, is_post: bool, path: &str, form: &Fields) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let ["pay" | "portal", id] = parts[..] else { return nothing() };
        let Some(known) = self.objects.get(id).cloned() else { return nothing() };
        if parts[0] == "portal" {
            let back = html! { p { a href=(place(&known, "return_url")) { "Back" } } };
            return page(200, "Your payments", back);
        }
        if known["status"] != "open" {
            let back = html! { p { a href=(place(&known, "cancel_url")) { "Back" } } };
            return page(410, "This page is over", back);
        }
        match form.get("do").map(String::as_str) {
            _ if !is_post => self.till(&known, false),
            Some("pay") => {
                self.pay(id);
                Reply::SeeOther(place(&known, "success_url"))
            }
            Some("promise") if known["mode"] == "payment" => {
                self.promise(id);
                Reply::SeeOther(place(&known, "success_url"))
            }
            _ => self.till(&known, true),
        }
    }

    /// What is to be paid, and the ways to.
    fn till(&self, session: &Value, was_declined: bool) -> Reply {
        let currency = session["currency"].as_str().unwrap_or_default();
        let sum = |amount: &Value| format::money(amount.as_i64().unwrap_or_default(), currency);
        let main = html! {
            @if was_declined { p role="alert" { strong { "Your card was declined." } } }
            ul {
                @for line in session["kept"]["lines"].as_array().into_iter().flatten() {
                    li { (line["quantity"]) " × " (self.called(session, line)) ", " (sum(&line["amount"])) " each" }
                }
            }
            form method="post" {
                button name="do" value="pay" { "Pay" }
                button name="do" value="fail" { "Pay with a bad card" }
                @if session["mode"] == "payment" {
                    button name="do" value="promise" { "Pay in a way that takes days" }
                }
            }
            p { a href=(place(session, "cancel_url")) { "Back" } }
        };
        let title = format!("Pay {}", sum(&session["amount_total"]));
        page(if was_declined { 402 } else { 200 }, &title, main)
    }

    /// What a line of it is called: that was said with it, or it is a price of a product.
    fn called(&self, session: &Value, line: &Value) -> String {
        let of_price = || {
            let price = self.objects.get(session["kept"]["price"].as_str()?)?;
            self.objects.get(price["product"].as_str()?)?["name"].as_str()
        };
        line["name"].as_str().or_else(of_price).unwrap_or_default().to_owned()
    }
}

/// Where somebody goes from here.
fn place(object: &Value, name: &str) -> String {
    let id = object["id"].as_str().unwrap_or_default();
    object[name].as_str().unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", id)
}

fn nothing() -> Reply {
    page(404, "Nothing here", html! {})
}

fn page(status: u16, title: &str, main: Markup) -> Reply {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // A browser would ask for one.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(LOOKS)) }
            }
            body {
                p { "This is not Stripe, and no money moves." }
                h1 { (title) }
                (main)
            }
        }
    };
    Reply::Page(status, page.into_string())
}
