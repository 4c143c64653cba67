//! The server is killed on the way through a checkout, wherever that may be: there is one session at most for an order or a plan,
//! and every checkout comes to its end within a minute.
//!
//! Three moments are made sure of: Stripe has not done yet what it was asked, has done it and not said so, has just been asked.
//! The others are met by chance: later each time, from when the form was sent. `PROOF_TRIES=500` leaves the pauses between tries
//! as they are, so that the minute is a real one.

use super::super::proofs::tries;
use super::super::shop::{ANN, add, place, with_shop};
use super::super::support::stripe::{Fault, Stripe};
use super::super::support::{Person, Process, TestApp, free_address};
use super::{bob, cli, price};
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

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a form, and kills the server at the moment of this number.
    async fn killed(&self, server: Process, who: &Person<'_>, form: &Form<'_>, moment: u64) {
        let request = who.request(Method::POST, form.path).form(form.fields);
        let request = request.header("origin", self.origin());
        let sent = who.try_send(request.header("sec-fetch-site", "same-origin"));
        let asked_before = self.stripe.all_posts();
        if moment < 2 {
            self.stripe.will_fail(&[Fault::Hang { done: moment == 1 }]);
        }
        let moment_comes = async {
            match moment {
                0..3 => {
                    while self.stripe.all_posts() == asked_before {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
                later => sleep(Duration::from_millis((later - 3) * 4)).await,
            }
        };
        let mut sent = std::pin::pin!(sent);
        tokio::select! {
            biased;
            () = moment_comes => {}
            answer = &mut sent => {
                let answer = answer.expect("an answer, as nothing has been killed yet");
                assert!(answer.status == 303 && moment > 1, "{moment}: {} {}", answer.status, answer.body);
            }
        }
        server.signal("KILL");
        server.end();
        // As browsers do, whoever was connected hears that it has ended before they come again.
        sleep(Duration::from_millis(50)).await;
    }

    /// Waits until a query says so, a minute at most.
    async fn comes_to(&self, sql: &str, wanted: &str) {
        let began = self.app.state.clock.moment();
        loop {
            if tries() < 500 {
                // Nobody waits for the pauses between tries.
                self.app.psql("update outbox set due_at = now() where state = 'waiting' and lease is null").await;
            }
            let said = self.app.ask(sql).await.join("|");
            if said == wanted {
                return;
            }
            let since = self.app.state.clock.moment().since(began);
            assert!(since < Duration::from_secs(60), "{sql}: {said} instead of {wanted}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has each checkout come to its end: paid for, or run out.
    async fn settle(&self, pays: bool) {
        for session in self.stripe.all("checkout.session") {
            if session["status"] == "open" {
                let id = session["id"].as_str().unwrap();
                match pays {
                    true => self.stripe.world().pay(id),
                    false => assert!(self.stripe.world().expire(id).is_some()),
                }
            }
        }
        self.stripe.deliver(&self.app.eve()).await;
        self.comes_to("select count(*) from checkouts where state in ('begun', 'open')", "0").await;
        self.comes_to(
            "select count(*) from orders where status in ('open', 'pending-payment')",
            "0",
        )
        .await;
    }
}

/// What is sent.
struct Form<'a> {
    path: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

const UNBEGUN: &str = "select count(*) from checkouts where state = 'begun'";

/// One session at most for a checkout of ours, and none is left open.
async fn once_each(app: &TestApp, stripe: &Stripe) {
    let sessions = stripe.all("checkout.session");
    let mut ours: Vec<String> =
        sessions.iter().map(|session| session["client_reference_id"].to_string()).collect();
    ours.sort();
    ours.dedup();
    assert_eq!(ours.len(), sessions.len());
    let known = app.ask("select count(*) from checkouts where session is not null").await;
    assert_eq!(known, [sessions.len().to_string()]);
}

fn is_any_open(stripe: &Stripe) -> bool {
    stripe.all("checkout.session").iter().any(|session| session["status"] == "open")
}

#[test]
fn wherever_the_server_is_killed_there_is_one_session_and_every_order_ends() {
    with_shop(async |app, stripe| {
        let site = Site { app, stripe, address: free_address() };
        let origin = site.origin();
        let mut server = site.start();
        for moment in 0..14 {
            let buyer = Person::visiting(&origin).coming_from(&format!("10.9.0.{moment}"));
            add(&buyer, "poster", 1).await;
            let form = Form { path: "/cart/checkout", fields: &ANN };
            site.killed(server, &buyer, &form, moment).await;
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
            once_each(app, stripe).await;
            site.settle(moment % 3 == 0).await;
        }
        let sold: usize =
            app.ask("select sold from products where slug = 'poster'").await[0].parse().unwrap();
        let paid: usize =
            app.ask("select count(*) from orders where status = 'paid'").await[0].parse().unwrap();
        assert!(sold == paid && paid >= 3, "{sold} {paid}");
        assert_eq!(app.ask("select count(*) from holds where expires_at > now()").await, ["0"]);
        assert!(!is_any_open(stripe));
    });
}

#[test]
fn wherever_the_server_is_killed_there_is_one_session_and_whoever_pays_is_a_member() {
    with_shop(async |app, stripe| {
        let plan = ["plan", "add", "--slug", "friend", "--name", "Friend", "--monthly", "900"];
        assert_eq!(cli(app, stripe, &plan).code, 0);
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).code, 0);
        let site = Site { app, stripe, address: free_address() };
        let origin = site.origin();
        let (bob, price) = (bob(app).await, price(app, "monthly").await);
        let bob = bob.at_origin(&origin).asking_for(&origin);
        let fields = [("price", price.as_str())];
        let form = Form { path: "/membership", fields: &fields };
        let mut server = site.start();
        for moment in 0..14 {
            let bob = bob.coming_from(&format!("10.9.1.{moment}"));
            site.killed(server, &bob, &form, moment).await;
            server = site.start();
            if moment % 2 == 0 {
                let again = bob.post("/membership", &fields).await;
                assert_eq!(again.status, 303, "{moment}: {}", again.body);
            }
            site.comes_to(UNBEGUN, "0").await;
            once_each(app, stripe).await;
            assert_eq!(stripe.all("customer").len(), 1, "{moment}");
            // The last one is paid for: whoever is a member begins no other.
            site.settle(moment == 13).await;
        }
        if stripe.all("subscription").is_empty() {
            // The last kill came before anything was written.
            assert_eq!(bob.post("/membership", &fields).await.status, 303);
            site.settle(true).await;
        }
        let members = "select count(*) from subscriptions where status = 'active'";
        assert_eq!(app.ask(members).await, ["1"]);
        assert_eq!(stripe.all("subscription").len(), 1);
        assert!(!is_any_open(stripe));
        server.signal("KILL");
        server.end();
    });
}
