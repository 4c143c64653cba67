//! A folder of Markdown files that become posts.

use super::support::{TestApp, folder_of_its_own, with_settings};
use frontdesk::jobs::scheduler;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn with_folder(test: impl AsyncFnOnce(&TestApp, &Path)) {
    let folder = folder_of_its_own();
    fs::create_dir_all(folder.join("signs")).unwrap();
    let setting = ("SYNC_FOLDER", folder.to_str().unwrap());
    with_settings(&[setting], async |app| test(app, &folder).await);
    fs::remove_dir_all(folder).unwrap();
}

/// What a run did, in a slot of its own.
fn sync(app: &TestApp, folder: &Path) -> (i32, Value) {
    let environment =
        [("DATABASE_URL", app.database_url.as_str()), ("SYNC_FOLDER", folder.to_str().unwrap())];
    let shell = super::support::Shell::run(&["run", "sync", "--json"], "", &environment);
    (shell.code, shell.json())
}

async fn forget_the_slot(app: &TestApp) {
    app.psql("delete from runs").await;
}

const WALL: &str = "---\ntitle: A wall\ntopic: Signs\nsummary: Two winters.\n---\nIt stood.\n";

#[test]
fn files_become_posts_and_follow_when_they_change() {
    with_folder(async |app, folder| {
        fs::write(folder.join("signs/a-wall.md"), WALL).unwrap();
        fs::write(folder.join("later.md"), "---\r\ntitle: Later\r\ntopic: Signs\r\npublished: 2999-01-01T00:00:00Z\r\n---\r\nSoon.").unwrap();
        fs::write(folder.join("notes.txt"), "Nobody's business.").unwrap();
        fs::write(folder.join(".draft.md"), WALL).unwrap();
        let (code, run) = sync(app, folder);
        assert_eq!((code, &run["output"]), (0, &json!({ "posts_made": 2 })));
        let eve = app.eve();
        assert!(eve.get("/posts/a-wall").await.body.contains("It stood."));
        assert_eq!(eve.get("/posts/later").await.status, 404);

        forget_the_slot(app).await;
        assert_eq!(sync(app, folder).1["output"], json!({ "files_unchanged": 2 }));

        forget_the_slot(app).await;
        fs::write(folder.join("signs/a-wall.md"), WALL.replace("stood", "fell")).unwrap();
        fs::remove_file(folder.join("later.md")).unwrap();
        assert_eq!(sync(app, folder).1["output"], json!({ "posts_changed": 1 }));
        app.state.clock.advance(Duration::from_secs(1));
        assert!(eve.get("/posts/a-wall").await.body.contains("It fell."));
        assert_eq!(
            app.ask("select count(*) from posts").await,
            ["2"],
            "a post stays without its file"
        );
    });
}

#[test]
fn a_file_that_is_no_post_is_named_and_hinders_no_other() {
    with_folder(async |app, folder| {
        fs::write(folder.join("a.md"), "No head at all.").unwrap();
        fs::write(folder.join("b.md"), "---\ntitle: No topic\n---\nText.").unwrap();
        fs::write(folder.join("signs/c.md"), WALL).unwrap();
        let (code, refused) = sync(app, folder);
        assert_eq!(code, 1);
        let pointers: Vec<&Value> =
            refused["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["#/a.md", "#/b.md"]);
        let run = app.ask("select state || ' ' || output::text || ' ' || remark from runs").await;
        assert!(
            run[0].starts_with(r#"failed {"posts_made": 1, "files_refused": 2} a.md: "#),
            "{run:?}"
        );
        assert_eq!(app.ask("select slug from posts").await, ["c"]);
        fs::remove_file(folder.join("a.md")).unwrap();
        fs::write(folder.join("b.md"), WALL).unwrap();
        assert_eq!(sync(app, folder).0, 0, "the same slot is tried again");
        assert_eq!(app.ask("select slug from posts order by slug").await, ["b", "c"]);
    });
}

#[test]
fn a_run_for_trial_makes_no_post() {
    with_folder(async |app, folder| {
        fs::write(folder.join("a-wall.md"), WALL).unwrap();
        let environment = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("SYNC_FOLDER", folder.to_str().unwrap()),
        ];
        let shell =
            super::support::Shell::run(&["run", "sync", "--dry-run", "--json"], "", &environment);
        assert_eq!(shell.json()["output"], json!({ "posts_made": 1 }));
        for table in ["posts", "runs", "synced_files"] {
            assert_eq!(app.ask(&format!("select count(*) from {table}")).await, ["0"]);
        }
    });
}

#[test]
fn a_slot_that_nobody_began_with_in_time_is_left_out_as_declared() {
    with_folder(async |app, folder| {
        fs::write(folder.join("a-wall.md"), WALL).unwrap();
        let clock = &app.state.clock;
        let second = clock.now().unix_timestamp().rem_euclid(3600).unsigned_abs();
        clock.advance(Duration::from_secs(3600 - second + 45 * 60));
        scheduler::look(&app.state).await;
        let sync = "select state from runs where task = 'sync' order by slot";
        assert_eq!(app.ask(sync).await, ["skipped"]);
        assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
        clock.advance(Duration::from_secs(20 * 60));
        scheduler::look(&app.state).await;
        assert_eq!(app.ask(sync).await, ["skipped", "done"]);
        assert_eq!(app.ask("select slug from posts").await, ["a-wall"]);
    });
}
