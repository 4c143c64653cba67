//! A client in TypeScript, made of the description by a public generator (`tests/client`): it compiles under the strictest
//! settings, and does against the running site what it was compiled to.

use super::keys_at_the_door::made;
use super::support::{TestApp, with_app};
use actix_web::web;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a script of the folder, and gives what it prints.
fn node(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("node").args(arguments).current_dir(folder).output();
    let output = output.expect("node is needed for these tests");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "node {}\n{out}{err}", arguments.join(" "));
    out
}

/// The client, generated and compiled.
fn built() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    if !folder.join("node_modules/.package-lock.json").exists() {
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--prefer-offline", "--loglevel=error"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status();
        assert!(npm.expect("npm is needed for these tests").success(), "npm ci in {folder:?}");
    }
    let generator = "node_modules/openapi-typescript/bin/cli.js";
    node(&folder, &[generator, "../../docs/openapi.json", "--output", "schema.d.ts"]);
    node(&folder, &["node_modules/typescript/bin/tsc", "--project", "."]);
    folder
}

async fn run(app: &TestApp, key: String) -> Value {
    let origin = app.origin.clone();
    let said = web::block(move || node(&built(), &["out/client.js", &origin, &key])).await;
    serde_json::from_str(&said.unwrap()).unwrap()
}

#[test]
fn a_generated_client_compiles_and_works() {
    with_app(async |app| {
        let (_, key) =
            made(app, &["--scope", "leads:status", "--scope", "posts:read", "--per-day", "1000"]);
        let said = run(app, key).await;
        assert_eq!(
            said,
            json!({
                "replayed": true,
                "listed": ["ann3@example.test", "ann2@example.test", "ann1@example.test"],
                "status": "contacted",
                "stale": 412,
                "pointers": ["#/message", "#/name"],
                "limits": "\"door\";q=300;w=60, \"key-day\";q=1000;w=86400",
            })
        );
        assert_eq!(
            app.ask("select status from leads order by id").await,
            ["contacted", "new", "new"]
        );
    });
}
