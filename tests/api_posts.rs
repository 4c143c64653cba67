//! Posts by the API: narrowed by topic, and changed by the program that wrote them, as the editor changes them.

use super::api_leads::{get, patch};
use super::support::{Answer, Person, with_app};
use serde_json::{Value, json};

async fn write(program: &Person<'_>, key: &str, title: &str, more: &Value) -> Answer {
    let mut post = json!({ "title": title, "topic": "Signs", "body": "Words." });
    for (name, value) in more.as_object().unwrap() {
        post[name] = value.clone();
    }
    let answer = program.json("/api/v1/posts", Some(key), &post).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

fn titles(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let items = body["items"].as_array().unwrap().iter();
    items.map(|post| post["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn posts_are_listed_by_topic_and_what_appears_meanwhile_moves_nothing() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        for (title, topic) in
            [("One", "Signs"), ("Two", "Print"), ("Three", "Signs"), ("Four", "Signs")]
        {
            write(&eve, &key, title, &json!({ "status": "published", "topic": topic })).await;
        }
        let first = eve.get("/api/v1/posts?topic=signs&limit=2").await;
        assert_eq!(titles(&first), ["Four", "Three"]);
        write(&eve, &key, "Five", &json!({ "status": "published" })).await;
        let next = first.header("link").to_owned();
        let next = next.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        let second = eve.get(next).await;
        assert_eq!(
            (titles(&second), &second.json()["next"]),
            (vec!["One".to_owned()], &Value::Null)
        );
        assert_eq!(titles(&eve.get("/api/v1/posts?topic=nothing").await), [""; 0]);
        assert_eq!(titles(&eve.get("/api/v1/posts?limit=1").await), ["Five"]);
        let problem = eve.get("/api/v1/posts?topics=signs").await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/topics");
    });
}

#[test]
fn a_program_changes_what_it_has_written_and_has_seen() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("posts:write").await);
        let made = write(&eve, &key, "Open on Sunday", &json!({})).await;
        assert_eq!(made.location, "/api/v1/posts/open-on-sunday/source");
        let draft = get(&eve, &key, &made.location).await;
        assert_eq!((draft.status, &draft.json()["status"]), (200, &json!("draft")));
        assert_eq!(draft.header("etag"), made.header("etag"));
        let at = "/api/v1/posts/open-on-sunday";
        eve.get(at).await.is_problem(404);

        let publish = json!({ "status": "published" });
        patch(&eve, &key, at, "", &publish).await.is_problem(428);
        let published = patch(&eve, &key, at, made.header("etag"), &publish).await;
        assert_eq!(published.status, 200, "{}", published.body);
        let shown = eve.get(at).await;
        assert_eq!(
            (&shown.body, shown.header("etag")),
            (&published.body, published.header("etag"))
        );
        assert_eq!(shown.json()["body"], "Words.", "what is not named stays");
        patch(&eve, &key, at, made.header("etag"), &publish).await.is_problem(412);

        let moved = json!({ "slug": "open-on-monday", "summary": "In short.", "body": "Others." });
        let moved = patch(&eve, &key, at, published.header("etag"), &moved).await;
        assert_eq!(moved.status, 200, "{}", moved.body);
        assert_eq!(moved.json()["published_at"], published.json()["published_at"]);
        let old = eve.get(at).await;
        assert_eq!((old.status, old.location.as_str()), (301, "/api/v1/posts/open-on-monday"));
        let page = eve.get("/posts/open-on-monday").await;
        assert!(page.body.contains("Others."), "{}", page.body);
        let cleared = json!({ "summary": "" });
        let cleared = patch(&eve, &key, "/api/v1/posts/open-on-monday", "*", &cleared).await;
        assert_eq!(cleared.json()["summary"], "");
        assert_eq!(
            app.ask("select count(*) from audit where act = 'post-edited' and door = 'api'").await,
            ["3"]
        );
    });
}

#[test]
fn the_rules_are_those_of_the_editor_and_nobody_elses_post_is_changed() {
    with_app(async |app| {
        let (eve, key, other) =
            (app.eve(), app.key("posts:write").await, app.key("posts:write").await);
        write(&eve, &other, "Taken", &json!({ "status": "published" })).await;
        write(
            &eve,
            &key,
            "Mine",
            &json!({ "status": "scheduled", "publish_at": "2999-01-01T00:00:00Z" }),
        )
        .await;
        for (wrong, pointer) in [
            (json!({ "title": "" }), "#/title"),
            (json!({ "title": null }), "#/title"),
            (json!({ "body": "\u{1}" }), "#/body"),
            (json!({ "slug": "taken" }), "#/slug"),
            (json!({ "slug": "Not One" }), "#/slug"),
            (json!({ "status": "best" }), "#/status"),
            (json!({ "publish_at": "soon" }), "#/publish_at"),
            (json!({ "version": "2026-01-01T00:00:00Z" }), "#/version"),
        ] {
            let problem =
                patch(&eve, &key, "/api/v1/posts/mine", "*", &wrong).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}: {problem}");
        }
        let renamed =
            patch(&eve, &key, "/api/v1/posts/mine", "*", &json!({ "title": "Ours" })).await;
        assert_eq!(renamed.json()["status"], "scheduled", "it is to appear when it was to");
        assert!(renamed.json()["published_at"].as_str().unwrap().starts_with("2999"));
        let edit = json!({ "title": "Theirs" });
        patch(&eve, &key, "/api/v1/posts/taken", "*", &edit).await.is_problem(404);
        get(&eve, &key, "/api/v1/posts/taken/source").await.is_problem(404);
        patch(&eve, &app.key("posts:read").await, "/api/v1/posts/mine", "*", &edit)
            .await
            .is_problem(403);
        assert_eq!(app.ask("select title from posts order by title").await, ["Ours", "Taken"]);
    });
}
