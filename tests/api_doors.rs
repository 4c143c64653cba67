//! What holds at every address of the API, walked over the table of routes: methods, sizes, depths, names, limits.

use super::api_leads::get;
use super::doors::filled;
use super::keys_at_the_door::made;
use super::partner::lead;
use super::support::{Answer, Person, TestApp, with_app, with_settings};
use frontdesk::routes;
use frontdesk::services::keys::SCOPES;
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The addresses of the API, and the methods of each.
fn addresses() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for route in routes::table().iter().filter(|route| route.path.starts_with("/api/v1/")) {
        found.entry(route.path).or_default().insert(route.method);
    }
    assert!(found.len() >= 12, "{found:?}");
    found
}

/// A key that may do everything.
fn master(app: &TestApp) -> String {
    let scopes: Vec<&str> = SCOPES.iter().flat_map(|scope| ["--scope", scope.name]).collect();
    made(app, &scopes).1
}

async fn ask(eve: &Person<'_>, method: &str, path: &str) -> Answer {
    eve.send(eve.request(method.parse().unwrap(), path)).await
}

#[test]
fn every_address_answers_its_methods_and_names_them_for_any_other() {
    with_app(async |app| {
        let eve = app.eve();
        for (path, methods) in addresses() {
            let at = filled(path);
            let mut known: BTreeSet<&str> = methods.clone();
            if methods.contains("GET") {
                known.insert("HEAD");
                let (get, head) = (ask(&eve, "GET", &at).await, ask(&eve, "HEAD", &at).await);
                assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
                for name in ["content-type", "etag", "www-authenticate", "ratelimit-policy"] {
                    assert_eq!(head.header(name), get.header(name), "{path}: {name}");
                }
            }
            let options = ask(&eve, "OPTIONS", &at).await;
            assert_eq!((options.status, options.body.as_str()), (204, ""), "{path}");
            let said: Vec<&str> = options.header("allow").split(", ").collect();
            let once: BTreeSet<&str> = said.iter().copied().collect();
            assert_eq!(said.len(), once.len(), "{path}: {said:?}");
            let said: BTreeSet<&str> =
                once.into_iter().filter(|method| *method != "OPTIONS").collect();
            assert_eq!(said, known, "{path}");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                if known.contains(method) {
                    continue;
                }
                let answer = ask(&eve, method, &at).await;
                answer.is_problem(405);
                assert_eq!(answer.header("allow"), options.header("allow"), "{method} {path}");
            }
        }
    });
}

#[test]
fn every_address_refuses_what_it_does_not_know_what_is_too_deep_and_what_is_too_large() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let key = master(app);
        for (number, route) in routes::table().iter().enumerate() {
            let mine = route.proof != "a member's app" && route.path != "/api/v1/openapi.json";
            if !route.path.starts_with("/api/v1/") || route.path.contains("/tokens") || !mine {
                continue;
            }
            let (door, at) = (format!("{} {}", route.method, route.path), filled(route.path));
            let person = app.eve().coming_from(&format!("10.3.0.{number}"));
            let request = |path: &str| {
                let request = person.request(route.method.parse().unwrap(), path);
                request.header("x-api-key", &key).header("content-type", "application/json")
            };
            let body = |request: reqwest::RequestBuilder, body: String| match route.method {
                "GET" => request,
                _ => request.body(body),
            };
            let unknown = body(request(&format!("{at}?colour=red")), "{}".into());
            let problem = person.send(unknown).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "#/colour", "{door}: {problem}");
            if route.method == "GET" || route.body == Some(0) {
                continue; // nothing else is read
            }
            let unknown = body(request(&at), r#"{"colour":"red"}"#.into());
            let problem = person.send(unknown).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "#/colour", "{door}: {problem}");
            let deep = format!("{{\"colour\":{}{}}}", "[".repeat(32), "]".repeat(32));
            let problem = person.send(body(request(&at), deep)).await.is_problem(400);
            assert_eq!(problem["detail"], "The JSON goes deeper than 32 levels.", "{door}");
            let large = " ".repeat(route.body.unwrap() + 1);
            person.send(body(request(&at), large)).await.is_problem(413);
            let xml = person.request(route.method.parse().unwrap(), &at).header("x-api-key", &key);
            let xml = person.send(xml.header("content-type", "application/xml").body("<a/>")).await;
            xml.is_problem(415);
            let picky = body(request(&at).header("accept", "text/html"), "{}".into());
            person.send(picky).await.is_problem(406);
        }
    });
}

#[test]
fn a_program_is_told_every_limit_that_applies_and_which_one_has_refused_it() {
    with_app(async |app| {
        let (eve, (_, plain)) = (app.eve(), made(app, &[]));
        let answer = get(&eve, &plain, "/api/v1/leads").await;
        assert_eq!(answer.header("ratelimit-policy"), "\"door\";q=300;w=60");
        assert_eq!(answer.header("ratelimit"), "\"door\";r=299;t=1");
        let (_, key) = made(app, &["--per-minute", "3", "--per-day", "4"]);
        let answer = get(&eve, &key, "/api/v1/leads").await;
        assert_eq!(
            answer.header("ratelimit-policy"),
            "\"door\";q=300;w=60, \"key-minute\";q=3;w=60, \"key-day\";q=4;w=86400"
        );
        let said = answer.header("ratelimit");
        assert!(said.contains(", \"key-minute\";r=2;t=20, \"key-day\";r=3;t="), "{said}");
        // A problem is told so too: what was refused was counted.
        let problem = eve.json("/api/v1/leads", Some(&key), &json!({})).await;
        problem.is_problem(422);
        assert!(
            problem.header("ratelimit").contains("\"key-minute\";r=1"),
            "{}",
            problem.header("ratelimit")
        );
        assert_eq!(eve.json("/api/v1/leads", Some(&key), &lead()).await.status, 201);
        let refused = get(&eve, &key, "/api/v1/leads").await;
        refused.is_problem(429);
        let said = refused.header("ratelimit");
        assert!(said.contains("\"key-minute\";r=0;t="), "{said}");
        assert!(refused.header("ratelimit-policy").ends_with("\"key-minute\";q=3;w=60"));
        // What anyone may read says so for a key as well.
        let (_, reader) = made(app, &["--scope", "posts:read", "--per-day", "9"]);
        let answer = get(&eve, &reader, "/api/v1/posts").await;
        assert!(
            answer.header("ratelimit").contains("\"key-day\";r=8"),
            "{}",
            answer.header("ratelimit")
        );
        let stranger = eve.send(eve.request(Method::GET, "/api/v1/posts")).await;
        assert!(!stranger.header("ratelimit").contains("key"));
    });
}
