//! The inbox as staff and the operator see it, what they do with it, and how long it is kept.

use super::inbox::{deliver, now, page_of, state};
use super::mail::work;
use super::sign_in::sign_in;
use super::support::signer::{Delivery, PARTNER, PARTNERS_KEY};
use super::support::with_settings;
use serde_json::json;

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
