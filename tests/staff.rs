//! Who runs the site: given another role, sent away, and refused everywhere from that moment on.

use super::accounts::{BOB, mailed, sign_up};
use super::sign_in::{is_asked_to_sign_in, is_sent_to_sign_in, sign_in};
use super::support::{ADA, Answer, Person, TestApp, with_app, with_settings};
use serde_json::{Value, json};
use sqlx::Connection;

const BEA: (&str, &str) = ("bea@example.test", "a sentence of bea's own");

/// Somebody who runs the site too, signed in.
pub async fn colleague<'a>(app: &'a TestApp, email: &str, role: &str) -> Person<'a> {
    let add = ["user", "add", "--email", email, "--name", "Bea", "--role", role, "--json"];
    let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
    let person = app.eve();
    assert_eq!(sign_in(&person, email, &password).await.location, "/admin");
    person
}

async fn id_of(app: &TestApp, email: &str) -> String {
    app.ask(&format!("select id from accounts where lower(email) = lower('{email}')"))
        .await
        .remove(0)
}

async fn page_of(app: &TestApp, email: &str) -> String {
    format!("/admin/staff/{}", id_of(app, email).await)
}

/// Asserts that this is a page of this status that holds these words.
pub fn says(answer: &Answer, status: u16, words: &str) {
    answer.is_page(status);
    assert!(answer.body.contains(words), "{words}: {}", answer.body);
}

#[test]
fn whoever_is_deactivated_is_out_on_every_instance_and_their_links_are() {
    with_app(async |app| {
        let (ada, bea, other) =
            (app.ada().await, colleague(app, BEA.0, "editor").await, app.second_instance().await);
        assert_eq!(bea.at(&other).get("/admin").await.status, 200);
        app.eve().post("/forgot-password", &[("email", BEA.0)]).await;
        let reset = mailed(app, BEA.0, "/forgot-password/").await;
        let page = page_of(app, BEA.0).await;
        says(&ada.get(&page).await, 200, "Deactivate");
        let answer = ada.post(&format!("{page}/deactivate"), &[]).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (303, page.as_str()),
            "{}",
            answer.body
        );
        for instance in [app, &other] {
            is_sent_to_sign_in(&bea.at(instance).get("/admin").await);
            is_sent_to_sign_in(&bea.at(instance).get("/account").await);
            let note = bea.at(instance).post("/admin/cache/drop", &[("tag", "posts")]).await;
            is_asked_to_sign_in(&note);
        }
        app.eve().post(&reset, &[("password", BEA.1)]).await.is_page(410);
        says(&ada.get(&page).await, 200, "Activate");
        assert_eq!(ada.post(&format!("{page}/activate"), &[]).await.location, page);
        is_sent_to_sign_in(&bea.get("/admin").await);
        let link = app.eve();
        link.post("/sign-in/link", &[("email", BEA.0)]).await;
        assert_eq!(
            link.post(&mailed(app, BEA.0, "/sign-in/link/").await, &[]).await.location,
            "/admin"
        );
        other.close().await;
    });
}

#[test]
fn another_role_ends_every_session_and_the_same_role_none() {
    with_app(async |app| {
        let (ada, bea, other) =
            (app.ada().await, colleague(app, BEA.0, "owner").await, app.second_instance().await);
        let role = format!("{}/role", page_of(app, BEA.0).await);
        assert_eq!(bea.at(&other).get("/admin/staff").await.status, 200);
        assert_eq!(ada.post(&role, &[("role", "owner")]).await.status, 303);
        assert_eq!(bea.get("/admin/staff").await.status, 200);
        assert_eq!(ada.post(&role, &[("role", "editor")]).await.status, 303);
        for instance in [app, &other] {
            is_sent_to_sign_in(&bea.at(instance).get("/admin").await);
        }
        let facts = "select details from audit where act = 'role-changed' order by at desc limit 1";
        assert_eq!(app.ask(facts).await, [r#"{"to": "editor", "from": "owner"}"#]);
        for wrong in ["king", "", "Owner"] {
            says(&ada.post(&role, &[("role", wrong)]).await, 422, r#"id="role-error""#);
        }
        ada.post("/admin/staff/01890000-0000-7000-8000-000000000000/role", &[("role", "owner")])
            .await
            .is_page(404);
        // Somebody with an account is not one of us.
        sign_up(app, BOB.0, BOB.1).await;
        let bob = page_of(app, BOB.0).await;
        for verb in ["role", "deactivate", "activate"] {
            ada.post(&format!("{bob}/{verb}"), &[("role", "owner")]).await.is_page(404);
        }
        assert_eq!(app.ask("select active from accounts where name = 'Bob'").await, ["true"]);
        other.close().await;
    });
}

#[test]
fn somebody_always_owns_the_site() {
    with_app(async |app| {
        let ada = app.ada().await;
        colleague(app, BEA.0, "editor").await;
        let page = page_of(app, ADA.0).await;
        let last = "Somebody has to own the site.";
        says(&ada.post(&format!("{page}/role"), &[("role", "editor")]).await, 422, last);
        says(&ada.post(&format!("{page}/deactivate"), &[]).await, 422, last);
        for (arguments, pointer) in [
            (&["user", "role", "--email", ADA.0, "--role", "editor", "--json"][..], "#/role"),
            (&["user", "deactivate", "--email", ADA.0, "--json"], "#"),
        ] {
            let shell = app.cli(arguments, "");
            assert_eq!((shell.code, &shell.json()["errors"][0]["pointer"]), (1, &json!(pointer)));
        }
        for sql in [
            "update staff set role = 'editor'",
            "update accounts set active = false",
            "delete from staff",
            "delete from accounts where email = 'ada@example.com'",
        ] {
            let mut connection = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
            let refused = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err();
            assert!(
                refused.to_string().contains("somebody has to own the site"),
                "{sql}: {refused}"
            );
        }
        assert_eq!(ada.get("/admin/staff").await.status, 200, "nothing has happened to Ada");
        assert_eq!(
            app.ask(
                "select count(*) from audit where act in ('role-changed', 'staff-deactivated')"
            )
            .await,
            ["0"]
        );
        // With another, she may go.
        assert_eq!(app.cli(&["user", "role", "--email", BEA.0, "--role", "owner"], "").code, 0);
        assert_eq!(ada.post(&format!("{page}/deactivate"), &[]).await.status, 303);
        is_sent_to_sign_in(&ada.get("/admin").await);
    });
}

#[test]
fn two_owners_who_send_each_other_away_do_not_both_succeed() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let other = app.second_instance().await;
        colleague(app, BEA.0, "owner").await;
        let (ada_page, bea_page) = (page_of(app, ADA.0).await, page_of(app, BEA.0).await);
        app.psql(&format!("update accounts set password_hash = (select password_hash from accounts where email = '{}')", ADA.0)).await;
        for round in 0..12 {
            let address = format!("10.0.0.{round}");
            let (ada, bea) = (app.eve().coming_from(&address), app.eve().coming_from(&address));
            sign_in(&ada, ADA.0, ADA.1).await;
            sign_in(&bea, BEA.0, ADA.1).await;
            let verb = if round % 2 == 0 { "role" } else { "deactivate" };
            let form = [("role", "editor")];
            let (by_ada, by_bea) = (format!("{bea_page}/{verb}"), format!("{ada_page}/{verb}"));
            let bea = bea.at(&other);
            let (one, two) =
                futures_util::future::join(ada.post(&by_ada, &form), bea.post(&by_bea, &form))
                    .await;
            let done = |answer: &Answer| {
                answer.status == 303 && answer.location.starts_with("/admin/staff/")
            };
            assert_eq!(
                usize::from(done(&one)) + usize::from(done(&two)),
                1,
                "{} {}",
                one.body,
                two.body
            );
            let late = if done(&one) { &two } else { &one };
            // The other one's session is over, or it was seen in time that nobody would be left.
            let refused = late.status == 422 || late.body.contains("action=\"/sign-in\"");
            assert!(refused, "{} {}", late.status, late.body);
            let owners = "select count(*) from staff join accounts using (id) where role = 'owner' and active";
            assert_eq!(app.ask(owners).await, ["1"]);
            app.psql("update staff set role = 'owner'; update accounts set active = true").await;
        }
        let lines = "select count(*) from audit where act in ('role-changed', 'staff-deactivated')";
        assert_eq!(app.ask(lines).await, ["12"]);
        other.close().await;
    });
}

/// Keeps everyone from writing into a table until it is let go.
async fn hold_back(app: &TestApp, table: &str) -> sqlx::PgConnection {
    let mut connection = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("begin; lock table {table} in share mode"));
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection
}

/// Long enough for a request to come as far as it can.
async fn a_while() {
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
}

#[test]
fn what_was_under_way_is_done_before_it_is_acknowledged_that_they_may_not() {
    with_app(async |app| {
        let (ada, bea, other) =
            (app.ada().await, colleague(app, BEA.0, "editor").await, app.second_instance().await);
        let lead = ["lead", "add", "--name", "Ann", "--email", "ann@example.test"];
        assert_eq!(app.cli(&[&lead[..], &["--message", "Words, words."]].concat(), "").code, 0);
        let notes = format!("/admin/leads/{}/notes", app.ask("select id from leads").await[0]);
        let page = page_of(app, BEA.0).await;
        let notes_now = "select count(*) from lead_history";
        let held = hold_back(app, "lead_history").await;
        let noted = bea.at(&other);
        let noted = noted.post(&notes, &[("note", "In time.")]);
        let sent_away = async {
            a_while().await;
            assert_eq!(ada.post(&format!("{page}/deactivate"), &[]).await.status, 303);
            assert_eq!(app.ask(notes_now).await, ["1"]);
        };
        let let_go = async {
            a_while().await;
            a_while().await;
            held.close().await.unwrap();
        };
        let (noted, (), ()) = futures_util::future::join3(noted, sent_away, let_go).await;
        assert_eq!(noted.status, 303, "{}", noted.body);
        assert_eq!(app.ask(notes_now).await, ["1"]);
        other.close().await;
    });
}

#[test]
fn what_was_at_the_door_is_not_done_once_it_is_acknowledged_that_they_may_not() {
    with_app(async |app| {
        let (ada, bea, other) =
            (app.ada().await, colleague(app, BEA.0, "owner").await, app.second_instance().await);
        let (hers, adas) = (page_of(app, BEA.0).await, page_of(app, ADA.0).await);
        // She has been let in, and the first thing her form writes down is its own id.
        let held = hold_back(app, "submissions").await;
        let form = [("submission", "01890000-0000-7000-8000-000000000001"), ("role", "editor")];
        let (bea, path) = (bea.at(&other), format!("{adas}/role"));
        let meanwhile = async {
            a_while().await;
            assert_eq!(ada.post(&format!("{hers}/role"), &form[1..]).await.status, 303);
            held.close().await.unwrap();
        };
        let (late, ()) = futures_util::future::join(bea.post(&path, &form), meanwhile).await;
        is_asked_to_sign_in(&late);
        assert_eq!(ada.get("/admin/staff").await.status, 200, "Ada owns the site as before");
        assert_eq!(app.ask("select count(*) from audit where act = 'role-changed'").await, ["1"]);
        other.close().await;
    });
}

#[test]
fn the_shell_lists_sends_away_and_calls_back() {
    with_app(async |app| {
        let bea = colleague(app, BEA.0, "editor").await;
        let list = || app.cli(&["user", "list", "--json"], "").json();
        let found = list();
        let members: Vec<&str> = found[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["active", "email", "id", "name", "role", "seen_at", "since"]);
        let shown = |found: &Value| {
            let one = |one: &Value| format!("{} {} {}", one["email"], one["role"], one["active"]);
            found.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
        };
        let ada = r#""ada@example.com" "owner" true"#;
        assert_eq!(shown(&found), [r#""bea@example.test" "editor" true"#, ada], "the last first");
        assert!(found[0]["seen_at"].is_string() && found[1]["seen_at"].is_null());
        let user = |arguments: &[&str]| {
            let shell = app.cli(
                &[&["user"], arguments, &["--email", " BEA@example.test", "--json"]].concat(),
                "",
            );
            assert_eq!((shell.code, shell.err.as_str()), (0, ""), "{}", shell.out);
            assert!(shell.json()["done"].is_string());
        };
        user(&["role", "--role", "owner"]);
        is_sent_to_sign_in(&bea.get("/admin").await);
        user(&["deactivate"]);
        assert_eq!(shown(&list())[0], r#""bea@example.test" "owner" false"#);
        user(&["deactivate"]);
        user(&["activate"]);
        assert_eq!(shown(&list())[0], r#""bea@example.test" "owner" true"#);
        for verb in [&["deactivate"][..], &["activate"], &["role", "--role", "editor"]] {
            let shell = app.cli(
                &[&["user"], verb, &["--email", "nobody@example.test", "--json"]].concat(),
                "",
            );
            let refused = json!([{ "pointer": "#/email", "detail": "There is no member of staff with this address." }]);
            assert_eq!((shell.code, &shell.json()["errors"]), (1, &refused));
        }
        let text = app.cli(&["user", "list"], "").out;
        assert!(text.lines().count() == 2 && text.contains("Bea <bea@example.test>"), "{text}");
        for wrong in [&["user", "role", "--email", BEA.0][..], &["user", "deactivate"]] {
            assert_eq!(app.cli(wrong, "").code, 2);
        }
    });
}

#[test]
fn owners_see_who_runs_the_site_and_when_they_were_here() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(app.cli(&["user", "add", "--email", BEA.0, "--name", "<Bea>"], "").code, 0);
        let page = ada.get("/admin/staff").await;
        page.is_page(200);
        for words in ["&lt;Bea&gt;", BEA.0, "editor", "never", "Owner", ADA.0] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let desk = ada.get("/admin").await;
        assert!(
            desk.body.contains(r#"href="/admin/staff""#)
                && desk.body.contains(r#"href="/admin/audit""#)
        );
        // Sixty more, and each is on one page.
        app.psql(
            "with made as (insert into accounts (id, email, name)
                 select gen_random_uuid(), n || '@example.test', 'Number ' || n from generate_series(1, 60) n returning id)
             insert into staff (id, role) select id, 'editor' from made",
        )
        .await;
        let (mut seen, mut path) = (Vec::new(), "/admin/staff".to_owned());
        loop {
            let page = ada.get(&path).await.body;
            let links = page.split(r#"href="/admin/staff/"#).skip(1);
            seen.extend(links.map(|link| link[..36].to_owned()));
            match page.split_once(r#"rel="next" href=""#) {
                Some((_, rest)) => path = rest.split('"').next().unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(seen.len(), 62);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 62);
    });
}
