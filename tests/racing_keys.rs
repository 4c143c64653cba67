//! The same request with the same `Idempotency-Key`, sent by three clients at once while connections to the database and the
//! server itself are killed: one effect, and one answer for all three.
//!
//! Six hundred keys; more by `PROOF_TRIES` (ARCHITECTURE.md, "Proofs").

use super::proofs::{address, serve, tries};
use super::support::{Answer, Person, Shell, folder_of_its_own, free_address};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Every second request has pages rendered again, which no rule about contents keeps from happening twice.
fn request(number: usize) -> (&'static str, Value) {
    let tag = json!({ "tags": [format!("topic:race-{number}")] });
    let message = format!("Please call us back about order {number}.");
    let lead = json!({ "name": "Ann Li", "email": format!("ann{number}@example.test"), "message": message });
    if number.is_multiple_of(2) { ("/api/v1/revalidate", tag) } else { ("/api/v1/leads", lead) }
}

/// Sends it until it is answered with success.
async fn send(client: &Person<'_>, key: &str, number: usize) -> Answer {
    let (path, body) = request(number);
    for _ in 0..3000 {
        let request = client.coming_from(&address(number)).request(Method::POST, path).json(&body);
        let request = request.header("x-api-key", key);
        match client.try_send(request.header("idempotency-key", format!("\"race-{number}\""))).await
        {
            Ok(answer) if [200, 201].contains(&answer.status) => return answer,
            // Killed with the server, or told that a twin is at it or that the database is away.
            Ok(answer) => assert!([409, 503].contains(&answer.status), "{}", answer.body),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody takes request {number}")
}

/// What has to be the same in all answers: what was answered, and which transaction did it, where a page shows that. (The life of
/// the database stands in the token too, and a crash begins another.)
fn said(answer: &Answer) -> (u16, String, String, String) {
    let token = answer.header("consistency-token");
    let transaction = match answer.status {
        200 => token.rsplit('.').next().unwrap().to_owned(),
        _ => String::new(),
    };
    (answer.status, answer.body.clone(), answer.location.clone(), transaction)
}

/// Three clients, with connections of their own, race for each number; six numbers at a time. Tells of each that is done, and how
/// many of its answers were those of before.
fn race(origin: &str, key: &str, count: usize, done: &mpsc::Sender<usize>) {
    let next = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(join_all((0..6).map(async |_| {
        let clients = [0; 3].map(|_| Person::visiting(origin));
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let answers = join_all(clients.iter().map(|client| send(client, key, number))).await;
            let said: Vec<_> = answers.iter().map(said).collect();
            assert!(said.iter().all(|one| *one == said[0]), "{number}: {said:?}");
            let replayed = answers.iter().filter(|one| one.header("idempotent-replayed") == "true");
            done.send(replayed.count()).unwrap();
        }
    })));
}

/// A key good for both kinds of request, made on the shell.
fn key(data: &Path) -> String {
    let scopes = ["--scope", "leads:write", "--scope", "cache:write", "--json"];
    let arguments = [["key", "create", "--name", "Racer"].as_slice(), &scopes].concat();
    let made = Shell::run(&arguments, "", &[("DATA_DIR", data.to_str().unwrap())]).json();
    made["key"].as_str().unwrap().to_owned()
}

/// As the database's own administrator has it: every connection of ours is closed, whatever it is about to do.
const END_CONNECTIONS: &str =
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'frontdesk'";

#[test]
fn three_clients_that_race_with_one_key_have_one_effect_whatever_is_killed() {
    let (data, listen) = (folder_of_its_own(), free_address());
    let origin = format!("http://{listen}");
    let (count, kills) = (tries() * 12, 4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connect = || {
        let url = private_postgres::url_of_running(&data.join("postgres"), "postgres").unwrap();
        runtime.block_on(PgConnection::connect(&url)).unwrap()
    };
    let (mut done, mut replayed, mut killed, mut cut) = (0, 0, 0, 0);
    let server = std::thread::scope(|scope| {
        let mut server = serve(&data, &listen);
        let key = key(&data);
        let (tell, told) = mpsc::channel();
        let origin = &origin;
        scope.spawn(move || race(origin, &key, count, &tell));
        for answers in told {
            done += 1;
            replayed += answers;
            if killed < kills && done >= count * (killed + 1) / (kills + 1) {
                server.signal("KILL");
                server.end();
                server = serve(&data, &listen);
                killed += 1;
            } else if done % 10 == 0 && done < count {
                let mut database = connect();
                let ended = sqlx::query(END_CONNECTIONS).fetch_all(&mut database);
                cut += runtime.block_on(ended).unwrap().len();
            }
        }
        server
    });
    assert_eq!((done, killed), (count, kills));
    assert!(replayed >= 2 * count, "of three answers two at least are those of before: {replayed}");
    assert!(cut > count / 10, "connections were cut: {cut}");
    let counted = |sql: &'static str| -> i64 {
        runtime.block_on(sqlx::query_scalar(sql).fetch_one(&mut connect())).unwrap()
    };
    let effects = (
        counted("select count(*) from cache_inval where tag like 'topic:race-%'"),
        counted("select count(distinct tag) from cache_inval where tag like 'topic:race-%'"),
        counted("select count(*) from leads"),
        counted("select count(distinct message) from leads"),
    );
    let half = i64::try_from(count / 2).unwrap();
    assert_eq!(effects, (half, half, half, half));
    println!(
        "{count} keys, {} requests answered over {killed} kills and {cut} connections cut: {count} effects, {replayed} replays, all \
              identical",
        count * 3
    );
    drop(server);
    let _ = std::fs::remove_dir_all(data);
}
