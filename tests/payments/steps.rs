//! Wherever the way to a checkout breaks off, there is one checkout, and it is gone on with.

use super::super::mail::work;
use super::super::support::stripe::Fault;
use super::{bob, choose, price, with_stripe};
use futures_util::future::join_all;

#[test]
fn whatever_is_lost_on_the_way_is_asked_for_again_and_had_once() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        // The first time no customer comes back, though there is one; then no checkout does.
        stripe.will_fail(&[Fault::LoseAnswer]);
        assert_eq!(choose(app, &bob, "monthly").await.status, 503);
        stripe.will_fail(&[Fault::Refuse(429)]);
        assert_eq!(choose(app, &bob, "monthly").await.status, 503);
        // Once the customer is known, the checkout is asked for: that answer is lost.
        let mut tries = 0;
        while app.ask("select count(*) from stripe_customers").await == ["0"] {
            stripe.will_fail(&[]);
            app.psql("update outbox set due_at = now() where state = 'waiting'").await;
            stripe.will_fail(&[]);
            work(app).await;
            tries += 1;
            assert!(tries < 5);
        }
        let answer = choose(app, &bob, "monthly").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!((stripe.all("customer").len(), stripe.all("checkout.session").len()), (1, 1));
        let states = "select distinct state from stripe_calls";
        assert_eq!(app.ask(states).await, ["answered"]);
        assert_eq!(app.ask("select count(*) from stripe_calls where body <> ''").await, ["0"]);
    });
}

#[test]
fn a_checkout_whose_beginner_died_is_seen_through_by_a_job() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        stripe.will_fail(&[Fault::Refuse(500)]);
        assert_eq!(choose(app, &bob, "monthly").await.status, 503);
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        assert_eq!(app.ask("select state from checkouts").await, ["open"]);
        // Bob comes again, and goes on with the same.
        let answer = choose(app, &bob, "monthly").await;
        let session = stripe.last_session();
        assert_eq!(answer.location, format!("{}/pay/{session}", stripe.origin));
        assert_eq!(stripe.all("checkout.session").len(), 1);
    });
}

#[test]
fn whoever_presses_twenty_times_at_once_has_one_checkout() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        let fields = [("price", price(app, "monthly").await)];
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let presses = (0..20).map(|_| bob.post("/membership", &fields));
        let answers = join_all(presses).await;
        let there = answers.iter().filter(|answer| answer.status == 303);
        let places: std::collections::BTreeSet<&str> =
            there.map(|answer| answer.location.as_str()).collect();
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!((stripe.all("customer").len(), stripe.all("checkout.session").len()), (1, 1));
    });
}

#[test]
fn whoever_chooses_otherwise_can_pay_for_that_alone() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        choose(app, &bob, "monthly").await;
        let first = stripe.last_session();
        let answer = choose(app, &bob, "yearly").await;
        let second = stripe.last_session();
        assert_eq!(answer.location, format!("{}/pay/{second}", stripe.origin), "{}", answer.body);
        assert_eq!(stripe.get(&first)["status"], "expired");
        // One that was paid for meanwhile is not paid for again: it is what they have.
        stripe.world().pay(&second);
        let answer = choose(app, &bob, "monthly").await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(stripe.all("checkout.session").len(), 2);
        assert_eq!(
            app.ask("select count(*) from subscriptions where status = 'active'").await,
            ["1"]
        );
    });
}

#[test]
fn what_stripe_refuses_is_said_and_begins_anew() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        app.psql(
            "update plan_prices set stripe_price = 'price_unheard_of' where period = 'monthly'",
        )
        .await;
        let answer = choose(app, &bob, "monthly").await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert!(!answer.body.contains("Lovelace"), "what Stripe says is about people");
        assert_eq!(app.ask("select state from checkouts").await, ["refused"]);
        assert_eq!(choose(app, &bob, "yearly").await.status, 303);
        assert_eq!(stripe.all("checkout.session").len(), 1);
    });
}
