//! The server is killed on the way through a checkout, wherever that may be: there is one session at most for an order, and every
//! order comes to its end.
//!
//! Four moments are made sure of: Stripe has not done yet what it was asked, has done it and not said so, has been paid and nobody has
//! come back, has been told that it is over. The others are met by chance: later each time, from when the form was sent.

use super::super::support::stripe::{Fault, Stripe};
use super::super::support::{Person, Process, TestApp, free_address};
use super::{ANN, add, place, with_shop};
use reqwest::Method;
use std::time::Duration;
use tokio::time::sleep;

/// A site with a server that can be killed.
struct Site<'a> {
    app: &'a TestApp,
    stripe: &'a Stripe,
    address: String,
}

impl Site<'_> {
    /// Starts the server, again at the same place.
    fn start(&self) -> Process {
        let settings = self.stripe.settings();
        let own = [
            ("DATABASE_URL", self.app.database_url.as_str()),
            ("LISTEN", self.address.as_str()),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let mut process = Process::serve(&[&own[..], &settings].concat());
        process.origin();
        process
    }

    /// Sends the order, and kills the server at a moment of which `when` is the end.
    async fn killed(&self, server: Process, buyer: &Person<'_>, when: impl AsyncFnOnce()) {
        let request = buyer.request(Method::POST, "/cart/checkout").form(&ANN);
        let origin = format!("http://{}", self.address);
        let request = request.header("origin", origin).header("sec-fetch-site", "same-origin");
        let sent = buyer.try_send(request);
        let kill = async {
            when().await;
            server.signal("KILL");
            server.end();
        };
        drop(futures_util::future::join(sent, kill).await);
    }

    /// Nobody waits for the pauses between tries.
    async fn hurry(&self) {
        self.app
            .psql("update outbox set due_at = now() where state = 'waiting' and lease is null")
            .await;
    }

    /// Waits until a query says so, a minute at most.
    async fn comes_to(&self, sql: &str, wanted: &str) {
        let began = self.app.state.clock.moment();
        loop {
            self.hurry().await;
            let said = self.app.ask(sql).await.join("|");
            if said == wanted {
                return;
            }
            let since = self.app.state.clock.moment().since(began);
            assert!(since < Duration::from_secs(60), "{sql}: {said} instead of {wanted}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

const UNBEGUN: &str = "select count(*) from checkouts where state = 'begun'";
const WAITING: &str = "select count(*) from orders where status in ('open', 'pending-payment')";

/// Has each order come to its end: every other is paid for, the rest run out.
async fn settle(site: &Site<'_>, stripe: &Stripe, pays: bool) {
    for session in stripe.all("checkout.session") {
        if session["status"] == "open" {
            let id = session["id"].as_str().unwrap();
            match pays {
                true => stripe.world().pay(id),
                false => assert!(stripe.world().expire(id).is_some()),
            }
        }
    }
    stripe.deliver(&site.app.eve()).await;
    site.comes_to(WAITING, "0").await;
}

/// One session at most for an order.
fn once_each(stripe: &Stripe) {
    let mut orders: Vec<String> = stripe
        .all("checkout.session")
        .iter()
        .map(|session| session["metadata"]["order"].to_string())
        .collect();
    let all = orders.len();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), all);
}

#[test]
fn wherever_the_server_is_killed_there_is_one_session_and_every_order_ends() {
    with_shop(async |app, stripe| {
        let site = Site { app, stripe, address: free_address() };
        let origin = format!("http://{}", site.address);
        let mut server = site.start();
        for moment in 0..14_u64 {
            let buyer = Person::visiting(&origin).coming_from(&format!("10.9.0.{moment}"));
            add(&buyer, "poster", 1).await;
            let before = stripe.posts("checkout/sessions");
            let asked = async || {
                while stripe.posts("checkout/sessions") == before {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            match moment {
                0 | 1 => {
                    stripe.will_fail(&[Fault::Hang { done: moment == 1 }]);
                    site.killed(server, &buyer, asked).await;
                }
                // As soon as Stripe has heard of it, and at this or that moment before and after.
                2 => site.killed(server, &buyer, asked).await,
                moment => {
                    site.killed(server, &buyer, async || {
                        sleep(Duration::from_millis((moment - 3) * 4)).await
                    })
                    .await
                }
            }
            server = site.start();
            if moment % 2 == 0 {
                // They come again, and go on with the same.
                let again = buyer.post("/cart/checkout", &ANN).await;
                assert_eq!(again.status, 303, "{moment}: {}", again.body);
                let session = again.location.rsplit('/').next().unwrap().to_owned();
                let page = buyer.get(&place(stripe, &session)).await;
                assert!(page.body.contains("waits for your payment"), "{}", page.body);
            }
            site.comes_to(UNBEGUN, "0").await;
            once_each(stripe);
            settle(&site, stripe, moment % 3 == 0).await;
        }
        let sold: usize =
            app.ask("select sold from products where slug = 'poster'").await[0].parse().unwrap();
        let paid: usize =
            app.ask("select count(*) from orders where status = 'paid'").await[0].parse().unwrap();
        assert!(sold == paid && paid >= 3, "{sold} {paid}");
        assert_eq!(app.ask("select count(*) from holds where expires_at > now()").await, ["0"]);
        let open = stripe
            .all("checkout.session")
            .iter()
            .filter(|session| session["status"] == "open")
            .count();
        assert_eq!(open, 0);
    });
}
