//! The simulator of Stripe as a program of its own, to try payments without an account there and for the tests in a browser:
//! `cargo run --example stripe -- http://127.0.0.1:8080/api/webhooks/stripe`.
//!
//! The first line says, as JSON, what a site has to have set. Events go to the address that is named, in order, each until it is
//! taken; where none is named they wait. It forgets everything when it ends, which is when its stdin does. Each further line on stdin is a
//! command in JSON, answered by a line; what it is about is always the last of its kind:
//!
//!     {"to": "http://…"}      events go there from now on; null: they wait
//!     {"expire": true}        the checkout ends unpaid
//!     {"arrive": true}        the payment that takes days has come; false: nothing has come of it
//!     {"renew": true}         the subscription's next period is paid for; false: that has failed
//!     {"recover": true}       what was owed is paid
//!     {"cancel": true}        the subscription is over
//!     {"refund": 500}         so much of the charge is given back; null: all of it
//!     {"bounce": true}        what was given back comes again: nobody could take it
//!     {"dispute": true}       a bank takes the charge back; false: it is won
//!     {"refuse": 500}         the next request that changes something is refused with this status
//!     {"ask": "refund"}       all there is of a kind
//!     {"ask": "waiting"}      how many events were not taken yet

#[expect(dead_code, reason = "the Rust tests use more of it")]
#[path = "mod.rs"]
mod stripe;

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stripe::{Fault, SECRET, Stripe, World, signature};

fn main() {
    // Another name than sites on this machine mostly have: to browsers it is another site, as the real one is.
    let stripe = Stripe::start_at("127.0.0.1:0", "localhost").expect("a free port");
    println!("{}", Value::from_iter(stripe.settings()));
    let postman = Postman { to: Mutex::new(std::env::args().nth(1)), bag: Mutex::default() };
    let postman = Arc::new(postman);
    let (sender, round) = (stripe.clone(), Arc::clone(&postman));
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async { round.walk(&sender).await });
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let answer = serde_json::from_str(&line).map_err(|error| error.to_string());
        let answer = answer.and_then(|command: Value| obey(&stripe, &postman, &command));
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": error })));
    }
}

/// Who brings the events.
struct Postman {
    /// Where to.
    to: Mutex<Option<String>>,
    /// What has not been taken yet.
    bag: Mutex<VecDeque<Value>>,
}

impl Postman {
    async fn walk(&self, stripe: &Stripe) {
        let client = reqwest::Client::new();
        loop {
            let next = {
                let mut bag = self.bag.lock().unwrap();
                bag.extend(stripe.news());
                bag.front().cloned()
            };
            let to = self.to.lock().unwrap().clone();
            let was_taken = match (to, next) {
                (Some(to), Some(event)) => deliver(&client, stripe, &to, &event).await,
                _ => false,
            };
            match was_taken {
                true => drop(self.bag.lock().unwrap().pop_front()),
                false => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Brings an event; says whether it was taken.
async fn deliver(client: &reqwest::Client, stripe: &Stripe, to: &str, event: &Value) -> bool {
    let body = event.to_string();
    let signature = signature(SECRET, stripe.world().now(), body.as_bytes());
    let sent = client
        .post(to)
        .timeout(Duration::from_secs(10))
        .header("content-type", "application/json")
        .header("stripe-signature", signature)
        .body(body);
    sent.send().await.is_ok_and(|answer| answer.status().is_success())
}

/// Does what a line says.
fn obey(stripe: &Stripe, postman: &Postman, command: &Value) -> Result<Value, String> {
    let (name, value) = command
        .as_object()
        .filter(|object| object.len() == 1)
        .and_then(|object| object.iter().next())
        .ok_or("a command is an object with one member")?;
    match (name.as_str(), value) {
        ("to", to) => *postman.to.lock().unwrap() = to.as_str().map(str::to_owned),
        ("ask", Value::String(what)) if what == "waiting" => {
            let mut bag = postman.bag.lock().unwrap();
            bag.extend(stripe.news());
            return Ok(bag.len().into());
        }
        ("ask", Value::String(kind)) => return Ok(stripe.all(kind).into()),
        ("refuse", status) => {
            let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
            stripe.will_fail(&[Fault::Refuse(status.ok_or("that is no status")?)]);
        }
        _ => happen(&mut stripe.world(), name, value)?,
    }
    Ok(json!({}))
}

/// Has something happen at Stripe.
fn happen(world: &mut World, name: &str, value: &Value) -> Result<(), String> {
    let does = value.as_bool().unwrap_or_default();
    match name {
        "expire" => {
            if world.expire(&last(world, "checkout.session")?) != Some(true) {
                return Err("it is not open".to_owned());
            }
        }
        "arrive" if does => world.keep_promise(&last(world, "checkout.session")?),
        "arrive" => world.break_promise(&last(world, "checkout.session")?),
        "renew" => world.renew(&last(world, "subscription")?, does),
        "recover" => world.recover(&last(world, "subscription")?),
        "cancel" => world.cancel(&last(world, "subscription")?),
        "refund" => {
            let payment = ("payment_intent".to_owned(), last_payment(world)?);
            let amount = value.as_u64().map(|amount| ("amount".to_owned(), amount.to_string()));
            if !world.refund_by_hand(&[payment].into_iter().chain(amount).collect()) {
                return Err("so much cannot be given back".to_owned());
            }
        }
        "bounce" => world.fail_refund(&last(world, "refund")?),
        "dispute" if does => drop(world.dispute(&last_payment(world)?)),
        "dispute" => world.win(&last(world, "dispute")?),
        _ => return Err(format!("there is no command {name:?}")),
    }
    Ok(())
}

/// The last object of a kind.
fn last(world: &World, kind: &str) -> Result<String, String> {
    let all = world.list_of(kind);
    let last = all.last().ok_or_else(|| format!("there is no {kind} yet"))?;
    Ok(last["id"].as_str().unwrap_or_default().to_owned())
}

/// The last payment that has gone through.
fn last_payment(world: &World) -> Result<String, String> {
    let all = world.list_of("charge");
    let last = all.last().ok_or("nothing was paid yet")?;
    Ok(last["payment_intent"].as_str().unwrap_or_default().to_owned())
}
