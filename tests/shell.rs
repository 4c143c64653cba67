//! The whole tree of commands, walked: each one says what it did, and why it did not, as one JSON document. A new command
//! fails here until it is known.

use super::doors::{A_SUBSCRIBER, AN_EVENT};
use super::support::{Shell, TestApp, folder_of_its_own, with_app};
use serde_json::Value;
use std::collections::BTreeSet;

/// A command, how it is done, and how it is refused.
struct Row {
    command: &'static str,
    /// Its arguments, one after the other; `{…}` is the id of such a thing.
    done: &'static [&'static str],
    stdin: &'static str,
    /// Arguments that are refused, and where the first reason points; none where it cannot be refused.
    refused: Option<(&'static [&'static str], &'static str)>,
}

const fn row(
    command: &'static str,
    done: &'static [&'static str],
    refused: Option<(&'static [&'static str], &'static str)>,
) -> Row {
    Row { command, done, stdin: "", refused }
}

/// Nobody and nothing has this.
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";
const NOTHING: Option<(&[&str], &str)> = Some((&[NOBODY], "#"));
const NO_ONE: Option<(&[&str], &str)> = Some((&["--email", "nobody@example.test"], "#/email"));
const NOWHERE: Option<(&[&str], &str)> = Some((&["--email", "nowhere"], "#/email"));
/// With an environment that stands in the way.
const WITHOUT_A_DATABASE: Option<(&[&str], &str)> = Some((&[], "#/DATABASE_URL"));

/// Every command that comes to an end, in an order in which each can be done.
const ROWS: &[Row] = &[
    row("migrate", &[], WITHOUT_A_DATABASE),
    row("routes", &[], None),
    row("doctor", &[], WITHOUT_A_DATABASE),
    row("completions", &["bash"], None),
    row("worker", &["--once"], WITHOUT_A_DATABASE),
    row(
        "lead add",
        &["--name", "Bo", "--email", "bo@example.test", "--message", "Two new menus."],
        Some((&["--name", "", "--email", "no", "--message", "Hi"], "#/email")),
    ),
    row(
        "lead list",
        &["--status", "new", "--source", "cli", "-q", "menus"],
        Some((&["--status", "king"], "#/status")),
    ),
    row("lead show", &["{lead}"], NOTHING),
    row(
        "lead status",
        &["{lead}", "contacted", "--seen", "new", "--note", "Rang back."],
        Some((&["{lead}", "won", "--seen", "new"], "#/seen")),
    ),
    row(
        "lead note",
        &["{lead}", "--note", "Rings again."],
        Some((&["{lead}", "--note", ""], "#/note")),
    ),
    Row {
        stdin: "Words.",
        ..row(
            "post add",
            &["--title", "A wall", "--topic", "Signs", "--slug", "wall"],
            Some((&["--title", "A wall", "--topic", "Signs", "--audience", "x"], "#/audience")),
        )
    },
    row("post list", &[], None),
    row("post show", &["wall"], NOTHING),
    row(
        "post edit",
        &["{post}", "--title", "Two walls"],
        Some((&["{post}", "--title", "Three", "--version", "2020-01-01 00:00"], "#/version")),
    ),
    row(
        "post schedule",
        &["wall", "--publish-at", "2999-01-01 09:00"],
        Some((&["wall", "--publish-at", "soon"], "#/publish_at")),
    ),
    row("post publish", &["wall"], NOTHING),
    row("post archive", &["wall"], NOTHING),
    row(
        "product add",
        &["--title", "A print", "--price", "24.50", "--stock", "3"],
        Some((&["--title", "A print", "--price", "free", "--stock", "3"], "#/price")),
    ),
    row("product list", &[], None),
    row("product stock", &["a-print", "5"], Some((&["nothing", "5"], "#"))),
    row("product retire", &["a-print"], Some((&["nothing"], "#"))),
    row("product offer", &["a-print"], Some((&["nothing"], "#"))),
    row("subscriber add", &["--email", "cy@example.test"], NOWHERE),
    row("subscriber list", &["--status", "pending"], Some((&["--status", "king"], "#/status"))),
    Row {
        stdin: "di@example.test",
        ..row(
            "subscriber import",
            &["--consent", "The sign-up sheet."],
            Some((&["--consent", ""], "#/consent")),
        )
    },
    row("subscriber export", &[], None),
    row("subscriber bounce", &["di@example.test"], Some((&["nobody@example.test"], "#/email"))),
    row("subscriber complain", &["cy@example.test"], Some((&["nobody@example.test"], "#/email"))),
    row("inbox list", &[], None),
    row("inbox show", &["{event}"], NOTHING),
    row("inbox replay", &["{event}"], NOTHING),
    row(
        "key create",
        &["--name", "Partner", "--scope", "leads:write"],
        Some((&["--name", "P", "--scope", "x", "--per-day", "-2", "--per-minute", "x"], "#/name")),
    ),
    row("key list", &[], None),
    row("key show", &["{key}"], NOTHING),
    row("key rotate", &["{key}"], Some((&["{key}", "--overlap", "soon"], "#/overlap"))),
    row("key revoke", &["{key}"], NOTHING),
    row(
        "app add",
        &["--name", "Ours", "--redirect-uri", "com.example.app:/in"],
        Some((&["--name", "Ours", "--redirect-uri", "nowhere"], "#/redirect_uris")),
    ),
    row("app list", &[], None),
    row("app revoke", &["{app}"], NOTHING),
    row(
        "user add",
        &["--email", "ed@example.test", "--name", "Ed"],
        Some((&["--email", "no", "--name", "", "--role", "king"], "#/email")),
    ),
    row(
        "user email",
        &["--email", "ed@example.test", "--to", "edd@example.test"],
        Some((&["--email", "edd@example.test", "--to", "nowhere"], "#/email")),
    ),
    row("user list", &[], None),
    row(
        "user role",
        &["--email", "edd@example.test", "--role", "owner"],
        Some((&["--email", "edd@example.test", "--role", "king"], "#/role")),
    ),
    row("user deactivate", &["--email", "edd@example.test"], NO_ONE),
    row("user activate", &["--email", "edd@example.test"], NO_ONE),
    row("user reset-factors", &["--email", "edd@example.test"], NO_ONE),
    row("cache drop", &["--all"], Some((&["--tag", "nonsense", "--path", "x"], "#/paths"))),
    row("run", &["cleanup"], Some((&["sync"], "#"))),
    row("person export", &["--email", "bo@example.test"], NOWHERE),
    row("export", &["leads"], Some((&["leads", "posts"], "#/to"))),
    row("person erase", &["--email", "bo@example.test"], NOWHERE),
    row(
        "webhook add",
        &["--name", "Shop", "--url", "https://hooks.example.com/in", "--type", "lead.created"],
        Some((&["--name", "", "--url", "http://hooks.example.com", "--type", "x"], "#/name")),
    ),
    row("webhook list", &[], None),
    row("webhook show", &["{webhook}"], NOTHING),
    row(
        "webhook rotate",
        &["{webhook}", "--overlap", "1-hour"],
        Some((&[NOBODY, "--overlap", "x"], "#/overlap")),
    ),
    row("webhook ping", &["{webhook}"], NOTHING),
    row("webhook disable", &["{webhook}"], NOTHING),
    row("webhook enable", &["{webhook}"], NOTHING),
    row(
        "webhook replay",
        &["{webhook}", "--since", "2026-01-31 09:00"],
        Some((&[NOBODY, "--since", "x"], "#/since")),
    ),
    row(
        "plan add",
        &["--slug", "reader", "--name", "Reader", "--monthly", "500"],
        Some((&["--slug", "A B", "--name", "", "--monthly", "500"], "#/name")),
    ),
    row("plan list", &[], None),
    row("plan price", &["reader", "--period", "yearly", "--amount", "5000"], None),
    row("plan retire", &["reader"], Some((&["nothing"], "#"))),
    row("plan offer", &["reader"], Some((&["nothing"], "#"))),
    row(
        "plan grant",
        &["--email", "edd@example.test", "--reason", "A prize."],
        Some((&["--email", "nobody@example.test", "--reason", "A prize."], "#/email")),
    ),
    row("plan revoke", &["--email", "edd@example.test"], NO_ONE),
    row("stripe ledger", &[], None),
    row("stripe balances", &[], None),
];

/// What asks Stripe, which is not there: `payments` has it done.
const ASKS_STRIPE: [&str; 2] = ["stripe sync", "stripe reconcile"];

/// What has no end, so that there is nothing to say about it.
const ENDLESS: [&str; 1] = ["serve"];

/// The commands below `command` that do something, by their whole names.
fn leaves(command: &clap::Command, name: &str) -> Vec<String> {
    let below: Vec<&clap::Command> =
        command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() {
        return vec![name.trim().to_owned()];
    }
    let names = below.iter().map(|below| leaves(below, &format!("{name} {}", below.get_name())));
    names.flatten().collect()
}

/// The arguments of a row, with its ids filled in.
async fn arguments(app: &TestApp, command: &str, given: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = command.split(' ').map(str::to_owned).collect();
    for one in given {
        let table = match *one {
            "{lead}" => "leads",
            "{post}" => "posts",
            "{event}" => "inbox",
            "{key}" => "api_keys",
            "{app}" => "apps",
            "{webhook}" => "webhooks",
            other => {
                all.push(other.to_owned());
                continue;
            }
        };
        all.push(app.ask(&format!("select id from {table} order by id limit 1")).await.remove(0));
    }
    all
}

fn run(app: &TestApp, arguments: &[String], stdin: &str, environment: &[(&str, &str)]) -> Shell {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--json"]).collect();
    let database = [("DATABASE_URL", app.database_url.as_str())];
    let environment = if environment.is_empty() { &database[..] } else { environment };
    Shell::run(&arguments, stdin, environment)
}

/// The only document on stdout.
fn document(shell: &Shell, what: &str) -> Value {
    let mut documents = serde_json::Deserializer::from_str(&shell.out).into_iter::<Value>();
    let first = documents.next();
    let first = first.unwrap_or_else(|| panic!("{what} says nothing: {}", shell.err));
    assert!(documents.next().is_none() && shell.out.ends_with('\n'), "{what}: {}", shell.out);
    first.unwrap_or_else(|error| panic!("{what}: {error}: {}", shell.out))
}

#[test]
fn each_command_says_what_it_did_or_why_not_as_one_document() {
    let known: BTreeSet<String> = ROWS
        .iter()
        .map(|row| row.command)
        .chain(ENDLESS)
        .chain(ASKS_STRIPE)
        .map(str::to_owned)
        .collect();
    let there = leaves(&frontdesk::cli::commands(), "").into_iter().collect::<BTreeSet<_>>();
    assert_eq!(known, there, "say how each command is done, and how it is refused");
    with_app(async |app| {
        app.psql(&format!("{A_SUBSCRIBER} {AN_EVENT}")).await;
        for command in ASKS_STRIPE {
            let shell = run(app, &arguments(app, command, &[]).await, "", &[]);
            assert_eq!(
                (shell.code, &document(&shell, command)["errors"][0]["pointer"]),
                (1, &"#".into())
            );
        }
        for Row { command, done, stdin, refused } in ROWS {
            let shell = run(app, &arguments(app, command, done).await, stdin, &[]);
            assert_eq!(shell.code, 0, "{command}: {}", shell.err);
            document(&shell, command);
            let Some((refused, pointer)) = refused else { continue };
            let environment: &[(&str, &str)] = match *pointer {
                "#/DATABASE_URL" => &[("DATABASE_URL", "mysql://a/b")],
                _ => &[],
            };
            let shell = run(app, &arguments(app, command, refused).await, "x", environment);
            assert_eq!(shell.code, 1, "{command} {refused:?}: {}", shell.out);
            let problem = document(&shell, command);
            for member in ["type", "title", "detail"] {
                assert!(problem[member].as_str().is_some_and(|said| !said.is_empty()), "{problem}");
            }
            assert_eq!(problem["errors"][0]["pointer"], *pointer, "{command}: {problem}");
            let reasons = problem["errors"].as_array().unwrap();
            assert_eq!(shell.err.lines().count(), reasons.len(), "{command}: {}", shell.err);
        }
    });
}

#[test]
fn wrong_usage_of_any_command_is_a_different_end() {
    for name in leaves(&frontdesk::cli::commands(), "") {
        let arguments: Vec<&str> = name.split(' ').chain(["--nonsense", "--json"]).collect();
        let shell = Shell::run(&arguments, "", &[]);
        assert_eq!((shell.code, shell.out.as_str()), (2, ""), "{name}");
        assert!(shell.err.contains("--nonsense") && shell.err.contains("Usage:"), "{}", shell.err);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_whoever_words_it() {
    with_app(async |app| {
        let wrong = ["user", "add", "--email", "no", "--name", "", "--role", "king", "--json"];
        let pointers = |shell: &Shell| {
            let problem = document(shell, "this");
            let errors = problem["errors"].as_array().unwrap().clone();
            errors.iter().map(|error| error["pointer"].as_str().unwrap()[2..].to_owned()).collect()
        };
        let named: Vec<String> = pointers(&app.cli(&wrong, ""));
        assert_eq!(named, ["email", "name", "role"]);
        let wrong = ["--name", "P", "--scope", "x", "--per-day", "-2", "--per-minute", "many"];
        let more = ["--from", "home", "--expires", "soon", "--json"];
        let named: Vec<String> =
            pointers(&app.cli(&[&["key", "create"], &wrong[..], &more].concat(), ""));
        assert_eq!(named, ["allowed", "expires", "name", "per_day", "per_minute", "scopes"]);
    });
}

#[test]
fn what_stands_in_the_way_is_named_in_the_words_of_the_api() {
    with_app(async |app| {
        let refused = |arguments: &[&str]| {
            let shell = app.cli(&[arguments, &["--json"]].concat(), "");
            assert_eq!(shell.code, 1, "{}", shell.out);
            let problem = document(&shell, "this");
            let of = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
            (of("title"), problem["status"].clone(), of("detail"))
        };
        let (title, status, detail) = refused(&["lead", "show", NOBODY]);
        let program = app.key("leads:write").await;
        let eve = app.eve();
        let asked = eve.request(reqwest::Method::GET, &format!("/api/v1/leads/{NOBODY}"));
        let answer = eve.send(asked.header("x-api-key", program)).await.is_problem(404);
        assert_eq!(
            (&title.into(), &status, &detail.into()),
            (&answer["title"], &answer["status"], &answer["detail"])
        );
        // Off, and under way.
        let (title, status, detail) = refused(&["run", "sync"]);
        assert_eq!((title.as_str(), status), ("This is off", 503.into()));
        assert!(detail.contains("SYNC_FOLDER"), "{detail}");
        app.psql(
            "insert into runs (id, task, slot, trigger, state, lease, lease_until)
             values (gen_random_uuid(), 'cleanup', '2020-01-01Z', 'cron', 'running', gen_random_uuid(), now() + interval '1 hour')",
        )
        .await;
        assert_eq!(refused(&["run", "cleanup"]).1, 409);
        // Away.
        let away = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nowhere")];
        let shell = Shell::run(&["lead", "list", "--json"], "", &away);
        let problem = document(&shell, "this");
        assert_eq!((shell.code, &problem["errors"][0]["pointer"]), (1, &"#".into()), "{problem}");
    });
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Shell::run(&["completions", shell], "", &[]);
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{shell}");
        for word in ["subscriber", "reset-factors", "--publish-at"] {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(script.out.contains(word), "{shell} does not know {word}");
        }
    }
    let folder = folder_of_its_own();
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("frontdesk.bash");
    std::fs::write(&file, Shell::run(&["completions", "bash"], "", &[]).out).unwrap();
    // Bash itself, asked what follows `frontdesk lead s`.
    let ask = format!(
        "source {}; COMP_WORDS=(frontdesk lead s); COMP_CWORD=2; _frontdesk frontdesk s lead; echo ${{COMPREPLY[@]}}",
        file.display()
    );
    let bash = std::process::Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "show status", "{bash:?}");
    std::fs::remove_dir_all(folder).unwrap();
}
