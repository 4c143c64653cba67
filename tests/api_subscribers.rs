//! Subscribers by the API: asked themselves whoever says they want it, seen and taken off the list by who may.

use super::api_leads::{get, patch};
use super::support::with_app;
use serde_json::{Value, json};

#[test]
fn whoever_a_program_names_is_asked_and_the_answer_tells_nothing() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("subscribers:write").await);
        app.psql(
            "insert into topics (slug, name) values ('signs', 'Signs');
             insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at)
             values (gen_random_uuid(), 'here@example.test', 'confirmed', 'cli', 'v1', now(), now())",
        )
        .await;
        let ask = async |email: &str| {
            let body = json!({ "email": email, "topics": ["signs", "nothing"] });
            eve.json("/api/v1/subscribers", Some(&key), &body).await
        };
        let (new, here) = (ask("nora@example.test").await, ask("HERE@example.test").await);
        let again = ask("nora@example.test").await;
        for answer in [&new, &here, &again] {
            assert_eq!((answer.status, answer.body.as_str()), (202, r#"{"asked":true}"#));
            assert_eq!((answer.location.as_str(), answer.header("etag")), ("", ""));
        }
        let stored =
            "select email || ' ' || status || ' ' || source from subscribers order by email";
        let rows = ["here@example.test confirmed cli", "nora@example.test pending partner-api"];
        assert_eq!(app.ask(stored).await, rows);
        assert_eq!(app.ask("select topic from subscriber_topics").await, ["signs"]);
        let mails =
            "select job -> 'mail' from outbox where recipient like '%@example.test' order by id";
        assert_eq!(
            app.ask(mails).await,
            [r#""confirm-subscription""#, r#""subscribed-already""#],
            "one each"
        );
        let record = "select name || ' ' || door || ' ' || act || ' ' || object from audit where door = 'api' limit 1";
        assert_eq!(app.ask(record).await, ["Partner api subscriber-asked subscribers"]);
        for (wrong, pointer) in [
            (json!({}), "#/email"),
            (json!({ "email": "nowhere" }), "#/email"),
            (json!({ "email": "a@example.test", "topics": "signs" }), "#/topics"),
            (json!({ "email": "a@example.test", "topics": ["a\u{0}"] }), "#/topics"),
            (json!({ "email": "a@example.test", "status": "confirmed" }), "#/status"),
        ] {
            let answer = eve.json("/api/v1/subscribers", Some(&key), &wrong).await;
            assert_eq!(answer.is_problem(422)["errors"][0]["pointer"], pointer, "{wrong}");
        }
    });
}

#[test]
fn a_program_sees_the_list_part_by_part_and_takes_people_off_it() {
    with_app(async |app| {
        let (eve, reader, writer) =
            (app.eve(), app.key("subscribers:read").await, app.key("subscribers:write").await);
        app.psql(
            "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at)
             select ('01890000-0000-7000-8000-00000000000' || n)::uuid, 'sub' || n || '@example.test', 'confirmed', 'import', 'On paper',
                    '2026-01-01Z', '2026-01-01Z' from generate_series(1, 3) as n;
             insert into subscribers (id, email, status, source, consent, consent_at)
             values ('01890000-0000-7000-8000-000000000004', 'sub4@example.test', 'pending', 'staff', 'v1', now())",
        )
        .await;
        let list = async |query: &str| {
            let body = get(&eve, &reader, &format!("/api/v1/subscribers?{query}")).await.json();
            let items = body["items"].as_array().unwrap().iter();
            let emails = items.map(|one| one["email"].as_str().unwrap()[3..4].to_owned());
            (emails.collect::<String>(), body["next"].as_str().unwrap_or_default().to_owned())
        };
        let (first, next) = list("limit=2").await;
        assert_eq!(first, "43");
        app.psql("insert into subscribers (id, email, status, source, consent, consent_at) values (gen_random_uuid(), 'sub5@example.test', 'pending', 'staff', 'v1', now());
                  update subscribers set id = '01890000-0000-7000-8000-000000000005' where email like 'sub5%'").await;
        assert_eq!(list(&format!("limit=2&after={next}")).await, ("21".to_owned(), String::new()));
        assert_eq!(list("status=pending").await.0, "54");
        assert_eq!(list("email=SUB2@example.test").await.0, "2");
        let at = "/api/v1/subscribers/01890000-0000-7000-8000-000000000002";
        let seen = get(&eve, &reader, at).await;
        let shown = seen.json();
        assert_eq!(
            (&shown["status"], &shown["consent"]),
            (&json!("confirmed"), &json!("On paper"))
        );
        assert_eq!((&shown["topics"], &shown["ended_at"]), (&json!([]), &Value::Null));
        let end = json!({ "status": "unsubscribed" });
        patch(&eve, &writer, at, "", &end).await.is_problem(428);
        patch(&eve, &writer, at, "\"1\"", &end).await.is_problem(412);
        patch(&eve, &reader, at, "*", &end).await.is_problem(403);
        get(&eve, &writer, at).await.is_problem(403);
        let back = json!({ "status": "confirmed" });
        let problem = patch(&eve, &writer, at, "*", &back).await.is_problem(422);
        assert_eq!(
            problem["errors"][0]["pointer"], "#/status",
            "only their own word brings them back"
        );
        let ended = patch(&eve, &writer, at, seen.header("etag"), &end).await;
        assert_eq!((ended.status, &ended.json()["status"]), (200, &json!("unsubscribed")));
        assert_eq!(get(&eve, &reader, at).await.header("etag"), ended.header("etag"));
        let third = at.replace("002", "003");
        let gone = patch(&eve, &writer, &third, "*", &json!({ "status": "bounced" })).await;
        assert_eq!(gone.json()["status"], "bounced");
        assert_eq!(app.ask("select distinct email from suppressions").await, ["sub3@example.test"]);
        let record = "select concat_ws(' ', act, details ->> 'reason') from audit where door = 'api' order by at, id";
        assert_eq!(app.ask(record).await, ["subscriber-ended asked", "subscriber-ended bounced"]);
        let nobody = at.replace("002", "009");
        patch(&eve, &writer, &nobody, "*", &end).await.is_problem(404);
        get(&eve, &reader, &nobody).await.is_problem(404);
    });
}

#[test]
fn a_key_for_tests_has_nothing_to_do_with_subscribers() {
    with_app(async |app| {
        for scope in ["subscribers:read", "subscribers:write"] {
            let create = ["key", "create", "--name", "T", "--scope", scope, "--test", "--json"];
            assert_eq!(app.cli(&create, "").code, 1, "{scope}");
        }
    });
}
