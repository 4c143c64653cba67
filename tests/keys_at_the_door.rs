//! What a key opens, from where, until when and how often, on whatever instance.

use super::partner::{asks_for_a_key, lead, send_with};
use super::support::{Answer, Person, Shell, TestApp, with_app, with_settings};
use frontdesk::services::keys::{
    Admission, Kind, Knocking, LeadsWrite, Left, Presented, Secret, admit,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::net::IpAddr;
use std::time::Duration;

/// Makes a key for leads with these further arguments: its id and its secret.
pub fn made(app: &TestApp, arguments: &[&str]) -> (String, String) {
    let create = ["key", "create", "--name", "Partner", "--scope", "leads:write", "--json"];
    let shell = app.cli(&[&create[..], arguments].concat(), "");
    assert_eq!(shell.code, 0, "{}{}", shell.out, shell.err);
    let shown = shell.json();
    let text = |name: &str| shown[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// A problem of this type, which programs can tell from any other.
fn is_problem_of(answer: &Answer, status: u16, kind: &str) -> Value {
    let problem = answer.is_problem(status);
    assert_eq!(problem["type"], kind, "{problem}");
    problem
}

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// A lead that is like no other.
fn lead_of(number: usize) -> Value {
    let mut lead = lead();
    lead["message"] = json!(format!("Could you paint our boat number {number}?"));
    lead
}

#[test]
fn what_cannot_be_a_key_costs_no_statement() {
    with_app(async |app| {
        let mut somebody = PgConnection::connect(&app.database_url).await.unwrap();
        let lock = "begin; lock table api_keys in access exclusive mode";
        sqlx::raw_sql(lock).execute(&mut somebody).await.unwrap();
        let (eve, possible) = (app.eve(), Secret::new(Kind::Live, &"k".repeat(30)));
        let mistyped = possible.reveal().replace("kkk", "kxk");
        for wrong in ["fd_live_", "nonsense", &mistyped, &possible.reveal()[1..]] {
            let began = app.state.clock.moment();
            asks_for_a_key(&send_with(&eve, wrong).await);
            assert!(app.state.clock.moment().since(began) < Duration::from_millis(500), "{wrong}");
        }
        // Nobody can answer for one that may be a key.
        assert_eq!(send_with(&eve, possible.reveal()).await.status, 503);
        sqlx::raw_sql("rollback").execute(&mut somebody).await.unwrap();
        asks_for_a_key(&send_with(&eve, possible.reveal()).await);
    });
}

#[test]
fn an_expired_key_is_told_so_on_every_instance_and_a_revoked_one_is_like_any_other() {
    with_app(async |app| {
        let (eve, other) = (app.eve(), app.second_instance().await);
        let (id, key) = made(app, &["--expires", "30-days"]);
        assert_eq!(send_with(&eve, &key).await.status, 201);
        let days = "select round(extract(epoch from expires_at - now()) / 86400) from api_keys";
        assert_eq!(app.ask(days).await, ["30"]);
        app.psql("update api_keys set expires_at = now()").await;
        for person in [&eve, &eve.at(&other)] {
            let answer = send_with(person, &key).await;
            is_problem_of(&answer, 401, "/problems/key-expired");
            asks_for_a_key(&answer);
        }
        assert_eq!(app.cli(&["key", "revoke", &id], "").code, 0);
        let unknown = send_with(&eve, Secret::new(Kind::Live, &"k".repeat(30)).reveal()).await;
        for person in [&eve, &eve.at(&other)] {
            assert_eq!(send_with(person, &key).await.body, unknown.body);
        }
        other.close().await;
    });
}

#[test]
fn a_key_bound_to_networks_opens_nothing_elsewhere() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let from = ["--from", "203.0.113.0/24", "--from", "2001:db8:1::/48,198.51.100.7"];
        let (id, key) = made(app, &from);
        let come = async |address: &str| send_with(&app.eve().coming_from(address), &key).await;
        for good in ["203.0.113.9", "198.51.100.7", "2001:db8:1:2::3", "::ffff:203.0.113.4"] {
            assert_eq!(come(good).await.status, 201, "{good}");
        }
        for elsewhere in ["203.0.114.1", "198.51.100.8", "2001:db8:2::1", "6.6.6.6, 127.0.0.1"] {
            is_problem_of(&come(elsewhere).await, 403, "/problems/address-not-allowed");
        }
        // Only a proxy of ours is believed.
        is_problem_of(&send_with(&app.eve(), &key).await, 403, "/problems/address-not-allowed");
        let shown = app.cli(&["key", "show", &id, "--json"], "").json();
        let allowed = json!(["198.51.100.7/32", "203.0.113.0/24", "2001:db8:1::/48"]);
        assert_eq!(shown["allowed"], allowed);
        let create = ["key", "create", "--name", "P", "--scope", "leads:write", "--json"];
        let refused = app.cli(&[&create[..], &["--from", "10.0.0.0/33"]].concat(), "");
        assert_eq!(refused.code, 1);
        let pointers: Vec<_> = refused.json()["errors"].as_array().unwrap().clone();
        assert!(pointers.iter().any(|error| error["pointer"] == "#/allowed"), "{pointers:?}");
    });
}

#[test]
fn a_key_with_a_limit_of_its_own_comes_so_often_and_no_oftener() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), made(app, &["--per-minute", "3", "--per-day", "50"]));
        for _ in 0..3 {
            assert_eq!(send_with(&eve, &key).await.status, 201);
        }
        let refused = send_with(&eve, &key).await;
        let problem = is_problem_of(&refused, 429, QUOTA);
        assert_eq!(problem["violated-policies"], json!(["key-minute"]));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(app.ask("select used from api_key_usage").await, ["3"], "refused is not used");
        let (_, another) = made(app, &[]);
        assert_eq!(send_with(&eve, &another).await.status, 201, "another key is another matter");
    });
}

#[test]
fn whoever_has_only_an_old_secret_uses_up_nothing_of_the_keys_limit() {
    with_app(async |app| {
        let eve = app.eve();
        let (id, old) = made(app, &["--per-minute", "5"]);
        let new = app.cli(&["key", "rotate", &id, "--overlap", "1-hour", "--json"], "").json();
        let new = new["key"].as_str().unwrap();
        for key in [&old, new] {
            assert_eq!(send_with(&eve, key).await.status, 201);
        }
        app.psql("update api_key_old_secrets set good_until = now()").await;
        for _ in 0..10 {
            is_problem_of(&send_with(&eve, &old).await, 401, "/problems/key-expired");
        }
        assert_eq!(send_with(&eve, new).await.status, 201, "it is the partner's own limit");
    });
}

/// As many at once as there are, in turn to one instance and the other.
async fn all_at_once(people: &[&Person<'_>], key: &str, count: usize) -> Vec<Answer> {
    let send = async |number: usize| {
        let person = people[number % people.len()];
        person.json("/api/v1/leads", Some(key), &lead_of(number)).await
    };
    join_all((0..count).map(send)).await
}

#[test]
fn a_quota_is_exact_whichever_instance_is_asked_and_however_many_ask() {
    with_app(async |app| {
        let (eve, other) = (app.eve(), app.second_instance().await);
        let (id, key) = made(app, &["--per-day", "40"]);
        let there = eve.at(&other);
        let answers = all_at_once(&[&eve, &there], &key, 100).await;
        let (good, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((good.len(), refused.len()), (40, 60));
        for answer in refused {
            let problem = is_problem_of(answer, 429, QUOTA);
            assert_eq!(problem["violated-policies"], json!(["key-day"]));
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=86_400).contains(&wait), "{wait}");
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["40"]);
        let shown = app.cli(&["key", "show", &id, "--json"], "").json();
        assert_eq!((&shown["per_day"], &shown["used_today"]), (&json!(40), &json!(40)));
        // Tomorrow is another day, for whoever is first to see it.
        app.psql("update api_key_usage set day = day - 1").await;
        assert_eq!(send_with(&there, &key).await.status, 201);
        assert_eq!(app.ask("select used from api_key_usage").await, ["1"]);
        // Whoever is late by a day at midnight takes none back.
        app.psql("update api_key_usage set day = day + 1, used = 39").await;
        assert_eq!(send_with(&eve, &key).await.status, 201);
        is_problem_of(&send_with(&eve, &key).await, 429, QUOTA);
        other.close().await;
    });
}

#[test]
fn what_is_not_let_in_takes_nothing_of_the_quota() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (id, key) = made(app, &["--per-day", "2", "--from", "203.0.113.1"]);
        let (there, elsewhere) =
            (app.eve().coming_from("203.0.113.1"), app.eve().coming_from("203.0.113.2"));
        elsewhere.json("/api/v1/leads", Some(&key), &lead()).await.is_problem(403);
        there.json("/api/v1/posts", Some(&key), &json!({})).await.is_problem(403);
        assert_eq!(app.ask("select count(*) from api_key_usage").await, ["0"]);
        assert_eq!(send_with(&there, &key).await.status, 201);
        assert_eq!(app.cli(&["key", "revoke", &id], "").code, 0);
        asks_for_a_key(&send_with(&there, &key).await);
        assert_eq!(app.ask("select used from api_key_usage").await, ["1"]);
    });
}

#[test]
fn whoever_is_let_in_knows_what_is_left() {
    with_app(async |app| {
        let (_, key) = made(app, &["--per-day", "3", "--per-minute", "5"]);
        let presented = Presented::read(key.as_bytes()).unwrap();
        let address: IpAddr = "203.0.113.1".parse().unwrap();
        let knocking = Knocking::for_scope::<LeadsWrite>(presented, address);
        let come = async |together: usize| {
            let all = vec![knocking; together];
            let admissions = app.state.ask(async |db| admit(db, &all).await).await.unwrap();
            let partners = admissions.into_iter().map(Admission::partner::<LeadsWrite>);
            partners.map(|partner| partner.map(|partner| partner.day().unwrap()).ok()).collect()
        };
        let alone: Vec<Option<Left>> = come(1).await;
        let day = alone[0].unwrap();
        assert_eq!((day.limit, day.remaining), (3, 2));
        assert!((1..=86_400).contains(&day.reset_seconds), "{day:?}");
        // Of three that come together two are let in, and each is told of the one before it.
        let together: Vec<Option<Left>> = come(3).await;
        let left: Vec<Option<u32>> =
            together.iter().map(|day| day.map(|day| day.remaining)).collect();
        assert_eq!(left, [Some(1), Some(0), None]);
        assert_eq!(app.ask("select used from api_key_usage").await, ["3"]);
    });
}

#[test]
fn when_and_where_a_key_was_used_is_noted_once_a_minute() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (id, key) = made(app, &[]);
        let noted = "select count(last_used_at) || coalesce(last_used_network, '-') from api_keys group by last_used_network";
        assert_eq!(app.ask(noted).await, ["0-"]);
        let come =
            async |address: &str| send_with(&app.eve().coming_from(address), &key).await.status;
        assert_eq!(come("2001:db8:1:2:3:4:5:6").await, 201);
        app.comes_to(noted, "12001:db8:1:2::").await;
        let at = app.ask("select last_used_at from api_keys").await;
        for _ in 0..5 {
            assert_eq!(come("203.0.113.1").await, 201);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            app.ask("select last_used_at from api_keys").await,
            at,
            "the minute is not over"
        );
        app.psql("update api_keys set last_used_at = now() - interval '61 seconds'").await;
        app.state.clock.advance(Duration::from_secs(61));
        assert_eq!(come("203.0.113.1").await, 201);
        app.comes_to(noted, "1203.0.113.1").await;
        // Where it cannot be noted, the request is none the worse.
        app.psql("update api_keys set last_used_at = null; alter table api_keys add check (last_used_at is null)").await;
        app.state.clock.advance(Duration::from_secs(61));
        assert_eq!(come("203.0.113.1").await, 201);
        let shown = app.cli(&["key", "show", &id], "");
        assert!(shown.out.contains("last used    -"), "{}", shown.out);
    });
}

#[test]
fn a_rotated_key_is_good_with_either_secret_until_the_moment_that_was_chosen() {
    with_app(async |app| {
        let (eve, other) = (app.eve(), app.second_instance().await);
        let (id, first) = made(app, &["--per-day", "100"]);
        let rotate = |overlap: &str| {
            let shown = app.cli(&["key", "rotate", &id, "--overlap", overlap, "--json"], "").json();
            assert_eq!(shown["id"], json!(id));
            shown["key"].as_str().unwrap().to_owned()
        };
        let answer = send_with(&eve, &first).await.json();
        let second = rotate("7-days");
        assert_ne!(first, second);
        for key in [&first, &second] {
            for person in [&eve, &eve.at(&other)] {
                assert_eq!(send_with(person, key).await.json(), answer, "it is the same partner");
            }
        }
        assert_eq!(app.ask("select used from api_key_usage").await, ["5"], "and the same quota");
        let third = rotate("1-hour");
        // What was to last longer is cut short: it is older still.
        let hours =
            "select round(extract(epoch from good_until - now()) / 3600) from api_key_old_secrets";
        assert_eq!(app.ask(hours).await, ["1", "1"]);
        let fourth = rotate("now");
        for person in [&eve, &eve.at(&other)] {
            for over in [&first, &second, &third] {
                let problem =
                    is_problem_of(&send_with(person, over).await, 401, "/problems/key-expired");
                assert!(problem["detail"].as_str().unwrap().contains("newer"), "{problem}");
            }
            assert_eq!(send_with(person, &fourth).await.status, 201);
        }
        // A key that is over has no use for another secret.
        assert_eq!(app.cli(&["key", "revoke", &id], "").code, 0);
        assert_eq!(app.cli(&["key", "rotate", &id], "").code, 1);
        for key in [&first, &fourth] {
            assert_eq!(send_with(&eve, key).await.status, 401);
        }
        other.close().await;
    });
}

#[test]
fn a_rotation_under_load_refuses_no_valid_request() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (eve, other) = (app.eve(), app.second_instance().await);
        let (id, first) = made(app, &["--per-day", "1000000"]);
        let current = std::cell::RefCell::new(first);
        let (done, count) = (std::cell::Cell::new(false), std::cell::Cell::new(0));
        let client = async |number: usize| {
            let person = if number.is_multiple_of(2) { eve.clone() } else { eve.at(&other) };
            let person = person.coming_from(&format!("203.0.113.{number}"));
            while !done.get() {
                let key = current.borrow().clone(); // good for an hour at least, whatever comes
                let sent = count.replace(count.get() + 1);
                let answer = person.json("/api/v1/leads", Some(&key), &lead_of(sent)).await;
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
        };
        let rotations = async {
            for _ in 0..8 {
                let (url, id) = (app.database_url.clone(), id.clone());
                let rotated = tokio::task::spawn_blocking(move || {
                    let rotate = ["key", "rotate", &id, "--overlap", "1-hour"];
                    Shell::run(&rotate, "", &[("DATABASE_URL", &url)])
                });
                let rotated = rotated.await.unwrap();
                assert_eq!(rotated.code, 0, "{}", rotated.err);
                *current.borrow_mut() = rotated.out.trim().to_owned();
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            done.set(true);
        };
        tokio::join!(rotations, join_all((0..8).map(client)));
        assert!(count.get() > 80, "{}", count.get());
        assert_eq!(app.ask("select count(*) from api_key_old_secrets").await, ["8"]);
        let used = app.ask("select used from api_key_usage").await;
        assert_eq!(used, [count.get().to_string()], "each was counted once");
        other.close().await;
    });
}
