//! What people agree to where they give us something of theirs: shown, kept, and told later as it was.

use super::contact::{ANN, ann_but};
use super::newsletter::subscribe;
use super::support::{TestApp, with_app, with_own_server, with_settings};
use frontdesk::intake;
use serde_json::json;
use templates::consent::{CONTACT, NEWSLETTER};

/// What the form on this page says of the words it shows.
fn shown(page: &str) -> String {
    let after = page.split_once(r#"name="consent" value=""#).unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

/// The version that each lead was given under, and whether that was when it came.
async fn kept(app: &TestApp) -> Vec<String> {
    let kept =
        "select concat_ws(' ', source, consent, consent_at = created_at) from leads order by id";
    app.ask(kept).await
}

#[test]
fn a_lead_keeps_the_words_under_which_it_was_given() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let form = eve.get("/contact").await.body;
        assert!(form.contains(CONTACT.words), "{form}");
        let version = shown(&form);
        // Refused and sent again, it is of the words that stand beside what was wrong.
        let refused = eve.post("/contact", &[("name", "Ann Li"), ("consent", &version)]).await;
        assert!(refused.body.contains(CONTACT.words));
        let version = shown(&refused.body);
        let fields = ann_but(&[("consent", &version)]);
        assert_eq!(eve.post("/contact", &fields).await.status, 303);
        assert_eq!(kept(app).await, [format!("website-form {} t", CONTACT.version)]);

        let id = app.ask("select id from leads").await.remove(0);
        let page = ada.get(&format!("/admin/leads/{id}")).await.body;
        assert!(page.contains(CONTACT.words) && page.contains(CONTACT.version), "{page}");
        let export = ada.get("/admin/people/ann@example.test/export").await.json();
        let lead = &export["tables"]["leads"][0];
        assert_eq!(
            (&lead["consent"], &lead["consent_words"], &lead["consent_at"]),
            (&json!(CONTACT.version), &json!(CONTACT.words), &lead["created_at"])
        );
    });
}

#[test]
fn other_doors_show_no_words_of_ours_and_say_so_whatever_is_sent_along() {
    with_settings(&[("CORS_ORIGINS", "https://shop.example")], async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let key = app.key("leads:write").await;
        let lead = json!({ "name": "Ann Li", "email": "ann@example.test", "message": "Paint our boat, please.",
                           "consent": CONTACT.version });
        assert_eq!(eve.json("/api/v1/leads", Some(&key), &lead).await.status, 201);
        assert_eq!(eve.json("/api/contact", None, &lead).await.status, 201);
        let fields = ann_but(&[("consent", CONTACT.version)]);
        let plain = eve.request(reqwest::Method::POST, "/api/contact").form(&fields);
        assert_eq!(eve.send(plain.header("origin", "https://shop.example")).await.status, 303);
        let add = [
            "lead",
            "add",
            "--name",
            "Bob",
            "--email",
            "bob@example.test",
            "--message",
            "He rang about menus.",
        ];
        assert_eq!(app.cli(&add, "").code, 0);
        assert_eq!(kept(app).await, ["partner-api", "embed", "embed", "cli"]);
        for id in app.ask("select id from leads").await {
            let page = ada.get(&format!("/admin/leads/{id}")).await.body;
            assert!(page.contains("No words of ours were shown."), "{page}");
        }
        let export = ada.get("/admin/people/bob@example.test/export").await.json();
        assert_eq!(export["tables"]["leads"][0]["consent_words"], json!(null));
    });
}

#[test]
fn whoever_had_the_page_open_since_before_has_agreed_to_what_it_said_then() {
    with_app(async |app| {
        app.psql("insert into consents (version, form, words) values ('contact-2020-01', 'contact', 'We keep it.')").await;
        let eve = app.eve();
        for (number, (version, expected)) in [
            ("contact-2020-01", "website-form contact-2020-01 t"),
            // Neither what nobody has written, nor what is said elsewhere.
            ("contact-2999-01", "website-form"),
            (NEWSLETTER.version, "website-form"),
            ("'; drop table leads --", "website-form"),
            ("", "website-form"),
        ]
        .into_iter()
        .enumerate()
        {
            let message = format!("Could you paint boat number {number}?");
            let fields = ann_but(&[("message", &message), ("consent", version)]);
            assert_eq!(eve.post("/contact", &fields).await.status, 303, "{version}");
            assert_eq!(kept(app).await.pop().unwrap(), expected, "{version}");
        }
        let id = app.ask("select id from leads where consent = 'contact-2020-01'").await.remove(0);
        let page = app.ada().await.get(&format!("/admin/leads/{id}")).await.body;
        assert!(page.contains("We keep it.") && !page.contains(CONTACT.words), "{page}");
        // A program that did not send the form as we show it has been shown nothing.
        assert_eq!(eve.post("/contact", &ANN).await.status, 303);
        assert_eq!(kept(app).await.pop().unwrap(), "website-form");
    });
}

#[test]
fn a_lead_that_found_the_database_away_is_of_the_words_it_was_written_under() {
    with_own_server(async |app, server| {
        let eve = app.eve();
        let fields = ann_but(&[("consent", CONTACT.version)]);
        server.stop();
        assert_eq!(eve.post("/contact", &fields).await.status, 303);
        server.start();
        // Brought to the database later, and perhaps by a program with other words.
        assert_eq!(intake::drain(&app.state).await.unwrap(), 1);
        assert_eq!(kept(app).await, [format!("website-form {} t", CONTACT.version)]);
    });
}

#[test]
fn the_words_of_the_newsletter_are_shown_kept_and_told_by_the_same_way() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for page in ["/", "/newsletter"] {
            assert!(eve.get(page).await.body.contains(NEWSLETTER.words), "{page}");
        }
        subscribe(app, &eve, "ann@example.test", &[]).await;
        let id = app.ask("select id from subscribers").await.remove(0);
        let page = ada.get(&format!("/admin/subscribers/{id}")).await.body;
        assert!(page.contains(NEWSLETTER.words) && page.contains(NEWSLETTER.version), "{page}");
        let export = ada.get("/admin/people/ann@example.test/export").await.json();
        assert_eq!(export["tables"]["subscribers"][0]["consent_words"], json!(NEWSLETTER.words));
        // Whoever brings people over says it in words of their own, which are told as they are.
        app.psql("update subscribers set consent = 'Sign-up sheet at the fair'").await;
        let page = ada.get(&format!("/admin/subscribers/{id}")).await.body;
        assert!(page.contains("Sign-up sheet at the fair") && !page.contains(">form-2026"));
    });
}

#[test]
fn a_program_that_has_other_words_for_what_people_have_agreed_to_does_not_start() {
    with_app(async |app| {
        let known = app.ask("select version from consents order by version").await;
        assert_eq!(known, [CONTACT.version, NEWSLETTER.version]);
        let list = ["lead", "list"];
        assert_eq!(app.cli(&list, "").code, 0, "it says the same as the one before");
        app.psql("update consents set words = 'We sell it.' where form = 'contact'").await;
        let refused = app.cli(&list, "");
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains(CONTACT.version), "{}", refused.err);
        assert_eq!(
            app.ask("select words from consents where form = 'contact'").await,
            ["We sell it."]
        );
        app.psql("delete from consents").await; // the test ends with another instance
    });
}
