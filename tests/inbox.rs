//! What events of other programs lead to, once.

use super::cache::confirmed;
use super::cron::{MINUTE, into_the_next_hour};
use super::mail::work;
use super::posts::many;
use super::support::signer::{Delivery, GITHUB, PARTNER, PARTNERS_KEY, RESEND};
use super::support::{Person, Process, TestApp, folder_of_its_own, with_own_server, with_settings};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::fs;
use std::time::Duration;

pub fn now(app: &TestApp) -> i64 {
    app.state.clock.now().unix_timestamp()
}

/// Has an event delivered; it is kept.
pub async fn deliver(app: &TestApp, source: &str, id: &str, body: &Value) {
    let event = match source {
        "github" => Delivery::of_github(body["type"].as_str().unwrap(), id, body),
        "resend" => Delivery::of_standard("resend", RESEND.1, id, now(app), body),
        _ => Delivery::of_standard("partner", PARTNERS_KEY, id, now(app), body),
    };
    let answer = event.send(&app.eve()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// State, tries and remark of an event.
pub async fn state(app: &TestApp, id: &str) -> String {
    let sql = format!(
        "select concat_ws('|', state, attempts, remark) from inbox where event_id = '{id}'"
    );
    app.ask(&sql).await.remove(0)
}

/// Its address in the admin.
pub async fn page_of(app: &TestApp, id: &str) -> String {
    let id = app.ask(&format!("select id from inbox where event_id = '{id}'")).await.remove(0);
    format!("/admin/inbox/{id}")
}

const WALL: &str = "---\ntitle: A wall\ntopic: Signs\n---\nIt stood.\n";

#[test]
fn a_push_has_the_folder_read_at_once_and_again_after_a_run_that_is_under_way() {
    let folder = folder_of_its_own();
    fs::create_dir_all(&folder).unwrap();
    let settings = [GITHUB, ("SYNC_FOLDER", folder.to_str().unwrap())];
    with_settings(&settings, async |app| {
        // This hour's run was before the file was there.
        into_the_next_hour(app, 5 * MINUTE);
        assert_eq!(frontdesk::jobs::scheduler::look(&app.state).await, 4);
        app.psql("delete from runs where task <> 'sync'").await;
        fs::write(folder.join("a-wall.md"), WALL).unwrap();
        for _ in 0..2 {
            deliver(app, "github", "push-1", &json!({ "type": "push", "ref": "refs/heads/main" }))
                .await;
            work(app).await;
        }
        assert_eq!(state(app, "push-1").await, "done|1");
        assert_eq!(app.eve().get("/posts/a-wall").await.status, 200);
        let runs = "select trigger || ' ' || state from runs order by started_at";
        assert_eq!(app.ask(runs).await, ["scheduler done", "webhook done"]);

        // One that comes while the task is under way waits for it: what it read may have been there too late.
        app.psql(
            "insert into runs (id, task, slot, trigger, state, lease, lease_until) values
             (gen_random_uuid(), 'sync', now(), 'cron', 'running', gen_random_uuid(), now() + interval '1 hour')",
        )
        .await;
        fs::write(folder.join("a-wall.md"), WALL.replace("It stood.", "It fell.")).unwrap();
        deliver(app, "github", "push-2", &json!({ "type": "push" })).await;
        work(app).await;
        let waiting = "select state || ' ' || attempts from outbox where kind = 'task-due' order by id desc limit 1";
        assert_eq!(app.ask(waiting).await, ["waiting 0"]);
        app.psql("update runs set state = 'done', lease = null, lease_until = null, ended_at = now() where state = 'running';
                  update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        assert!(app.eve().get("/posts/a-wall").await.body.contains("It fell."));

        deliver(
            app,
            "github",
            "ping-1",
            &json!({ "type": "ping", "zen": "Keep it logically awesome." }),
        )
        .await;
        deliver(app, "github", "star-1", &json!({ "type": "star" })).await;
        assert_eq!(state(app, "ping-1").await, "ignored|0|It only asks whether we are there.");
        assert_eq!(
            state(app, "star-1").await,
            "ignored|0|Nothing is done about events of this type."
        );
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_push_without_a_folder_is_kept_and_says_what_is_missing() {
    with_settings(&[GITHUB], async |app| {
        deliver(app, "github", "push-1", &json!({ "type": "push" })).await;
        work(app).await;
        assert_eq!(state(app, "push-1").await, "ignored|1|SYNC_FOLDER is not set.");
        assert_eq!(app.ask("select count(*) from runs").await, ["0"]);
    });
}

/// What the cache says of each page, after everything committed so far is known here.
async fn states(app: &TestApp, paths: &[&str]) -> Vec<String> {
    confirmed(app).await;
    let mut states = Vec::new();
    for path in paths {
        let answer = app.eve().get(path).await;
        states.push(answer.header("cache-status").replace("frontdesk; ", ""));
    }
    states
}

#[test]
fn a_content_event_has_pages_rendered_again_and_one_that_makes_no_sense_is_dead_and_can_be_replayed()
 {
    with_settings(&PARTNER, async |app| {
        many(app, 2).await;
        let pages = ["/posts/post-1", "/posts/post-2", "/callers"];
        states(app, &pages).await;
        let change = |data: Value| json!({ "type": "content.changed", "data": data });
        deliver(app, "partner", "m1", &change(json!({ "paths": ["/posts/post-1"] }))).await;
        assert_eq!(
            states(app, &pages).await,
            ["hit", "hit", "hit"],
            "nothing happens before the answer"
        );
        work(app).await;
        assert_eq!(states(app, &pages).await, ["fwd=stale; stored", "hit", "hit"]);
        deliver(
            app,
            "partner",
            "m2",
            &json!({ "type": "revalidate", "data": { "tags": ["posts"] } }),
        )
        .await;
        work(app).await;
        assert_eq!(states(app, &pages).await, ["fwd=stale; stored", "fwd=stale; stored", "hit"]);

        for (id, data) in [
            ("w1", json!({ "tags": ["nonsense"] })),
            ("w2", json!({})),
            ("w3", json!({ "tags": "posts" })),
            ("w4", Value::Null),
        ] {
            deliver(app, "partner", id, &change(data)).await;
            work(app).await;
            let state = state(app, id).await;
            assert!(state.starts_with("dead|1|"), "{id}: {state}");
        }
        let ada = app.ada().await;
        let list = ada.get("/admin/inbox?state=dead").await;
        list.is_page(200);
        assert_eq!(list.body.matches("badge-dead").count(), 4, "{}", list.body);
        assert!(list.body.contains("Use posts, post:ID"), "{}", list.body);
        // Somebody puts one of them right.
        app.psql(
            "update inbox set payload = '{\"data\":{\"tags\":[\"posts\"]}}' where event_id = 'w1'",
        )
        .await;
        let replayed = ada.post("/admin/inbox/replay", &[("source", "partner")]).await;
        assert_eq!(
            (replayed.status, replayed.location.as_str()),
            (303, "/admin/inbox?source=partner")
        );
        assert_eq!(
            app.ask("select count(*) from inbox where state = 'waiting' and attempts = 0").await,
            ["4"]
        );
        work(app).await;
        assert_eq!(state(app, "w1").await, "done|1");
        assert!(state(app, "w2").await.starts_with("dead|1|"));
        let none = ada.post("/admin/inbox/replay", &[("source", "nobody")]).await;
        none.is_page(422);
        assert!(none.body.contains("Nothing is dead any more."), "{}", none.body);
    });
}

#[test]
fn what_fails_is_tried_again_and_says_so_and_whose_worker_vanished_is_dead_in_the_end() {
    with_settings(&PARTNER, async |app| {
        let body = json!({ "type": "revalidate", "data": { "tags": ["posts"] } });
        deliver(app, "partner", "m1", &body).await;
        app.psql("alter table cache_inval rename to hidden").await;
        work(app).await;
        let failed = state(app, "m1").await;
        assert!(failed.starts_with("failed|1|") && failed.contains("cache_inval"), "{failed}");
        app.psql("alter table hidden rename to cache_inval").await;
        app.psql("update outbox set due_at = now()").await;
        work(app).await;
        assert_eq!(state(app, "m1").await, "done|2");

        deliver(app, "partner", "m2", &body).await;
        app.psql("update outbox set attempts = 14, lease = gen_random_uuid(), due_at = now() where state = 'waiting'").await;
        work(app).await;
        assert_eq!(state(app, "m2").await, "dead|14|Its worker did not come back.");
        // From the outbox, too.
        let job = app.ask("select id from outbox where state = 'dead'").await.remove(0);
        assert_eq!(
            app.ada().await.post(&format!("/admin/outbox/{job}/retry"), &[]).await.status,
            303
        );
        work(app).await;
        assert_eq!(state(app, "m2").await, "done|1");
    });
}

#[test]
fn killed_between_the_answer_and_the_effect_it_has_the_effect_once() {
    with_settings(&[], async |app| {
        let environment = [
            &[
                ("DATABASE_URL", app.database_url.as_str()),
                ("SCHEDULER", "off"),
                ("DEMO_CONTENT", "off"),
            ][..],
            &PARTNER,
        ]
        .concat();
        let mut site = Process::serve(&environment);
        let origin = site.origin();
        let mut held = PgConnection::connect(&app.database_url).await.unwrap();
        held.execute("begin; lock table cache_inval in exclusive mode").await.unwrap();
        let body = json!({ "type": "revalidate", "data": { "tags": ["page:killed"] } });
        let event = Delivery::of_standard("partner", PARTNERS_KEY, "m1", now(app), &body);
        assert_eq!(event.send(&Person::visiting(&origin)).await.status, 200);
        let waits = "select count(*) > 0 from pg_locks where relation = 'cache_inval'::regclass and not granted";
        app.comes_to(waits, "true").await;
        site.signal("KILL");
        site.end();
        held.execute("commit").await.unwrap();
        held.close().await.unwrap();
        assert_eq!(app.ask("select count(*) from inbox_effects").await, ["0"]);
        let mut site = Process::serve(&environment);
        let origin = site.origin();
        // The sender, who may have missed the answer, comes again meanwhile.
        assert_eq!(event.send(&Person::visiting(&origin)).await.json()["duplicate"], true);
        app.comes_to("select state from inbox", "done").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(
            app.ask("select count(*) from cache_inval where tag = 'page:killed'").await,
            ["1"]
        );
        assert_eq!(app.ask("select count(*) from inbox_effects").await, ["1"]);
        assert_eq!(app.ask("select state from outbox").await, ["done"]);
    });
}

#[test]
fn a_hundred_deliveries_of_one_event_to_two_instances_are_one() {
    let settings = [&PARTNER[..], &[("TRUSTED_PROXIES", "127.0.0.1")]].concat();
    with_settings(&settings, async |app| {
        let (other, now) = (app.second_instance().await, app.state.clock.now().unix_timestamp());
        let body = json!({ "type": "content.changed", "data": { "tags": ["posts"] } });
        let event = Delivery::of_standard("partner", PARTNERS_KEY, "msg_1", now, &body);
        let send = async |number: usize| {
            let eve = [app, &other][number % 2].eve().asking_for(&app.origin);
            loop {
                let answer = event.send(&eve).await;
                if answer.status != 503 {
                    return answer; // a busy machine may have no connection for everyone at once
                }
            }
        };
        let answers = futures_util::future::join_all((0..100).map(send)).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let first = answers.iter().filter(|answer| answer.json()["duplicate"] == false).count();
        assert!(first <= 1, "a commit that got no answer was the first: {first}");
        assert_eq!(app.ask("select count(*) from inbox").await, ["1"]);
        assert_eq!(app.ask("select count(*) from outbox").await, ["1"]);
        let work = async |app: &TestApp| {
            frontdesk::jobs::worker::work_off(&app.state).await.unwrap();
        };
        tokio::join!(work(app), work(&other));
        assert_eq!(app.ask("select state from inbox").await, ["done"]);
        assert_eq!(app.ask("select count(*) from inbox_effects").await, ["1"]);
        assert_eq!(app.ask("select count(*) from cache_inval where tag = 'posts'").await, ["1"]);
        other.close().await;
    });
}

#[test]
fn while_the_database_is_away_the_sender_is_told_to_come_again() {
    with_own_server(async |first, server| {
        let app = first.instance_with(&PARTNER).await;
        let (eve, now) =
            (app.eve().asking_for(&first.origin), app.state.clock.now().unix_timestamp());
        let body = json!({ "type": "content.changed", "data": { "tags": ["posts"] } });
        let event = Delivery::of_standard("partner", PARTNERS_KEY, "msg_1", now, &body);
        server.stop();
        let away = event.send(&eve).await;
        away.is_problem(503);
        assert!(away.header("retry-after").parse::<u64>().is_ok());
        server.start();
        let again = event.send(&eve).await;
        assert_eq!(again.json(), json!({ "stored": true, "duplicate": false }));
        assert_eq!(app.ask("select state from inbox").await, ["waiting"]);
        app.close().await;
    });
}
