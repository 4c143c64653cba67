//! Posts: in the editor, by a program, on the shell, and as files.

use super::super::cron::{BOTH, NEW, cron};
use super::super::support::{Person, TestApp, folder_of_its_own, with_settings};
use super::doors::{Editor, Form, Operator, Program, Proof, Seen};
use super::{CONTROL, Case, Door, Fields, Operation, Outcome, Sent, but, wrong_lines};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use reqwest::Method;
use std::cell::RefCell;
use std::fs;
use std::path::Path;

const BEHIND_A_PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

/// A folder whose files become posts, when a scheduler says so.
struct Folder<'a> {
    app: &'a TestApp,
    folder: &'a Path,
    scheduler: Person<'a>,
}

impl Door for Folder<'_> {
    fn name(&self) -> String {
        "a file".to_owned()
    }

    /// A head is a line for each field, and a file has an address of its own.
    fn can_say(&self, fields: &Fields) -> bool {
        let line = |name: &str, value: &str| name == "body" || !value.contains(['\n', '\r']);
        fields
            .iter()
            .all(|(name, value)| line(name, value) && (*name != "status" || !value.is_empty()))
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        async move {
            let mut file = "---\n".to_owned();
            let mut body = "";
            for (name, value) in sent.fields {
                match *name {
                    "body" => body = value,
                    "publish_at" => file += &format!("published: {value}\n"),
                    name => file += &format!("{name}: {value}\n"),
                }
            }
            fs::write(self.folder.join("a-wall.md"), file + "---\n" + body).unwrap();
            self.app.psql("delete from runs").await;
            let scheduler = self.scheduler.coming_from(sent.from);
            let answer = cron(&scheduler, Method::POST, "sync", NEW).await;
            fs::remove_file(self.folder.join("a-wall.md")).unwrap();
            if answer.status == 200 {
                return Outcome::Accepted(String::new());
            }
            let problem = answer.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "#/a-wall.md", "{problem}");
            let said = problem["errors"][0]["detail"].as_str().unwrap();
            let (field, said) = said.split_once(": ").unwrap();
            Outcome::Refused([(field.to_owned(), vec![said.to_owned()])].into())
        }
        .boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, _: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async { Vec::new() }.boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        None
    }
}

fn wall() -> Fields {
    [
        ("title", "A wall"),
        ("slug", "a-wall"),
        ("topic", "Signs"),
        ("summary", "Two winters."),
        ("body", "It *stood*."),
        ("audience", "members"),
        ("status", "draft"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

const TITLE: &str = "Enter a title of at most 200 characters.";
const SUMMARY: &str = "Shorten the summary to at most 300 characters.";
const TOPIC: &str = "Choose a topic, or name a new one in at most 60 characters.";
const BODY: &str = "Write a text of at most 200,000 characters.";
const SLUG: &str = "Use lower-case letters, digits and single hyphens, at most 100 characters.";
const TAKEN: &str = "Another post has, or once had, this address. Choose another.";

fn cases() -> Vec<Case> {
    let base = wall();
    let mut cases = vec![but(&base, "title", "A wall", None)];
    for (field, most, length) in
        [("title", 200, TITLE), ("summary", 300, SUMMARY), ("topic", 60, TOPIC)]
    {
        cases.extend(wrong_lines(&base, field, most, length));
    }
    for (field, value, said) in [
        ("title", "", TITLE),
        ("topic", "", TOPIC),
        ("topic", "!?", "Name the topic with letters or digits."),
        ("body", "", BODY),
        ("body", "Bell\u{7}.", CONTROL),
        ("slug", "A Wall", SLUG),
        ("slug", "-wall", SLUG),
        ("slug", "taken", TAKEN),
        ("audience", "friends", "Use everyone, members or paid."),
        ("status", "gone", "Use draft, scheduled, published or archived."),
    ] {
        cases.push(but(&base, field, value, Some((field, said))));
    }
    for (field, value) in [
        ("title", "Grüße: “a wall” & <more>"),
        ("summary", ""),
        ("topic", "Ümlaut & Co"),
        ("audience", "everyone"),
        ("audience", ""),
        ("body", "One.\r\n\r\n* two\r\n"),
    ] {
        cases.push(but(&base, field, value, None));
    }
    cases
}

const OTHER: &str = "insert into topics (slug, name) values ('old', 'Old') on conflict do nothing;
    insert into posts (id, slug, title, body, topic, status) values (gen_random_uuid(), 'taken', 'T', 'T', 'old', 'draft')";
const EFFECT: &str = "select concat_ws('|', posts.slug, title, summary, body, topics.name, status, audience, published_at)
    from posts join topics on topics.slug = topic where posts.slug <> 'taken'";
const UNDO: &str = "delete from synced_files; delete from posts; delete from topics";

/// All who write posts.
struct Writers<'a> {
    app: &'a TestApp,
    ada: Person<'a>,
    keys: [String; 2],
    folder: &'a Path,
}

impl<'a> Writers<'a> {
    /// Their doors; `status` is what the shell says by what else it is given.
    fn doors(&'a self, status: &'a [(&'a str, &'a str)]) -> Vec<Box<dyn Door + 'a>> {
        let Self { app, ada, keys: [key, other], folder } = self;
        vec![
            Box::new(Form::of(ada, app, "/admin/posts/new", 60)),
            Box::new(Program {
                path: "/api/v1/posts",
                who: app.eve(),
                proof: Proof::Key(key.clone(), other.clone()),
                limit: 60,
                lists: &[],
            }),
            Box::new(Operator {
                stdin: "body",
                unsaid: status,
                ..Operator::at(app, &["post", "add"])
            }),
            Box::new(Folder { app, folder, scheduler: app.eve() }),
        ]
    }
}

#[test]
fn a_post_is_the_same_post_by_every_door() {
    let folder = folder_of_its_own();
    fs::create_dir(&folder).unwrap();
    let settings = [BEHIND_A_PROXY, BOTH, ("SYNC_FOLDER", folder.to_str().unwrap())];
    with_settings(&settings, async |app| {
        let keys = [app.key("posts:write").await, app.key("leads:write").await];
        let writers = Writers { app, ada: app.ada().await, keys, folder: &folder };
        let drafts = Operation {
            app,
            doors: writers.doors(&[("status", "draft")]),
            cases: cases(),
            before: OTHER,
            effect: EFFECT,
            undo: UNDO,
        };
        drafts.compare().await;
        drafts.guard().await;
        let mut base = wall();
        base.retain(|(name, _)| *name != "status");
        base.push(("status", "scheduled".to_owned()));
        let when = "Write the time as in 2027-01-31 09:00 (UTC).";
        let at = |value: &str, wrong| but(&base, "publish_at", value, wrong);
        let scheduled = Operation {
            doors: writers.doors(&[("status", "scheduled")]),
            cases: vec![
                at("2999-01-31 09:00", None),
                at("2999-01-31T09:00:00+02:00", None),
                at("2001-01-31 09:00", None),
                at("soon", Some(("publish_at", when))),
                at("2999-02-31 09:00", Some(("publish_at", when))),
            ],
            ..drafts
        };
        scheduled.compare().await;
    });
    fs::remove_dir_all(folder).unwrap();
}

const A_POST: &str = "01890000-0000-7000-8000-000000000002";
const EDITED: &str = "select concat_ws('|', slug, title, body, status, audience) from posts
                       where slug <> 'taken' and title <> 'Before'";

#[test]
fn a_post_that_was_changed_meanwhile_is_not_written_over_by_any_door() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let ada = app.ada().await;
        let keys = [app.key("posts:write").await, app.key("leads:write").await];
        let form = format!("/admin/posts/{A_POST}/edit");
        let base: Fields = [
            ("title", "After"),
            ("slug", "before"),
            ("topic", "Old"),
            ("body", "After."),
            ("status", "archived"),
            ("version", "2020-01-01T00:00:00Z"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        let changed = "Someone has saved this post since you opened it. What you wrote is below; send it again to replace theirs.";
        let seen = Seen {
            field: "version",
            states: &["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"],
            brought_about: |version| {
                format!(
                    "set session_replication_role = replica; update posts set updated_at = '{version}'"
                )
            },
            stale: changed,
        };
        let editing = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, &form, 60)),
                Box::new(Editor {
                    app,
                    path: "/api/v1/posts/before",
                    source: "/api/v1/posts/before/source",
                    keys,
                    limit: 60,
                    besides: &[],
                    seen: Some(seen),
                    tags: RefCell::default(),
                }),
                Box::new(Operator {
                    stdin: "body",
                    ..Operator::at(app, &["post", "edit", A_POST, "--body"])
                }),
            ],
            cases: vec![
                but(&base, "title", "After", None),
                but(&base, "topic", "Ümlaut & Co", None),
                but(&base, "status", "draft", None),
                but(&base, "body", "One.\r\n\r\n* two\r\n", None),
                but(&base, "version", "2020-01-02T00:00:00Z", Some(("version", changed))),
                but(&base, "version", "then", Some(("version", "Write the time as in 2027-01-31 09:00 (UTC)."))),
                but(&base, "title", "", Some(("title", TITLE))),
                but(&base, "title", "A\u{7}nn", Some(("title", CONTROL))),
                but(&base, "topic", "", Some(("topic", TOPIC))),
                but(&base, "body", "", Some(("body", BODY))),
                but(&base, "slug", "taken", Some(("slug", TAKEN))),
                but(&base, "slug", "A Wall", Some(("slug", SLUG))),
                but(&base, "status", "gone", Some(("status", "Use draft, scheduled, published or archived."))),
            ],
            before: "insert into topics (slug, name) values ('old', 'Old');
                insert into posts (id, slug, title, body, topic, status, published_at, api_key_id)
                    select posts.id, slug, title, body, 'old', status, published_at, api_keys.id
                      from api_keys, (values
                        ('01890000-0000-7000-8000-000000000003'::uuid, 'taken', 'T', 'T', 'draft', null),
                        ('01890000-0000-7000-8000-000000000002', 'before', 'Before', 'Before.', 'published', '2020-01-01Z'::timestamptz)
                      ) as posts (id, slug, title, body, status, published_at)
                     where 'posts:write' = any(scopes);
                set session_replication_role = replica; update posts set updated_at = '2020-01-01Z'",
            effect: EDITED,
            undo: UNDO,
        };
        editing.compare().await;
        editing.guard().await;
    });
}
