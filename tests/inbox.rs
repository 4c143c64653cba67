//! The inbox: what events lead to, once, and what staff see and do.

use super::cache::confirmed;
use super::doors::{A_SUBSCRIBER, AN_ISSUE};
use super::mail::work;
use super::posts::many;
use super::sign_in::sign_in;
use super::support::signer::{Delivery, GITHUB, PARTNER, PARTNERS_KEY, RESEND};
use super::support::{Person, Process, TestApp, folder_of_its_own, with_settings};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::fs;
use std::time::Duration;

fn now(app: &TestApp) -> i64 {
    app.state.clock.now().unix_timestamp()
}

/// Has an event delivered; it is kept.
async fn deliver(app: &TestApp, source: &str, id: &str, body: &Value) {
    let event = match source {
        "github" => Delivery::of_github(body["type"].as_str().unwrap(), id, body),
        "resend" => Delivery::of_standard("resend", RESEND.1, id, now(app), body),
        _ => Delivery::of_standard("partner", PARTNERS_KEY, id, now(app), body),
    };
    let answer = event.send(&app.eve()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// State, tries and remark of an event.
async fn state(app: &TestApp, id: &str) -> String {
    let sql = format!(
        "select concat_ws('|', state, attempts, remark) from inbox where event_id = '{id}'"
    );
    app.ask(&sql).await.remove(0)
}

/// Its address in the admin.
async fn page_of(app: &TestApp, id: &str) -> String {
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

/// A mail of an issue to each of these, and its id.
async fn mailed(app: &TestApp, readers: &[&str]) -> Vec<String> {
    app.psql(AN_ISSUE).await;
    for reader in readers {
        let subscriber = A_SUBSCRIBER.replace("ann@example.test", reader);
        app.psql(&format!(
            "{subscriber}
             insert into outbox (id, kind, job, cause, recipient, state, ended_at)
             select gen_random_uuid(), 'mail', jsonb_build_object('do', 'mail', 'mail', 'issue', 'issue', issues.id,
                    'subscriber', subscribers.id), 'issue:' || issues.id, email, 'done', now()
               from issues, subscribers where email = '{reader}'"
        ))
        .await;
    }
    let mut ids = Vec::new();
    for reader in readers {
        ids.extend(app.ask(&format!("select id from outbox where recipient = '{reader}'")).await);
    }
    ids
}

/// What Resend says of a mail.
fn told(kind: &str, mail: &str) -> Value {
    json!({
        "type": format!("email.{kind}"),
        "created_at": "2026-11-22T23:41:12.126Z",
        "data": {
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "message_id": format!("<{mail}@site.example>"),
            "from": "Acme <onboarding@resend.dev>",
            "to": ["ann@example.test"],
            "subject": "A wall",
            "bounce": { "message": "550 5.1.1 no such user", "subType": "General", "type": "Permanent" },
        },
    })
}

/// How things stand with a subscriber, and what they get no more.
async fn standing(app: &TestApp, email: &str) -> Vec<String> {
    app.ask(&format!(
        "select concat_ws(' ', status, ended_at is not null, (select string_agg(purpose || '=' || reason, ',' order by purpose)
           from suppressions where suppressions.email = subscribers.email)) from subscribers where email = '{email}'"
    ))
    .await
}

#[test]
fn what_resend_says_of_a_mail_stands_on_its_page_and_takes_off_the_list_as_the_button_does() {
    with_settings(&[RESEND], async |app| {
        let readers = [
            "ann@example.test",
            "bob@example.test",
            "cat@example.test",
            "dan@example.test",
            "eve@example.test",
        ];
        let mails = mailed(app, &readers).await;
        let ada = app.ada().await;
        // Bob and Dan by the button.
        for (reader, reason) in [("bob", "bounced"), ("dan", "complained")] {
            let id = format!("select id from subscribers where email = '{reader}@example.test'");
            let path = format!("/admin/subscribers/{}/end", app.ask(&id).await[0]);
            assert_eq!(ada.post(&path, &[("reason", reason)]).await.status, 303);
        }
        for (kind, mail, id) in [
            ("delivery_delayed", 0, "e1"),
            ("bounced", 0, "e2"),
            ("delivered", 2, "e3"),
            ("complained", 2, "e4"),
            ("delivered", 4, "e5"),
            ("opened", 4, "e6"),
        ] {
            deliver(app, "resend", id, &told(kind, &mails[mail])).await;
        }
        work(app).await;
        for (event, button) in [("ann", "bob"), ("cat", "dan")] {
            let of = |name: &str| format!("{name}@example.test");
            assert_eq!(
                standing(app, &of(event)).await,
                standing(app, &of(button)).await,
                "{event}"
            );
        }
        assert_eq!(
            standing(app, "ann@example.test").await,
            ["bounced t digest=bounced,newsletter=bounced"]
        );
        assert_eq!(standing(app, "eve@example.test").await, ["confirmed f"]);
        let why = "select remark from subscribers where email = 'ann@example.test'";
        assert_eq!(app.ask(why).await, ["550 5.1.1 no such user"]);

        let page = ada.get(&format!("/admin/outbox/{}", mails[0])).await;
        page.is_page(200);
        for word in ["What became of it", ">delayed</a>", ">bounced</a>"] {
            assert!(page.body.contains(word), "{word}: {}", page.body);
        }
        assert!(
            !ada.get(&format!("/admin/outbox/{}", mails[1]))
                .await
                .body
                .contains("What became of it")
        );
        let event = ada.get(&page_of(app, "e2").await).await.body;
        for words in ["A mail came back", "A subscriber gets no more mail", &mails[0]] {
            assert!(event.contains(words), "{words}: {event}");
        }

        // Said by another event, it is not done twice: somebody who was let in again meanwhile stays.
        app.psql("delete from suppressions; update subscribers set status = 'confirmed', ended_at = null").await;
        deliver(app, "resend", "e7", &told("bounced", &mails[0])).await;
        work(app).await;
        assert_eq!(
            state(app, "e7").await,
            "done|1|Another event has said so before; nothing was done twice."
        );
        assert_eq!(standing(app, "ann@example.test").await, ["confirmed f"]);
    });
}

#[test]
fn a_mail_that_is_not_found_by_its_id_is_found_where_one_alone_fits_and_else_it_says_so() {
    with_settings(&[RESEND, ("MAIL_FROM", "Desk <desk@site.example>")], async |app| {
        mailed(app, &["ann@example.test", "bob@example.test"]).await;
        let at = app
            .ask("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
            .await
            .remove(0);
        let said = |to: &str, from: &str, bounce: &str| {
            json!({
                "type": "email.bounced",
                "data": {
                    "message_id": "<0100019@email.amazonses.com>", "from": from, "to": [to], "created_at": at,
                    "bounce": { "type": bounce, "message": "no" },
                },
            })
        };
        let ours = "Desk <desk@site.example>";
        let unknown = "ignored|1|No mail of ours has this Message-ID, and none alone fits its address and time.";
        for (id, body, expected) in [
            (
                "another-program",
                said("ann@example.test", "shop@site.example", "Permanent"),
                unknown,
            ),
            ("a-stranger", said("zoe@example.test", ours, "Permanent"), unknown),
            ("nothing", json!({ "type": "email.bounced" }), unknown),
            (
                "nonsense",
                json!({ "type": "email.bounced", "data": { "to": 7, "headers": [7], "message_id": [] } }),
                unknown,
            ),
            (
                "full",
                said("ann@example.test", ours, "Transient"),
                "done|1|It came back, and not for good: nobody was taken off the list.",
            ),
            ("gone", said("Bob@example.test", ours, "Permanent"), "done|1"),
        ] {
            deliver(app, "resend", id, &body).await;
            work(app).await;
            assert_eq!(state(app, id).await, expected, "{id}");
        }
        assert_eq!(standing(app, "ann@example.test").await, ["confirmed f"]);
        assert!(standing(app, "bob@example.test").await[0].starts_with("bounced"));
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
fn staff_see_every_event_and_owners_what_it_says_and_have_it_replayed() {
    with_settings(&PARTNER, async |app| {
        let hostile = "<script>alert(1)</script>";
        deliver(app, "partner", "m1", &json!({ "type": hostile, "data": "ann@example.test" }))
            .await;
        deliver(
            app,
            "partner",
            "m2",
            &json!({ "type": "revalidate", "data": { "tags": ["posts"] } }),
        )
        .await;
        work(app).await;
        let ada = app.ada().await;
        let list = ada.get("/admin/inbox").await;
        list.is_page(200);
        assert!(!list.body.contains(hostile) && list.body.contains("&lt;script&gt;"));
        assert!(list.body.contains("<strong>1</strong><span>ignored</span>"), "{}", list.body);
        assert!(!ada.get("/admin/inbox?state=done").await.body.contains("&lt;script&gt;"));
        assert!(ada.get("/admin/inbox?source=nobody").await.body.contains("Nothing here."));
        let (first, second) = (page_of(app, "m1").await, page_of(app, "m2").await);
        let page = ada.get(&first).await.body;
        assert!(page.contains("ann@example.test") && !page.contains(hostile), "{page}");
        assert!(page.contains("Nothing is done about events of this type."));

        let add = ["user", "add", "--email", "ed@example.com", "--name", "Ed", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let ed = app.eve();
        sign_in(&ed, "ed@example.com", &password).await;
        let page = ed.get(&first).await;
        page.is_page(200);
        assert!(
            !page.body.contains("ann@example.test") && page.body.contains("for the owners"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("/replay"));
        ed.post(&format!("{first}/replay"), &[]).await.is_page(403);

        // What is done is not done twice, and that is said.
        let effects = "select count(*) from cache_inval where tag = 'posts'";
        let before = app.ask(effects).await;
        let replay = ada.post(&format!("{second}/replay"), &[]).await;
        assert_eq!((replay.status, &replay.location), (303, &second));
        assert!(
            ada.get(&second).await.body.contains("It was done before, and nothing was done twice.")
        );
        work(app).await;
        assert_eq!(app.ask(effects).await, before);
        assert_eq!(ada.post(&format!("{first}/replay"), &[]).await.status, 303);
        assert!(ada.get(&first).await.body.contains("It is acted upon once more."));
        work(app).await;
        assert_eq!(state(app, "m1").await, "ignored|1|Nothing is done about events of this type.");
        let lines = "select object = 'inbox:' || (select id from inbox where event_id = 'm1') || details::text
            from audit where act = 'event-replayed' order by at";
        assert_eq!(app.ask(lines).await.len(), 2);

        // By cursor, fifty at a time.
        app.psql(
            "insert into inbox (id, source, event_id, type, payload, state)
             select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'old', n, 'x', '', 'ignored' from generate_series(1, 120) n",
        )
        .await;
        let (mut path, mut seen) = ("/admin/inbox?source=old".to_owned(), 0);
        loop {
            let page = ada.get(&path).await.body;
            seen += page.matches("/admin/inbox/01890000").count();
            let Some((_, older)) = page.split_once("class=\"older\" rel=\"next\" href=\"") else {
                break;
            };
            path = older.split('"').next().unwrap().replace("&amp;", "&");
        }
        assert_eq!(seen, 120);
    });
}

#[test]
fn the_operator_lists_shows_and_replays() {
    with_settings(&PARTNER, async |app| {
        deliver(app, "partner", "m1", &json!({ "type": "revalidate", "data": { "tags": ["*"] } }))
            .await;
        deliver(app, "partner", "m2", &json!({ "type": "revalidate" })).await;
        deliver(app, "partner", "m3", &json!({ "type": "\u{1b}[31mred" })).await;
        work(app).await;
        let listed = app.cli(&["inbox", "list", "--json"], "").json();
        let told: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["event_id"].as_str().unwrap())
            .collect();
        assert_eq!(told, ["m3", "m2", "m1"]);
        assert_eq!(
            app.cli(&["inbox", "list", "--state", "dead", "--json"], "").json()[0]["event_id"],
            "m2"
        );
        let id = |number: usize| listed[number]["id"].as_str().unwrap();
        let shown = app.cli(&["inbox", "show", id(2), "--json"], "").json();
        assert_eq!((&shown["type"], &shown["state"]), (&json!("revalidate"), &json!("done")));
        assert_eq!(
            (&shown["effects"][0]["kind"], &shown["effects"][0]["detail"]),
            (&json!("revalidated"), &json!("*"))
        );
        assert!(shown["payload"].as_str().unwrap().contains("revalidate"));
        let text = app.cli(&["inbox", "show", id(0)], "");
        assert!(text.code == 0 && !text.out.contains('\u{1b}'), "{}", text.out);
        let done = app.cli(&["inbox", "replay", id(2)], "");
        assert_eq!(
            (done.code, done.out.as_str()),
            (0, "It was done before, and nothing is done twice.\n")
        );
        assert_eq!(app.cli(&["inbox", "replay", id(0)], "").out, "It is acted upon once more.\n");
        assert_eq!(
            app.cli(&["inbox", "replay", "--dead", "--json"], "").json(),
            json!({ "replayed": 1 })
        );
        let none = app.cli(&["inbox", "replay", "--dead"], "");
        assert!(none.code == 1 && none.err.contains("Nothing is dead any more."), "{}", none.err);
        assert_eq!(app.cli(&["inbox", "replay"], "").code, 2);
        let acts = "select count(*) from audit where act in ('event-replayed', 'dead-events-replayed') and door = 'shell'";
        assert_eq!(app.ask(acts).await, ["3"]);
    });
}

#[test]
fn payloads_go_after_thirty_days_and_ids_after_ninety_and_whoever_is_erased_at_once() {
    with_settings(&PARTNER, async |app| {
        let about = json!({ "type": "x", "pusher": { "email": "Ann@Example.test" } });
        for id in ["new", "old", "older", "dead", "bob"] {
            let body = if id == "bob" {
                json!({ "type": "x", "email": "bob@example.test" })
            } else {
                about.clone()
            };
            deliver(app, "partner", id, &body).await;
        }
        app.psql(
            "update inbox set received_at = now() - interval '31 days' where event_id in ('old', 'dead');
             update inbox set received_at = now() - interval '91 days' where event_id = 'older';
             update inbox set state = 'dead' where event_id = 'dead'",
        )
        .await;
        let run = app.cli(&["run", "cleanup", "--json"], "").json();
        assert_eq!(
            (&run["output"]["events"], &run["output"]["payloads of events"]),
            (&json!(1), &json!(2))
        );
        let kept = "select event_id || ' ' || (payload is not null) from inbox order by event_id";
        assert_eq!(app.ask(kept).await, ["bob true", "dead true", "new true", "old false"]);
        // Its id is known as long as anyone sends it.
        let event = Delivery::of_standard("partner", PARTNERS_KEY, "old", now(app), &about);
        assert_eq!(event.send(&app.eve()).await.json()["duplicate"], true);

        let export =
            app.cli(&["person", "export", "--email", "ann@example.test", "--json"], "").json();
        assert_eq!(export["tables"]["inbox"].as_array().unwrap().len(), 2);
        assert_eq!(app.cli(&["person", "erase", "--email", "ann@example.test"], "").code, 0);
        assert_eq!(app.tables_with("Ann@Example.test").await, [""; 0]);
        assert_eq!(app.ask(kept).await, ["bob true", "dead false", "new false", "old false"]);
        let ada = app.ada().await;
        let page = page_of(app, "new").await;
        assert!(ada.get(&page).await.body.contains("It is not kept any more."));
        ada.post(&format!("{page}/replay"), &[]).await.is_page(422);
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
