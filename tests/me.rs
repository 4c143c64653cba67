//! What a member's app sees and changes of them.

use super::accounts::{BOB, sign_up};
use super::support::{Answer, Person, TestApp, with_app};
use super::tokens::{ask, by_password, me, tokens};
use reqwest::Method;
use serde_json::{Value, json};

/// Bob's phone, and its access token.
async fn phone(app: &TestApp) -> (Person<'_>, String) {
    let phone = app.eve();
    let access = tokens(&ask(&phone, &by_password(BOB.0, BOB.1)).await).0;
    (phone, access)
}

async fn patch(phone: &Person<'_>, access: &str, if_match: &str, body: &Value) -> Answer {
    let request = phone.request(Method::PATCH, "/api/v1/me").json(body);
    let request = request.header("authorization", format!("Bearer {access}"));
    let request = if if_match.is_empty() { request } else { request.header("if-match", if_match) };
    phone.send(request).await
}

#[test]
fn an_app_sees_its_member_and_changes_the_name_that_it_has_seen() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, access) = phone(app).await;
        let seen = me(&phone, &access).await;
        assert_eq!((seen.status, seen.header("etag")), (200, "\"1\""));
        assert_eq!(seen.header("cache-control"), "no-store");
        let body = seen.json();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["created_at", "email", "id", "name"]);
        assert_eq!((&body["name"], &body["email"]), (&json!("Bob"), &json!(BOB.0)));

        let changed = patch(&phone, &access, "\"1\"", &json!({ "name": " Bob B. " })).await;
        assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.body);
        assert_eq!(changed.json()["name"], "Bob B.");
        assert!(bob.get("/account").await.body.contains("Bob B."));
        // The same version is what the form counts.
        let form = bob.post("/account/profile", &[("name", "Robert"), ("version", "1")]).await;
        assert_eq!(form.status, 422);
        assert_eq!(patch(&phone, &access, "*", &json!({ "name": "Rob" })).await.status, 200);
        let several = patch(&phone, &access, "\"9\", \"3\"", &json!({})).await;
        assert_eq!(
            (several.status, several.header("etag")),
            (200, "\"3\""),
            "nothing named, nothing changed"
        );
        assert_eq!(app.ask("select name from accounts where version = 3").await, ["Rob"]);
    });
}

#[test]
fn what_was_not_seen_or_is_not_to_be_changed_is_not_changed() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let (phone, access) = phone(app).await;
        let name = json!({ "name": "Robert" });
        patch(&phone, &access, "", &name).await.is_problem(428);
        for stale in ["\"2\"", "\"0\"", "W/\"1\"", "\"\"", "nonsense"] {
            patch(&phone, &access, stale, &name).await.is_problem(412);
        }
        for (unknown, pointer) in [
            ("email", "#/email"),
            ("role", "#/role"),
            ("version", "#/version"),
            ("if_match", "#/if_match"),
        ] {
            let answer =
                patch(&phone, &access, "\"1\"", &json!({ "name": "Robert", unknown: "x" })).await;
            let problem = answer.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
            assert_eq!(problem["errors"][0]["detail"], "There is no such member here.");
        }
        for wrong in [json!("x"), json!("x".repeat(101)), json!("a\u{0}b"), json!(5)] {
            let answer = patch(&phone, &access, "\"1\"", &json!({ "name": wrong })).await;
            assert_eq!(answer.is_problem(422)["errors"][0]["pointer"], "#/name");
        }
        let empty = patch(&phone, &access, "\"1\"", &json!({ "name": "" })).await;
        assert_eq!(empty.is_problem(422)["errors"][0]["pointer"], "#/name");
        let nobody =
            phone.request(Method::PATCH, "/api/v1/me").json(&name).header("if-match", "\"1\"");
        phone.send(nobody).await.is_problem(401);
        assert_eq!(
            app.ask("select name || version from accounts where email like 'bob@%'").await,
            ["Bob1"]
        );
    });
}

#[test]
fn of_several_who_saw_the_same_one_changes_it() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let (phone, access) = phone(app).await;
        let names: Vec<Value> = (0..6).map(|n| json!({ "name": format!("Bob {n}") })).collect();
        let sent = names.iter().map(|name| patch(&phone, &access, "\"1\"", name));
        let mut statuses: Vec<u16> =
            futures_util::future::join_all(sent).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412]);
    });
}
