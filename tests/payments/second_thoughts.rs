//! Whoever has thought otherwise meanwhile: the last word counts, and what was wanted before does not come after it.

use super::super::accounts::BOB;
use super::super::mail::work;
use super::super::support::TestApp;
use super::super::support::stripe::Fault;
use super::{at_stripe, becomes_a_member, bob, choose, mirrored, with_stripe};

/// Has everything done that waits for its time.
async fn later(app: &TestApp) {
    for _ in 0..2 {
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
    }
}

#[test]
fn what_stripe_did_not_hear_in_time_does_not_undo_what_was_wanted_since() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        let (cancel, resume) = ("/account/membership/cancel", "/account/membership/resume");
        for (first, lost, ends) in [(cancel, resume, true), (resume, cancel, false)] {
            assert_eq!(bob.post(first, &[]).await.status, 303);
            stripe.will_fail(&[Fault::Refuse(500)]);
            assert_eq!(bob.post(lost, &[]).await.status, 303);
            let said = bob.get("/account/membership").await.body;
            assert!(said.contains("It is asked again until it does"), "{said}");
            assert_eq!(bob.post(lost, &[]).await.status, 303, "it is sent again");
            assert_eq!(bob.post(first, &[]).await.status, 303);
            later(app).await;
            assert_eq!(stripe.get(&stripe.last_subscription())["cancel_at_period_end"], ends);
            assert_eq!(mirrored(app).await, at_stripe(stripe));
        }
        assert_eq!(
            app.ask("select count(*) from stripe_calls where state = 'frozen'").await,
            ["0"]
        );
        assert_eq!(app.ask("select count(*) from stripe_calls where body <> ''").await, ["0"]);
    });
}

#[test]
fn a_checkout_that_is_open_ends_with_the_account() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        assert_eq!(choose(app, &bob, "monthly").await.status, 303);
        let session = stripe.last_session();
        assert_eq!(bob.post("/account/delete", &[("confirmation", BOB.0)]).await.status, 303);
        later(app).await;
        assert_eq!(stripe.get(&session)["status"], "expired");
    });
}

#[test]
fn what_was_paid_for_while_the_account_went_ends_by_itself_and_what_is_anothers_does_not() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        assert_eq!(choose(app, &bob, "monthly").await.status, 303);
        let session = stripe.last_session();
        // They pay in the moment in which it goes.
        stripe.world().pay(&session);
        let ours = stripe.last_subscription();
        assert_eq!(bob.post("/account/delete", &[("confirmation", BOB.0)]).await.status, 303);
        // Another site, with the same account at Stripe, has members of its own.
        let price = app.ask("select stripe_price from plan_prices limit 1").await.remove(0);
        let (account, checkout) =
            ("018f0000-0000-7000-8001-000000000001", "018f0000-0000-7000-8005-000000000001");
        stripe.world().enrol(account, checkout, &price);
        let session = stripe.last_session();
        stripe.world().pay(&session);
        let theirs = stripe.last_subscription();
        for _ in 0..2 {
            stripe.deliver(&app.eve()).await;
            later(app).await;
        }
        assert_eq!(stripe.get(&ours)["cancel_at_period_end"], true);
        assert_eq!(stripe.get(&theirs)["cancel_at_period_end"], false);
        assert_eq!(mirrored(app).await, at_stripe(stripe));
        // Staff see what followed from which event, in words.
        let ada = app.ada().await;
        let mut seen = String::new();
        for event in app.ask("select id from inbox").await {
            seen += &ada.get(&format!("/admin/inbox/{event}")).await.body;
        }
        assert!(seen.contains("A membership ends, as its account is gone"));
        assert!(seen.contains("A payment is in the books"));
        assert!(!seen.contains("does not know"));
    });
}
