//! Webhooks as they reach whoever is told: signed, in order, again where they did not arrive, and never where they may not.

use super::events::key_for;
use super::support::{Mode, Receiver, Smtp, TestApp, with_settings};
use frontdesk::App;
use frontdesk::jobs::webhooks::{work, work_off};
use frontdesk::outgoing::{Names, Outgoing};
use frontdesk::services::webhooks as service;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Has `url` told of leads: its id and its secret.
pub fn told(app: &TestApp, receiver: &Receiver, url: &str) -> (String, String) {
    let add = [
        "webhook",
        "add",
        "--name",
        "Their CRM",
        "--url",
        url,
        "--type",
        "lead.created",
        "--type",
        "lead.updated",
        "--json",
    ];
    let shell = super::support::Shell::run(&add, "", &environment(app, receiver));
    assert_eq!(shell.code, 0, "{}{}", shell.out, shell.err);
    let text = |name: &str| shell.json()[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// What the program has set on a shell of its own.
pub fn environment<'a>(app: &'a TestApp, receiver: &'a Receiver) -> Vec<(&'a str, &'a str)> {
    [&receiver.settings()[..], &[("DATABASE_URL", app.database_url.as_str())]].concat()
}

/// Runs a test on a site that may send to a receiver.
pub fn with_receiver(test: impl AsyncFnOnce(&TestApp, &Receiver)) {
    let receiver = Receiver::start();
    with_settings(&receiver.settings(), async |app| test(app, &receiver).await);
}

/// A lead of this name.
pub async fn lead(app: &TestApp, name: &str) {
    app.psql(&format!(
        "insert into leads (id, name, email, message, status, source, fingerprint)
         values (gen_random_uuid(), '{name}', 'ann@example.test', 'Hello.', 'new', 'cli', sha256('{name}'))"
    ))
    .await;
}

/// Sends what is due.
pub async fn send(app: &TestApp) -> usize {
    work_off(&app.state).await.unwrap()
}

/// As if the pauses were over.
pub async fn wait_out(app: &TestApp) {
    app.psql(
        "update webhooks set rests_until = null;
         update webhook_deliveries set due_at = now() where state = 'waiting' and lease is null",
    )
    .await;
}

async fn states(app: &TestApp) -> String {
    app.ask("select string_agg(state || ' ' || attempts, ', ' order by n) from webhook_deliveries")
        .await
        .remove(0)
}

#[test]
fn what_happens_arrives_signed_once_it_has_been_committed() {
    with_receiver(async |app, receiver| {
        let (id, secret) = told(app, receiver, &receiver.url("/hook"));
        receiver.expect("/hook", &[&secret]);
        lead(app, "Ann").await;
        app.psql("begin; update leads set status = 'won'; rollback").await;
        assert_eq!(send(app).await, 1);
        let log = receiver.log("/hook");
        assert_eq!(log.len(), 1);
        assert_eq!(
            (&log[0]["verified"], &log[0]["signatures"]),
            (&json!(true), &json!(1)),
            "{log:?}"
        );
        let event = &log[0]["event"];
        assert_eq!((&event["type"], &event["sequence"]), (&json!("lead.created"), &json!(1)));
        assert_eq!((&event["data"]["name"], &event["id"]), (&json!("Ann"), &log[0]["id"]));
        let events = "select id::text from events";
        assert_eq!(app.ask(events).await, [event["id"].as_str().unwrap()], "as the feed calls it");
        assert_eq!(send(app).await, 0);
        // Both secrets are good while one is replaced by the other, and then the new one alone.
        let run = |arguments: &[&str]| {
            super::support::Shell::run(arguments, "", &environment(app, receiver))
        };
        let new = run(&["webhook", "rotate", &id, "--overlap", "1-hour", "--json"]).json();
        let new = new["secret"].as_str().unwrap().to_owned();
        receiver.expect("/hook", &[&secret, &new]);
        lead(app, "Bob").await;
        send(app).await;
        app.psql("update webhook_secrets set good_until = now() where good_until is not null")
            .await;
        receiver.expect("/hook", &[&new]);
        lead(app, "Cem").await;
        send(app).await;
        let log = receiver.log("/hook");
        let seen: Vec<_> = log
            .iter()
            .map(|one| (one["verified"].as_bool().unwrap(), one["signatures"].as_u64().unwrap()))
            .collect();
        assert_eq!(seen, [(true, 1), (true, 2), (true, 1)]);
        // What it is signed with is nowhere to be read.
        for secret in [&secret, &new] {
            let bare = secret.trim_start_matches("whsec_");
            assert_eq!(app.tables_with(&bare[..20]).await, [""; 0]);
        }
    });
}

#[test]
fn what_does_not_arrive_is_sent_again_under_the_same_id_with_the_time_of_then() {
    with_receiver(async |app, receiver| {
        let (_, secret) = told(app, receiver, &receiver.url("/hook"));
        receiver.expect("/hook", &[&secret]);
        receiver.set("/hook", &json!({ "fail": 100 }));
        lead(app, "Ann").await;
        send(app).await;
        assert_eq!(states(app).await, "waiting 1");
        let pause =
            "select extract(epoch from due_at - now()) between 3 and 7 from webhook_deliveries";
        assert_eq!(app.ask(pause).await, ["true"]);
        app.state.clock.advance(std::time::Duration::from_secs(5));
        receiver.set("/hook", &json!({}));
        wait_out(app).await;
        send(app).await;
        let log = receiver.log("/hook");
        assert_eq!((log.len(), &log[0]["id"]), (2, &log[1]["id"]));
        assert!(log[1]["at"].as_u64() > log[0]["at"].as_u64(), "{log:?}");
        assert!(log.iter().all(|one| one["verified"] == true), "{log:?}");
        assert_eq!(states(app).await, "delivered 2");
        let tries = "select string_agg(status || ' ' || said, '|' order by at) from webhook_tries";
        assert_eq!(
            app.ask(tries).await,
            ["500 500 Something went wrong with ann@example.test|200 200 Thank you."]
        );
        // Whoever is erased is gone from what was answered, too.
        assert_eq!(app.cli(&["person", "erase", "--email", "ann@example.test"], "").code, 0);
        assert_eq!(app.tables_with("ann@example.test").await, [""; 0]);
    });
}

#[test]
fn it_is_given_up_after_ten_tries_and_can_be_sent_again() {
    with_receiver(async |app, receiver| {
        let (id, _) = told(app, receiver, &receiver.url("/hook"));
        receiver.set("/hook", &json!({ "status": 404 }));
        lead(app, "Ann").await;
        app.psql("update leads set status = 'won'").await;
        for _ in 0..20 {
            send(app).await;
            wait_out(app).await;
        }
        assert_eq!(states(app).await, "failed 10, failed 10");
        let order: Vec<_> =
            receiver.log("/hook").iter().map(|one| one["event"]["sequence"].clone()).collect();
        assert!(
            order.iter().is_sorted_by_key(|one| one.as_u64()),
            "the later waits until the earlier is given up: {order:?}"
        );
        receiver.set("/hook", &json!({}));
        let run = |arguments: &[&str]| {
            super::support::Shell::run(arguments, "", &environment(app, receiver))
        };
        assert_eq!(run(&["webhook", "replay", &id, "--since", "2199-01-01T00:00:00Z"]).code, 1);
        let replayed = run(&["webhook", "replay", &id, "--json"]);
        assert_eq!(replayed.json(), json!({ "replayed": 2 }), "{}", replayed.err);
        send(app).await;
        assert_eq!(states(app).await, "delivered 1, delivered 1");
    });
}

#[test]
fn what_happened_later_to_one_object_waits_for_what_happened_before_and_others_do_not() {
    with_receiver(async |app, receiver| {
        let (..) = told(app, receiver, &receiver.url("/hook"));
        receiver.set("/hook", &json!({ "fail": 100 }));
        lead(app, "Ann").await;
        send(app).await;
        receiver.set("/hook", &json!({}));
        app.psql("update leads set status = 'contacted'").await;
        lead(app, "Bob").await;
        assert_eq!(send(app).await, 1);
        assert_eq!(states(app).await, "waiting 1, waiting 0, delivered 1");
        wait_out(app).await;
        assert_eq!(send(app).await, 2);
        let order: Vec<_> = receiver
            .log("/hook")
            .iter()
            .map(|one| format!("{} {}", one["event"]["data"]["name"], one["event"]["sequence"]))
            .collect();
        assert_eq!(order, ["\"Ann\" 1", "\"Bob\" 1", "\"Ann\" 1", "\"Ann\" 2"]);
    });
}

#[test]
fn no_redirect_is_followed_and_whoever_asks_to_be_left_alone_is() {
    with_receiver(async |app, receiver| {
        let (..) = told(app, receiver, &receiver.url("/hook"));
        receiver.set("/hook", &json!({ "redirect": 100, "to": receiver.url("/trap") }));
        lead(app, "Ann").await;
        send(app).await;
        assert_eq!(states(app).await, "waiting 1", "that is no success");
        assert!(receiver.log("/trap").is_empty());
        receiver.set("/hook", &json!({ "status": 503, "headers": { "retry-after": "3600" } }));
        wait_out(app).await;
        send(app).await;
        lead(app, "Bob").await;
        assert_eq!(send(app).await, 0, "it is asked for everything, not for this delivery");
        let left_alone =
            "select extract(epoch from rests_until - now()) between 3500 and 3600 from webhooks";
        assert_eq!(app.ask(left_alone).await, ["true"]);
        let due = "select extract(epoch from due_at - now()) between 3500 and 3600 from webhook_deliveries where attempts = 2";
        assert_eq!(app.ask(due).await, ["true"]);
    });
}

#[test]
fn who_answers_410_is_told_nothing_any_more_and_whoever_made_it_learns_of_it() {
    with_receiver(async |app, receiver| {
        let (id, _) = told(app, receiver, &receiver.url("/hook"));
        receiver.set("/hook", &json!({ "goneAfter": 1 }));
        for name in ["Ann", "Bob", "Cem", "Dan"] {
            lead(app, name).await;
            send(app).await;
        }
        assert_eq!(receiver.log("/hook").len(), 2);
        assert_eq!(states(app).await, "delivered 1, failed 1", "what happened since is not for it");
        let shell = super::support::Shell::run(
            &["webhook", "show", &id, "--json"],
            "",
            &environment(app, receiver),
        );
        assert_eq!(shell.json()["state"], "disabled");
        assert_eq!(shell.json()["remark"], "It answered 410: it wants nothing any more.");
        frontdesk::jobs::worker::work_off(&app.state).await.unwrap();
        let mail = "select concat_ws(' ', job ->> 'mail', recipient, state) from outbox where kind = 'mail'";
        assert_eq!(
            app.ask(mail).await,
            ["webhook-disabled ada@example.com done"],
            "the operator made it, so the owners are told"
        );
    });
}

#[test]
fn an_endpoint_where_nothing_arrives_for_five_days_is_disabled() {
    with_receiver(async |app, receiver| {
        let (id, _) = told(app, receiver, &receiver.url("/hook"));
        receiver.set("/hook", &json!({ "fail": 100 }));
        lead(app, "Ann").await;
        lead(app, "Bob").await;
        for _ in 0..12 {
            send(app).await;
            wait_out(app).await;
        }
        let state = "select state || ' ' || (failures >= 10) from webhooks";
        assert_eq!(app.ask(state).await, ["on true"], "so many times, but not for so long");
        app.psql("update webhooks set failing_since = now() - interval '5 days'").await;
        send(app).await;
        assert_eq!(app.ask(state).await, ["disabled true"]);
        assert_eq!(app.ask("select distinct state from webhook_deliveries").await, ["failed"]);
        assert_eq!(
            app.ask("select count(*) from outbox where job ->> 'mail' = 'webhook-disabled'").await,
            ["1"]
        );
        // Told again, it begins anew.
        receiver.set("/hook", &json!({}));
        let run = |arguments: &[&str]| {
            super::support::Shell::run(arguments, "", &environment(app, receiver))
        };
        assert_eq!(run(&["webhook", "replay", &id]).code, 1, "first it has to be told again");
        assert_eq!(run(&["webhook", "enable", &id]).code, 0);
        assert_eq!(run(&["webhook", "replay", &id]).code, 0);
        send(app).await;
        assert_eq!(app.ask("select distinct state from webhook_deliveries").await, ["delivered"]);
        assert_eq!(
            app.ask("select failures || ' ' || (failing_since is null) from webhooks").await,
            ["0 true"]
        );
    });
}

#[test]
fn a_receiver_that_stalls_keeps_neither_mail_nor_others_waiting() {
    let (receiver, smtp) = (Receiver::start(), Smtp::start(Mode::Plain));
    let settings = [&receiver.settings()[..], &smtp.settings()[..]].concat();
    with_settings(&settings, async |app| {
        let (..) = told(app, &receiver, &receiver.url("/stalls"));
        let (..) = told(app, &receiver, &receiver.url("/hook"));
        receiver.set("/stalls", &json!({ "stall": 100 }));
        let (stop, stopping) = watch::channel(false);
        let state = actix_web::web::Data::clone(&app.state);
        let working =
            actix_web::rt::spawn(async move { frontdesk::jobs::work(&state, stopping).await });
        let began = app.state.clock.moment();
        app.eve().post("/contact", &super::contact::ANN).await;
        for n in 0..20 {
            lead(app, &format!("Ann {n}")).await;
        }
        app.comes_to("select count(*) from webhook_deliveries where state = 'delivered'", "21")
            .await;
        app.comes_to("select count(*) from outbox where kind = 'mail' and state = 'done'", "2")
            .await;
        assert!(
            app.state.clock.moment().since(began).as_secs() < 9,
            "nobody waited for it to time out"
        );
        assert!(receiver.log("/stalls").len() <= 4, "a few at once and no more");
        stop.send_replace(true);
        working.await.unwrap();
    });
}

#[test]
fn a_name_that_moves_to_a_private_address_is_not_followed_there() {
    with_receiver(async |app, receiver| {
        let here = Arc::new(Mutex::new("127.0.0.1".parse::<IpAddr>().unwrap()));
        let asked = Arc::clone(&here);
        let names: Names = Arc::new(move |name| match name {
            "moving.example" => Ok(vec![*asked.lock().unwrap()]),
            _ => Err(std::io::Error::other("nobody is called so")),
        });
        let mut state = App::open(app.state.config.clone(), &app.database_url).await.unwrap();
        state.outgoing = Outgoing::asking(&state.config, Some(names)).unwrap();
        let (..) = told(app, receiver, &receiver.url_at("moving.example", "/hook"));
        lead(app, "Ann").await;
        work_off(&state).await.unwrap();
        assert_eq!(states(app).await, "delivered 1");
        *here.lock().unwrap() = "127.0.0.2".parse().unwrap();
        lead(app, "Bob").await;
        work_off(&state).await.unwrap();
        assert_eq!(states(app).await, "delivered 1, waiting 1");
        let why = "select said from webhook_tries order by at desc limit 1";
        assert_eq!(
            app.ask(why).await,
            ["It is not sent there: its name does not lead to a public address."]
        );
        *here.lock().unwrap() = "127.0.0.1".parse().unwrap();
        wait_out(app).await;
        work_off(&state).await.unwrap();
        assert_eq!(states(app).await, "delivered 1, delivered 2");
        // In digits it is judged as well, whoever wrote it into the table.
        app.psql(&format!("update webhooks set url = '{}'", receiver.url_at("127.0.0.2", "/hook")))
            .await;
        lead(app, "Cem").await;
        work_off(&state).await.unwrap();
        assert!(receiver.whole_log().iter().all(|one| one["host"] == "127.0.0.1"));
        state.close().await;
    });
}

#[test]
fn what_a_worker_took_and_never_came_back_for_is_sent_by_another() {
    with_receiver(async |app, receiver| {
        let (..) = told(app, receiver, &receiver.url("/hook"));
        lead(app, "Ann").await;
        let lease = app.state.clock.id();
        let mut taken =
            app.state.bookkeep(async |tx| service::claim(tx, lease, 8).await).await.unwrap();
        let taken = taken.remove(0);
        assert_eq!(send(app).await, 0, "somebody has it");
        app.psql("update webhook_deliveries set due_at = now()").await; // their lease has run out
        assert_eq!(send(app).await, 1);
        let tried = service::Tried {
            end: service::End::Gone,
            status: Some(410),
            took: std::time::Duration::ZERO,
            said: String::new(),
        };
        let id = || app.state.clock.id();
        let noted = app
            .state
            .bookkeep(async |tx| service::end(tx, &taken, &tried, id).await)
            .await
            .unwrap();
        assert_eq!(noted, service::Noted::Lost, "whoever has lost the lease notes nothing");
        assert_eq!(states(app).await, "delivered 2");
        assert_eq!(app.ask("select state from webhooks").await, ["on"]);
    });
}

#[test]
fn of_several_workers_together_no_endpoint_gets_more_at_once_than_it_may() {
    with_receiver(async |app, receiver| {
        let (..) = told(app, receiver, &receiver.url("/hook"));
        for n in 0..30 {
            lead(app, &format!("Ann {n}")).await;
        }
        let other = app.second_instance().await;
        let claim = |app: &TestApp| {
            let state = actix_web::web::Data::clone(&app.state);
            async move {
                let lease = state.clock.id();
                state.bookkeep(async |tx| service::claim(tx, lease, 20).await).await.unwrap().len()
            }
        };
        let taken = tokio::join!(claim(app), claim(&other), claim(app), claim(&other));
        assert_eq!(taken.0 + taken.1 + taken.2 + taken.3, 4, "{taken:?}");
        app.psql("update webhook_deliveries set lease = null, due_at = now(); update webhooks set failures = 3").await;
        let taken = tokio::join!(claim(app), claim(&other));
        assert_eq!(taken.0 + taken.1, 1, "while it fails, one");
        other.close().await;
    });
}

#[test]
fn a_partner_is_told_of_its_own_leads_while_its_key_is_good() {
    with_receiver(async |app, receiver| {
        let (eve, scopes) = (app.eve(), ["webhooks:write", "leads:write", "posts:read"]);
        let ((id, key), (_, other)) = (key_for(app, &scopes), key_for(app, &scopes));
        for (key, path) in [(&key, "/ours"), (&other, "/theirs")] {
            let new = json!({ "name": "CRM", "url": receiver.url(path), "types": ["lead.created", "post.published"] });
            let answer = eve.json("/api/v1/webhooks", Some(key), &new).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        let (..) = told(app, receiver, &receiver.url("/site"));
        eve.json("/api/v1/leads", Some(&key), &super::partner::lead()).await;
        lead(app, "Bob").await;
        send(app).await;
        let names = |path: &str| -> Vec<Value> {
            receiver.log(path).iter().map(|one| one["event"]["data"]["name"].clone()).collect()
        };
        assert_eq!((names("/ours"), names("/theirs").len()), (vec![json!("Ann Li")], 0));
        assert_eq!(names("/site").len(), 2);
        app.psql("insert into topics (slug, name) values ('craft', 'Craft');
            insert into posts (id, slug, title, body, topic, status, published_at, audience)
                values (gen_random_uuid(), 'a-wall', 'A wall', 'Words.', 'craft', 'published', now(), 'members')").await;
        assert_eq!(app.cli(&["key", "revoke", &id], "").code, 0);
        send(app).await;
        assert_eq!((receiver.log("/ours").len(), receiver.log("/theirs").len()), (1, 1));
        assert_eq!(
            app.ask("select remark from webhook_deliveries where state = 'dropped'").await,
            ["There is nobody to tell any more."]
        );
    });
}

#[test]
fn what_happens_while_it_is_paused_waits_and_arrives_within_a_second_of_being_written_otherwise() {
    with_receiver(async |app, receiver| {
        let (id, _) = told(app, receiver, &receiver.url("/hook"));
        let (stop, stopping) = watch::channel(false);
        let state = actix_web::web::Data::clone(&app.state);
        let working = actix_web::rt::spawn(async move { work(&state, stopping).await });
        app.eve().post("/contact", &super::contact::ANN).await;
        app.comes_to("select state from webhook_deliveries", "delivered").await;
        let took = "select ended_at - created_at < interval '1 second' from webhook_deliveries";
        assert_eq!(app.ask(took).await, ["true"]);
        let ada = app.ada().await;
        assert_eq!(ada.post(&format!("/admin/webhooks/{id}/pause"), &[]).await.status, 303);
        lead(app, "Bob").await;
        lead(app, "Cem").await;
        stop.send_replace(true);
        working.await.unwrap();
        assert_eq!(send(app).await, 0);
        assert_eq!(ada.post(&format!("/admin/webhooks/{id}/enable"), &[]).await.status, 303);
        assert_eq!(send(app).await, 2);
    });
}
