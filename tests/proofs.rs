//! What is promised, tried often: no page is old for long on any instance, and nothing that was acknowledged is lost.
//!
//! Each proof makes 50 tries here, and as many as `PROOF_TRIES` says where it is set (ARCHITECTURE.md, "Proofs"). Query
//! strings are made up by the score.

use super::cache::sees_in_time;
use super::posts::{editor_of, save, written};
use super::support::{Person, Process, folder_of_its_own, free_address, with_settings};
use frontdesk::cache::report::Totals;
use reqwest::Method;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

#[allow(clippy::disallowed_methods)] // the tests' own setting, not the application's
pub fn tries() -> usize {
    std::env::var("PROOF_TRIES").map_or(50, |tries| tries.parse().unwrap())
}

/// Each number has an address of its own, so that nobody comes too often.
pub fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

#[test]
fn an_edit_is_fresh_on_the_other_instance_in_time_every_time() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let ada = app.ada().await;
        let other = app.second_instance().await;
        let eve = other.eve().asking_for(&app.origin);
        save(&ada, "/admin/posts/new", &written("A post", "Edition none.", "published")).await;
        let editor = editor_of(app, "a-post").await;
        let mut delays = Vec::new();
        for number in 0..tries() {
            let (ada, eve) = (ada.coming_from(&address(number)), eve.coming_from(&address(number)));
            let text = format!("Edition {number}.");
            assert!(!eve.get("/posts/a-post").await.body.contains(&text));
            save(&ada, &editor, &written("A post", &text, "published")).await;
            delays.push(sees_in_time(&eve, app, "/posts/a-post", &text).await);
        }
        delays.sort_unstable();
        let old = delays.iter().filter(|delay| !delay.is_zero()).count();
        println!(
            "fresh on the other instance within 250 ms: {0} of {0}; {old} readers were shown the old page for a while, \
             at the latest {1:?} after the edit (median {2:?})",
            delays.len(),
            delays[delays.len() - 1],
            delays[delays.len() / 2],
        );
        other.close().await;
    });
}

#[test]
fn the_writer_sees_the_edit_on_the_other_instance_at_once_every_time() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let ada = app.ada().await;
        let other = app.second_instance().await;
        let eve = other.eve().asking_for(&app.origin);
        save(&ada, "/admin/posts/new", &written("A post", "Edition none.", "published")).await;
        let editor = editor_of(app, "a-post").await;
        let mut old_for_others = 0;
        for number in 0..tries() {
            let (ada, eve) = (ada.coming_from(&address(number)), eve.coming_from(&address(number)));
            let text = format!("Edition {number}.");
            eve.get("/posts/a-post").await; // the other instance has just asked, and has no reason to ask again
            save(&ada, &editor, &written("A post", &text, "published")).await;
            let strangers = eve.get("/posts/a-post").await;
            let writers = ada.at(&other).get("/posts/a-post").await;
            assert!(writers.body.contains(&text), "the writer misses {text}");
            old_for_others += usize::from(!strangers.body.contains(&text));
        }
        println!(
            "seen by the writer on the other instance at once: {0} of {0}; {old_for_others} times a stranger was shown \
             the old page just before",
            tries(),
        );
        other.close().await;
    });
}

/// The server, in a folder of its own, at an address that stays the same when it is started again.
pub fn serve(data: &Path, listen: &str) -> Process {
    let environment = [
        ("DATA_DIR", data.to_str().unwrap()),
        ("LISTEN", listen),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("OWNER_PASSWORD", "correct horse battery"),
        ("DEMO_CONTENT", "off"),
    ];
    let mut server = Process::serve(&environment);
    server.wait_for(" is open at ");
    server
}

/// Sends submission `number` until it is acknowledged. Returns how often that took.
async fn send(origin: &str, sender: &Person<'_>, number: usize) -> usize {
    let sender = sender.coming_from(&address(number));
    let message = format!("Please call me back about order {number}.");
    let email = format!("ann{number}@example.test");
    let fields = [("name", "Ann Li"), ("email", &email), ("message", &message)];
    for attempt in 1..3000 {
        let form = sender.request(Method::POST, "/contact").form(&fields).header("origin", origin);
        match form.send().await {
            Ok(answer) if answer.status() == 303 => return attempt,
            Ok(answer) => assert_eq!(answer.status(), 503, "{number}"),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await; // as people do: not again at once
    }
    panic!("nobody takes submission {number}")
}

/// Eight senders share the submissions. Tells of each acknowledgement, with the number of attempts it took.
fn send_all(origin: &str, count: usize, acknowledged: &mpsc::Sender<usize>) {
    let next = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(futures_util::future::join_all((0..8).map(async |_| {
        let sender = Person::visiting(origin);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            acknowledged.send(send(origin, &sender, number).await).unwrap();
        }
    })));
}

async fn messages(url: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let found = sqlx::query_scalar("select message from leads").fetch_all(&mut connection).await;
    connection.close().await.unwrap();
    found.unwrap()
}

#[test]
fn what_was_acknowledged_is_there_exactly_once_however_often_the_server_is_killed() {
    let data = folder_of_its_own();
    let listen = free_address();
    let origin = format!("http://{listen}");
    let count = tries() * 20;
    let kills = 3 + tries() / 100;
    let (mut sent, mut again, mut killed) = (0, 0, 0);
    let server = std::thread::scope(|scope| {
        let mut server = serve(&data, &listen);
        let (acknowledged, receipts) = mpsc::channel();
        scope.spawn(|| send_all(&origin, count, &{ acknowledged }));
        for attempts in receipts {
            sent += 1;
            again += usize::from(attempts > 1);
            if killed < kills && sent >= count * (killed + 1) / (kills + 1) {
                server.signal("KILL");
                server.end();
                server = serve(&data, &listen);
                killed += 1;
            }
        }
        server
    });
    assert_eq!((sent, killed), (count, kills));
    assert!(again >= kills, "each kill met submissions on their way: {again}");
    // What the last server put on the spool it also takes from there; give it the time it takes to look.
    let url = private_postgres::url_of_running(&data.join("postgres"), "postgres").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let there = runtime.block_on(async {
        let all = async {
            while messages(&url).await.len() < count {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
        messages(&url).await
    });
    let distinct: BTreeSet<&String> = there.iter().collect();
    assert_eq!((there.len(), distinct.len()), (count, count), "acknowledged: {count}");
    println!(
        "{sent} submissions acknowledged over {killed} kills, {again} of them after more than one attempt: \
         {} are there, {} distinct",
        there.len(),
        distinct.len(),
    );
    drop(server);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn made_up_query_strings_change_nothing() {
    const AT_ONCE: usize = 100;
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        save(&app.ada().await, "/admin/posts/new", &written("A post", "Text.", "published")).await;
        app.eve().get("/posts").await;
        let before = app.state.cache.totals();
        let (rounds, mut stream) = (tries() * 20 / AT_ONCE, app.connect());
        let host = app.origin.strip_prefix("http://").unwrap().to_owned();
        let ask = move || {
            let mut hits = 0;
            for round in 0..rounds {
                let number = |n| round * AT_ONCE + n;
                let asked = (0..AT_ONCE).map(|n| {
                    let (n, address) = (number(n), address(number(n)));
                    format!("HEAD /posts?{n}={n} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-for: {address}\r\n\r\n")
                });
                stream.write_all(asked.collect::<String>().as_bytes()).unwrap();
                let (mut answers, mut part) = (Vec::new(), [0; 65536]);
                let count = |answers: &[u8], text: &[u8]| {
                    answers.windows(text.len()).filter(|at| *at == text).count()
                };
                while count(&answers, b"\r\n\r\n") < AT_ONCE {
                    let length = stream.read(&mut part).unwrap();
                    assert!(length > 0, "the connection was closed");
                    answers.extend_from_slice(&part[..length]);
                }
                hits += count(&answers, b"cache-status: frontdesk; hit\r\n");
            }
            hits
        };
        let hits = actix_web::web::block(ask).await.unwrap();
        let after = app.state.cache.totals();
        println!("made-up query strings answered with the one page that is kept: {hits}");
        assert_eq!(hits, rounds * AT_ONCE);
        let kept = |totals: &Totals| (totals.pages, totals.absences, totals.bytes, totals.rendered);
        assert_eq!(kept(&after), kept(&before));
    });
}
