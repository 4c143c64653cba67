//! What is promised of webhooks, to receivers that fail, stall, redirect, answer 410 and move to where nobody may come, with workers
//! that vanish in between.
//!
//! Five hundred deliveries here, ten times `PROOF_TRIES` where that is set, not counting those to the receiver that wants no more. Nobody
//! waits for the pauses between tries, which are days. The checker sees what the receiver saw, and what was written, and nothing else.

use super::proofs::tries;
use super::support::{Process, Receiver, TestApp, with_settings};
use super::webhooks_out::environment;
use frontdesk::App;
use frontdesk::jobs::webhooks::work;
use frontdesk::outgoing::{Names, Outgoing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Where what happens is told, and how it is taken there. The last one moves.
const RECEIVERS: [(&str, &str); 6] = [
    ("/well", "{}"),
    ("/fails", r#"{ "fail": 30, "busy": 5 }"#),
    ("/stalls", r#"{ "stallEach": 90 }"#),
    ("/redirects", r#"{ "redirect": 20 }"#),
    ("/gone", r#"{ "goneAfter": 25 }"#),
    ("/moves", "{}"),
];

/// Writes leads, and changes each of them twice, some at a time.
async fn write(app: &TestApp, leads: usize) {
    app.psql(&format!(
        "insert into leads (id, name, email, message, status, source, fingerprint)
         select gen_random_uuid(), 'Ann ' || n, 'ann@example.test', 'Hello.', 'new', 'cli', sha256(n::text::bytea) from generate_series(1, {leads}) n"
    ))
    .await;
    for status in ["contacted", "won"] {
        app.psql(&format!("update leads set status = '{status}'")).await;
    }
}

/// How often it was not gone to where it had moved.
const REFUSED: &str =
    "(select count(*) from webhook_tries where said like 'It is not sent there%')";

/// How much has arrived there.
const ARRIVED: &str =
    "(select count(*) from webhook_deliveries as d join webhooks on webhooks.id = webhook_id
       where url like '%moves' and d.state = 'delivered')";

/// How much is left of all.
const LEFT: &str = "(select count(*) from webhook_deliveries where state = 'waiting')";

/// No delivery waits for its next try, nor does an endpoint rest for a minute, nor the lease of whoever was killed last for its time.
const HURRY: &str = "
    update webhooks set rests_until = null, failures = least(failures, 2) where failures > 0;
    update webhook_deliveries set due_at = now() where state = 'waiting' and due_at > now()
       and (lease is null or due_at < now() + interval '9 seconds')";

#[test]
fn each_event_arrives_where_it_may_in_order_and_never_where_it_may_not() {
    let receiver = Receiver::start();
    with_settings(&receiver.settings(), async |app| {
        let leads = (tries() * 10).div_ceil(3 * (RECEIVERS.len() - 1));
        let secrets = endpoints(app, &receiver).await;
        let moved = Arc::new(AtomicBool::new(false));
        let clock = &app.state.clock;
        let began = clock.moment();
        write(app, leads).await;
        let wanted = app.ask("select count(*) from webhook_deliveries").await.remove(0);
        let course = run(app, &receiver, &moved).await;
        let took = clock.moment().since(began);
        let log = receiver.whole_log();
        println!(
            "{wanted} deliveries of {} events to {} receivers, {} requests, {} workers killed: over after {took:.1?}",
            leads * 3,
            RECEIVERS.len(),
            log.len(),
            course,
        );
        judge(app, &log, leads, &secrets).await;
    });
}

/// Makes the endpoints, in a process that knows what may be gone to, and says what each signs with.
async fn endpoints(app: &TestApp, receiver: &Receiver) -> BTreeMap<String, String> {
    let mut secrets = BTreeMap::new();
    for (path, how) in RECEIVERS {
        let host = if path == "/moves" { "moving.example" } else { "127.0.0.1" };
        let (_, secret) = super::webhooks_out::told(app, receiver, &receiver.url_at(host, path));
        receiver.expect(path, &[&secret]);
        let mut how: Value = serde_json::from_str(how).unwrap();
        how["to"] = json!(receiver.url("/trap"));
        receiver.set(path, &how);
        secrets.insert(path.to_owned(), secret);
    }
    secrets
}

/// Has everything sent, by a worker in this process that knows where the one moves to, and by others that are killed; says how many were.
async fn run(app: &TestApp, receiver: &Receiver, moved: &Arc<AtomicBool>) -> u32 {
    let asked = Arc::clone(moved);
    let names: Names = Arc::new(move |name| {
        let private = name == "moving.example" && asked.load(Ordering::SeqCst);
        Ok(vec![if private { "127.0.0.2" } else { "127.0.0.1" }.parse::<IpAddr>().unwrap()])
    });
    let mut state = App::open(app.state.config.clone(), &app.database_url).await.unwrap();
    state.outgoing = Outgoing::asking(&state.config, Some(names)).unwrap();
    let (stop, stopping) = watch::channel(false);
    let (began, mut killed) = (app.state.clock.moment(), 0);
    let overseeing = async {
        loop {
            let course =
                app.ask(&format!("select concat_ws(' ', {LEFT}, {ARRIVED}, {REFUSED})")).await;
            let course: Vec<u32> =
                course[0].split(' ').map(|count| count.parse().unwrap()).collect();
            let [left, arrived, refused] = course[..] else { unreachable!("{course:?}") };
            if left == 0 {
                break;
            }
            // It moves once some has arrived, and comes back once it was tried in vain for a while.
            moved.store(arrived > 20 && refused <= 30, Ordering::SeqCst);
            if killed < if tries() <= 50 { 2 } else { 10 } {
                // It cannot find the one that moves, and is killed with whatever it has in hand.
                let worker = Process::run(&["worker"], &environment(app, receiver));
                sleep(Duration::from_millis(700)).await;
                worker.signal("KILL");
                worker.end();
                killed += 1;
            }
            app.psql(HURRY).await;
            state.webhook_news.notify_one();
            let since = app.state.clock.moment().since(began);
            assert!(since.as_secs() < 1800, "{left} are left");
            sleep(Duration::from_millis(200)).await;
        }
        stop.send_replace(true);
    };
    tokio::join!(work(&state, stopping), overseeing);
    state.close().await;
    killed
}

async fn judge(app: &TestApp, log: &[Value], leads: usize, secrets: &BTreeMap<String, String>) {
    assert!(log.iter().all(|one| one["host"] == "127.0.0.1"), "somebody went where nobody may");
    assert!(log.iter().all(|one| one["path"] != "/trap"), "a redirect was followed");
    assert!(log.iter().all(|one| one["verified"] == true), "something came that was not signed");
    // Each did its worst.
    for status in [json!(null), json!(302), json!(410), json!(500), json!(503)] {
        assert!(log.iter().any(|one| one["status"] == status), "nobody answered {status}");
    }
    assert_eq!(app.ask(&format!("select {REFUSED} > 30")).await, ["true"], "it did not move");
    let events: BTreeSet<String> = app.ask("select id from events").await.into_iter().collect();
    assert_eq!(events.len(), leads * 3);
    for path in secrets.keys() {
        let seen: Vec<&Value> = log.iter().filter(|one| one["path"] == path.as_str()).collect();
        let taken: BTreeSet<String> = seen
            .iter()
            .filter(|one| one["status"] == 200)
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(taken.is_subset(&events), "{path}");
        match path.as_str() {
            "/gone" => gone(&seen),
            _ => {
                let given_up = app
                    .ask(&format!(
                        "select message from webhook_deliveries as d join webhooks on webhooks.id = webhook_id
                          where url like '%{path}' and d.state = 'failed'"
                    ))
                    .await;
                let missing: Vec<_> =
                    events.difference(&taken).filter(|id| !given_up.contains(id)).collect();
                assert!(missing.is_empty(), "{path}: {missing:?}");
                // Whoever is away for thirty tries may have had some given up.
                let few = events.len() / 100 + 10;
                assert!(given_up.len() <= few, "{path}: {} were given up", given_up.len());
            }
        }
        in_order(path, &seen);
    }
}

/// After its first 410 at most what was under way at that moment.
fn gone(seen: &[&Value]) {
    let first = seen.iter().position(|one| one["status"] == 410).expect("it answered so");
    assert!(seen.len() - first <= 1 + 2 * 4, "{} came after it", seen.len() - first);
}

/// What happened to one object begins to arrive in the order in which it happened.
fn in_order(path: &str, seen: &[&Value]) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut first_seen = BTreeSet::new();
    for one in seen {
        let (object, sequence) = (
            one["event"]["object"]["id"].as_str().unwrap(),
            one["event"]["sequence"].as_u64().unwrap(),
        );
        if first_seen.insert((object, sequence)) {
            let before = last.insert(object, sequence).unwrap_or_default();
            assert!(before < sequence, "{path}: {sequence} of {object} after {before}");
        }
    }
}
