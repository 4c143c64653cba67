//! What is kept about a member: taken along, and deleted.

use super::accounts::{BOB, mailed, sign_up};
use super::contact::ANN;
use super::newsletter::{mails_to, subscribe, work_off};
use super::sign_in::{is_sent_to_sign_in, sign_in};
use super::support::{ADA, with_app};
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
        app.psql("update sessions set proven_at = now() - interval '11 minutes'").await;
        for path in ["/account/export.json", "/account/export.csv"] {
            let answer = bob.get(path).await;
            let again = format!("/sign-in?next={}", path.replace('/', "%2F"));
            assert_eq!((answer.status, answer.location), (303, again));
        }
        assert!(!bob.get("/account/export").await.body.contains("/account/export.json"));
        let wrong = bob.post("/account/export", &[("current_password", "wrong")]).await;
        assert!(wrong.status == 422 && wrong.body.contains("current_password-error"));
        let right = bob.post("/account/export", &[("current_password", BOB.1)]).await;
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
        app.psql("update sessions set proven_at = now() - interval '11 minutes'").await;
        let unproven = bob.post("/account/delete", &typed(BOB.0)).await;
        assert!(unproven.status == 422 && unproven.body.contains("current_password-error"));
        assert_eq!(bob.get("/account").await.status, 200, "nothing has happened yet");
        let form = [("confirmation", "BOB@example.test"), ("current_password", BOB.1)];
        let gone = bob.post("/account/delete", &form).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, "/"));
        assert!(bob.get("/").await.body.contains("Your account is deleted."));
        for person in [&bob, &there, &bob.at(&other), &there.at(&other)] {
            is_sent_to_sign_in(&person.get("/account").await);
        }
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 422);
        app.eve().post(&link, &[]).await.is_page(410);
        for table in ["sessions", "email_changes"] {
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
fn the_last_owner_stays_and_staff_hand_over_first() {
    with_app(async |app| {
        let ada = app.ada().await;
        let add = ["user", "add", "--email", "ed@example.com", "--name", "Ed", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let ed = app.eve();
        sign_in(&ed, "ed@example.com", &password).await;
        for (person, email, advice) in [
            (&ada, ADA.0, "You are the only owner of this site"),
            (&ed, "ed@example.com", "You are one of the people who run this site"),
        ] {
            let page = person.get("/account/delete").await.body;
            assert!(page.contains(advice) && !page.contains(r#"name="confirmation""#), "{page}");
            let answer = person.post("/account/delete", &[("confirmation", email)]).await;
            assert!(answer.status == 422 && answer.body.contains(advice), "{}", answer.body);
            assert_eq!(person.get("/admin").await.status, 200);
        }
        // A second owner is one of us, too; whoever is none of us any more may go.
        app.psql("update staff set role = 'owner'").await;
        let page = ada.get("/account/delete").await.body;
        assert!(page.contains("You are one of the people who run this site"), "{page}");
        app.psql(
            "delete from staff where id = (select id from accounts where email = 'ed@example.com')",
        )
        .await;
        let gone = ed.post("/account/delete", &[("confirmation", "ed@example.com")]).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, "/"), "{}", gone.body);
    });
}
