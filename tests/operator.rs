//! The operator's door: what the commands say, where they say it, and how they end.

use super::contact::ANN;
use super::support::{Shell, with_app};
use serde_json::{Value, json};
use sqlx::Connection;

const LEAD: [&str; 8] = [
    "lead",
    "add",
    "--name",
    "Ann Li",
    "--email",
    "ann@example.test",
    "--message",
    "Could you paint our boat?",
];

fn members(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Asserts that it did what it was asked to, and had nothing to say about it on stderr.
fn done(shell: &Shell) -> &Shell {
    assert_eq!((shell.code, shell.err.as_str()), (0, ""), "{}", shell.out);
    shell
}

#[test]
fn three_callers_by_three_doors_are_three_leads_with_three_sources() {
    with_app(async |app| {
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        let key = app.key("leads:write").await;
        let lead =
            json!({ "name": "Bob", "email": "bob@example.test", "message": "Letters on a wall." });
        assert_eq!(app.eve().json("/api/v1/leads", Some(&key), &lead).await.status, 201);
        done(&app.cli(&LEAD, ""));
        let desk = app.ada().await.get("/admin/leads").await;
        let sources = ["cli", "partner-api", "website-form"];
        let places = sources
            .map(|source| desk.body.find(&format!(r#"<td data-label="Source">{source}</td>"#)));
        assert!(places[0].is_some() && places.is_sorted(), "{places:?}: {}", desk.body);
    });
}

#[test]
fn a_lead_taken_down_on_the_shell_is_one_json_document() {
    with_app(async |app| {
        let optional = ["--company", "Li & Co", "--phone", "123", "--json"];
        let shown = done(&app.cli(&[&LEAD[..], &optional].concat(), "")).json();
        assert_eq!(
            members(&shown),
            [
                "company",
                "created_at",
                "email",
                "id",
                "message",
                "name",
                "phone",
                "source",
                "status"
            ]
        );
        assert_eq!((&shown["source"], &shown["status"]), (&json!("cli"), &json!("new")));
        assert_eq!((&shown["company"], &shown["phone"]), (&json!("Li & Co"), &json!("123")));
        let again = done(&app.cli(&[&LEAD[..], &optional].concat(), "")).json();
        assert_eq!(again, shown, "the same words are the same lead");
        let second = done(&app.cli(&[&LEAD[..], &["--json"]].concat(), "")).json();
        let list = done(&app.cli(&["lead", "list", "--json"], "")).json();
        assert_eq!(list, json!([second, shown]), "newest first");
        let one = done(&app.cli(&["lead", "list", "--limit", "1", "--json"], "")).json();
        assert_eq!(one, json!([second]));
        let text = app.cli(&["lead", "list"], "");
        assert_eq!(done(&text).out.lines().count(), 2);
        assert!(text.out.lines().all(|line| line.contains("Ann Li <ann@example.test>")));
    });
}

#[test]
fn what_is_refused_is_said_by_field_on_stderr() {
    with_app(async |app| {
        let wrong = ["lead", "add", "--name", "A", "--email", "nowhere", "--message", "Short"];
        let shell = app.cli(&wrong, "");
        assert_eq!((shell.code, shell.out.as_str()), (1, ""));
        assert_eq!(
            shell.err,
            "frontdesk: email: Enter an email address like name@example.com.\n\
             frontdesk: message: Write a message of 10 to 2,000 characters.\n\
             frontdesk: name: Enter your name, 2 to 100 characters.\n"
        );
        let shell = app.cli(&[&wrong[..], &["--json"]].concat(), "");
        assert_eq!((shell.code, shell.err.lines().count()), (1, 3));
        let pointers = |document: Value| {
            let errors = document["errors"].as_array().unwrap().iter();
            errors.map(|error| error["pointer"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(pointers(shell.json()), ["#/email", "#/message", "#/name"]);
        for refused in [
            &["key", "create", "--name", "Partner", "--scope", "leads:read"][..],
            &["key", "create", "--name", "P", "--scope", "leads:write"],
            &["key", "revoke", "01890000-0000-7000-8000-000000000000"],
            &["user", "add", "--email", "ADA@example.com", "--name", "Ada again"],
            &["user", "add", "--email", "nowhere", "--name", "Bob"],
            &["post", "add", "--title", "", "--topic", ""],
        ] {
            let shell = app.cli(refused, "");
            assert_eq!((shell.code, shell.out.as_str()), (1, ""), "{refused:?}");
            assert!(shell.err.starts_with("frontdesk: "), "{refused:?}: {}", shell.err);
        }
        for table in ["leads", "api_keys", "posts"] {
            assert_eq!(app.ask(&format!("select count(*) from {table}")).await, ["0"]);
        }
    });
}

#[test]
fn wrong_usage_is_a_different_end() {
    with_app(async |app| {
        for wrong in [
            &["lead"][..],
            &["lead", "add"],
            &["lead", "list", "--limit", "0"],
            &["lead", "list", "--limit", "many"],
            &["key", "create", "--name", "Partner"],
            &["key", "revoke", "nonsense"],
            &["nonsense"],
            &["--nonsense"],
        ] {
            let shell = app.cli(wrong, "");
            assert_eq!((shell.code, shell.out.as_str()), (2, ""), "{wrong:?}");
            assert!(shell.err.contains("Usage:") || shell.err.contains("--help"), "{}", shell.err);
        }
    });
}

#[test]
fn a_key_on_the_shell_is_made_listed_and_revoked() {
    with_app(async |app| {
        let create = [
            "key",
            "create",
            "--name",
            "Partner",
            "--scope",
            "leads:write",
            "--scope",
            "posts:write",
        ];
        let shell = app.cli(&create, "");
        assert_eq!(shell.code, 0);
        let key = shell.out.trim_end();
        assert!(key.starts_with("fd_live_") && !key.contains(char::is_whitespace), "{key:?}");
        assert!(shell.err.contains("will not be shown again"), "{}", shell.err);
        let made = done(&app.cli(&["key", "list", "--json"], "")).json();
        assert_eq!(
            members(&made[0]),
            [
                "allowed",
                "created_at",
                "expires_at",
                "id",
                "last_used_at",
                "last_used_network",
                "name",
                "origins",
                "per_day",
                "per_minute",
                "prefix",
                "revoked_at",
                "rotated_at",
                "scopes",
                "state",
                "test",
                "used_today"
            ]
        );
        assert_eq!(made[0]["scopes"], json!(["leads:write", "posts:write"]));
        assert_eq!(made[0]["prefix"], key[..12]);
        let id = made[0]["id"].as_str().unwrap();
        let revoke =
            |arguments: &[&str]| app.cli(&[&["key", "revoke", id], arguments].concat(), "");
        assert_eq!(members(&done(&revoke(&["--json"])).json()), ["done"]);
        let revoked = done(&app.cli(&["key", "list", "--json"], "")).json();
        assert!(revoked[0]["revoked_at"].is_string(), "{revoked}");
        assert_eq!(revoke(&[]).code, 0, "twice is the same");
        assert_eq!(done(&app.cli(&["key", "list", "--json"], "")).json(), revoked);
    });
}

#[test]
fn a_new_colleague_signs_in_with_the_password_that_was_shown() {
    with_app(async |app| {
        let add = ["user", "add", "--email", " Bob@Example.test", "--name", "Bob", "--json"];
        let shown = done(&app.cli(&add, "")).json();
        assert_eq!(members(&shown), ["email", "id", "password"]);
        let password = shown["password"].as_str().unwrap();
        let bob = app.eve();
        let form = [("email", "bob@example.test"), ("password", password)];
        let answer = bob.post("/sign-in", &form).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{}", answer.body);
        assert!(bob.get("/admin").await.body.contains("Bob"));
        let kept = format!("select count(*) from accounts t where t::text like '%{password}%'");
        assert_eq!(app.ask(&kept).await, ["0"]);
    });
}

#[test]
fn a_post_written_on_the_shell_is_on_the_site() {
    with_app(async |app| {
        let eve = app.eve();
        assert!(!eve.get("/posts").await.body.contains("Gold & glass"));
        let add = ["post", "add", "--title", "Gold & glass", "--topic", "Signs", "--json"];
        let draft = done(&app.cli(&add, "Some *words*, drafted.")).json();
        assert_eq!((&draft["status"], &draft["slug"]), (&json!("draft"), &json!("gold-glass")));
        assert_eq!(eve.get("/posts/gold-glass").await.status, 404);
        let add = [
            "post",
            "add",
            "--title",
            "On a wall",
            "--topic",
            "Signs",
            "--slug",
            "walls",
            "--publish",
        ];
        let shell = app.cli(&add, "Some *words*, to be read.");
        assert!(done(&shell).out.contains("published  walls"), "{}", shell.out);
        app.state.clock.advance(std::time::Duration::from_millis(251));
        let post = eve.get("/posts/walls").await;
        assert!(post.body.contains("<em>words</em>, to be read"), "{}", post.body);
        let listed = done(&app.cli(&["post", "list", "--json"], "")).json();
        let slugs: Vec<_> = listed.as_array().unwrap().iter().map(|post| &post["slug"]).collect();
        assert_eq!(slugs, ["walls", "gold-glass"]);
    });
}

#[test]
fn the_table_of_routes_needs_no_database() {
    let text = Shell::run(&["routes"], "", &[]);
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    let table = Shell::run(&["routes", "--json"], "", &[]).json();
    let table = table.as_array().unwrap();
    assert_eq!(text.out.lines().count(), table.len());
    for route in table {
        let (method, path) = (route["method"].as_str().unwrap(), route["path"].as_str().unwrap());
        let proof = route["proof"].as_str().unwrap();
        let said = |line: &str| {
            line.starts_with(method) && line.contains(&format!(" {path} ")) && line.contains(proof)
        };
        assert!(text.out.lines().any(said), "{method} {path} {proof}");
    }
    assert!(table.iter().any(|route| route["path"] == "/admin/leads" && route["proof"] == "staff"));
}

#[test]
fn the_doctor_says_what_is_off_and_what_stands_in_the_way() {
    with_app(async |app| {
        let findings = done(&app.cli(&["doctor", "--json"], "")).json();
        let findings = findings.as_array().unwrap().clone();
        assert!(findings.iter().all(|finding| finding["ok"] == true), "{findings:?}");
        let off = findings.iter().find(|finding| finding["detail"] == "off");
        assert!(off.is_some_and(|off| off["what"].as_str().unwrap().contains("CORS_ORIGINS")));
        let text = app.cli(&["doctor"], "");
        assert_eq!(done(&text).out.lines().count(), findings.len());

        let away = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nowhere")];
        let shell = Shell::run(&["doctor", "--json"], "", &away);
        assert_eq!(shell.code, 1);
        assert!(
            shell.err.starts_with("frontdesk: ") && !shell.err.contains("panicked"),
            "{}",
            shell.err
        );
        let findings = shell.json();
        let fault = findings.as_array().unwrap().iter().find(|finding| finding["ok"] == false);
        assert_eq!(fault.unwrap()["what"], "database");
    });
}

#[test]
fn every_mistake_in_the_environment_is_reported_at_once() {
    let wrong = [("LISTEN", "here"), ("CORS_ORIGINS", "shop"), ("DEMO_CONTENT", "maybe")];
    for command in [&["doctor"][..], &["lead", "list"], &["migrate"], &["serve"], &[]] {
        let shell = Shell::run(command, "", &wrong);
        assert_eq!((shell.code, shell.out.as_str()), (1, ""), "{command:?}");
        for (name, _) in wrong {
            assert!(
                shell.err.contains(&format!("frontdesk: {name}: ")),
                "{command:?}: {}",
                shell.err
            );
        }
    }
}

#[test]
fn migrating_twice_is_the_same_as_once() {
    with_app(async |app| {
        let schema = "select string_agg(version::text, ',' order by version) from _sqlx_migrations";
        let before = app.ask(schema).await;
        app.psql("drop schema public cascade; create schema public").await;
        assert_eq!(app.cli(&["migrate"], "").code, 0);
        assert_eq!(members(&done(&app.cli(&["migrate", "--json"], "")).json()), ["done"]);
        assert_eq!(app.ask(schema).await, before);
    });
}

#[test]
fn a_database_that_belongs_to_another_program_is_left_alone() {
    with_app(async |app| {
        app.psql("create database another; ").await;
        let url =
            app.database_url.replace(&app.ask("select current_database()").await[0], "another");
        let another = sqlx::PgConnection::connect(&url).await;
        let mut another = another.unwrap();
        sqlx::raw_sql("create table leads (id int)").execute(&mut another).await.unwrap();
        let refused = Shell::run(&["migrate"], "", &[("DATABASE_URL", &url)]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("belongs to another program"), "{}", refused.err);
        let tables: i64 =
            sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'")
                .fetch_one(&mut another)
                .await
                .unwrap();
        assert_eq!(tables, 1);
        another.close().await.unwrap();
        app.psql("drop database another").await;
        let wrong = Shell::run(&["migrate"], "", &[("DATABASE_URL", "mysql://a/b")]);
        assert!(wrong.code == 1 && wrong.err.contains("DATABASE_URL"), "{}", wrong.err);
    });
}

#[test]
fn a_lead_is_worked_on_from_the_shell_and_staff_see_by_whom() {
    with_app(async |app| {
        let lead = done(&app.cli(&[&LEAD[..], &["--json"]].concat(), "")).json();
        let id = lead["id"].as_str().unwrap();
        let status = ["lead", "status", id, "won", "--seen", "new", "--note", "Paid.", "--json"];
        let shown = done(&app.cli(&status, "")).json();
        assert_eq!((&shown["status"], &shown["name"]), (&json!("won"), &lead["name"]));
        done(&app.cli(&["lead", "note", id, "--note", "Sent the\nbill."], ""));
        let stale = app.cli(&["lead", "status", id, "lost", "--seen", "new"], "");
        assert_eq!((stale.code, stale.out.as_str()), (1, ""));
        assert!(stale.err.contains("seen: Someone has set it to won"), "{}", stale.err);
        let shown = done(&app.cli(&["lead", "show", id, "--json"], "")).json();
        let history = shown["history"].as_array().unwrap();
        let said =
            |event: &Value| (event["by"].clone(), event["note"].clone(), event["change"].clone());
        let by = || json!("the operator");
        assert_eq!(
            history.iter().map(said).collect::<Vec<_>>(),
            [
                (by(), Value::Null, json!({ "from": "new", "to": "won" })),
                (by(), json!("Paid."), Value::Null),
                (by(), json!("Sent the\nbill."), Value::Null)
            ]
        );
        let text = done(&app.cli(&["lead", "show", id], "")).out.clone();
        for said in ["Ann Li <ann@example.test>", "boat?", "the operator  new → won", "Paid."] {
            assert!(text.contains(said), "{said} is missing: {text}");
        }
        let page = app.ada().await.get(&format!("/admin/leads/{id}")).await;
        assert_eq!(page.body.matches("the operator").count(), 3, "{}", page.body);
    });
}

#[test]
fn the_list_of_leads_has_what_was_asked_for() {
    with_app(async |app| {
        app.psql(
            "insert into leads (id, name, email, message, status, source, test, fingerprint)
             select gen_random_uuid(), name, 'a@example.test', message, status, source, test, sha256(name::bytea)
               from (values ('Ann', 'A boat', 'new', 'website-form', false), ('Bo', 'A boat, and 100% gold', 'won', 'embed', false),
                            ('Cy', 'A wall', 'won', 'website-form', false), ('Di', 'A boat', 'new', 'cli', true))
                 as given (name, message, status, source, test)",
        )
        .await;
        let listed = |arguments: &[&str]| {
            let list =
                done(&app.cli(&[&["lead", "list", "--json"], arguments].concat(), "")).json();
            let mut names: Vec<String> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|lead| lead["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names.concat()
        };
        assert_eq!(listed(&[]), "AnnBoCy");
        assert_eq!(listed(&["--test"]), "Di");
        assert_eq!(listed(&["--status", "won"]), "BoCy");
        assert_eq!(listed(&["--source", "website-form", "--status", "won"]), "Cy");
        assert_eq!(listed(&["-q", "BOAT"]), "AnnBo");
        assert_eq!(listed(&["-q", "100%"]), "Bo");
        let newest = done(&app.cli(&["lead", "list", "--limit", "1", "--json"], "")).json();
        let (id, name) = (newest[0]["id"].as_str().unwrap(), newest[0]["name"].as_str().unwrap());
        assert_eq!(listed(&["--before", id]), "AnnBoCy".replace(name, ""));
        let refused = app.cli(&["lead", "list", "--status", "king"], "");
        assert_eq!(refused.code, 1);
        assert!(
            refused.err.contains("status: Choose one of these: new, contacted,"),
            "{}",
            refused.err
        );
    });
}

#[test]
fn a_post_is_changed_published_planned_and_withdrawn_from_the_shell() {
    with_app(async |app| {
        let add = [
            "post",
            "add",
            "--title",
            "A wall",
            "--topic",
            "Signs",
            "--audience",
            "members",
            "--json",
        ];
        let before = done(&app.cli(&add, "It *stood*.")).json();
        let id = before["id"].as_str().unwrap();
        let edit = ["post", "edit", "a-wall", "--summary", "Two winters.", "--json"];
        let after = done(&app.cli(&edit, "never read")).json();
        for kept in ["title", "topic", "slug", "body", "status", "audience", "published_at"] {
            assert_eq!(after[kept], before[kept], "{kept} was not named");
        }
        assert_eq!(after["summary"], "Two winters.");
        let text = done(&app.cli(&["post", "edit", id, "--body", "--json"], "It fell.\r\n")).json();
        assert_eq!((&text["body"], &text["summary"]), (&json!("It fell."), &json!("Two winters.")));
        // What was seen before is not what is there.
        let seen = before["updated_at"].as_str().unwrap();
        let stale =
            app.cli(&["post", "edit", id, "--title", "Mine", "--version", seen, "--json"], "");
        assert_eq!((stale.code, &stale.json()["errors"][0]["pointer"]), (1, &json!("#/version")));
        let at = ["post", "schedule", id, "--publish-at", "2999-01-31 09:00", "--json"];
        let planned = done(&app.cli(&at, "")).json();
        assert_eq!(
            (&planned["status"], &planned["published_at"]),
            (&json!("scheduled"), &json!("2999-01-31T09:00:00Z"))
        );
        let edited =
            done(&app.cli(&["post", "edit", id, "--title", "Two walls", "--json"], "")).json();
        assert_eq!(edited["published_at"], planned["published_at"], "it stays planned");
        let file = "---\ntitle: Two walls\ntopic: Signs\nslug: a-wall\nsummary: Two winters.\naudience: members\n\
                    published: 2999-01-31T09:00:00Z\n---\nIt fell.\n";
        assert_eq!(done(&app.cli(&["post", "show", "a-wall"], "")).out, file);
        let eve = app.eve();
        assert_eq!(eve.get("/posts/a-wall").await.status, 404);
        for (verb, status) in [("publish", 200), ("archive", 410)] {
            done(&app.cli(&["post", verb, "a-wall"], ""));
            app.state.clock.advance(std::time::Duration::from_millis(251));
            assert_eq!(eve.get("/posts/a-wall").await.status, status, "{verb}");
        }
        let acts = "select count(*) from audit where act = 'post-edited' and object = 'post:' || (select id from posts)";
        assert_eq!(app.ask(acts).await, ["6"], "a line for each, and none for what was refused");
    });
}
