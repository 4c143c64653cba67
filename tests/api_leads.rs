//! A partner's own leads: listed part by part, and how far the partner is with them.

use super::keys_at_the_door::made;
use super::partner::lead;
use super::support::{Answer, Person, TestApp, with_app};
use reqwest::Method;
use serde_json::{Value, json};

/// Hands in a lead that differs from others by its number.
async fn hand_in(program: &Person<'_>, key: &str, number: usize) -> Answer {
    let mut lead = lead();
    lead["email"] = json!(format!("ann{number}@example.test"));
    let answer = program.json("/api/v1/leads", Some(key), &lead).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

/// Asks with a key.
pub async fn get(program: &Person<'_>, key: &str, path: &str) -> Answer {
    program.send(program.request(Method::GET, path).header("x-api-key", key)).await
}

/// Changes with a key what was seen as `if_match`.
pub async fn patch(
    program: &Person<'_>,
    key: &str,
    path: &str,
    if_match: &str,
    body: &Value,
) -> Answer {
    let request = program.request(Method::PATCH, path).header("x-api-key", key).json(body);
    let request = if if_match.is_empty() { request } else { request.header("if-match", if_match) };
    program.send(request).await
}

fn emails(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let items = body["items"].as_array().unwrap().iter();
    items.map(|lead| lead["email"].as_str().unwrap().replace("@example.test", "")).collect()
}

/// A key that hands in leads and says how far it is with them.
fn worker(app: &TestApp, more: &[&str]) -> String {
    made(app, &[&["--scope", "leads:status"], more].concat()).1
}

#[test]
fn a_partner_reads_its_leads_part_by_part_and_what_comes_in_meanwhile_moves_nothing() {
    with_app(async |app| {
        let (eve, key, other) = (app.eve(), app.key("leads:write").await, worker(app, &[]));
        for number in 0..5 {
            hand_in(&eve, &key, number).await;
            hand_in(&eve, &other, number).await;
        }
        let first = get(&eve, &key, "/api/v1/leads?limit=2").await;
        assert_eq!(emails(&first), ["ann4", "ann3"]);
        assert_eq!(
            first.json()["items"][0]["company"],
            "Li & Co",
            "all of it, as it is shown alone"
        );
        hand_in(&eve, &key, 5).await;
        let next = first.header("link").to_owned();
        let next = next.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        let cursor = first.json()["next"].as_str().unwrap().to_owned();
        assert_eq!(next, format!("/api/v1/leads?limit=2&after={cursor}"));
        let second = get(&eve, &key, next).await;
        assert_eq!(emails(&second), ["ann2", "ann1"]);
        hand_in(&eve, &key, 6).await;
        let cursor = second.json()["next"].as_str().unwrap().to_owned();
        let third = get(&eve, &key, &format!("/api/v1/leads?limit=2&after={cursor}")).await;
        assert_eq!(emails(&third), ["ann0"]);
        assert_eq!((&third.json()["next"], third.header("link")), (&Value::Null, ""));
        let all = get(&eve, &key, "/api/v1/leads").await;
        assert_eq!(emails(&all), ["ann6", "ann5", "ann4", "ann3", "ann2", "ann1", "ann0"]);
        let again = eve.request(Method::GET, "/api/v1/leads").header("x-api-key", &key);
        let again = eve.send(again.header("if-none-match", all.header("etag"))).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
    });
}

#[test]
fn a_list_is_narrowed_by_what_is_asked_and_what_cannot_be_asked_is_said_by_name() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        for number in 0..3 {
            hand_in(&eve, &key, number).await;
        }
        app.psql(
            "update leads set status = 'won', created_at = '2026-01-02 10:00Z', message = 'Ten %_ letters'
              where email like 'ann1@%'",
        )
        .await;
        let found =
            async |query: &str| emails(&get(&eve, &key, &format!("/api/v1/leads?{query}")).await);
        assert_eq!(found("status=won").await, ["ann1"]);
        assert_eq!(found("status=new").await, ["ann2", "ann0"]);
        assert_eq!(found("email=ANN2%40example.test").await, ["ann2"]);
        assert_eq!(found("created_before=2026-01-02T10:00:01Z").await, ["ann1"]);
        assert_eq!(found("created_after=2026-01-02T10:00:00Z").await, ["ann2", "ann0"]);
        assert_eq!(
            found("created_after=2026-01-01T00:00:00Z&created_before=2026-02-01T00:00:00Z").await,
            ["ann1"]
        );
        assert_eq!(found("q=%25_%20LETT").await, ["ann1"]);
        assert_eq!(found("q=boat").await, ["ann2", "ann0"]);
        for (wrong, pointer) in [
            ("status=best", "#/status"),
            ("limit=0", "#/limit"),
            ("limit=101", "#/limit"),
            ("limit=many", "#/limit"),
            ("after=5", "#/after"),
            ("created_after=soon", "#/created_after"),
            ("created_after=", "#/created_after"),
            ("created_before=0000-01-01T00:00:00Z", "#/created_before"),
            ("status=new&status=won", "#/status"),
            ("page=2", "#/page"),
        ] {
            let problem = get(&eve, &key, &format!("/api/v1/leads?{wrong}")).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}: {problem}");
        }
    });
}

#[test]
fn a_partner_says_how_far_it_is_and_both_the_history_and_the_record_say_who() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), worker(app, &[]));
        let made = hand_in(&eve, &key, 1).await;
        let at = made.location.clone();
        let seen = get(&eve, &key, &at).await;
        assert_eq!(
            made.header("etag"),
            seen.header("etag"),
            "what was made can be changed at once"
        );
        for nothing in ["", " "] {
            let won = json!({ "status": "won" });
            patch(&eve, &key, &at, nothing, &won).await.is_problem(428);
        }
        for stale in ["\"1\"", "W/\"1\"", "nonsense"] {
            patch(&eve, &key, &at, stale, &json!({ "status": "won" })).await.is_problem(412);
        }
        let body = json!({ "status": "contacted", "note": " Rang her.\r\nShe is glad. " });
        let changed = patch(&eve, &key, &at, seen.header("etag"), &body).await;
        assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("contacted")));
        assert_eq!(get(&eve, &key, &at).await.header("etag"), changed.header("etag"));
        patch(&eve, &key, &at, seen.header("etag"), &body).await.is_problem(412);
        let again = patch(&eve, &key, &at, "*", &json!({ "status": "contacted" })).await;
        assert_eq!(again.header("etag"), changed.header("etag"), "nothing has changed");
        let history = "select concat_ws(' ', staff_id, from_status, to_status, note) from lead_history order by id";
        assert_eq!(app.ask(history).await, ["new contacted", "Rang her.\nShe is glad."]);
        let record = "select concat_ws(' ', name, door, network, act, details - 'key') from audit where door = 'api' order by at, id";
        assert_eq!(
            app.ask(record).await,
            [
                r#"Partner api 127.0.0.1 lead-status-set {"status": "contacted"}"#,
                "Partner api 127.0.0.1 lead-noted {}",
            ],
            "and nothing of what was so already"
        );
        let ada = app.ada().await;
        let page = ada.get(&at.replace("/api/v1", "/admin")).await;
        assert!(page.body.contains("Rang her.") && page.body.contains("Partner"), "{}", page.body);
        assert!(ada.get("/admin/audit").await.body.contains("api"));
    });
}

#[test]
fn nobody_says_anything_of_leads_that_are_not_theirs() {
    with_app(async |app| {
        let (eve, key, other) = (app.eve(), worker(app, &[]), worker(app, &[]));
        let (writer, test) = (app.key("leads:write").await, worker(app, &["--test"]));
        let at = hand_in(&eve, &key, 1).await.location;
        let tried = hand_in(&eve, &test, 1).await.location;
        let won = json!({ "status": "won" });
        for (key, at) in [(&other, &at), (&test, &at), (&key, &tried)] {
            patch(&eve, key, at, "*", &won).await.is_problem(404);
        }
        patch(&eve, &writer, &at, "*", &won).await.is_problem(403);
        for (wrong, pointer) in [
            (json!({}), "#/status"),
            (json!({ "status": "best" }), "#/status"),
            (json!({ "status": "won", "name": "Bob" }), "#/name"),
            (json!({ "status": "won", "note": "x".repeat(5001) }), "#/note"),
            (json!({ "status": "won", "note": "\u{1}" }), "#/note"),
        ] {
            let problem = patch(&eve, &key, &at, "*", &wrong).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
        assert_eq!(app.ask("select distinct status from leads").await, ["new"]);
        assert_eq!(patch(&eve, &test, &tried, "*", &won).await.status, 200);
        let mine = async |key: &str| emails(&get(&eve, key, "/api/v1/leads").await).len();
        assert_eq!((mine(&test).await, mine(&key).await, mine(&other).await), (1, 1, 0));
        assert_eq!(app.ask("select test from leads where status = 'won'").await, ["true"]);
    });
}

#[test]
fn of_several_programs_that_saw_the_same_one_changes_it() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), worker(app, &[]));
        let made = hand_in(&eve, &key, 1).await;
        let (at, tag) = (made.location.as_str(), made.header("etag"));
        let bodies: Vec<Value> = ["contacted", "qualified", "won", "lost", "spam"]
            .map(|status| json!({ "status": status }))
            .to_vec();
        let sent = bodies.iter().map(|body| patch(&eve, &key, at, tag, body));
        let mut statuses: Vec<u16> =
            futures_util::future::join_all(sent).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412]);
        assert_eq!(app.ask("select count(*) from lead_history").await, ["1"]);
    });
}

#[test]
fn a_change_with_a_key_of_its_own_has_one_effect_and_one_answer() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), worker(app, &[]));
        let made = hand_in(&eve, &key, 1).await;
        let body = json!({ "status": "won", "note": "Signed." });
        let send = async || {
            let request = eve.request(Method::PATCH, &made.location).header("x-api-key", &key);
            let request = request.header("if-match", made.header("etag")).json(&body);
            eve.send(request.header("idempotency-key", "\"once\"")).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.status, &first.body), (200, &second.body), "{}", second.body);
        assert_eq!((second.status, second.header("idempotent-replayed")), (200, "true"));
        assert_eq!(first.header("etag"), second.header("etag"));
        assert_eq!(app.ask("select count(*) from lead_history").await, ["2"]);
    });
}
