//! Subscribers, pages rendered again, tasks, and who is let in.

use super::super::cron::{BOTH, NEW, cron};
use super::super::support::signer::{Delivery, PARTNER, PARTNERS_KEY};
use super::super::support::{ADA, Person, TestApp, with_settings};
use super::super::tokens;
use super::doors::{Form, Operator, Program, Proof, of_json};
use super::{Case, Door, Fields, Operation, Outcome, Sent, but};
use frontdesk::jobs::worker;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use reqwest::Method;
use serde_json::json;

const BEHIND_A_PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

#[test]
fn somebody_who_wants_the_newsletter_is_asked_the_same_way_by_every_door() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let ada = app.ada().await;
        let (key, other) = (app.key("subscribers:write").await, app.key("leads:write").await);
        let base: Fields = vec![("email", "Ann@example.test".to_owned())];
        let wrong = Some(("email", "Enter an email address like name@example.com."));
        let asking = Operation {
            app,
            doors: vec![
                Box::new(Form::open(app, "/newsletter", 20)),
                Box::new(Form::of(&ada, app, "/admin/subscribers/new", 60)),
                Box::new(Program {
                    path: "/api/v1/subscribers",
                    who: app.eve(),
                    proof: Proof::Key(key, other),
                    limit: 60,
                    lists: &[],
                }),
                Box::new(Operator::at(app, &["subscriber", "add"])),
            ],
            cases: [
                "",
                "nowhere",
                "a@b",
                "ann@example.test\u{7}",
                "a@b.c\nBcc: x@y.z",
                "a\u{0}@b.cd",
            ]
            .map(|email| but(&base, "email", email, wrong))
            .into_iter()
            .chain(
                ["Ann@example.test", "  ann@example.test "]
                    .map(|email| but(&base, "email", email, None)),
            )
            .collect(),
            before: "",
            effect: "select concat_ws('|', lower(email), status, digest, all_topics,
                            (select count(*) from outbox where kind = 'mail')) from subscribers",
            undo: "delete from subscribers; delete from outbox; delete from subscription_mails",
        };
        asking.compare().await;
        asking.guard().await;
    });
}

/// Another program, which says that something has changed.
struct Event<'a> {
    app: &'a TestApp,
    who: Person<'a>,
}

impl Event<'_> {
    async fn deliver(&self, sent: Sent<'_>, key: &str) -> u16 {
        let (_, tag) = &sent.fields[0];
        let body = json!({ "type": "revalidate", "data": { "tags": [tag] } });
        let at = self.app.state.clock.now().unix_timestamp();
        let delivery = Delivery::of_standard("partner", key, sent.submission, at, &body);
        delivery.send(&self.who.coming_from(sent.from)).await.status
    }
}

impl Door for Event<'_> {
    fn name(&self) -> String {
        "an event".to_owned()
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        async move {
            assert_eq!(self.deliver(sent, PARTNERS_KEY).await, 200, "it is kept, whatever it says");
            worker::work_off(&self.app.state).await.unwrap();
            let what = "select state || ' ' || coalesce(remark, '') from inbox order by received_at desc limit 1";
            let said = self.app.ask(what).await.remove(0);
            match said.split_once(' ').unwrap() {
                ("done", _) => Outcome::Accepted(String::new()),
                ("dead", remark) => {
                    let (field, said) = remark.split_once(": ").unwrap();
                    Outcome::Refused([(field.to_owned(), vec![said.to_owned()])].into())
                }
                other => panic!("{other:?}"),
            }
        }
        .boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async move {
            let status =
                self.deliver(sent, "whsec_bm9ib2R5IGtub3dzIHRoaXMgb25lLCBhcyBpdCBpcyBuZXc=").await;
            assert_eq!(status, 401);
            vec![Outcome::Unauthorised]
        }
        .boxed_local()
    }

    /// Three thousand a minute: a busy sender loses nothing.
    fn limit(&self) -> Option<usize> {
        None
    }
}

#[test]
fn pages_are_rendered_again_for_the_same_reasons_by_every_door() {
    with_settings(&[&[BEHIND_A_PROXY][..], &PARTNER].concat(), async |app| {
        let ada = app.ada().await;
        let (key, other) = (app.key("cache:write").await, app.key("leads:write").await);
        let base: Fields = vec![("tags", "topics".to_owned())];
        let known = "Use posts, post:ID, slug:SLUG, topics, topic:SLUG, page:NAME, issues, issue:SLUG, path:/ADDRESS or *.";
        let case = |tag: &str, wrong: Option<&'static str>| {
            but(&base, "tags", tag, wrong.map(|said| ("tags", said)))
        };
        let dropping = Operation {
            app,
            doors: vec![
                Box::new(Form {
                    names: &[("tags", "tag")],
                    ..Form::of(&ada, app, "/admin/cache/drop", 60)
                }),
                Box::new(Program {
                    path: "/api/v1/revalidate",
                    who: app.eve(),
                    proof: Proof::Key(key, other),
                    limit: 60,
                    lists: &["tags"],
                }),
                Box::new(Operator {
                    names: &[("tags", "tag")],
                    ..Operator::at(app, &["cache", "drop"])
                }),
                Box::new(Event { app, who: app.eve() }),
            ],
            cases: vec![
                case("topics", None),
                case("path:/posts/a", None),
                case("*", None),
                case("nonsense", Some(known)),
                case("post:1", Some(known)),
                case("path:posts", Some("Start each path with a slash.")),
            ],
            before: "delete from cache_inval",
            effect: "select distinct tag || ' ' || hard from cache_inval",
            undo: "delete from cache_inval",
        };
        dropping.compare().await;
        dropping.guard().await;
    });
}

/// A scheduler, by a method of its own.
struct Scheduler<'a>(Person<'a>, Method);

impl Scheduler<'_> {
    async fn ask(&self, sent: Sent<'_>, secret: &str) -> Outcome {
        of_json(&cron(&self.0.coming_from(sent.from), self.1.clone(), "sync", secret).await)
    }
}

impl Door for Scheduler<'_> {
    fn name(&self) -> String {
        format!("a scheduler by {}", self.1)
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        self.ask(sent, NEW).boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async move { vec![self.ask(sent, "nonsense").await, self.ask(sent, &NEW[1..]).await] }
            .boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        Some(300)
    }
}

#[test]
fn nobody_has_a_task_run_who_may_not_nor_as_often_as_they_like() {
    with_settings(&[BEHIND_A_PROXY, BOTH], async |app| {
        let ada = app.ada().await;
        // One that is off, so that those who may can be counted with nothing done.
        let case = |wrong| Case { what: "sync".to_owned(), fields: Vec::new(), wrong };
        let running = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, "/admin/runs/sync/now", 30)),
                Box::new(Scheduler(app.eve(), Method::POST)),
                Box::new(Scheduler(app.eve(), Method::GET)),
            ],
            cases: vec![case(None), case(Some(("task", "This is off: SYNC_FOLDER is not set.")))],
            before: "",
            effect: "select task from runs union all select cause from outbox",
            undo: "",
        };
        running.guard().await;
    });
}

#[test]
fn a_task_runs_once_in_its_slot_whoever_asks_and_nobody_else_can() {
    with_settings(&[BEHIND_A_PROXY, BOTH], async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        super::super::cron::into_the_next_hour(app, super::super::cron::MINUTE);
        app.psql("insert into subscribers (id, email, status, source, consent, consent_at, created_at, asked_at)
                  values (gen_random_uuid(), 'old@example.test', 'pending', 'website-form', 'x', now(), '2020-01-01Z', '2020-01-01Z')").await;
        let runs = "select concat_ws(' ', task, state, attempts) from runs";
        // Refused, by all doors, with nothing begun.
        for method in [Method::POST, Method::GET] {
            assert_eq!(
                cron(&eve, method.clone(), "cleanup", "nonsense").await.is_problem(401)["status"],
                401
            );
            cron(&eve, method.clone(), "nonsense", NEW).await.is_problem(404);
            let off = cron(&eve, method, "sync", NEW).await.is_problem(503);
            let shell = app.cli(&["run", "sync", "--json"], "");
            let said = shell.json();
            assert_eq!(shell.code, 1);
            for member in ["type", "title", "status", "detail"] {
                assert_eq!(said[member], off[member], "{said}");
            }
            let page = ada.post("/admin/runs/sync/now", &[]).await;
            page.is_page(503);
            assert!(page.body.contains("SYNC_FOLDER"), "{}", page.body);
        }
        assert_eq!(eve.post("/admin/runs/cleanup/now", &[]).await.status, 303);
        assert_eq!(ada.post("/admin/runs/nonsense/now", &[]).await.status, 404);
        assert_eq!(app.cli(&["run", "nonsense"], "").code, 2, "there is no such task to name");
        assert_eq!(app.ask(runs).await, [""; 0]);
        // One run, whoever asks again. The program's clock is the machine's on the shell, so it has a slot of its own.
        let first = cron(&eve, Method::POST, "cleanup", NEW).await.json();
        assert_eq!((&first["ran"], &first["state"]), (&json!(true), &json!("done")), "{first}");
        let again = cron(&eve, Method::GET, "cleanup", NEW).await.json();
        assert_eq!((&again["ran"], &again["id"]), (&json!(false), &first["id"]));
        assert_eq!(app.ask(runs).await, ["cleanup done 1"]);
        let shell = |_: ()| app.cli(&["run", "cleanup", "--json"], "").json();
        let mine = shell(());
        assert_eq!((&mine["ran"], &mine["state"]), (&json!(true), &json!("done")), "{mine}");
        let again = shell(());
        assert_eq!((&again["ran"], &again["id"]), (&json!(false), &mine["id"]));
        let members = |document: &serde_json::Value| {
            document.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(members(&mine), members(&first), "the same report");
        let asked = ada.post("/admin/runs/cleanup/now", &[]).await;
        assert_eq!(asked.status, 303);
        worker::work_off(&app.state).await.unwrap();
        assert_eq!(app.ask(runs).await, ["cleanup done 1"; 3], "with a slot of its own");
    });
}

#[test]
fn whoever_is_let_in_by_the_form_gets_tokens_for_an_app_and_nobody_else_does() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let (spaced, capital) = (format!(" {} ", ADA.0), ADA.0.to_uppercase());
        let let_in =
            "select (select count(*) from sessions) || ' ' || (select count(*) from app_tokens)";
        for (number, (email, password, is_right)) in [
            (ADA.0, ADA.1, true),
            (spaced.as_str(), ADA.1, true),
            (capital.as_str(), ADA.1, true),
            (ADA.0, "correct horse batterz", false),
            (ADA.0, "Correct horse battery", false),
            ("nobody@example.com", ADA.1, false),
        ]
        .into_iter()
        .enumerate()
        {
            let who = app.eve().coming_from(&format!("10.204.0.{number}"));
            let before = app.ask(let_in).await;
            let form = who.post("/sign-in", &[("email", email), ("password", password)]).await;
            let by_form = app.ask(let_in).await;
            let program = tokens::ask(&who, &tokens::by_password(email, password)).await;
            let by_program = app.ask(let_in).await;
            let expected = if is_right { (303, 200) } else { (422, 400) };
            assert_eq!((form.status, program.status), expected, "{email:?} {password:?}");
            assert_eq!((by_form != before, by_program != by_form), (is_right, is_right));
            if !is_right {
                assert!(form.body.contains("Email or password is wrong."), "{}", form.body);
                tokens::is_refused(&program, 400, "invalid_grant");
            }
        }
        // Whoever has guessed too often by one is not let in by the other.
        let who = app.eve().coming_from("10.204.1.1");
        let mut knocks = 0;
        while who.post("/sign-in", &[("email", ADA.0)]).await.status != 429 {
            knocks += 1;
            assert!(knocks < 200, "it is never closed");
        }
        let program = tokens::ask(&who, &tokens::by_password(ADA.0, ADA.1)).await;
        program.is_problem(429);
    });
}
