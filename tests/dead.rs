//! Dead jobs: found by kind, and tried again together.

use super::mail::work;
use super::support::{ADA, Mode, Person, Process, Smtp, TestApp, with_app, with_settings};
use serde_json::json;
use std::time::Duration;

/// So many jobs of a kind in a state, with what a dead one has behind it.
async fn put(app: &TestApp, kind: &str, state: &str, count: usize) {
    app.psql(&format!(
        "insert into outbox (id, kind, job, cause, recipient, state, attempts, remark, ended_at, tried_since)
         select gen_random_uuid(), '{kind}', jsonb_build_object('do', '{kind}'), 'x:1', '{kind}' || n || '@example.test',
                '{state}', 14, 'no', now(), now() - interval '9 days' from generate_series(1, {count}) n"
    ))
    .await;
}

/// How many of each kind are in each state.
async fn counts(app: &TestApp) -> Vec<String> {
    app.ask(
        "select concat_ws(' ', kind, state, count(*)) from outbox group by kind, state order by 1",
    )
    .await
}

const RETRY: &str = "/admin/outbox/retry";

#[test]
fn all_dead_of_a_kind_are_tried_again_and_nothing_else() {
    with_app(async |app| {
        for (kind, state, count) in [
            ("mail", "dead", 3),
            ("mail", "done", 2),
            ("announce", "dead", 2),
            ("run", "dropped", 1),
        ] {
            put(app, kind, state, count).await;
        }
        let ada = app.ada().await;
        let page = ada.get("/admin/outbox?kind=mail&state=dead").await;
        page.is_page(200);
        assert_eq!(page.body.matches("badge-dead").count(), 3, "{}", page.body);
        assert!(page.body.contains("<strong>3</strong><span>dead</span>"), "counted by kind");
        assert!(page.body.contains("Not tried any more: 3, of the kind mail."), "{}", page.body);
        assert!(page.body.contains(r#"name="kind" value="mail""#));

        let form = [("kind", "mail"), ("submission", "01890000-0000-7000-8000-000000000001")];
        for _ in 0..2 {
            let retried = ada.post(RETRY, &form).await;
            let to = (retried.status, retried.location.as_str());
            assert_eq!(to, (303, "/admin/outbox?kind=mail"), "{}", retried.body);
        }
        let page = ada.get("/admin/outbox?kind=mail").await.body;
        assert!(page.contains("They are being tried again.") && !page.contains("Retry all dead"));
        let after = ["announce dead 2", "mail done 2", "mail waiting 3", "run dropped 1"];
        assert_eq!(counts(app).await, after);
        let anew = "select count(*) from outbox where state = 'waiting' and attempts = 0 and due_at <= now()
            and ended_at is null and tried_since is null";
        assert_eq!(app.ask(anew).await, ["3"]);

        let none = ada.post(RETRY, &[("kind", "mail")]).await;
        none.is_page(422);
        assert!(none.body.contains("Nothing is dead any more."), "{}", none.body);
        let unknown = ada.post(RETRY, &[("kind", "dance")]).await;
        unknown.is_page(422);
        assert!(unknown.body.contains("There is no such kind of job."), "{}", unknown.body);
        assert_eq!(counts(app).await, after);
        // Without a kind every dead one is meant.
        assert_eq!(ada.post(RETRY, &[("kind", "")]).await.location, "/admin/outbox");
        assert_eq!(counts(app).await[0], "announce waiting 2");
    });
}

#[test]
fn what_died_while_a_server_was_out_of_order_arrives_after_the_button() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        let everyone: Vec<String> = (0..20).map(|n| format!("ann{n}@example.test")).collect();
        smtp.set(json!({ "unwanted": everyone }));
        for (number, email) in everyone.iter().enumerate() {
            super::mail::put_receipt(app, number, email).await;
        }
        work(app).await;
        assert_eq!(counts(app).await, ["mail dead 20"]);
        smtp.set(json!({ "unwanted": [] }));
        assert_eq!(app.ada().await.post(RETRY, &[("kind", "mail")]).await.status, 303);
        work(app).await;
        assert_eq!(counts(app).await, ["mail done 20"]);
        assert_eq!(smtp.mails().len(), 20);
    });
}

#[test]
fn thousands_are_turned_in_bounded_steps_the_oldest_first_and_it_is_on_the_record() {
    with_app(async |app| {
        put(app, "dance", "dead", 5500).await; // what no worker takes for something it knows
        app.psql("update outbox set held = true").await;
        let environment = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("SCHEDULER", "off"),
            ("DEMO_CONTENT", "off"),
        ];
        let mut site = Process::serve(&environment);
        let origin = site.origin();
        let ada = Person::visiting(&origin);
        let signed_in = ada.post("/sign-in", &[("email", ADA.0), ("password", ADA.1)]).await;
        assert_eq!(signed_in.status, 303);
        let clock = &app.state.clock;
        for left in ["dance dead 500", "dance waiting 5500"] {
            let began = clock.moment();
            assert_eq!(ada.post(RETRY, &[]).await.status, 303);
            assert!(clock.moment().since(began) < Duration::from_secs(2));
            assert_eq!(counts(app).await[0], left);
            let order = "select coalesce((select max(id::text) from outbox where state = 'waiting')
                < (select min(id::text) from outbox where state = 'dead'), true)";
            assert_eq!(app.ask(order).await, ["true"]);
        }
        site.signal("TERM");
        let said = site.end().err;
        let noted = "select name || ' ' || act || ' ' || (details ->> 'jobs') from audit where act = 'jobs-retried' order by at";
        assert_eq!(app.ask(noted).await, ["Owner jobs-retried 5000", "Owner jobs-retried 500"]);
        assert!(!said.contains("example.test"));
    });
}
