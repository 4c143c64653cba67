//! Pages rendered again on request: by a program with a key, and by the operator.

use super::cache::confirmed;
use super::posts::many;
use super::support::{TestApp, with_app};
use serde_json::json;

/// What the cache says of each page, after everything committed so far is known here.
async fn states(app: &TestApp, paths: &[&str]) -> Vec<String> {
    confirmed(app).await;
    let mut states = Vec::new();
    for path in paths {
        let answer = app.eve().get(path).await;
        states.push(answer.header("cache-status").replace("frontdesk; ", ""));
    }
    states
}

const PAGES: [&str; 3] = ["/posts/post-1", "/posts/post-2", "/callers"];

#[test]
fn a_program_has_a_tag_or_an_address_rendered_again_and_nothing_else() {
    with_app(async |app| {
        many(app, 2).await;
        let key = app.key("cache:write").await;
        states(app, &PAGES).await;
        let ask = async |body| app.eve().json("/api/v1/revalidate", Some(&key), &body).await;
        let answer = ask(json!({ "paths": ["/posts/post-1"] })).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "revalidated": true })));
        assert!(!answer.header("consistency-token").is_empty());
        assert_eq!(states(app, &PAGES).await, ["fwd=stale; stored", "hit", "hit"]);
        assert_eq!(ask(json!({ "tags": ["posts"] })).await.status, 200);
        assert_eq!(states(app, &PAGES).await, ["fwd=stale; stored", "fwd=stale; stored", "hit"]);
        for wrong in [json!({}), json!({ "tags": ["nonsense"] }), json!({ "paths": ["posts"] })] {
            ask(wrong).await.is_problem(422);
        }
        let leads = app.key("leads:write").await;
        let body = json!({ "tags": ["*"] });
        app.eve().json("/api/v1/revalidate", Some(&leads), &body).await.is_problem(403);
        assert_eq!(states(app, &PAGES).await, ["hit", "hit", "hit"]);
    });
}

#[test]
fn the_operator_has_everything_rendered_again() {
    with_app(async |app| {
        many(app, 2).await;
        states(app, &PAGES).await;
        assert_eq!(app.cli(&["cache", "drop", "--path", "/callers"], "").code, 0);
        assert_eq!(states(app, &PAGES).await, ["hit", "hit", "fwd=stale; stored"]);
        assert_eq!(app.cli(&["cache", "drop", "--all"], "").code, 0);
        assert_eq!(states(app, &PAGES).await, ["fwd=stale; stored"; 3]);
        let refused = app.cli(&["cache", "drop"], "");
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("Name 1 to 100"), "{}", refused.err);
    });
}
