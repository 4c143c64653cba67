//! What is kept about a member: taken along, and deleted.

use super::accounts::{BOB, mailed, sign_up};
use super::confirm_identity::{fields, later, pairs, with};
use super::contact::ANN;
use super::newsletter::{mails_to, subscribe, work_off};
use super::second_factor::{half_way, turn_on};
use super::sign_in::{is_sent_to_sign_in, sign_in};
use super::staff::{colleague, says};
use super::support::{ADA, with_app};
use super::tokens_by_code::let_in;
use serde_json::Value;

#[test]
fn a_member_takes_along_everything_that_is_kept_about_them_and_nothing_else() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let message = "=HYPERLINK(\"https://evil.example\")";
        let wrote = [("name", "Bob"), ("email", "Bob@Example.test"), ("message", message)];
        assert_eq!(app.eve().post("/contact", &wrote).await.status, 303);
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        subscribe(app, &app.eve(), BOB.0, &[]).await;
        sign_in(&app.eve(), BOB.0, BOB.1).await;
        bob.post("/account/email", &[("email", "robert@example.test")]).await;

        let page = bob.get("/account/export").await.body;
        assert!(page.contains("/account/export.json") && page.contains("/account/export.csv"));
        let file = bob.get("/account/export.json").await;
        assert_eq!(
            (file.header("content-type"), file.header("content-disposition")),
            ("application/json", "attachment; filename=\"my-data.json\"")
        );
        assert_eq!(file.header("cache-control"), "no-store");
        let tables = file.json()["tables"].clone();
        let count = |table: &str| tables[table].as_array().map_or(0, Vec::len);
        for table in ["leads", "outbox", "subscribers", "accounts", "mailed_links", "email_changes"]
        {
            assert!(count(table) >= 1, "{table}: {}", file.body);
        }
        assert_eq!(tables["accounts"][0]["name"], "Bob");
        assert_eq!(tables["accounts"][0]["sessions"].as_array().map(Vec::len), Some(2));
        for secret in ["argon2", "token_hash", "hashes", "ann@example.test", ADA.0] {
            assert!(!file.body.contains(secret), "{secret}");
        }

        let table = bob.get("/account/export.csv").await;
        assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
        assert!(table.body.starts_with("\"table\",\"row\",\"field\",\"value\"\r\n"));
        assert!(
            table.body.contains("\"leads\",\"1\",\"message\",\"'=HYPERLINK("),
            "{}",
            table.body
        );
        assert!(table.body.contains("\"accounts\",\"1\",\"name\",\"Bob\"\r\n"));
        let fields: usize = tables
            .as_object()
            .unwrap()
            .values()
            .flat_map(|rows| rows.as_array().unwrap())
            .map(|row: &Value| row.as_object().unwrap().len())
            .sum();
        assert!(table.body.matches("\"\r\n").count() > fields, "each field has its line");
    });
}

#[test]
fn whoever_signed_in_a_while_ago_takes_nothing_along_without_proof() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        later(app).await;
        for path in ["/account/export", "/account/export.json", "/account/export.csv"] {
            let answer = bob.get(path).await;
            let again = format!("/confirm-identity?next={}", path.replace('/', "%2F"));
            assert_eq!((answer.status, answer.location), (303, again));
        }
        let form = |password| [("next", "/account/export"), ("password", password)];
        assert_eq!(bob.post("/confirm-identity", &form("wrong")).await.status, 422);
        assert_eq!(bob.get("/account/export.csv").await.status, 303);
        let right = bob.post("/confirm-identity", &form(BOB.1)).await;
        assert_eq!((right.status, right.location.as_str()), (303, "/account/export"));
        assert_eq!(bob.get("/account/export.csv").await.status, 200);
    });
}

#[test]
fn an_account_that_is_deleted_is_gone_at_once_everywhere_and_what_was_written_stays() {
    with_app(async |app| {
        let (bob, there, other) =
            (sign_up(app, BOB.0, BOB.1).await, app.eve(), app.second_instance().await);
        sign_in(&there, BOB.0, BOB.1).await;
        app.eve().post("/sign-in/link", &[("email", BOB.0)]).await;
        let link = mailed(app, BOB.0, "/sign-in/link/").await;
        let wrote = [("name", "Bob"), ("email", BOB.0), ("message", "Could you paint our boat?")];
        app.eve().post("/contact", &wrote).await;
        subscribe(app, &app.eve(), BOB.0, &[]).await;
        bob.post("/account/email", &[("email", "robert@example.test")]).await;
        turn_on(app, &bob).await;
        half_way(app, &BOB).await;
        app.psql(
            "insert into passkeys (id, account_id, credential_id, credential, name)
             select gen_random_uuid(), id, 'x', '{}', 'A key' from accounts where name = 'Bob'",
        )
        .await;
        let_in(app, &bob).await;
        let page = bob.get("/account/delete").await.body;
        for words in ["What goes", "What stays", "Messages that you wrote to us", "The newsletter"]
        {
            assert!(page.contains(words), "{words}: {page}");
        }

        let typed = |email| [("confirmation", email)];
        for wrong in ["", "bob", ADA.0] {
            let answer = bob.post("/account/delete", &typed(wrong)).await;
            assert!(answer.status == 422 && answer.body.contains("confirmation-error"), "{wrong}");
        }
        later(app).await;
        let unproven = bob.post("/account/delete", &typed(BOB.0)).await;
        assert!(unproven.status == 403 && unproven.body.contains("Is it you?"));
        assert_eq!(bob.get("/account").await.status, 200, "nothing has happened yet");
        let form = fields(&unproven, "/confirm-identity");
        let again = bob.post("/confirm-identity", &with(&form, "password", BOB.1)).await;
        let form = fields(&again, "/account/delete");
        assert!(pairs(&form).contains(&("confirmation", BOB.0)), "{form:?}");
        let gone = bob.post("/account/delete", &pairs(&form)).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, "/"));
        assert!(bob.get("/").await.body.contains("Your account is deleted."));
        for person in [&bob, &there, &bob.at(&other), &there.at(&other)] {
            is_sent_to_sign_in(&person.get("/account").await);
        }
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 422);
        app.eve().post(&link, &[]).await.is_page(410);
        for table in [
            "sessions",
            "email_changes",
            "second_factors",
            "recovery_codes",
            "half_sign_ins",
            "passkeys",
            "app_tokens",
            "app_codes",
        ] {
            assert_eq!(app.ask(&format!("select count(*) from {table}")).await, ["0"], "{table}");
        }
        assert_eq!(app.ask("select email from accounts").await, [ADA.0]);
        assert_eq!(app.ask("select message from leads").await, ["Could you paint our boat?"]);
        assert_eq!(app.ask("select status from subscribers").await, ["confirmed"]);
        work_off(app).await;
        let subjects: Vec<_> =
            mails_to(app, BOB.0).await.into_iter().map(|letter| letter.mail.subject).collect();
        assert!(subjects.contains(&"Your account at Frontdesk is gone".to_owned()), "{subjects:?}");
        // Whoever wants to comes back, as somebody new.
        app.psql("delete from mailed_links").await;
        sign_up(app, BOB.0, BOB.1).await;
    });
}

#[test]
fn the_last_owner_stays() {
    with_app(async |app| {
        let ada = app.ada().await;
        let advice = "You are the only owner of this site";
        let page = ada.get("/account/delete").await.body;
        assert!(page.contains(advice) && !page.contains(r#"name="confirmation""#), "{page}");
        let typed = [("confirmation", ADA.0)];
        says(&ada.post("/account/delete", &typed).await, 422, advice);
        assert_eq!(ada.get("/admin").await.status, 200);
        // Of two who go at once, one stays.
        let bea = colleague(app, "bea@example.com", "owner").await;
        assert!(!ada.get("/account/delete").await.body.contains(advice));
        let bea_typed = [("confirmation", "bea@example.com")];
        let (one, other) = futures_util::future::join(
            ada.post("/account/delete", &typed),
            bea.post("/account/delete", &bea_typed),
        )
        .await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422], "{} {}", one.body, other.body);
        assert_eq!(app.ask("select count(*) from staff where role = 'owner'").await, ["1"]);
    });
}

#[test]
fn what_one_of_us_did_stays_when_they_go_and_so_does_the_record_of_it() {
    with_app(async |app| {
        let ada = app.ada().await;
        let ed = colleague(app, "ed@example.com", "editor").await;
        let name =
            app.ask("select name from accounts where email = 'ed@example.com'").await.remove(0);
        app.eve().post("/contact", &ANN).await;
        let lead = app.ask("select id from leads").await.remove(0);
        let note = format!("/admin/leads/{lead}/notes");
        assert_eq!(ed.post(&note, &[("note", "Call on Monday.")]).await.status, 303);
        let list = [("csv", "gus@example.test"), ("consent", "The sign-up sheet.")];
        assert_eq!(ed.post("/admin/subscribers/import", &list).await.status, 303);
        assert_eq!(ed.get("/account/export.json").await.status, 200);
        let page = ed.get("/account/delete").await.body;
        assert!(page.contains("The record of it: your name as it was"), "{page}");
        let gone = ed.post("/account/delete", &[("confirmation", "ed@example.com")]).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, "/"), "{}", gone.body);

        is_sent_to_sign_in(&ed.get("/admin").await);
        assert_eq!(app.ask("select count(*) from staff").await, ["1"]);
        let shown = ada.get(&format!("/admin/leads/{lead}")).await.body;
        assert!(shown.contains("Call on Monday.") && shown.contains("somebody who has left"));
        assert!(!shown.contains(&name), "{shown}");
        let lists = ada.get("/admin/subscribers/import").await.body;
        assert!(lists.contains("somebody who has left"), "{lists}");
        // The record has the name as it was, and no address.
        let acts = format!(
            "select act from audit where name = '{name}' order by at desc, id desc limit 2"
        );
        assert_eq!(app.ask(&acts).await, ["account-deleted", "own-data-exported"]);
        assert_eq!(
            app.ask("select count(*) from audit where audit::text like '%ed@example.com%'").await,
            ["0"]
        );
        assert!(ada.get("/admin/audit").await.body.contains(&name));
    });
}
