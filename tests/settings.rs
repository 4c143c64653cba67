//! What the owner decides: whether whoever writes is answered, and in which words.

use super::contact::ann_but;
use super::mail::{put_receipt, work};
use super::support::{Answer, Mode, Person, Smtp, TestApp, with_app, with_settings};
use frontdesk::services::settings::AUTOREPLY;

const SETTINGS: &str = "/admin/settings";

/// The version that the form on a page carries.
fn version(page: &Answer) -> String {
    let (_, rest) = page.body.split_once(r#"name="version" value=""#).expect("a version");
    rest.split('"').next().unwrap().to_owned()
}

/// What stands in the form's text.
fn text(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once(r#"<textarea id="text""#).expect("a text");
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split_once("</textarea>").unwrap().0
}

/// How the answer would read.
fn letter(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once(r#"<div class="letter" dir="auto">"#).expect("a letter");
    rest.split_once("</div>").unwrap().0
}

async fn save(ada: &Person<'_>, fields: &[(&str, &str)]) {
    let page = ada.get(SETTINGS).await;
    let version = version(&page);
    let fields = [fields, &[("version", version.as_str())]].concat();
    let saved = ada.post(SETTINGS, &fields).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, SETTINGS), "{}", saved.body);
}

/// What is answered to `email`, as it lies in the outbox.
async fn answered(app: &TestApp, number: usize, email: &str) -> Vec<String> {
    let message = format!("Could you paint boat number {number}?");
    let fields = ann_but(&[("email", email), ("message", &message)]);
    assert_eq!(app.eve().post("/contact", &fields).await.status, 303);
    work(app).await;
    app.ask(&format!("select state from outbox where recipient = '{email}'")).await
}

#[test]
fn the_answer_says_what_the_owner_wants_it_to_say() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&[&smtp.settings()[..], &[("SITE_NAME", "Li & Søn")]].concat(), async |app| {
        let ada = app.ada().await;
        let page = ada.get(SETTINGS).await;
        page.is_page(200);
        assert_eq!(text(&page), AUTOREPLY);
        assert!(page.body.contains(r#"name="autoreply" value="on" checked"#), "{}", page.body);
        assert!(
            letter(&page).starts_with(AUTOREPLY)
                && page.body.contains("Li &amp; Søn has your message")
        );
        put_receipt(app, 1, "ann@example.test").await;
        work(app).await;
        let words = "Ahoi!\r\n\r\nWe are <b>out</b>\r\n  on the water & **soon** back.";
        save(&ada, &[("autoreply", "on"), ("text", words)]).await;
        let page = ada.get(SETTINGS).await;
        assert!(page.body.contains("The settings are saved."));
        assert_eq!(
            text(&page),
            "Ahoi!\n\nWe are &lt;b&gt;out&lt;/b&gt;\n  on the water &amp; **soon** back."
        );
        assert!(letter(&page).starts_with(text(&page)), "{}", letter(&page));
        put_receipt(app, 2, "bob@example.test").await;
        work(app).await;
        // Back to what it was at first, by taking all words away.
        save(&ada, &[("autoreply", "on"), ("text", " ")]).await;
        put_receipt(app, 3, "cho@example.test").await;
        work(app).await;
        let mails = smtp.mails();
        let text = |n: usize| mails[n].text("/text").replace("\r\n", "\n");
        assert!(text(0).starts_with(AUTOREPLY) && text(2) == text(0), "{}", text(2));
        let own =
            "Ahoi!\n\nWe are <b>out</b>\n  on the water & **soon** back.\n\nYou get this mail";
        assert!(text(1).starts_with(own), "{}", text(1));
        let html = mails[1].text("/html");
        assert!(html.contains("&lt;b&gt;out&lt;/b&gt;") && html.contains("pre-wrap"), "{html}");
        for mail in &mails {
            assert_eq!(mail.text("/subject"), "Li & Søn has your message");
        }
    });
}

#[test]
fn where_the_switch_is_off_nobody_is_answered_not_even_those_whose_mail_waits() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(answered(app, 1, "ann@example.test").await, ["done"]);
        put_receipt(app, 7, "waits@example.test").await;
        save(&ada, &[("text", "Words for later.")]).await;
        let page = ada.get(SETTINGS).await;
        assert!(page.body.contains(r#"name="autoreply" value="on">"#), "{}", page.body);
        assert_eq!(text(&page), "Words for later.");
        assert_eq!(answered(app, 2, "bob@example.test").await, [""; 0]);
        assert_eq!(
            app.ask("select state from outbox where recipient like 'waits%'").await,
            ["dropped"]
        );
        let told =
            "select count(*) from outbox where recipient = 'ada@example.com' and state = 'done'";
        assert_eq!(app.ask(told).await, ["2"], "staff are told all the same");
        save(&ada, &[("autoreply", "on"), ("text", "Words for later.")]).await;
        assert_eq!(answered(app, 3, "cho@example.test").await, ["done"]);
    });
}

#[test]
fn a_preview_shows_what_was_typed_and_changes_nothing() {
    with_app(async |app| {
        let ada = app.ada().await;
        let before = version(&ada.get(SETTINGS).await);
        let typed = [("text", "Not <yet>."), ("version", before.as_str()), ("preview", "on")];
        let page = ada.post(SETTINGS, &typed).await;
        page.is_page(200);
        assert!(letter(&page).starts_with("Not &lt;yet&gt;.") && text(&page) == "Not &lt;yet&gt;.");
        assert!(
            page.body.contains(r#"name="autoreply" value="on">"#),
            "not ticked, as it was sent"
        );
        assert!(page.body.contains("Sign out"), "it is still Ada's page");
        assert_eq!(
            (version(&page), app.ask("select count(*) from settings").await),
            (before.clone(), vec!["0".into()])
        );
        let empty = ada.post(SETTINGS, &[("text", ""), ("preview", "on")]).await;
        assert!(letter(&empty).starts_with(AUTOREPLY));
        let saved = ada.post(SETTINGS, &typed[..2]).await;
        assert_eq!(saved.status, 303, "and can be saved from there: {}", saved.body);
        assert_eq!(text(&ada.get(SETTINGS).await), "Not &lt;yet&gt;.");
    });
}

#[test]
fn of_two_who_write_at_once_the_second_is_told_and_loses_nothing() {
    with_app(async |app| {
        let (ada, bob) = (app.ada().await, app.ada().await);
        for round in ["while nobody had decided anything", "and later"] {
            let seen = version(&ada.get(SETTINGS).await);
            let first = format!("Ada's words, {round}.");
            let fields = [("autoreply", "on"), ("text", &first), ("version", &seen)];
            assert_eq!(ada.post(SETTINGS, &fields).await.status, 303);
            let fields = [("autoreply", "on"), ("text", "Bob's <words>."), ("version", &seen)];
            let told = bob.post(SETTINGS, &fields).await;
            told.is_page(422);
            assert!(
                told.body.contains("Someone has saved this since you opened it."),
                "{}",
                told.body
            );
            assert_eq!(text(&told), "Bob's &lt;words&gt;.");
            assert!(text(&ada.get(SETTINGS).await).starts_with("Ada's words"));
            let newer = version(&told);
            assert_ne!(newer, seen);
            let fields = [("autoreply", "on"), ("text", "Bob's <words>."), ("version", &newer)];
            assert_eq!(bob.post(SETTINGS, &fields).await.status, 303, "knowingly");
            assert_eq!(text(&ada.get(SETTINGS).await), "Bob's &lt;words&gt;.");
        }
    });
}

#[test]
fn what_cannot_be_an_answer_is_refused_with_what_was_typed() {
    with_app(async |app| {
        let ada = app.ada().await;
        for (words, said) in [
            ("x".repeat(2001), "Shorten the text to at most 2,000 characters."),
            ("A bell: \u{7}".to_owned() + "!", "Remove the invisible control characters"),
        ] {
            for preview in [&[][..], &[("preview", "on")]] {
                let fields = [&[("text", words.as_str())], preview].concat();
                let refused = ada.post(SETTINGS, &fields).await;
                refused.is_page(422);
                assert!(refused.body.contains(r#"id="text-error""#) && refused.body.contains(said));
                assert!(text(&refused).len() >= 9, "{}", text(&refused));
            }
        }
        let strange = ada.post(SETTINGS, &[("text", "Words."), ("version", "yesterday")]).await;
        strange.is_page(422);
        assert_eq!(app.ask("select count(*) from settings").await, ["0"]);
        assert_eq!(ada.post(SETTINGS, &[("text", &"ü".repeat(2000))]).await.status, 303);
    });
}

#[test]
fn an_editor_decides_nothing() {
    with_app(async |app| {
        let add = ["user", "add", "--email", "bob@example.com", "--name", "Bob", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let bob = app.eve();
        let signed_in =
            bob.post("/sign-in", &[("email", "bob@example.com"), ("password", &password)]).await;
        assert_eq!(signed_in.status, 303);
        assert_eq!(bob.get(SETTINGS).await.status, 403);
        let refused = bob.post(SETTINGS, &[("text", "Bob's words.")]).await;
        assert!(refused.status == 403 && refused.body.contains("Bob's words."), "{}", refused.body);
        assert_eq!(app.ask("select count(*) from settings").await, ["0"]);
        assert!(!bob.get("/admin").await.body.contains(SETTINGS));
        assert!(app.ada().await.get("/admin").await.body.contains(SETTINGS));
    });
}
