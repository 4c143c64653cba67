//! The same request with the same key has one effect and one answer (IETF draft "The Idempotency-Key HTTP Header Field").

use super::accounts::{BOB, sign_up};
use super::support::{Answer, Person, TestApp, with_app, with_settings};
use super::tokens::{ask, by_password, tokens};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::BTreeSet;
use std::time::Duration;

const POSTS: &str = "/api/v1/posts";
const COUNT: &str = "select count(*) from posts";

fn post(title: &str) -> Value {
    json!({ "title": title, "body": "Words.", "topic": "Signs", "status": "published" })
}

/// Sends a document with a key of the API and a key of its own.
async fn send(program: &Person<'_>, path: &str, keys: (&str, &str), body: &Value) -> Answer {
    let request = program.request(Method::POST, path).json(body);
    program.send(request.header("x-api-key", keys.0).header("idempotency-key", keys.1)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == "true"
}

/// Changes what was posted where nobody is told.
async fn retitle(app: &TestApp, title: &str) {
    app.psql(&format!("update posts set title = '{title}'")).await;
}

#[test]
fn whoever_asks_twice_is_answered_once_byte_for_byte() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let first = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        assert_eq!((first.status, is_replayed(&first)), (201, false), "{}", first.body);
        retitle(app, "Another wall").await;
        let again = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        assert_eq!((again.status, is_replayed(&again)), (201, true));
        assert_eq!((&again.body, &again.location), (&first.body, &first.location));
        // Whoever has only the second answer is shown what was written, too.
        assert!(!first.header("consistency-token").is_empty());
        assert_eq!(again.header("consistency-token"), first.header("consistency-token"));
        assert_eq!(app.ask(COUNT).await, ["1"]);
        send(&eve, POSTS, (&key, "\"two\""), &post("A fence")).await;
        assert_eq!(app.ask(COUNT).await, ["2"], "another key is another request");
    });
}

#[test]
fn a_key_is_for_one_request_of_one_caller() {
    with_app(async |app| {
        let (eve, key, other) =
            (app.eve(), app.key("posts:write").await, app.key("posts:write").await);
        let keys = (key.as_str(), "\"one\"");
        send(&eve, POSTS, keys, &post("A wall")).await;
        let changed = send(&eve, POSTS, keys, &post("A fence")).await;
        assert_eq!(changed.is_problem(422)["type"], "/problems/idempotency-key-reused");
        let elsewhere = send(&eve, &format!("{POSTS}?a=b"), keys, &post("A wall")).await;
        elsewhere.is_problem(422);
        assert_eq!(app.ask(COUNT).await, ["1"]);
        let theirs = send(&eve, POSTS, (&other, "\"one\""), &post("A gate")).await;
        assert_eq!((theirs.status, is_replayed(&theirs)), (201, false));
        assert_eq!(app.ask(COUNT).await, ["2"]);
    });
}

#[test]
fn what_is_refused_leaves_the_key_free() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let keys = (key.as_str(), "\"one\"");
        send(&eve, POSTS, keys, &post("")).await.is_problem(422);
        send(&eve, POSTS, ("fd_live_no", "\"one\""), &post("A wall")).await.is_problem(401);
        // Refused by the service, within the transaction.
        app.psql("alter table posts add constraint not_now check (false) not valid").await;
        send(&eve, POSTS, keys, &post("A wall")).await.is_problem(500);
        app.psql("alter table posts drop constraint not_now").await;
        assert_eq!(app.ask("select count(*) from idempotency_keys").await, ["0"]);
        let done = send(&eve, POSTS, keys, &post("A wall")).await;
        assert_eq!((done.status, is_replayed(&done)), (201, false));
    });
}

#[test]
fn a_key_that_is_none_is_refused_and_nothing_is_done() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let long = format!("\"{}\"", "x".repeat(256));
        for wrong in ["one", "\"\"", "\"one", "\"a\", \"b\"", "\"a\";q=1", &long] {
            let answer = send(&eve, POSTS, (&key, wrong), &post("A wall")).await;
            let detail = answer.is_problem(400)["detail"].to_string();
            assert!(detail.contains("Idempotency-Key"), "{wrong}: {detail}");
        }
        assert_eq!(app.ask(COUNT).await, ["0"]);
        // Where nothing is written it means nothing.
        let read = eve.request(Method::GET, POSTS).header("idempotency-key", "one");
        assert_eq!(eve.send(read).await.status, 200);
    });
}

#[test]
fn a_twin_waits_a_second_and_is_told_to_come_again() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let mut first = PgConnection::connect(&app.database_url).await.unwrap();
        let begun = "begin; insert into idempotency_keys (caller, key, fingerprint)
            select id, 'one', sha256('') from api_keys";
        sqlx::raw_sql(AssertSqlSafe(begun)).execute(&mut first).await.unwrap();
        let twin = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        assert_eq!(twin.is_problem(409)["type"], "/problems/idempotency-key-running");
        assert_eq!(twin.header("retry-after"), "1");
        first.close().await.unwrap();
        let done = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        assert_eq!(done.status, 201, "who never finished has left nothing behind");
    });
}

#[test]
fn whoever_is_kept_waiting_by_something_else_is_told_to_come_again() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let mut psql = PgConnection::connect(&app.database_url).await.unwrap();
        sqlx::raw_sql("begin; lock table posts in exclusive mode")
            .execute(&mut psql)
            .await
            .unwrap();
        let kept = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        kept.is_problem(503);
        assert_eq!(kept.header("retry-after"), "5");
        psql.close().await.unwrap();
        let done = send(&eve, POSTS, (&key, "\"one\""), &post("A wall")).await;
        assert_eq!((done.status, is_replayed(&done)), (201, false), "{}", done.body);
    });
}

#[test]
fn racing_clients_have_one_effect_per_key_on_every_instance() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (key, other) = (app.key("posts:write").await, app.second_instance().await);
        let race = async |number: usize| {
            let (own, body) = (format!("\"{number}\""), post(&format!("Post {number}")));
            let racers = (0..3).map(async |racer: usize| {
                let instance = if racer == 0 { &other } else { app };
                let program = instance.eve().asking_for(&app.origin);
                let program = program.coming_from(&format!("10.0.{number}.{racer}"));
                loop {
                    let answer = send(&program, POSTS, (&key, &own), &body).await;
                    if answer.status != 409 && answer.status != 503 {
                        return answer;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            join_all(racers).await
        };
        for answers in join_all((0..20).map(race)).await {
            let told: BTreeSet<_> = answers
                .iter()
                .map(|answer| (answer.status, &answer.body, &answer.location))
                .collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1);
        }
        assert_eq!(app.ask(COUNT).await, ["20"]);
        other.close().await;
    });
}

#[test]
fn an_app_repeats_itself_too_and_secrets_are_never_kept() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let phone = app.eve();
        let access = tokens(&ask(&phone, &by_password(BOB.0, BOB.1)).await).0;
        let patch = async || {
            let request =
                phone.request(Method::PATCH, "/api/v1/me").json(&json!({ "name": "Rob" }));
            let request = request.header("if-match", "\"1\"").header("idempotency-key", "\"one\"");
            phone.send(request.header("authorization", format!("Bearer {access}"))).await
        };
        let (first, again) = (patch().await, patch().await);
        assert_eq!((first.status, first.header("etag")), (200, "\"2\""), "{}", first.body);
        // Without the key it would be refused, as it was changed since.
        assert_eq!((again.status, again.header("etag"), is_replayed(&again)), (200, "\"2\"", true));
        assert_eq!(app.ask("select count(*) from idempotency_keys").await, ["1"]);
        let request =
            phone.request(Method::POST, "/api/v1/tokens").form(&by_password(BOB.0, BOB.1));
        assert_eq!(phone.send(request.header("idempotency-key", "\"two\"")).await.status, 200);
        assert_eq!(app.ask("select count(*) from idempotency_keys").await, ["1"]);
    });
}

#[test]
fn keys_are_kept_for_a_week() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        for own in ["\"old\"", "\"new\""] {
            send(&eve, POSTS, (&key, own), &post(&format!("Wall {own}"))).await;
        }
        app.psql("update idempotency_keys set at = now() - interval '6 days 23 hours'").await;
        app.psql("update idempotency_keys set at = now() - interval '169 hours' where key = 'old'")
            .await;
        assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
        assert_eq!(app.ask("select key from idempotency_keys").await, ["new"]);
    });
}
