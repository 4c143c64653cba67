//! Partners' programs: a key made on the shell, leads handed in and looked up with it.

use super::support::{Answer, Person, with_app};
use reqwest::Method;
use serde_json::{Value, json};

pub fn lead() -> Value {
    json!({
        "name": "Ann Li",
        "email": "ann@example.test",
        "company": "Li & Co",
        "phone": "+49 40 1234",
        "message": "Could you paint our boat?",
    })
}

/// Sends `lead()` with these headers.
async fn send(program: &Person<'_>, headers: &[(&str, &str)]) -> Answer {
    let request = program.request(Method::POST, "/api/v1/leads").json(&lead());
    program
        .send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
}

/// Asserts that the answer asks for a key, as a problem.
pub fn asks_for_a_key(answer: &Answer) {
    answer.is_problem(401);
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="frontdesk""#);
    assert_eq!(answer.location, "");
}

#[test]
fn a_key_made_on_the_shell_hands_in_a_lead() {
    with_app(async |app| {
        let key = app.key("leads:write").await;
        let answer = app.eve().json("/api/v1/leads", Some(&key), &lead()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.headers.contains_key("set-cookie"));
        let body = answer.json();
        let id = body["id"].as_str().unwrap();
        assert_eq!(answer.location, format!("/api/v1/leads/{id}"));
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
        let at = body["created_at"].as_str().unwrap();
        let parsed = app.ask(&format!("select '{at}'::timestamptz = created_at from leads")).await;
        assert_eq!(parsed, ["true"], "{at}");
        assert!(at.ends_with('Z') && at.contains('T'), "{at}");
        let mut documented = lead();
        documented["id"] = json!(id);
        documented["created_at"] = json!(at);
        documented["source"] = json!("partner-api");
        documented["status"] = json!("new");
        assert_eq!(body, documented);
        let looked_up = app.eve().request(Method::GET, &answer.location).header("x-api-key", &key);
        let looked_up = app.eve().send(looked_up).await;
        assert_eq!((looked_up.status, looked_up.json()), (200, documented));
    });
}

#[test]
fn a_key_may_stand_in_either_header() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        for headers in [
            [("x-api-key", key.clone())],
            [("authorization", format!("Bearer {key}"))],
            [("authorization", format!("bearer  {key}"))],
        ] {
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert_eq!(send(&eve, &headers).await.status, 201, "{headers:?}");
        }
    });
}

#[test]
fn without_a_good_key_there_is_a_problem_and_no_lead() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        let (other_end, cut) = (format!("{}x", &key[..key.len() - 1]), &key[..key.len() - 1]);
        let other_case = key.to_uppercase();
        let basic = format!("Basic {key}");
        let bearer_nothing =
            ["Bearer", "Bearer ", &format!("Token {key}"), &basic].map(str::to_owned);
        asks_for_a_key(&send(&eve, &[]).await);
        for wrong in ["", " ", "fd_live_", &key[..12], &other_end, cut, &other_case, "' or 1=1 --"]
        {
            asks_for_a_key(&send(&eve, &[("x-api-key", wrong)]).await);
        }
        for wrong in &bearer_nothing {
            asks_for_a_key(&send(&eve, &[("authorization", wrong)]).await);
        }
        let wrong = send(&eve, &[("x-api-key", "fd_live_x")]).await;
        assert_eq!(send(&eve, &[]).await.body, wrong.body, "missing or wrong is the same");
        // A session is no key, and a document that cannot be read is not looked at.
        asks_for_a_key(&send(&app.ada().await, &[]).await);
        let nonsense = eve.request(Method::POST, "/api/v1/leads").body("nonsense");
        asks_for_a_key(&eve.send(nonsense).await);
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn a_revoked_key_opens_nothing_from_then_on_anywhere() {
    with_app(async |app| {
        let (eve, other) = (app.eve(), app.second_instance().await);
        let made = app
            .cli(&["key", "create", "--name", "Partner", "--scope", "leads:write", "--json"], "");
        let (id, key) = (made.json()["id"].clone(), made.json()["key"].clone());
        let headers = [("x-api-key", key.as_str().unwrap())];
        assert_eq!(send(&eve, &headers).await.status, 201);
        assert_eq!(send(&eve.at(&other), &headers).await.status, 201);
        assert_eq!(app.cli(&["key", "revoke", id.as_str().unwrap()], "").code, 0);
        asks_for_a_key(&send(&eve, &headers).await);
        asks_for_a_key(&send(&eve.at(&other), &headers).await);
    });
}

#[test]
fn a_key_for_something_else_is_known_and_may_not() {
    with_app(async |app| {
        let eve = app.eve();
        let (posts, leads) = (app.key("posts:write").await, app.key("leads:write").await);
        let answer = eve.json("/api/v1/leads", Some(&posts), &lead()).await;
        answer.is_problem(403);
        assert!(!answer.headers.contains_key("www-authenticate"));
        eve.json("/api/v1/posts", Some(&leads), &json!({})).await.is_problem(403);
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn the_door_says_where_a_lead_comes_from_and_not_the_sender() {
    with_app(async |app| {
        let key = app.key("leads:write").await;
        let mut document = lead();
        for (name, value) in [
            ("source", "cli"),
            ("status", "won"),
            ("id", "01890000-0000-7000-8000-000000000000"),
            ("created_at", "2001-01-01T00:00:00Z"),
            ("api_key_id", "01890000-0000-7000-8000-000000000000"),
        ] {
            document[name] = json!(value);
        }
        // What is none of theirs to say is refused by name, and nothing is stored.
        let refused = app.eve().json("/api/v1/leads", Some(&key), &document).await.is_problem(422);
        let said = refused["errors"].as_array().unwrap().iter();
        let pointers: Vec<_> = said.map(|one| one["pointer"].as_str().unwrap()).collect();
        let theirs = ["#/api_key_id", "#/created_at", "#/id", "#/source", "#/status"];
        assert_eq!(pointers, theirs);
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
        let body = app.eve().json("/api/v1/leads", Some(&key), &lead()).await.json();
        assert_eq!((&body["source"], &body["status"]), (&json!("partner-api"), &json!("new")));
        assert_ne!(body["id"], document["id"]);
        assert!(body["created_at"].as_str().unwrap() > "2026");
    });
}

#[test]
fn a_partner_who_is_known_is_not_judged_as_spam() {
    with_app(async |app| {
        let key = app.key("leads:write").await;
        let mut document = lead();
        document["message"] =
            json!("http://a.example http://b.example http://c.example http://d.example");
        document["website"] = json!("https://li.example");
        let body = app.eve().json("/api/v1/leads", Some(&key), &document).await.json();
        assert_eq!(body["status"], "new");
    });
}

#[test]
fn a_partner_sees_the_leads_of_their_own_key_alone() {
    with_app(async |app| {
        let (eve, key, other) =
            (app.eve(), app.key("leads:write").await, app.key("leads:write").await);
        let mine = eve.json("/api/v1/leads", Some(&key), &lead()).await.location;
        let theirs = eve.json("/api/v1/leads", Some(&other), &lead()).await.location;
        assert_ne!(mine, theirs, "two partners may have the same customer");
        eve.post("/contact", &super::contact::ANN).await;
        let visitors =
            app.ask("select id from leads where source = 'website-form'").await.remove(0);
        let get = async |path: &str| {
            eve.send(eve.request(Method::GET, path).header("x-api-key", &key)).await
        };
        assert_eq!(get(&mine).await.status, 200);
        for path in [
            theirs.as_str(),
            &format!("/api/v1/leads/{visitors}"),
            "/api/v1/leads/01890000-0000-7000-8000-000000000000",
            "/api/v1/leads/nonsense",
            "/api/v1/leads/%ff",
        ] {
            assert_eq!(
                get(path).await.is_problem(404),
                get("/api/v1/leads/0").await.json(),
                "{path}"
            );
        }
        asks_for_a_key(&eve.get(&mine).await);
    });
}

#[test]
fn a_program_that_tries_again_gets_the_same_lead() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        let sent = (0..8).map(|_| send_with(&eve, &key));
        let answers = futures_util::future::join_all(sent).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
            assert_eq!(answer.location, answers[0].location);
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["1"]);
    });
}

pub async fn send_with(program: &Person<'_>, key: &str) -> Answer {
    send(program, &[("x-api-key", key)]).await
}

#[test]
fn what_is_wrong_with_a_lead_is_said_by_field() {
    with_app(async |app| {
        let key = app.key("leads:write").await;
        let document = json!({ "name": "A", "email": 5 });
        let problem = app.eve().json("/api/v1/leads", Some(&key), &document).await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/email");
        let problem = app.eve().json("/api/v1/leads", Some(&key), &json!({})).await.is_problem(422);
        let pointers: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
        assert_eq!(pointers, ["#/email", "#/message", "#/name"]);
    });
}

#[test]
fn the_secret_is_shown_once_and_kept_nowhere() {
    with_app(async |app| {
        let made = app
            .cli(&["key", "create", "--name", "Partner", "--scope", "leads:write", "--json"], "");
        let shown = made.json();
        let members: Vec<_> = shown.as_object().unwrap().keys().collect();
        assert_eq!(members, ["id", "key", "prefix", "scopes"]);
        assert_eq!(shown["scopes"], json!(["leads:write"]));
        let (key, prefix) = (shown["key"].as_str().unwrap(), shown["prefix"].as_str().unwrap());
        assert!(key.starts_with(prefix) && key.len() >= prefix.len() + 30, "{key}");
        assert_eq!(send_with(&app.eve(), key).await.status, 201);
        assert_eq!(app.tables_with(prefix).await, ["api_keys"], "this is how it would be found");
        assert_eq!(app.tables_with(key).await, [""; 0]);
        assert_eq!(app.tables_with(&key[prefix.len()..]).await, [""; 0]);
        let hashed = format!("select hash = sha256('{key}') from api_keys");
        assert_eq!(app.ask(&hashed).await, ["true"]);
        for list in [app.cli(&["key", "list"], ""), app.cli(&["key", "list", "--json"], "")] {
            assert_eq!((list.code, list.err.as_str()), (0, ""));
            assert!(list.out.contains(prefix) && list.out.contains("Partner"), "{}", list.out);
            assert!(!list.out.contains(&key[prefix.len()..prefix.len() + 8]), "{}", list.out);
        }
        let listed = app.cli(&["key", "list", "--json"], "").json();
        assert_eq!((&listed[0]["id"], &listed[0]["revoked_at"]), (&shown["id"], &Value::Null));
    });
}
