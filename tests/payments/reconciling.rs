//! The reconciler: whatever stands otherwise here than at Stripe is found, said and put right.

use super::super::mail::work;
use super::{
    at_stripe, becomes_a_member, bob, cli, mirrored, publish_for_friends, reads, with_stripe,
};

#[test]
fn what_never_came_is_found_and_done_as_if_it_had() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        super::choose(app, &bob, "monthly").await;
        let session = stripe.last_session();
        stripe.world().pay(&session);
        assert!(!reads(&bob).await, "nobody has told of it");
        let dry = cli(app, stripe, &["stripe", "reconcile", "--dry-run", "--json"]).json();
        assert_eq!(dry["lost"].as_array().unwrap().len(), 3, "{dry}");
        assert!(!reads(&bob).await && mirrored(app).await.is_empty(), "only looked");
        let report = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        assert_eq!(report["lost"].as_array().unwrap().len(), 3, "{report}");
        assert!(reads(&bob).await);
        assert_eq!(
            app.ask("select distinct concat_ws(' ', source, state) from inbox").await,
            ["stripe done"]
        );
        // They come after all: nothing is done twice, and there is nothing to find.
        stripe.deliver(&app.eve()).await;
        work(app).await;
        assert_eq!(app.ask("select count(*) from ledger").await, ["1"]);
        let report = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        assert_eq!(
            report["lost"].as_array().unwrap().len() + report["drifted"].as_array().unwrap().len(),
            0,
            "{report}"
        );
    });
}

#[test]
fn every_drift_is_found_and_put_right() {
    with_stripe(async |app, stripe| {
        publish_for_friends(app).await;
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        stripe.deliver(&app.eve()).await;
        work(app).await;
        let subscription = stripe.last_subscription();
        let customer = stripe.all("customer")[0]["id"].as_str().unwrap().to_owned();
        for (drift, id) in [
            ("update subscriptions set status = 'canceled'", &subscription),
            ("update subscriptions set status = 'past_due'", &subscription),
            ("update subscriptions set current_period_end = now()", &subscription),
            ("update subscriptions set cancel_at_period_end = true", &subscription),
            ("update subscriptions set price = 'price_x'", &subscription),
            ("update subscriptions set account_id = null", &subscription),
            ("delete from subscriptions", &subscription),
            (
                "update stripe_objects set state = 'void' where type = 'invoice'",
                &String::from("in_"),
            ),
            ("update stripe_objects set amount = 1 where type = 'invoice'", &String::from("in_")),
            ("delete from stripe_objects", &String::from("in_")),
        ] {
            app.psql(drift).await;
            let dry = cli(app, stripe, &["stripe", "reconcile", "--dry-run"]);
            assert!(
                dry.out.contains(id.as_str()) && dry.out.contains("stood otherwise"),
                "{drift}: {}",
                dry.out
            );
            let report = cli(app, stripe, &["stripe", "reconcile"]);
            assert!(report.out.contains(id.as_str()), "{drift}: {}", report.out);
            assert_eq!(mirrored(app).await, at_stripe(stripe), "{drift}");
            assert!(reads(&bob).await, "{drift}");
            let clean = cli(app, stripe, &["stripe", "reconcile"]);
            assert!(!clean.out.contains("otherwise"), "{drift}: {}", clean.out);
        }
        // What is here and not there.
        app.psql(&format!("insert into subscriptions (id, customer, status, created_at, read) values ('sub_made_up', '{customer}', 'active', now(), 0)")).await;
        let report = cli(app, stripe, &["stripe", "reconcile"]);
        assert!(report.out.contains("sub_made_up is unknown to Stripe."), "{}", report.out);
        assert_eq!(mirrored(app).await, at_stripe(stripe));
        assert_eq!(
            app.ask("select count(*) from ledger").await,
            ["1"],
            "nothing was entered twice"
        );
        // A checkout that has run out unheard.
        stripe.world().cancel(&subscription);
        stripe.deliver(&app.eve()).await;
        work(app).await;
        super::choose(app, &bob, "monthly").await;
        let session = stripe.last_session();
        stripe.world().expire(&session);
        app.psql(
            "update checkouts set expires_at = now() - interval '1 minute' where state = 'open'",
        )
        .await;
        app.psql("insert into inbox (id, source, event_id, type, state) select gen_random_uuid(), 'stripe', 'evt_' || lpad(n::text, 8, '0'), 'x', 'ignored' from generate_series(1, 60) n on conflict do nothing").await;
        let report = cli(app, stripe, &["stripe", "reconcile"]);
        assert!(report.out.contains(&session), "{}", report.out);
        assert_eq!(app.ask("select count(*) from checkouts where state = 'open'").await, ["0"]);
        let runs = cli(app, stripe, &["run", "payments", "--json"]).json();
        assert_eq!(runs["state"], "done", "{runs}");
    });
}
