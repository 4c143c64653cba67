//! The rules of the house that the compiler does not keep, read off the source tree.

use super::support::with_app;
use frontdesk::config::VARIABLES;
use frontdesk::tags::{EVERYTHING, Tag};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// What the compiler reads outside tests: no comments, and no unit tests.
    fn code(&self) -> String {
        let all = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = |line: &str| match line.find("//") {
            Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
            _ => line.to_owned(),
        };
        all.lines().map(code).collect::<Vec<_>>().join("\n")
    }

    /// Whether the code holds this as a word of its own.
    fn says(&self, word: &str) -> bool {
        let code = self.code();
        let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
        code.match_indices(word).any(|(at, _)| {
            let (before, after) = (&code[..at], &code[at + word.len()..]);
            !before.ends_with(part_of_a_word) && !after.starts_with(part_of_a_word)
        })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below `folder` that end in `ending`.
fn files(folder: &str, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no {ending}");
    found
}

/// The Rust files below `folder` but those that are compiled for tests alone.
fn sources(folder: &str) -> Vec<Source> {
    let all = files(folder, ".rs");
    let for_tests: BTreeSet<String> = all
        .iter()
        .flat_map(|source| {
            let (folder, file) = source.path.rsplit_once('/').unwrap();
            let inside = match file {
                "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
                module => format!("{folder}/{}", module.trim_end_matches(".rs")),
            };
            let modules = source.text.split("#[cfg(test)]\nmod ").skip(1);
            modules.filter_map(move |rest| {
                let (name, _) = rest.lines().next()?.split_once(';')?;
                Some(format!("{inside}/{name}.rs"))
            })
        })
        .collect();
    all.into_iter().filter(|source| !for_tests.contains(&source.path)).collect()
}

/// The files that say one of `words` although they are not among the `allowed`.
fn offenders(sources: &[Source], words: &[&str], allowed: &[&str]) -> Vec<String> {
    let not_allowed = sources
        .iter()
        .filter(|source| !allowed.iter().any(|allowed| source.path.starts_with(allowed)));
    let mut found = Vec::new();
    for source in not_allowed {
        found.extend(
            words
                .iter()
                .filter(|word| source.says(word))
                .map(|word| format!("{}: {word}", source.path)),
        );
    }
    // A rule whose words are nowhere at all is a rule about something else.
    let somewhere = |word: &&&str| sources.iter().any(|source| source.says(word));
    assert!(allowed.is_empty() || words.iter().any(|word| somewhere(&word)), "{words:?}");
    found
}

const NONE: [String; 0] = [];

#[test]
fn sql_is_spoken_by_services_alone_and_by_what_keeps_pages_true() {
    let words = ["query!", "query_as!", "query_scalar!", "query_file!", "raw_sql", "sqlx::query"];
    let allowed = ["src/services/", "src/cache/poll.rs", "src/db.rs"];
    assert_eq!(offenders(&sources("src"), &words, &allowed), NONE);
}

#[test]
fn who_may_come_in_is_said_in_one_place() {
    assert_eq!(
        offenders(&sources("src"), &["Policy for"], &["src/policies.rs", "src/policies/"]),
        NONE
    );
}

#[test]
fn a_text_that_is_not_for_everyone_is_taken_out_by_the_page_with_the_gate_alone() {
    let allowed = ["src/services/posts/published.rs", "src/pages/posts.rs"];
    assert_eq!(offenders(&sources("src"), &["to_be_gated"], &allowed), NONE);
}

#[test]
fn there_is_one_place_that_commits() {
    assert_eq!(offenders(&sources("src"), &["commit"], &["src/db.rs"]), NONE);
}

#[test]
fn what_the_operator_writes_is_on_the_record() {
    let door: Vec<Source> = sources("src/cli");
    assert_eq!(
        offenders(&door, &["app.write", "app.work", "app.bookkeep"], &["src/cli/record.rs"]),
        NONE
    );
}

#[test]
fn nothing_is_unsafe_but_the_system_calls_of_the_private_postgres() {
    for folder in ["src", "templates", "tests", "bench"] {
        let mut sources = files(folder, ".rs");
        for source in &mut sources {
            // The policy of a mail in a frame calls its looks so.
            source.text = source.text.replace(concat!("'un", "safe-inline'"), "");
        }
        assert_eq!(offenders(&sources, &[concat!("un", "safe")], &[]), NONE);
    }
    let calls = ["private_postgres/src/sys.rs"];
    assert_eq!(
        offenders(&files("private_postgres", ".rs"), &[concat!("un", "safe")], &calls),
        NONE
    );
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn what_the_application_does_knows_nothing_of_http() {
    let inside =
        ["src/services/", "src/error.rs", "src/tags.rs", "src/cache/coherence.rs", "src/db.rs"];
    let sources: Vec<Source> = sources("src")
        .into_iter()
        .filter(|source| inside.iter().any(|inside| source.path.starts_with(inside)))
        .collect();
    assert!(sources.len() > inside.len());
    let words = ["actix_web", "HttpRequest", "HttpResponse", "StatusCode", "Cookie", "crate::http"];
    assert_eq!(offenders(&sources, &words, &[]), NONE);
}

#[test]
fn a_template_has_no_database_no_runtime_and_no_clock() {
    let manifest = read("templates/Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names = dependencies.lines().filter_map(|line| Some(line.split_once('=')?.0.trim()));
    let known = ["ammonia", "comrak", "maud", "sha2", "time", "uuid"];
    assert_eq!(names.filter(|name| !known.contains(name)).collect::<Vec<_>>(), [""; 0]);
    let words =
        ["now_utc", "now_local", "Instant", "SystemTime", "std::env::var", "new_v4", "now_v7"];
    assert_eq!(offenders(&sources("templates"), &words, &[]), NONE);
}

#[test]
fn what_can_fail_is_not_unwrapped_and_nothing_is_left_to_do() {
    for folder in ["src", "templates", "private_postgres/src"] {
        let sources = sources(folder);
        for marker in [".unwrap()", "todo!", "unimplemented!", "dbg!"] {
            let found = sources.iter().filter(|source| source.code().contains(marker));
            let found: Vec<&str> = found.map(|source| source.path.as_str()).collect();
            assert_eq!(found, [""; 0], "{marker}");
        }
    }
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    for folder in ["src", "templates", "private_postgres/src", "tests", "bench"] {
        for source in files(folder, ".rs") {
            let opened = source.text.starts_with("//! ");
            assert!(opened, "{} does not say what it is for", source.path);
        }
    }
}

#[test]
fn every_variable_is_explained_and_nothing_else_is() {
    let example = read(".env.example");
    let named: BTreeSet<&str> = example
        .lines()
        .filter_map(|line| Some(line.trim_start_matches(['#', ' ']).split_once('=')?.0))
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || "_{}".contains(c)))
        .collect();
    assert_eq!(named, BTreeSet::from(VARIABLES));
    let read_in_config =
        ["", "/identity", "/webhooks"].map(|part| read(&format!("src/config{part}.rs"))).concat();
    for name in VARIABLES {
        if let Some((_, part)) = name.split_once("{NAME}_") {
            assert!(read_in_config.contains(&format!("\"{part}\"")), "{name} is never read");
            continue;
        }
        let uses = read_in_config.matches(&format!("\"{name}\"")).count();
        assert!(uses >= 2, "{name} is listed and never read");
    }
}

/// The text of each literal, `'…'`, in `sql`.
fn literals(sql: &str) -> impl Iterator<Item = &str> {
    sql.split('\'').skip(1).step_by(2)
}

#[test]
fn every_tag_a_trigger_writes_is_one_that_pages_can_depend_on() {
    let mut tags = BTreeSet::new();
    for migration in files("migrations", ".sql") {
        for call in migration.text.split("perform cache_invalidate(").skip(1) {
            tags.extend(literals(call.split(';').next().unwrap()).map(str::to_owned));
        }
    }
    assert!(tags.len() >= 5, "{tags:?}");
    for tag in tags {
        let example = match tag.as_str() {
            "post:" => "post:019a0000-0000-7000-8000-000000000000".to_owned(),
            prefix if prefix.ends_with(':') => format!("{prefix}some-name"),
            whole => whole.to_owned(),
        };
        assert!(example == EVERYTHING || example.parse::<Tag>().is_ok(), "no page knows {example}");
    }
}

/// The services whose answers cached pages keep: those that are asked for within `seen.track(…)` or `seen.find(…)`.
fn tracked_services() -> BTreeSet<String> {
    let mut services = BTreeSet::new();
    for source in sources("src") {
        let code = source.code();
        for note in ["seen.track(", "seen.find("] {
            let asked = code.split(note).skip(1);
            services.extend(asked.map(|rest| rest.split("::").next().unwrap().to_owned()));
        }
    }
    services
}

#[test]
fn every_table_that_a_kept_page_reads_says_when_it_changes() {
    let services = tracked_services();
    assert!(services.contains("posts") && services.contains("pages"), "{services:?}");
    let mut words = BTreeSet::new();
    for source in sources("src/services") {
        let name = source.path.trim_start_matches("src/services/");
        let name = name.split(['/', '.']).next().unwrap();
        if services.contains(name) {
            let text = source.code().replace(['(', ')', '"', ','], " ");
            let all: Vec<&str> = text.split_whitespace().collect();
            let named = all.windows(2).filter(|pair| ["from", "join", "into"].contains(&pair[0]));
            words.extend(named.map(|pair| pair[1].to_owned()));
        }
    }
    with_app(async |app| {
        let tables = app.ask("select tablename from pg_tables where schemaname = 'public'").await;
        let read: Vec<&String> = tables.iter().filter(|table| words.contains(*table)).collect();
        assert!(read.len() >= 4, "{read:?}");
        for table in read {
            // Bits of pg_trigger.tgtype: insert 4, delete 8, update 16, truncate 32.
            let events = app
                .ask(&format!(
                    "select bit_or(tgtype) & 60 from pg_trigger join pg_proc on pg_proc.oid = tgfoid
                      where tgrelid = '{table}'::regclass and prosrc like '%cache_invalidate%'
                        and tgenabled in ('O', 'A') and tgqual is null and tgattr = ''"
                ))
                .await;
            assert_eq!(events, ["60"], "{table} changes and pages do not hear of it");
        }
    });
}
