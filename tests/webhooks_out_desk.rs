//! Webhooks as partners, owners and the operator see to them.

use super::events::key_for;
use super::support::{Answer, Person, Shell, TestApp, with_app};
use super::webhooks_out::{environment, lead, send, with_receiver};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

async fn call(
    person: &Person<'_>,
    key: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let request = person.request(method, path).header("x-api-key", key);
    person.send(body.iter().fold(request, |request, body| request.json(body))).await
}

fn new(url: &str) -> Value {
    json!({ "name": "CRM", "url": url, "types": ["lead.created"] })
}

/// A key for everything a partner can do with webhooks.
fn partner(app: &TestApp) -> String {
    key_for(app, &["webhooks:write", "leads:write"]).1
}

#[test]
fn a_partner_sees_to_its_own_and_to_nobody_elses() {
    with_receiver(async |app, receiver| {
        let (eve, key, other) = (app.eve(), partner(app), partner(app));
        let made = eve.json("/api/v1/webhooks", Some(&key), &new(&receiver.url("/hook"))).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let shown = made.json();
        let (id, secret) = (shown["id"].as_str().unwrap(), shown["secret"].as_str().unwrap());
        let at = format!("/api/v1/webhooks/{id}");
        assert_eq!((made.location.as_str(), shown["state"].as_str().unwrap()), (at.as_str(), "on"));
        receiver.expect("/hook", &[secret]);
        let get = async |key: &str, path: &str| call(&eve, key, Method::GET, path, None).await;
        let seen = get(&key, &at).await;
        assert!(seen.status == 200 && !seen.body.contains("whsec_"), "{}", seen.body);
        assert_eq!(
            get(&key, "/api/v1/webhooks").await.json()["items"].as_array().unwrap().len(),
            1
        );
        assert_eq!(get(&other, "/api/v1/webhooks").await.json()["items"], json!([]));

        let ping = call(&eve, &key, Method::POST, &format!("{at}/ping"), None).await;
        let delivery = ping.json()["delivery"].as_str().unwrap().to_owned();
        send(app).await;
        let log = receiver.log("/hook");
        assert_eq!((&log[0]["event"]["type"], &log[0]["verified"]), (&json!("ping"), &json!(true)));
        let looked_up = get(&key, &format!("/api/v1/deliveries/{delivery}")).await.json();
        assert_eq!(
            (&looked_up["state"], &looked_up["tries"][0]["status"]),
            (&json!("delivered"), &json!(200))
        );
        let listed = get(&key, &format!("{at}/deliveries?state=delivered")).await.json();
        assert_eq!(listed["items"][0]["id"], delivery.as_str());
        let again = call(
            &eve,
            &key,
            Method::POST,
            &format!("{at}/replay"),
            Some(json!({ "delivery": delivery })),
        )
        .await;
        assert_eq!(again.json(), json!({ "deliveries": 1 }), "{}", again.body);
        send(app).await;
        assert_eq!(
            (receiver.log("/hook").len(), &receiver.log("/hook")[1]["id"]),
            (2, &log[0]["id"])
        );

        let paused = json!({ "state": "paused", "name": "Another name" });
        let changed = call(&eve, &key, Method::PATCH, &at, Some(paused)).await.json();
        assert_eq!(
            (&changed["state"], &changed["name"], &changed["types"]),
            (&json!("paused"), &json!("Another name"), &json!(["lead.created"]))
        );
        let rotated = call(
            &eve,
            &key,
            Method::POST,
            &format!("{at}/rotate"),
            Some(json!({ "overlap": "now" })),
        )
        .await;
        assert!(
            rotated.json()["secret"].as_str().is_some_and(|new| new != secret),
            "{}",
            rotated.body
        );

        for (method, path) in [
            (Method::GET, at.clone()),
            (Method::PATCH, at.clone()),
            (Method::DELETE, at.clone()),
            (Method::GET, format!("{at}/deliveries")),
            (Method::GET, format!("/api/v1/deliveries/{delivery}")),
            (Method::POST, format!("{at}/ping")),
            (Method::POST, format!("{at}/replay")),
            (Method::POST, format!("{at}/rotate")),
        ] {
            let body = (method != Method::GET)
                .then(|| json!({ "overlap": "now" }))
                .filter(|_| path.ends_with("rotate"))
                .or_else(|| {
                    (method == Method::PATCH || path.ends_with("replay")).then(|| json!({}))
                });
            assert_eq!(
                call(&eve, &other, method.clone(), &path, body).await.status,
                404,
                "{method} {path}"
            );
        }
        assert_eq!(call(&eve, &key, Method::DELETE, &at, None).await.json()["id"], id);
        assert_eq!(get(&key, &at).await.status, 404);
    });
}

#[test]
fn what_is_wrong_is_said_by_field_at_every_door() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), partner(app));
        for (field, value, said) in [
            ("url", json!("http://example.com/"), "begins with https://"),
            ("url", json!("https://127.0.0.1/"), "on the Internet"),
            ("url", json!("https://[::ffff:10.0.0.1]/"), "on the Internet"),
            ("url", json!("https://169.254.169.254/latest"), "on the Internet"),
            ("url", json!("nonsense"), "like https://"),
            ("types", json!([]), "Choose at least one"),
            ("types", json!(["order.sent"]), "Choose from"),
            ("types", json!(["order.paid"]), "may not read"),
            ("types", json!(["post.published"]), "may not read"),
            ("name", json!("x"), "2 to 100"),
        ] {
            let mut wrong = new("https://example.com/hook");
            wrong[field] = value.clone();
            let problem = eve.json("/api/v1/webhooks", Some(&key), &wrong).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], format!("#/{field}"), "{problem}");
            assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(said), "{problem}");
        }
        let add = [
            "webhook",
            "add",
            "--name",
            "CRM",
            "--url",
            "https://10.0.0.1/",
            "--type",
            "lead.created",
        ];
        let shell = app.cli(&add, "");
        assert!(
            shell.code == 1 && shell.err.contains("url: Use an address on the Internet."),
            "{}",
            shell.err
        );
        let ada = app.ada().await;
        let page = ada
            .post(
                "/admin/webhooks/new",
                &[("name", "CRM"), ("url", "https://localhost.:1"), ("types", "lead.created")],
            )
            .await;
        assert_eq!(page.status, 200, "a name is judged when it is used: {}", page.body);
        let page = ada
            .post(
                "/admin/webhooks/new",
                &[("name", "CRM"), ("url", "https://0x7f.1/"), ("types", "lead.created")],
            )
            .await;
        page.is_page(422);
        assert!(
            page.body.contains(r#"id="url-error""#) && page.body.contains("https://0x7f.1/"),
            "{}",
            page.body
        );
        let test =
            app.cli(&["key", "create", "--name", "P", "--test", "--scope", "webhooks:write"], "");
        assert_eq!(test.code, 1, "a key for tests has nobody told");
        assert_eq!(app.ask("select count(*) from webhooks").await, ["1"]);
    });
}

#[test]
fn a_call_that_is_repeated_makes_one_and_shows_its_secret_once() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), partner(app));
        let send = async || {
            let request = eve
                .request(Method::POST, "/api/v1/webhooks")
                .json(&new("https://example.com/hook"));
            eve.send(request.header("x-api-key", &key).header("idempotency-key", "\"one\"")).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.status, second.status), (201, 201), "{}", second.body);
        assert_eq!(first.json()["id"], second.json()["id"]);
        let secret = first.json()["secret"].as_str().unwrap().to_owned();
        assert_eq!(second.json()["secret"], Value::Null);
        assert_eq!(second.header("idempotent-replayed"), "true");
        assert_eq!(app.tables_with(&secret[..20]).await, [""; 0], "it is kept nowhere");
        for n in 1..20 {
            assert_eq!(
                eve.json("/api/v1/webhooks", Some(&key), &new(&format!("https://example.com/{n}")))
                    .await
                    .status,
                201
            );
        }
        eve.json("/api/v1/webhooks", Some(&key), &new("https://example.com/more"))
            .await
            .is_problem(422);
    });
}

#[test]
fn an_owner_makes_one_tries_it_out_and_sees_what_was_answered() {
    with_receiver(async |app, receiver| {
        let ada = app.ada().await;
        let form = [
            ("name", "Our CRM"),
            ("url", &*receiver.url("/hook")),
            ("types", "lead.created"),
            ("types", "lead.updated"),
        ];
        let made = ada.post("/admin/webhooks/new", &form).await;
        made.is_page(200);
        let secret = made.body.split("whsec_").nth(1).unwrap().split('<').next().unwrap();
        receiver.expect("/hook", &[&format!("whsec_{secret}")]);
        let id = app.ask("select id from webhooks").await.remove(0);
        assert_eq!(
            app.ask(
                "select array_to_string(types, ' ') || ' ' || (made_by is not null) from webhooks"
            )
            .await,
            ["lead.created lead.updated true"]
        );
        let at = format!("/admin/webhooks/{id}");
        assert!(ada.get("/admin/webhooks").await.body.contains("Our CRM"));
        assert_eq!(ada.post(&format!("{at}/ping"), &[]).await.location, at);
        receiver.set("/hook", &json!({ "status": 404, "body": "<script>No such hook" }));
        send(app).await;
        lead(app, "Ann").await;
        send(app).await;
        let page = ada.get(&at).await;
        assert!(
            page.body.contains("lead.created")
                && page.body.contains("404 &lt;script&gt;No such hook"),
            "{}",
            page.body
        );
        let delivery =
            app.ask("select id from webhook_deliveries where event is not null").await.remove(0);
        let shown = ada.get(&format!("/admin/webhooks/deliveries/{delivery}")).await;
        assert!(shown.body.contains("404") && shown.body.contains("webhook-id"), "{}", shown.body);
        receiver.set("/hook", &json!({}));
        assert_eq!(ada.post(&format!("{at}/replay"), &[("delivery", &delivery)]).await.status, 303);
        send(app).await;
        assert!(receiver.log("/hook").iter().all(|one| one["verified"] == true));
        assert!(ada.get(&format!("{at}?state=delivered")).await.body.contains(&delivery));
        let edited =
            [("name", "Their CRM"), ("url", &*receiver.url("/other")), ("types", "lead.created")];
        assert_eq!(ada.post(&format!("{at}/edit"), &edited).await.status, 303);
        assert_eq!(
            app.ask("select name || ' ' || array_to_string(types, ' ') from webhooks").await,
            ["Their CRM lead.created"]
        );
        let nothing = ada.post(&format!("{at}/replay"), &[("since", "2199-01-01 09:00")]).await;
        nothing.is_page(422);
        assert!(nothing.body.contains(r#"id="since-error""#), "{}", nothing.body);
        // Whoever made it is told where it is disabled.
        receiver.set("/other", &json!({ "status": 410 }));
        lead(app, "Bob").await;
        send(app).await;
        assert_eq!(
            app.ask("select recipient from outbox where job ->> 'mail' = 'webhook-disabled'").await,
            ["ada@example.com"]
        );
        assert!(ada.get(&at).await.body.contains("It answered 410"));
        assert_eq!(ada.post(&format!("{at}/remove"), &[]).await.location, "/admin/webhooks");
        assert_eq!(ada.get(&at).await.status, 404);
    });
}

#[test]
fn the_operator_does_the_same_on_the_shell() {
    with_receiver(async |app, receiver| {
        let run = |arguments: &[&str]| {
            let shell =
                Shell::run(&[arguments, &["--json"]].concat(), "", &environment(app, receiver));
            assert_eq!(shell.code, 0, "{arguments:?}: {}", shell.err);
            shell.json()
        };
        let url = receiver.url("/hook");
        let made =
            run(&["webhook", "add", "--name", "CRM", "--url", &url, "--type", "lead.created"]);
        let id = made["id"].as_str().unwrap();
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        run(&["webhook", "ping", id]);
        assert_eq!(run(&["worker", "--once"])["done"], 1, "the worker sends it");
        assert_eq!(run(&["webhook", "show", id])["deliveries"][0]["state"], "delivered");
        assert_eq!(run(&["webhook", "list"])[0]["id"], id);
        run(&["webhook", "disable", id]);
        lead(app, "Ann").await;
        assert_eq!(run(&["webhook", "show", id])["deliveries"].as_array().unwrap().len(), 1);
        run(&["webhook", "enable", id]);
        let acts =
            "select string_agg(act, ' ' order by at) from audit where object like 'webhook:%'";
        assert_eq!(
            app.ask(acts).await,
            ["webhook-added webhook-pinged webhook-disabled webhook-enabled"]
        );
    });
}

#[test]
fn what_is_disabled_by_hand_gives_up_what_waits_and_is_told_nothing() {
    with_receiver(async |app, receiver| {
        let ada = app.ada().await;
        let (id, _) = super::webhooks_out::told(app, receiver, &receiver.url("/hook"));
        lead(app, "Ann").await;
        let at = format!("/admin/webhooks/{id}");
        assert!(ada.get(&at).await.body.contains("Tell it nothing any more"));
        assert_eq!(ada.post(&format!("{at}/disable"), &[]).await.location, at);
        lead(app, "Bob").await;
        send(app).await;
        assert_eq!(receiver.log("/hook").len(), 0);
        let states = "select string_agg(state || ': ' || remark, ', ') from webhook_deliveries";
        assert_eq!(app.ask(states).await, ["failed: The endpoint was disabled."]);
        let page = ada.get(&at).await;
        assert!(!page.body.contains("Tell it nothing any more"), "{}", page.body);
        assert_eq!(
            app.ask("select count(*) from outbox where job ->> 'mail' = 'webhook-disabled'").await,
            ["0"]
        );
        // Told again, it begins with what happens from then on.
        assert_eq!(ada.post(&format!("{at}/enable"), &[]).await.location, at);
        lead(app, "Cem").await;
        send(app).await;
        let log = receiver.log("/hook");
        assert_eq!((log.len(), &log[0]["event"]["data"]["name"]), (1, &json!("Cem")));
    });
}

#[test]
fn what_a_partner_changes_is_on_the_record_under_the_name_of_its_key() {
    with_app(async |app| {
        let (eve, (key_id, key)) = (app.eve(), key_for(app, &["webhooks:write", "leads:write"]));
        let made = eve.json("/api/v1/webhooks", Some(&key), &new("https://example.com/hook")).await;
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let at = format!("/api/v1/webhooks/{id}");
        for (method, path, body) in [
            (Method::PATCH, at.clone(), Some(json!({ "url": "https://example.com/other" }))),
            (Method::PATCH, at.clone(), Some(json!({ "url": "https://10.0.0.1/" }))),
            (Method::POST, format!("{at}/rotate"), Some(json!({ "overlap": "now" }))),
            (Method::GET, at.clone(), None),
            (Method::DELETE, at.clone(), None),
            (Method::DELETE, at, None),
        ] {
            call(&eve, &key, method, &path, body).await;
        }
        let of_key = format!(
            "door = 'api' and name = (select name from api_keys where id = '{key_id}') and details ->> 'key' = '{key_id}'"
        );
        let acts = format!("select act || ' ' || object from audit where {of_key} order by at, id");
        let wanted = ["added", "changed", "rotated", "removed"]
            .map(|act| format!("webhook-{act} webhook:{id}"));
        assert_eq!(app.ask(&acts).await, wanted, "each once, and nothing that was refused");
        let page = app.ada().await.get(&format!("/admin/audit?object=webhook:{id}")).await;
        assert!(page.body.contains("Secret of a webhook replaced"), "{}", page.body);
    });
}

#[test]
fn a_partner_has_no_more_than_twenty_endpoints_however_many_it_makes_at_once() {
    with_app(async |app| {
        let (eve, other, key) = (app.eve(), app.second_instance().await, partner(app));
        let there = other.eve().asking_for(&app.origin);
        let make = async |number: usize| {
            let person = if number.is_multiple_of(2) { &eve } else { &there };
            let body = Some(new(&format!("https://example.com/{number}")));
            call(person, &key, Method::POST, "/api/v1/webhooks", body).await.status
        };
        let answers = join_all((0..40).map(make)).await;
        let made = answers.iter().filter(|status| **status == 201).count();
        let refused = answers.iter().filter(|status| **status == 422).count();
        assert_eq!((made, refused), (20, 20), "{answers:?}");
        assert_eq!(app.ask("select count(*) from webhooks").await, ["20"]);
        other.close().await;
    });
}
