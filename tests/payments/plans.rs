//! What can be had, and what cannot any more, here as at Stripe.

use super::super::mail::work;
use super::super::support::TestApp;
use super::super::support::stripe::{Fault, Stripe};
use super::{becomes_a_member, bob, choose, cli, publish_for_friends, reads, with_stripe};

/// What can be had at Stripe, by what it costs; a product by its name.
fn offered(stripe: &Stripe) -> Vec<String> {
    let products = stripe.all("product").into_iter();
    let prices = stripe.all("price").into_iter();
    let mut offered: Vec<String> = products
        .chain(prices)
        .filter(|one| one["active"] == true)
        .map(|one| {
            one["name"].as_str().map_or_else(|| one["unit_amount"].to_string(), str::to_owned)
        })
        .collect();
    offered.sort();
    offered
}

/// Has the jobs that wait done now.
async fn later(app: &TestApp) {
    app.psql("update outbox set due_at = now() where state = 'waiting'").await;
    work(app).await;
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_plan_that_is_retired_can_be_had_no_more_at_stripe_and_whoever_has_it_keeps_it() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        assert_eq!(offered(stripe), ["900", "9000", "Friend"]);
        assert_eq!(cli(app, stripe, &["plan", "retire", "friend"]).code, 0);
        assert_eq!(offered(stripe), ["900", "9000", "Friend"], "nobody waits for Stripe");
        later(app).await;
        assert_eq!(offered(stripe), NOTHING);
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 0.\n");
        // Who has it pays on.
        let subscription = stripe.last_subscription();
        stripe.world().renew(&subscription, true);
        stripe.deliver(&app.eve()).await;
        work(app).await;
        assert!(reads(&bob).await);
        assert_eq!(app.ask("select count(*) from ledger where kind = 'charge'").await, ["2"]);

        assert_eq!(cli(app, stripe, &["plan", "offer", "friend"]).code, 0);
        // Whoever does not wait for the job says so; the job finds it done then.
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 3.\n");
        assert_eq!(offered(stripe), ["900", "9000", "Friend"]);
        let asked = stripe.all_posts();
        later(app).await;
        assert_eq!(stripe.all_posts(), asked);
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 0.\n");
    });
}

#[test]
fn of_two_prices_the_later_alone_can_be_had() {
    with_stripe(async |app, stripe| {
        let change = |amount: &'static str| {
            let price = ["plan", "price", "friend", "--period", "monthly", "--amount", amount];
            assert_eq!(cli(app, stripe, &price).code, 0);
        };
        change("1100");
        later(app).await;
        assert_eq!(offered(stripe), ["9000", "Friend"], "the new one is not known there yet");
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 1.\n");
        assert_eq!(offered(stripe), ["1100", "9000", "Friend"]);
        let bob = bob(app).await;
        super::super::cache::confirmed(app).await;
        assert_eq!(choose(app, &bob, "monthly").await.status, 303);
        // One that Stripe has never heard of need not be retired there.
        change("1200");
        change("1300");
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 2.\n");
        assert_eq!(offered(stripe), ["1300", "9000", "Friend"]);
        assert_eq!(stripe.all("price").len(), 4);
        later(app).await;
        assert_eq!(offered(stripe), ["1300", "9000", "Friend"]);
    });
}

#[test]
fn what_changes_while_stripe_is_away_is_so_in_the_end_as_it_was_said_last() {
    with_stripe(async |app, stripe| {
        for round in 0..3 {
            for command in ["retire", "offer", "retire"] {
                assert_eq!(cli(app, stripe, &["plan", command, "friend"]).code, 0);
            }
            // What was written down first waits; it is answered before anything else is asked.
            let waiting = "select count(*) from stripe_calls where state = 'frozen'";
            assert_eq!(app.ask(waiting).await, ["3"], "{round}");
            later(app).await;
            assert_eq!(offered(stripe), NOTHING, "{round}");
            for command in ["offer", "retire", "offer"] {
                assert_eq!(cli(app, stripe, &["plan", command, "friend"]).code, 0);
            }
            assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 3.\n", "{round}");
            assert_eq!(offered(stripe), ["900", "9000", "Friend"], "{round}");
        }
        for command in ["retire", "offer"] {
            assert_eq!(cli(app, stripe, &["plan", command, "friend"]).code, 0);
        }
        // What was on its way comes first, and is followed by what was decided since.
        for (now, expected) in [("first", &NOTHING[..]), ("then", &["900", "9000", "Friend"])] {
            later(app).await;
            assert_eq!(offered(stripe), expected, "{now}");
        }
        let open = "select count(*) from outbox where state = 'waiting' and kind = 'stripe-call'";
        assert_eq!(app.ask(open).await, ["0"]);
    });
}

#[test]
fn what_stripe_lets_nobody_have_is_not_begun() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        // In Stripe's dashboard: nothing is known of that here.
        let product = stripe.all("product")[0]["id"].as_str().unwrap().to_owned();
        stripe.world().archive(&product);
        let refused = choose(app, &bob, "monthly").await;
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert_eq!(app.ask("select state from checkouts").await, ["refused"]);
        let why = "select remark from stripe_calls where path = '/checkout/sessions'";
        assert_eq!(app.ask(why).await, ["Stripe refused it: invalid_request_error price_inactive"]);
        assert_eq!(stripe.all("checkout.session").len(), 0);
    });
}

#[test]
fn what_stripe_refuses_keeps_nothing_else_from_it() {
    with_stripe(async |app, stripe| {
        for (slug, name) in [("one", "One"), ("two", "Two")] {
            let add = ["plan", "add", "--slug", slug, "--name", name, "--monthly", "500"];
            assert_eq!(cli(app, stripe, &add).code, 0);
        }
        stripe.will_fail(&[Fault::Refuse(400)]);
        let id = app.ask("select id from plans where slug = 'one'").await.remove(0);
        let said = cli(app, stripe, &["stripe", "sync"]);
        assert_eq!((said.out, said.code), (format!("Told of 2.\nproduct:{id} was refused.\n"), 1));
        assert_eq!(offered(stripe), ["500", "900", "9000", "Friend", "Two"]);
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 2.\n");
        assert_eq!(offered(stripe), ["500", "500", "900", "9000", "Friend", "One", "Two"]);
    });
}
