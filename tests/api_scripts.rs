//! Scripts of sites that a key names: what they may call, how browsers are told, and what is refused before it is done.

use super::keys_at_the_door::made;
use super::partner::lead;
use super::support::{Answer, Person, TestApp, with_app};
use reqwest::Method;
use serde_json::Value;

const SHOP: &str = "https://shop.example";
const OTHER: &str = "https://other.example";

/// A key that two sites' scripts may send.
fn shop(app: &TestApp) -> (String, String) {
    made(app, &["--origin", "https://Shop.example:443/", "--origin", "http://localhost:3000"])
}

async fn preflight(eve: &Person<'_>, path: &str, origin: &str, method: &str) -> Answer {
    let request = eve.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    eve.send(request.header("access-control-request-headers", "x-api-key,content-type")).await
}

async fn hand_in(eve: &Person<'_>, key: &str, origin: Option<&str>) -> Answer {
    let request = eve.request(Method::POST, "/api/v1/leads").json(&lead()).header("x-api-key", key);
    eve.send(origin.into_iter().fold(request, |request, origin| request.header("origin", origin)))
        .await
}

fn cors(answer: &Answer) -> Vec<String> {
    let names = answer.headers.keys().map(ToString::to_string);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

fn is_of(answer: &Answer, kind: &str) {
    let problem: Value = answer.is_problem(403);
    assert_eq!(problem["type"], kind, "{problem}");
}

#[test]
fn a_script_of_a_site_that_a_key_names_hands_in_a_lead_and_reads_the_answer() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), shop(app));
        for origin in [SHOP, "http://localhost:3000"] {
            let asked = preflight(&eve, "/api/v1/leads", origin, "POST").await;
            assert_eq!((asked.status, asked.body.as_str()), (204, ""));
            assert_eq!(asked.header("access-control-allow-origin"), origin);
            assert_eq!(asked.header("access-control-allow-methods"), "POST");
            let headers = asked.header("access-control-allow-headers");
            for name in
                ["x-api-key", "authorization", "content-type", "idempotency-key", "if-match"]
            {
                assert!(headers.split(", ").any(|one| one == name), "{name}: {headers}");
            }
            assert_eq!(asked.header("access-control-max-age"), "7200");
            let answer = hand_in(&eve, &key, Some(origin)).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            let exposed = answer.header("access-control-expose-headers");
            for name in ["etag", "link", "location", "ratelimit", "ratelimit-policy", "retry-after"]
            {
                assert!(exposed.split(", ").any(|one| one == name), "{name}: {exposed}");
            }
            assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
            for answer in [&asked, &answer] {
                assert_eq!(answer.header("vary"), "Origin");
                assert!(!answer.headers.contains_key("access-control-allow-credentials"));
            }
        }
    });
}

#[test]
fn a_script_may_read_that_it_calls_too_often_whether_a_key_names_its_site_or_not() {
    with_app(async |app| {
        let (eve, _) = (app.eve(), shop(app));
        for origin in [SHOP, OTHER] {
            let ask =
                || eve.send(eve.request(Method::GET, "/api/v1/posts").header("origin", origin));
            let mut answer = ask().await;
            for _ in 0..1000 {
                if answer.status == 429 {
                    break;
                }
                answer = ask().await;
            }
            answer.is_problem(429);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert!(answer.header("access-control-expose-headers").contains("retry-after"));
            assert_eq!(answer.header("vary"), "Origin");
        }
    });
}

#[test]
fn a_script_may_read_what_was_wrong() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), shop(app));
        let request = eve.request(Method::POST, "/api/v1/leads").body("{}");
        let request = request.header("content-type", "application/json").header("origin", SHOP);
        let answer = eve.send(request.try_clone().unwrap().header("x-api-key", &key)).await;
        answer.is_problem(422);
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        let answer = eve.send(request).await;
        answer.is_problem(401);
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
    });
}

#[test]
fn what_comes_from_a_site_that_the_key_does_not_name_is_refused_before_anything_is_done() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), shop(app));
        let ((_, theirs), (_, plain)) = (made(app, &["--origin", OTHER]), made(app, &[]));
        for (key, origin) in
            [(&key, OTHER), (&theirs, SHOP), (&plain, SHOP), (&key, "null"), (&key, "")]
        {
            let answer = hand_in(&eve, key, Some(origin)).await;
            is_of(&answer, "/problems/origin-not-allowed");
            let named = [SHOP, OTHER].contains(&origin);
            assert_eq!(
                cors(&answer).is_empty(),
                !named,
                "{origin}: a good key names it, or none does"
            );
        }
        let twice =
            eve.request(Method::POST, "/api/v1/leads").json(&lead()).header("x-api-key", &key);
        let twice = eve.send(twice.header("origin", SHOP).header("origin", OTHER)).await;
        is_of(&twice, "/problems/origin-not-allowed");
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
        for origin in
            ["https://evil.example", "null", "https://shop.example:444", "http://shop.example"]
        {
            let asked = preflight(&eve, "/api/v1/leads", origin, "POST").await;
            asked.is_problem(403);
            assert!(cors(&asked).is_empty() && asked.header("vary") == "Origin", "{origin}");
        }
        // Our own pages are no other site, and programs have no origin.
        assert_eq!(hand_in(&eve, &plain, Some(&app.origin)).await.status, 201);
        assert_eq!(
            hand_in(&eve, &plain, None).await.headers.get("access-control-allow-origin"),
            None
        );
    });
}

#[test]
fn a_key_that_stands_in_pages_opens_what_scripts_may_call_and_nothing_else() {
    with_app(async |app| {
        let (eve, (id, key)) = (app.eve(), shop(app));
        let made = hand_in(&eve, &key, Some(SHOP)).await;
        for path in ["/api/v1/leads", made.location.as_str()] {
            for origin in [None, Some(SHOP)] {
                let request = eve.request(Method::GET, path).header("x-api-key", &key);
                let request =
                    origin.into_iter().fold(request, |it, origin| it.header("origin", origin));
                is_of(&eve.send(request).await, "/problems/key-for-scripts");
            }
            // A browser is told nothing that would let it ask.
            assert!(cors(&preflight(&eve, path, SHOP, "GET").await).is_empty());
            assert!(cors(&preflight(&eve, path, SHOP, "PATCH").await).is_empty());
        }
        let shown = app.cli(&["key", "show", &id, "--json"], "").json();
        assert_eq!(shown["origins"], serde_json::json!(["http://localhost:3000", SHOP]));
        assert_eq!(app.cli(&["key", "revoke", &id], "").code, 0);
        preflight(&eve, "/api/v1/leads", SHOP, "POST").await.is_problem(403);
    });
}

#[test]
fn an_owner_names_the_sites_of_a_key() {
    with_app(async |app| {
        let ada = app.ada().await;
        let form = [
            ("name", "Shop"),
            ("kind", "live"),
            ("scopes", "posts:read"),
            ("expires", "never"),
            ("origins", "https://shop.example\r\nhttps://two.example"),
            ("submission", "01890000-0000-7000-8000-000000000001"),
        ];
        assert_eq!(ada.post("/admin/keys/new", &form).await.status, 200);
        let id = app.ask("select id from api_keys").await.remove(0);
        let page = ada.get(&format!("/admin/keys/{id}")).await.body;
        assert!(
            page.contains("https://shop.example") && page.contains("https://two.example"),
            "{page}"
        );
        let wrong =
            form.map(
                |(name, value)| {
                    if name == "origins" { (name, "shop.example") } else { (name, value) }
                },
            );
        let answer = ada.post("/admin/keys/new", &wrong[..5]).await;
        answer.is_page(422);
        assert!(answer.body.contains(r#"id="origins-error""#), "{}", answer.body);
        let eve = app.eve();
        let posts = preflight(&eve, "/api/v1/posts", SHOP, "GET").await;
        assert_eq!(posts.header("access-control-allow-methods"), "GET");
        preflight(&eve, "/api/v1/leads", SHOP, "POST").await.is_problem(403);
    });
}
