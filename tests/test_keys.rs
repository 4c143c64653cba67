//! What is done with a key for tests: marked for staff, seen by the key itself, and otherwise as if it had not happened.

use super::keys_at_the_door::made;
use super::partner::{asks_for_a_key, lead, send_with};
use super::support::with_app;
use frontdesk::services::digests::{self, Window};
use reqwest::Method;
use serde_json::json;
use time::Duration;

#[test]
fn a_lead_for_tests_is_marked_and_nobody_is_told_of_it() {
    with_app(async |app| {
        let (eve, ada) = (app.eve(), app.ada().await);
        let ((_, live), (_, test)) = (made(app, &[]), made(app, &["--test"]));
        assert!(test.starts_with("fd_test_"), "{test}");
        let (real, tried) = (send_with(&eve, &live).await, send_with(&eve, &test).await);
        assert_eq!((real.status, tried.status), (201, 201));
        assert_ne!(real.location, tried.location, "the same words, and another lead");
        assert_eq!(app.ask("select test from leads order by id").await, ["false", "true"]);
        let id = |answer: &super::support::Answer| answer.json()["id"].as_str().unwrap().to_owned();
        let causes = app.ask("select distinct cause from outbox where cause like 'lead:%'").await;
        assert_eq!(causes, [format!("lead:{}", id(&real))], "no job of the other");
        // Staff see both, marked, and can have either alone.
        let list = async |query: &str| {
            let body = ada.get(&format!("/admin/leads{query}")).await.body;
            (body.contains(&id(&real)), body.contains(&id(&tried)), body.contains("badge-test"))
        };
        assert_eq!(list("").await, (true, true, true));
        assert_eq!(list("?test=none").await, (true, false, false));
        assert_eq!(list("?test=only").await, (false, true, true));
        let page = ada.get(&format!("/admin/leads/{}", id(&tried))).await.body;
        assert!(page.contains("badge-test") && page.contains("key for tests"), "{page}");
        assert!(!ada.get(&format!("/admin/leads/{}", id(&real))).await.body.contains("badge-test"));
        // The desk counts the ones that wait for an answer, and leads to just them.
        let desk = ada.get("/admin").await.body;
        assert!(
            desk.contains(r#"href="/admin/leads?status=new&amp;test=none"><strong>1</strong>"#),
            "{desk}"
        );
        let listed = app.cli(&["lead", "list", "--json"], "").json();
        let tests = app.cli(&["lead", "list", "--test", "--json"], "").json();
        assert_eq!((&listed[0]["id"], listed.as_array().unwrap().len()), (&json!(id(&real)), 1));
        assert_eq!((&tests[0]["id"], tests.as_array().unwrap().len()), (&json!(id(&tried)), 1));
    });
}

#[test]
fn a_digest_has_no_line_for_it() {
    with_app(async |app| {
        let (_, test) = made(app, &["--test"]);
        assert_eq!(send_with(&app.eve(), &test).await.status, 201);
        app.psql("update staff set digest_leads = true, digest_from = now() - interval '3 days'")
            .await;
        let staff = app.ask("select id from staff").await[0].parse().unwrap();
        let now = app.state.clock.now() + Duration::hours(1);
        let window = Window { since: now - Duration::days(2), until: now };
        let told = async || {
            let told = app.state.read(async |db| digests::leads(db, staff, &window).await).await;
            told.unwrap().map(|(_, leads)| leads.len())
        };
        assert_eq!(told().await, None);
        let round = async |days: i64| {
            let at = now + Duration::days(days);
            let round = async |tx: &mut _| digests::of_leads(tx, || app.state.clock.id(), at).await;
            app.state.write(round).await.unwrap().value.queued
        };
        assert_eq!(round(1).await, 0, "nothing is new");
        app.psql("update leads set test = false; update staff set digest_from = now() - interval '3 days'").await;
        assert_eq!((told().await, round(1).await), (Some(1), 1), "this is how it would be told");
    });
}

#[test]
fn a_key_for_tests_sees_its_own_and_no_other_and_does_nothing_in_earnest() {
    with_app(async |app| {
        let eve = app.eve();
        let ((_, live), (id, test)) = (made(app, &[]), made(app, &["--test"]));
        let (real, tried) = (send_with(&eve, &live).await, send_with(&eve, &test).await);
        let look = async |key: &str, at: &str| {
            eve.send(eve.request(Method::GET, at).header("x-api-key", key)).await.status
        };
        assert_eq!(
            (look(&test, &tried.location).await, look(&live, &real.location).await),
            (200, 200)
        );
        assert_eq!(
            (look(&test, &real.location).await, look(&live, &tried.location).await),
            (404, 404)
        );
        // Whatever scopes it has.
        app.psql("update api_keys set scopes = '{leads:write,posts:write,posts:read,cache:write}'")
            .await;
        let post = json!({ "title": "A", "body": "B", "topic": "C", "status": "published" });
        for (path, body) in
            [("/api/v1/posts", post), ("/api/v1/revalidate", json!({ "tags": ["*"] }))]
        {
            let problem = eve.json(path, Some(&test), &body).await.is_problem(403);
            assert_eq!(problem["type"], "/problems/test-key");
            assert!(
                problem["detail"].as_str().unwrap().starts_with("Test keys write leads only."),
                "{problem}"
            );
        }
        assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
        assert_eq!(look(&test, "/api/v1/posts").await, 200, "what is published may be read");
        // It stays one for tests, whatever secret it has.
        let again = app.cli(&["key", "rotate", &id, "--overlap", "now", "--json"], "").json();
        let again = again["key"].as_str().unwrap();
        assert!(again.starts_with("fd_test_"), "{again}");
        assert_eq!(look(again, &tried.location).await, 200);
        // A key of the other kind with the same letters is none.
        asks_for_a_key(&send_with(&eve, &again.replace("fd_test_", "fd_live_")).await);
        let refused = app.cli(
            &["key", "create", "--name", "Tests", "--test", "--scope", "posts:write", "--json"],
            "",
        );
        assert_eq!(
            (refused.code, &refused.json()["errors"][0]["pointer"]),
            (1, &json!("#/scopes"))
        );
    });
}

#[test]
fn what_was_for_tests_makes_nobody_look_like_spam() {
    with_app(async |app| {
        let (_, test) = made(app, &["--test"]);
        for number in 0..12 {
            let mut lead = lead();
            lead["company"] = json!(format!("Company {number}"));
            assert_eq!(app.eve().json("/api/v1/leads", Some(&test), &lead).await.status, 201);
        }
        let ann = [
            ("name", "Ann Li"),
            ("email", "ann@example.test"),
            ("message", "Could you paint our boat?"),
        ];
        assert_eq!(app.eve().post("/contact", &ann).await.status, 303);
        assert_eq!(
            app.ask("select status || spam_score from leads where not test").await,
            ["new0"]
        );
    });
}

#[test]
fn the_clean_up_takes_them_after_thirty_days_and_no_other() {
    with_app(async |app| {
        let ((_, live), (id, test)) = (made(app, &[]), made(app, &["--test"]));
        for key in [&live, &test] {
            assert_eq!(send_with(&app.eve(), key).await.status, 201);
        }
        assert_eq!(app.cli(&["key", "rotate", &id, "--overlap", "now"], "").code, 0);
        let swept = async |days: u32| {
            app.psql(&format!(
                "update leads set created_at = now() - interval '{days} days';
                 update api_key_old_secrets set good_until = now() - interval '{days} days'; delete from runs"
            ))
            .await;
            assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
            let left = "select (select string_agg(test::text, ' ' order by id) from leads) || ' '
                               || (select count(*) from api_key_old_secrets)";
            app.ask(left).await.remove(0)
        };
        assert_eq!(swept(29).await, "false true 1");
        assert_eq!(swept(31).await, "false 0");
    });
}
