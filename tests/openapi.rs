//! The description of the API says what happens: it is made of the types that decode and answer, and committed.

use super::support::with_app;
use frontdesk::http::openapi;
use frontdesk::routes;
use serde_json::Value;
use std::collections::BTreeSet;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

#[allow(clippy::disallowed_methods)] // the tests' own setting, not the application's
fn is_to_be_written() -> bool {
    std::env::var("OPENAPI").is_ok_and(|how| how == "write")
}

#[test]
fn the_committed_description_is_that_of_the_mounted_routes() {
    let described = openapi::document(&routes::operations());
    let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
    if is_to_be_written() {
        std::fs::write(FILE, &text).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == text, "write it anew: OPENAPI=write cargo test --test frontdesk openapi");
    let mounted = routes::table().into_iter().filter(|route| route.path.starts_with("/api/v1/"));
    let mounted: BTreeSet<String> = mounted
        .filter(|route| route.path != "/api/v1/openapi.json")
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let paths = described["paths"].as_object().unwrap().iter();
    let said: BTreeSet<String> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
        })
        .collect();
    assert_eq!(said, mounted);
}

#[test]
fn it_is_there_for_programs_and_for_people() {
    with_app(async |app| {
        let eve = app.eve();
        let answer = eve.get("/api/v1/openapi.json").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        let described: Value = answer.json();
        assert_eq!(described["openapi"], "3.1.0");
        let page = eve.get("/api/docs").await;
        page.is_page(200);
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, one) in methods.as_object().unwrap() {
                let heading = format!("{} {path}", method.to_ascii_uppercase());
                assert!(page.body.contains(&heading), "{heading}");
                let id = one["operationId"].as_str().unwrap();
                assert!(page.body.contains(&format!("id=\"{id}\"")), "{id}");
            }
        }
        assert!(!page.body.contains("<script>"));
    });
}
