//! Membership, from choosing a plan to the end of it.

use super::super::accounts::BOB;
use super::super::cache::confirmed;
use super::super::mail::work;
use super::super::support::{Shell, with_app};
use super::{at_stripe, becomes_a_member, bob, choose, cli, mirrored, price, publish_for_friends};
use super::{reads, with_stripe};

#[test]
fn whoever_pays_reads_on_at_once_though_no_event_has_come_and_events_change_nothing_then() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let (bob, eve) = (bob(app).await, app.eve());
        let page = eve.get("/membership").await;
        page.is_page(200);
        assert!(page.body.contains(">EUR 9.00 a month</button>"), "{}", page.body);
        for policy in [&page, &bob.get("/membership").await, &eve.get("/membership").await] {
            let policy = policy.header("content-security-policy");
            assert!(policy.contains(&format!("form-action 'self' {};", stripe.origin)), "{policy}");
        }
        assert!(!reads(&bob).await && !reads(&eve).await);
        assert!(eve.get("/posts/for-friends").await.body.contains("href=\"/membership\""));
        // Whoever has not signed in does that first, and then presses again.
        let asked = choose(app, &eve, "monthly").await;
        let next = format!("%2Fmembership%3Fprice%3D{}", price(app, "monthly").await);
        assert_eq!((asked.status, asked.location), (303, format!("/sign-in?next={next}")));

        let thanks = becomes_a_member(app, stripe, &bob).await;
        assert!(thanks.body.contains("Welcome! You are a member"), "{}", thanks.body);
        assert!(reads(&bob).await && !reads(&eve).await);
        assert_eq!(mirrored(app).await, at_stripe(stripe));
        work(app).await;
        for _ in 0..2 {
            let events = stripe.world().now(); // the events are brought late, and again
            assert!(events > 0);
            stripe.deliver(&app.eve()).await;
            work(app).await;
        }
        assert_eq!(app.ask("select distinct state from inbox").await, ["done"]);
        assert_eq!(app.ask("select concat_ws(' ', kind, about) from ledger").await.len(), 1);
        let effects = "select kind from stripe_effects order by kind";
        assert_eq!(app.ask(effects).await, ["begun", "booked"]);
        let mails = "select job ->> 'mail' from outbox where cause like 'stripe:%'";
        assert_eq!(app.ask(mails).await, ["membership-begun"]);
        // A second membership is none that anybody wants.
        let again = choose(app, &bob, "yearly").await;
        assert!(
            again.status == 422 && again.body.contains("have a membership already"),
            "{}",
            again.body
        );
        assert_eq!(stripe.all("customer").len(), 1);
        // What is another's is not found.
        let session = stripe.last_session();
        let ada = app.ada().await;
        assert_eq!(ada.get(&format!("/membership/thanks?session_id={session}")).await.status, 404);
        // Whoever has begun, and comes here by themselves, has paid nothing.
        assert_eq!(choose(app, &ada, "monthly").await.status, 303);
        let thanks = ada.get("/membership/thanks").await.body;
        assert!(thanks.contains("Nothing was paid"), "{thanks}");
    });
}

#[test]
fn an_event_opens_what_is_for_members_too_in_whatever_order_they_come() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        assert_eq!(choose(app, &bob, "yearly").await.status, 303);
        let session = stripe.last_session();
        stripe.world().pay(&session);
        let mut events = stripe.news();
        events.reverse();
        let eve = app.eve();
        for event in &events {
            let sealed = stripe.sealed(event, super::super::support::stripe::SECRET);
            assert_eq!(sealed.send(&eve).await.status, 200);
            work(app).await;
        }
        assert!(reads(&bob).await);
        assert_eq!(app.ask("select sum(debit) from ledger_entries").await, ["9000"]);
        assert_eq!(app.ask("select state from checkouts").await, ["complete"]);
        // An event of before, though it says otherwise, takes nothing back.
        let subscription = stripe.last_subscription();
        stripe.world().cancel(&subscription);
        stripe.deliver(&eve).await;
        work(app).await;
        assert!(!reads(&bob).await, "it closes at once");
        assert_eq!(mirrored(app).await, at_stripe(stripe));
    });
}

#[test]
fn it_can_be_ended_and_taken_up_again_and_payments_are_looked_after_at_stripe() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        let own = bob.get("/account/membership").await;
        assert!(
            own.body.contains("it is renewed then") && own.body.contains("EUR 9.00 a month"),
            "{}",
            own.body
        );
        let ended = bob.post("/account/membership/cancel", &[]).await;
        assert_eq!((ended.status, ended.location.as_str()), (303, "/account/membership"));
        let own = bob.get("/account/membership").await;
        assert!(
            own.body.contains("when it ends") && own.body.contains("Let it go on"),
            "{}",
            own.body
        );
        assert!(reads(&bob).await, "it is paid for until then");
        assert_eq!(mirrored(app).await, at_stripe(stripe));
        assert_eq!(bob.post("/account/membership/resume", &[]).await.status, 303);
        assert!(bob.get("/account/membership").await.body.contains("it is renewed then"));
        let portal = bob.post("/account/membership/portal", &[]).await;
        assert_eq!(portal.status, 303, "{}", portal.body);
        assert!(portal.location.starts_with(&format!("{}/portal/bps_", stripe.origin)));
        // Whoever has nothing there is sent nowhere.
        assert_eq!(app.ada().await.post("/account/membership/portal", &[]).await.status, 404);
    });
}

#[test]
fn a_payment_that_fails_is_said_and_closes_nothing_for_a_week() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        let subscription = stripe.last_subscription();
        stripe.world().renew(&subscription, false);
        for _ in 0..2 {
            stripe.deliver(&app.eve()).await;
            work(app).await;
        }
        assert!(reads(&bob).await);
        let own = bob.get("/account/membership").await;
        assert!(
            own.body.contains("Your last payment has failed. All of it stays open"),
            "{}",
            own.body
        );
        let failed = "select count(*) from outbox where job ->> 'mail' = 'payment-failed'";
        assert_eq!(app.ask(failed).await, ["1"]);
        app.psql("update subscriptions set past_due_since = past_due_since - interval '7 days'")
            .await;
        assert!(!reads(&bob).await);
        let own = bob.get("/account/membership").await;
        assert!(own.body.contains("is closed to you"), "{}", own.body);
        for path in ["/account", "/account/membership"] {
            let page = bob.get(path).await.body;
            assert!(!page.contains("You have none"), "it is there, and owed for: {page}");
        }
        stripe.world().recover(&subscription);
        stripe.deliver(&app.eve()).await;
        work(app).await;
        assert!(reads(&bob).await);
        assert_eq!(
            app.ask("select sum(credit) from ledger_entries where account = 'membership'").await,
            ["1800"]
        );
    });
}

#[test]
fn a_trial_is_free_once_and_its_end_is_said_before() {
    with_stripe(async |app, stripe| {
        app.psql("update plans set trial_days = 14, coupon_percent = 50, coupon_from = now(), coupon_until = now() + interval '1 day'").await;
        assert_eq!(cli(app, stripe, &["stripe", "sync"]).out, "Told of 1.\n");
        confirmed(app).await;
        let bob = bob(app).await;
        let page = bob.get("/membership").await.body;
        assert!(page.contains("14 days are free of charge") && page.contains("50 % off"), "{page}");
        becomes_a_member(app, stripe, &bob).await;
        assert!(bob.get("/account/membership").await.body.contains("Free of charge until"));
        assert_eq!(stripe.all("checkout.session")[0]["amount_total"], 450);
        assert_eq!(app.ask("select count(*) from ledger").await, ["0"], "nothing was paid");
        let subscription = stripe.last_subscription();
        stripe.world().trial_ends_soon(&subscription);
        for _ in 0..2 {
            stripe.deliver(&app.eve()).await;
            work(app).await;
        }
        let ends = "select count(*) from outbox where job ->> 'mail' = 'trial-ends'";
        assert_eq!(app.ask(ends).await, ["1"]);
        stripe.world().cancel(&subscription);
        stripe.deliver(&app.eve()).await;
        work(app).await;
        assert_eq!(choose(app, &bob, "monthly").await.status, 303);
        assert_eq!(
            stripe.all("checkout.session")[1]["kept"]["trial"],
            0,
            "what is free at first is so once"
        );
    });
}

#[test]
fn whoever_deletes_their_account_pays_no_further() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        let gone = bob.post("/account/delete", &[("confirmation", BOB.0)]).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, "/"), "{}", gone.body);
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        let subscription = stripe.get(&stripe.last_subscription());
        assert_eq!(subscription["cancel_at_period_end"], true);
        let kept =
            "select concat_ws(' ', account_id, status, cancel_at_period_end) from subscriptions";
        assert_eq!(app.ask(kept).await, ["active t"]);
    });
}

#[test]
fn membership_can_be_given_and_taken_back() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        let give = ["plan", "grant", "--email", BOB.0, "--reason", "He built the shelves."];
        assert_eq!(cli(app, stripe, &give).code, 0);
        assert!(reads(&bob).await);
        assert_eq!(cli(app, stripe, &["plan", "revoke", "--email", BOB.0]).code, 0);
        assert!(!reads(&bob).await);
        assert_eq!(cli(app, stripe, &["plan", "revoke", "--email", BOB.0]).code, 1);
        let past = [&give[..], &["--until", "2026-01-01T00:00:00Z"]].concat();
        assert_eq!(cli(app, stripe, &past).code, 1, "that would be nothing");
        let silent = ["plan", "grant", "--email", BOB.0, "--reason", "  "];
        assert_eq!(cli(app, stripe, &silent).code, 1);
        // One that has run out opens nothing.
        assert_eq!(cli(app, stripe, &give).code, 0);
        app.psql("update membership_grants set until = now() - interval '1 second'").await;
        assert!(!reads(&bob).await);
        let acts = "select act from audit where act like 'membership-%' order by at";
        assert_eq!(
            app.ask(acts).await,
            ["membership-given", "membership-taken-back", "membership-given"]
        );
    });
}

#[test]
fn without_keys_the_site_runs_and_says_that_payments_are_off() {
    with_app(async |app| {
        let page = app.eve().get("/membership").await;
        page.is_page(200);
        assert!(
            page.body.contains("payments are off") && !page.body.contains("action=\"/membership\"")
        );
        app.psql(
            "insert into plans (id, slug, name) values (gen_random_uuid(), 'friend', 'Friend');
                  insert into plan_prices (id, plan_id, period, amount, currency, stripe_price)
                  select gen_random_uuid(), id, 'monthly', 900, 'eur', 'price_1' from plans",
        )
        .await;
        let bob = bob(app).await;
        let answer = choose(app, &bob, "monthly").await;
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("STRIPE_SECRET_KEY is not set"), "{}", answer.body);
        let none = bob.get("/account/membership").await;
        assert!(none.status == 200 && none.body.contains("You have none."), "{}", none.body);
        let event = super::super::support::signer::Delivery::new("stripe", &[], b"{}");
        assert_eq!(event.send(&app.eve()).await.status, 503);
        let database = [("DATABASE_URL", app.database_url.as_str())];
        let doctor =
            |more: &[(&str, &str)]| Shell::run(&["doctor"], "", &[&database[..], more].concat());
        let said = doctor(&[]);
        assert!(said.code == 0 && said.out.contains("payments (STRIPE_…): off"), "{}", said.out);
        let half = doctor(&[("STRIPE_WEBHOOK_SECRET", "whsec_long_enough_to_be_a_secret")]);
        assert!(
            half.code == 1 && half.out.contains("STRIPE_SECRET_KEY is not set"),
            "{}",
            half.out
        );
        let refused = Shell::run(&["stripe", "sync"], "", &database);
        assert!(refused.code == 1 && refused.err.contains("STRIPE_SECRET_KEY"), "{}", refused.err);
        let wrong = Shell::run(
            &["plan", "list"],
            "",
            &[&database[..], &[("STRIPE_SECRET_KEY", "pk_test_1")]].concat(),
        );
        assert!(wrong.code == 1 && wrong.err.contains("no secret key"), "{}", wrong.err);
    });
}
