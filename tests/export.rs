//! Everything taken along: what it holds, that it can be brought to another site, and that nobody takes it unnoticed.

use super::support::{Shell, TestApp, folder_of_its_own, with_app};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const EXPORTED: &str =
    "select act || ' ' || object from audit where act like '%exported' order by at";

/// Posts of every kind, with what could be misread in a head.
async fn write_posts(app: &TestApp) {
    for (title, slug, more) in [
        ("Gold: the beginning", "gold", &["--publish"][..]),
        ("Drafted", "drafted", &["--summary", "title: no"]),
        ("Later", "later", &["--publish-at", "2999-01-01 09:00", "--audience", "members"]),
        ("Ümlaut — “quoted”", "umlaut", &["--publish"]),
    ] {
        let add = ["post", "add", "--title", title, "--slug", slug, "--topic", "Signs & walls"];
        let body = "---\n\n# One\n\ntitle: not a head\n\n---\n\n* two\r\n";
        let shell = app.cli(&[&add[..], more].concat(), body);
        assert_eq!(shell.code, 0, "{}", shell.err);
    }
    assert_eq!(app.cli(&["post", "archive", "umlaut"], "").code, 0);
}

const POSTS: &str =
    "select concat_ws('|', posts.slug, title, summary, body, topics.name, status, audience,
                        case when status = 'published' then published_at end)
    from posts join topics on topics.slug = topic order by posts.slug";

fn to(app: &TestApp, folder: &Path, arguments: &[&str]) -> Shell {
    let folder = ["--to", folder.to_str().unwrap(), "--json"];
    app.cli(&[&["export"], arguments, &folder].concat(), "")
}

#[test]
fn posts_that_were_taken_along_are_the_same_on_another_site() {
    let folder = folder_of_its_own();
    let mut before = Vec::new();
    with_app(async |app| {
        write_posts(app).await;
        let shell = to(app, &folder, &["posts"]);
        assert_eq!(shell.json(), json!({ "files": [{ "file": "posts", "rows": 4 }] }));
        before = app.ask(POSTS).await;
    });
    assert_eq!(before.len(), 4);
    with_app(async |app| {
        let posts_folder = folder.join("posts");
        let environment = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("SYNC_FOLDER", posts_folder.to_str().unwrap()),
        ];
        let shell = Shell::run(&["run", "sync", "--json"], "", &environment);
        assert_eq!(shell.json()["output"], json!({ "posts_made": 4 }), "{}", shell.err);
        assert_eq!(app.ask(POSTS).await, before);
    });
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn everything_is_in_the_folder_and_nobody_else_can_read_it() {
    with_app(async |app| {
        write_posts(app).await;
        let lead = ["lead", "add", "--name", "=Ann", "--email", "ann@example.test"];
        let message = ["--message", "Two lines,\n\"quoted\"", "--json"];
        let lead = app.cli(&[&lead[..], &message].concat(), "").json();
        let id = lead["id"].as_str().unwrap();
        let note = ["lead", "status", id, "won", "--note", "Rang."];
        assert_eq!(app.cli(&note, "").code, 0);
        app.cli(&["subscriber", "import", "--consent", "The sign-up sheet."], "bo@example.test");
        let folder = folder_of_its_own();
        let shell = to(app, &folder, &[]);
        assert_eq!(shell.code, 0, "{}", shell.err);
        let rows = shell.json()["files"].as_array().unwrap().clone();
        let rows: Vec<_> =
            rows.iter().map(|one| (one["file"].as_str().unwrap(), &one["rows"])).collect();
        let lines: i64 = app.ask("select count(*) from audit").await[0].parse().unwrap();
        assert_eq!(
            rows,
            [
                ("leads.csv", &json!(1)),
                ("posts", &json!(4)),
                ("subscribers.csv", &json!(1)),
                ("audit.csv", &json!(lines))
            ]
        );
        let leads = fs::read_to_string(folder.join("leads.csv")).unwrap();
        assert!(leads.contains("\"'=Ann\",\"ann@example.test\""), "no cell is a formula: {leads}");
        assert!(leads.contains("\"Two lines,\n\"\"quoted\"\"\"") && leads.contains("the operator"));
        for path in ["", "leads.csv", "posts", "posts/gold.md", "audit.csv"] {
            let mode = fs::metadata(folder.join(path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{path}");
        }
        // Not into a folder where there is something, which stays as it is.
        let refused = to(app, &folder, &[]).json();
        assert_eq!(refused["errors"][0]["pointer"], "#/to", "{refused}");
        assert_eq!(fs::read_to_string(folder.join("leads.csv")).unwrap(), leads);
        assert_eq!(
            fs::read_dir(folder.parent().unwrap())
                .unwrap()
                .flatten()
                .filter(|entry| {
                    let name = entry.file_name();
                    name.to_string_lossy()
                        == format!("{}.unfinished", folder.file_name().unwrap().to_string_lossy())
                })
                .count(),
            0
        );
        fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn what_is_printed_is_one_document_or_one_a_line() {
    with_app(async |app| {
        // More than are read at a time.
        app.psql(
            "insert into leads (id, name, email, message, status, source, fingerprint)
             select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Ann ' || n, 'ann@example.test',
                    'Message ' || n, 'new', 'cli', sha256(n::text::bytea) from generate_series(1, 2500) n",
        )
        .await;
        let list = app.cli(&["export", "leads", "--json"], "").json();
        let names = |list: &[Value]| -> Vec<String> {
            list.iter().map(|lead| lead["name"].as_str().unwrap().to_owned()).collect()
        };
        let expected: Vec<String> = (1..=2500).map(|n| format!("Ann {n}")).collect();
        assert_eq!(names(list.as_array().unwrap()), expected, "each once, the first to come first");
        let lines = app.cli(&["export", "leads", "--format", "jsonl"], "").out;
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(Value::from(lines), list);
        let table = app.cli(&["export", "leads"], "").out;
        assert_eq!(table.lines().count(), 2501);
        assert!(table.starts_with("\"id\",\"created_at\",\"name\""), "{}", &table[..60]);
        assert_eq!(app.cli(&["export", "posts", "--json"], "").json(), json!([]));
        assert_eq!(app.cli(&["export", "posts", "--format", "jsonl"], "").out, "");
        assert_eq!(
            app.cli(&["export", "subscribers"], "").out,
            app.cli(&["subscriber", "export"], "").out
        );
        assert_eq!(app.cli(&["export", "leads", "posts"], "").code, 1);
    });
}

#[test]
fn nothing_is_taken_along_unnoticed() {
    with_app(async |app| {
        app.cli(&["export", "leads"], "");
        let folder = folder_of_its_own();
        to(app, &folder, &["posts", "audit"]);
        assert_eq!(
            app.ask(EXPORTED).await,
            ["leads-exported leads", "posts-exported posts", "audit-exported audit"]
        );
        let audit = fs::read_to_string(folder.join("audit.csv")).unwrap();
        assert!(audit.contains("\"audit-exported\""), "the line is there before the list is read");
        fs::remove_dir_all(&folder).unwrap();
        // And what cannot be recorded is not handed out.
        app.psql("alter table audit add constraint nothing_more check (false) not valid").await;
        let refused = app.cli(&["export", "leads"], "");
        assert_eq!((refused.code, refused.out.as_str()), (1, ""));
        assert_eq!(to(app, &folder, &[]).code, 1);
        assert!(!folder.exists());
    });
}
