//! What the owner of an account is told because it may have been somebody else, and "that was not me".

use super::accounts::{BOB, mailed, sign_up};
use super::newsletter::{mails_to, work_off};
use super::sign_in::{is_sent_to_sign_in, sign_in};
use super::support::{Person, TestApp, with_app};
use reqwest::Method;

/// The subjects of the mails to Bob with which he could say that it was not he, oldest first.
async fn told(app: &TestApp) -> Vec<String> {
    work_off(app).await;
    let mut mails = mails_to(app, BOB.0).await;
    mails.reverse();
    let alarms = mails.into_iter().filter(|letter| letter.mail.text().contains("/not-me/"));
    alarms.map(|letter| letter.mail.subject).collect()
}

/// Signs in from a device that calls itself something.
async fn sign_in_as(person: &Person<'_>, app: &TestApp, agent: &str) {
    let form = [("email", BOB.0), ("password", BOB.1)];
    let request = person.request(Method::POST, "/sign-in").header("user-agent", agent);
    let answer = person.send(request.header("origin", &app.origin).form(&form)).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[test]
fn a_new_device_is_told_of_and_a_known_one_is_not() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        assert_eq!(told(app).await, [""; 0], "the first time is no news");
        bob.post("/sign-out", &[]).await;
        sign_in(&bob, &BOB.0.to_uppercase(), BOB.1).await;
        assert_eq!(told(app).await, [""; 0], "this device is known");
        // Whoever came by mail has just read it.
        let by_mail = app.eve();
        by_mail.post("/sign-in/link", &[("email", BOB.0)]).await;
        by_mail.post(&mailed(app, BOB.0, "/sign-in/link/").await, &[]).await;
        assert_eq!(told(app).await, [""; 0]);

        let agent =
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Call 0900-1";
        sign_in_as(&app.eve(), app, agent).await;
        assert_eq!(told(app).await, ["A new device at Frontdesk"]);
        let text = mails_to(app, BOB.0).await.remove(0).mail.text();
        assert!(text.contains("Firefox on Linux, from 127.0.0.1"), "{text}");
        assert!(!text.contains("0900"), "{text}");
        assert_eq!(
            app.ask("select count(*) from outbox where recipient = 'ada@example.com'").await,
            ["0"]
        );
    });
}

#[test]
fn another_password_is_told_of_whichever_way_it_came() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let new = "another sentence altogether";
        let change = [("current_password", BOB.1), ("password", new)];
        assert_eq!(bob.post("/account/password", &change).await.location, "/account");
        assert_eq!(told(app).await, ["Your password for Frontdesk was changed"]);
        app.eve().post("/forgot-password", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/forgot-password/").await;
        assert_eq!(app.eve().post(&path, &[("password", BOB.1)]).await.location, "/sign-in");
        assert_eq!(told(app).await, ["Your password for Frontdesk was changed"; 2]);
    });
}

#[test]
fn whoever_it_was_not_ends_every_session_and_takes_the_password_away() {
    with_app(async |app| {
        let (bob, thief) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        sign_in(&thief, BOB.0, BOB.1).await;
        let first = mailed(app, BOB.0, "/not-me/").await;
        // The thief changes the password and asks for a link, which takes no remedy away.
        let theirs = "only the thief knows this";
        let change = [("current_password", BOB.1), ("password", theirs)];
        assert_eq!(thief.post("/account/password", &change).await.status, 303);
        is_sent_to_sign_in(&bob.get("/account").await);
        for _ in 0..5 {
            thief.post("/sign-in/link", &[("email", BOB.0)]).await;
        }
        let second = mailed_alarm(app).await;
        assert_ne!(first, second);
        assert_eq!(app.eve().get(&second).await.status, 200);
        assert_eq!(thief.get("/account").await.status, 200, "that was only looked at");

        // And has a passkey of their own by now.
        app.psql(
            "insert into passkeys (id, account_id, credential_id, credential, name)
             select gen_random_uuid(), id, 'x', '{}', 'A key' from accounts where name = 'Bob'",
        )
        .await;
        let other = app.second_instance().await;
        let answer = app.eve().post(&first, &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/forgot-password"));
        for person in [&thief, &thief.at(&other)] {
            is_sent_to_sign_in(&person.get("/account").await);
        }
        assert_eq!(sign_in(&app.eve(), BOB.0, theirs).await.status, 422);
        for over in [&first, &second] {
            app.eve().post(over, &[]).await.is_page(410);
        }
        assert_eq!(app.ask("select count(*) from mailed_links where used_at is null").await, ["0"]);
        assert_eq!(app.ask("select count(*) from passkeys").await, ["0"]);
        // And then Bob chooses another one.
        app.psql("delete from mailed_links").await;
        app.eve().post("/forgot-password", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/forgot-password/").await;
        assert_eq!(app.eve().post(&path, &[("password", BOB.1)]).await.status, 303);
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 303);
    });
}

/// The path in the last mail that says what has happened.
async fn mailed_alarm(app: &TestApp) -> String {
    work_off(app).await;
    let mails = mails_to(app, BOB.0).await;
    let alarm = mails.iter().find(|letter| letter.mail.text().contains("/not-me/")).unwrap();
    super::newsletter::link(alarm, "/not-me/")
}

#[test]
fn a_change_of_address_that_bob_did_not_ask_for_is_stopped_from_the_old_mailbox() {
    with_app(async |app| {
        let (_bob, thief) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        sign_in(&thief, BOB.0, BOB.1).await;
        thief.post("/account/email", &[("email", "thief@example.test")]).await;
        let old = mailed(app, BOB.0, "/change-email/").await;
        let page = app.eve().get(&old).await.body;
        let not_me = old.replace("/change-email/", "/not-me/");
        assert!(page.contains("thief@example.test") && page.contains(&not_me), "{page}");
        let theirs = mailed(app, "thief@example.test", "/change-email/").await;
        app.eve().post(&theirs.replace("/change-email/", "/not-me/"), &[]).await.is_page(410);
        assert_eq!(thief.get("/account").await.status, 200, "the new mailbox stops nothing");
        assert_eq!(app.eve().post(&not_me, &[]).await.location, "/forgot-password");
        is_sent_to_sign_in(&thief.get("/account").await);
        app.eve().post(&theirs, &[]).await.is_page(410);
        app.eve().post(&old, &[]).await.is_page(410);
    });
}

#[test]
fn no_other_link_stops_anything_and_no_one_is_flooded_with_alarms() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        app.eve().post("/sign-in/link", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/sign-in/link/").await;
        app.eve().post(&path.replace("/sign-in/link/", "/not-me/"), &[]).await.is_page(410);
        assert_eq!(app.eve().get(&path).await.status, 200, "it is still what it was");
        app.psql(
            "insert into mailed_links (id, account_id, email, mailbox, at_home, asked, intent, expires_at)
             select gen_random_uuid(), account_id, email, mailbox, false, false, intent, expires_at
               from mailed_links, generate_series(1, 20) where account_id is not null",
        )
        .await;
        let mails = "select count(*) from outbox where recipient = 'bob@example.test'";
        let before = app.ask(mails).await;
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 303);
        assert_eq!(app.ask(mails).await, before);
        // Nor do alarms use up what may be asked for.
        app.eve().post("/sign-in/link", &[("email", BOB.0)]).await;
        assert_ne!(app.ask(mails).await, before);
    });
}

#[test]
fn a_session_is_called_by_what_people_know() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/17.5 Mobile/15E148 Safari/604.1 \"><script>";
        sign_in_as(&app.eve(), app, agent).await;
        let page = bob.get("/account").await.body;
        assert!(page.contains(">Safari on iPhone</p>"), "{page}");
        assert!(page.contains(r#"title="Mozilla/5.0 (iPhone;"#) && !page.contains("<script>"));
    });
}
