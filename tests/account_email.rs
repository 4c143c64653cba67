//! Another address for an account: both mailboxes agree, in either order, and nobody learns who has which.

use super::accounts::{BOB, mailed, sign_up};
use super::confirm_identity::{fields, later, pairs, with};
use super::newsletter::{link, mails_to, status_of, subscribe, work_off};
use super::sign_in::sign_in;
use super::support::{ADA, Answer, Person, TestApp, with_app, with_settings};

const NEW: &str = "robert@example.test";

async fn ask(person: &Person<'_>, email: &str) -> Answer {
    person.post("/account/email", &[("email", email)]).await
}

/// The paths of both links, the old mailbox's first.
async fn links_of_both(app: &TestApp) -> (String, String) {
    (mailed(app, BOB.0, "/change-email/").await, mailed(app, NEW, "/change-email/").await)
}

async fn address(app: &TestApp) -> String {
    app.ask("select email from accounts where name = 'Bob'").await.remove(0)
}

#[test]
fn an_address_is_changed_once_both_mailboxes_have_agreed_in_whichever_order() {
    for old_first in [true, false] {
        with_app(async |app| {
            let bob = sign_up(app, BOB.0, BOB.1).await;
            assert!(bob.get("/account").await.body.contains(r#"href="/account/email""#));
            let asked = ask(&bob, NEW).await;
            assert_eq!((asked.status, asked.location.as_str()), (303, "/account"));
            assert!(bob.get("/account").await.body.contains(NEW), "what it waits for is shown");
            let (old, new) = links_of_both(app).await;
            let [first, second] = if old_first { [old, new] } else { [new, old] };
            for path in [&first, &second] {
                // Programs open every link in a mail.
                app.eve().get(path).await.is_page(200);
            }
            // In whatever browser.
            let answer = app.eve().post(&first, &[]).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/"));
            assert_eq!(address(app).await, BOB.0);
            assert_eq!(sign_in(&app.eve(), NEW, BOB.1).await.status, 422);
            app.eve().post(&first, &[]).await.is_page(410);
            assert_eq!(bob.post(&second, &[]).await.location, "/account");
            assert_eq!(address(app).await, NEW);
            let page = bob.get("/account").await;
            assert!(page.status == 200 && page.body.contains(NEW) && !page.body.contains(BOB.0));
            assert_eq!(sign_in(&app.eve(), NEW, BOB.1).await.status, 303);
            assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 422);
            assert_eq!(app.ask("select count(*) from email_changes").await, ["0"]);
        });
    }
}

#[test]
fn a_change_of_address_ends_the_links_that_were_mailed_before_and_is_good_for_a_day() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        app.eve().post("/sign-in/link", &[("email", BOB.0)]).await;
        let way_in = mailed(app, BOB.0, "/sign-in/link/").await;
        ask(&bob, NEW).await;
        let (old, new) = links_of_both(app).await;
        app.psql("update email_changes set expires_at = now() - interval '1 second'").await;
        app.eve().get(&old).await.is_page(410);
        app.eve().post(&new, &[]).await.is_page(410);
        let lasts = "select extract(hour from expires_at - created_at) || 'h' from email_changes";
        app.psql("update email_changes set expires_at = created_at + interval '1 day'").await;
        assert_eq!(app.ask(lasts).await, ["0h"], "a day and no hours");

        // Asked again, the first links are over.
        app.psql("update mailed_links set created_at = created_at - interval '1 hour'").await;
        ask(&bob, NEW).await;
        app.eve().post(&old, &[]).await.is_page(410);
        app.eve().post(&new, &[]).await.is_page(410);
        let (old, new) = links_of_both(app).await;
        assert_eq!(app.eve().get(&way_in).await.status, 200);
        app.eve().post(&old, &[]).await;
        assert_eq!(app.eve().post(&new, &[]).await.location, "/account");
        app.eve().post(&way_in, &[]).await.is_page(410);
    });
}

#[test]
fn who_has_an_address_already_is_told_to_its_mailbox_alone() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let mut answers = Vec::new();
        for email in [ADA.0, "nobody@example.test"] {
            let asked = ask(&bob, email).await;
            let page = bob.get("/account/email").await.body.replace(email, "EMAIL");
            let page = page.split(r#"name="submission""#).next().unwrap().to_owned();
            answers.push((asked.status, asked.location.clone(), page));
        }
        assert_eq!(answers[0], answers[1]);
        let own = ask(&bob, &BOB.0.to_uppercase()).await;
        assert!(own.status == 422 && own.body.contains("email-error"), "{}", own.body);
        work_off(app).await;
        let said = mails_to(app, ADA.0).await.remove(0).mail;
        assert!(said.subject.starts_with("You have an account at"), "{}", said.subject);
        assert!(!said.text().contains("/change-email/") && !said.text().contains("Bob"));
        // The old mailbox may agree as it likes: for the address that is taken nothing happens.
        ask(&bob, ADA.0).await;
        app.psql("update mailed_links set created_at = created_at - interval '1 hour'").await;
        ask(&bob, ADA.0).await;
        let old = mailed(app, BOB.0, "/change-email/").await;
        assert_eq!(app.eve().post(&old, &[]).await.location, "/");
        assert_eq!(address(app).await, BOB.0);
    });
}

#[test]
fn an_address_that_is_taken_meanwhile_stays_with_whoever_was_quicker() {
    for old_last in [true, false] {
        with_app(async |app| {
            let bob = sign_up(app, BOB.0, BOB.1).await;
            ask(&bob, NEW).await;
            let (old, new) = links_of_both(app).await;
            let [first, last] = if old_last { [&new, &old] } else { [&old, &new] };
            let half = app.eve().post(first, &[]).await;
            sign_up(app, NEW, "somebody else's sentence").await;
            app.psql("update accounts set name = 'Other' where email = 'robert@example.test'")
                .await;
            let answer = app.eve().post(last, &[]).await;
            if old_last {
                let seen = (answer.status, answer.location.as_str());
                assert_eq!(
                    seen,
                    (half.status, half.location.as_str()),
                    "the old mailbox learns nothing"
                );
                work_off(app).await;
                let told = mails_to(app, NEW).await.remove(0).mail.subject;
                assert!(told.starts_with("You have an account"), "{told}");
                app.eve().post(last, &[]).await.is_page(410);
            } else {
                assert_eq!(answer.status, 422);
                assert!(
                    answer.body.contains("There is an account with this email address already.")
                );
            }
            assert_eq!(address(app).await, BOB.0);
            assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 303);
        });
    }
}

#[test]
fn whoever_signed_in_a_while_ago_proves_once_more_who_they_are_and_loses_nothing() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        later(app).await;
        assert_eq!(
            bob.get("/account/email").await.location,
            "/confirm-identity?next=%2Faccount%2Femail"
        );
        let refused = ask(&bob, NEW).await;
        refused.is_page(403);
        let form = fields(&refused, "/confirm-identity");
        assert_eq!(
            bob.post("/confirm-identity", &with(&form, "password", "wrong")).await.status,
            422
        );
        assert_eq!(app.ask("select count(*) from email_changes").await, ["0"]);
        let again = bob.post("/confirm-identity", &with(&form, "password", BOB.1)).await;
        let again = fields(&again, "/account/email");
        assert!(pairs(&again).contains(&("email", NEW)), "{again:?}");
        assert_eq!(bob.post("/account/email", &pairs(&again)).await.location, "/account");
        assert_eq!(app.ask("select email from email_changes").await, [NEW]);

        // Without a password, one signs in again.
        let cy = sign_up(app, "cy@example.test", "").await;
        later(app).await;
        assert_eq!(ask(&cy, NEW).await.status, 403);
        let choose = cy.post("/account/password", &[("password", BOB.1)]).await;
        assert_eq!(choose.status, 403, "nor does whoever finds a browser open choose a password");
        cy.post("/confirm-identity/link", &[("next", "/account/email")]).await;
        let way = mailed(app, "cy@example.test", "/sign-in/link/").await;
        assert_eq!(cy.post(&way, &[]).await.location, "/account/email");
        assert_eq!(ask(&cy, "cyrus@example.test").await.status, 303);
    });
}

#[test]
fn whoever_finds_a_browser_open_does_not_guess_the_password_there() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        later(app).await;
        let with = |password| {
            [("password", password), ("current_password", password), ("next", "/account/email")]
        };
        for number in 0..40 {
            let thief = bob.coming_from(&format!("198.51.100.{number}"));
            let door = ["/confirm-identity", "/account/password"][number % 2];
            let status = thief.post(door, &with("a wrong sentence")).await.status;
            if status == 429 {
                assert_eq!(number, 20, "at all doors together");
                assert_eq!(thief.post("/confirm-identity", &with(BOB.1)).await.status, 429);
                return;
            }
            assert_eq!(status, 422);
        }
        panic!("nobody stopped the guessing");
    });
}

#[test]
fn the_newsletter_follows_where_that_was_asked_for_and_not_otherwise() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        assert!(!bob.get("/account/email").await.body.contains("with_newsletter"));
        subscribe(app, &app.eve(), BOB.0, &[]).await;
        assert!(bob.get("/account/email").await.body.contains("with_newsletter"));
        ask(&bob, NEW).await;
        let (old, new) = links_of_both(app).await;
        app.eve().post(&old, &[]).await;
        app.eve().post(&new, &[]).await;
        assert_eq!(status_of(app, BOB.0).await, "confirmed", "nobody asked for that");

        // And back again, with it: somebody has typed the address meanwhile, which means nothing.
        app.psql(&format!(
            "delete from mailed_links; update subscribers set email = '{NEW}';
             insert into subscribers (id, email, status, source, consent, consent_at)
             values (gen_random_uuid(), '{}', 'pending', 'website-form', 'x', now())",
            BOB.0
        ))
        .await;
        bob.post("/account/email", &[("email", BOB.0), ("with_newsletter", "on")]).await;
        let new = mailed(app, BOB.0, "/change-email/").await;
        assert!(app.eve().get(&new).await.body.contains("The newsletter goes there too."));
        app.eve().post(&new, &[]).await;
        app.eve().post(&mailed(app, NEW, "/change-email/").await, &[]).await;
        assert_eq!(
            app.ask("select email || ' ' || status from subscribers").await,
            [format!("{} confirmed", BOB.0)]
        );
    });
}

#[test]
fn the_newsletter_does_not_go_to_whoever_has_left_it_nor_twice_to_anybody() {
    for (there, expected) in [
        ("unsubscribed", ["bob@example.test confirmed", "robert@example.test unsubscribed"]),
        ("confirmed", ["bob@example.test unsubscribed", "robert@example.test confirmed"]),
    ] {
        with_app(async |app| {
            let bob = sign_up(app, BOB.0, BOB.1).await;
            subscribe(app, &app.eve(), BOB.0, &[]).await;
            app.psql(&format!(
                "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at, ended_at)
                 values (gen_random_uuid(), '{NEW}', '{there}', 'import', 'the fair', now(), now(), now())"
            ))
            .await;
            bob.post("/account/email", &[("email", NEW), ("with_newsletter", "on")]).await;
            let (old, new) = links_of_both(app).await;
            app.eve().post(&old, &[]).await;
            assert_eq!(app.eve().post(&new, &[]).await.location, "/account");
            let now = "select email || ' ' || status from subscribers order by email";
            assert_eq!(app.ask(now).await, expected);
        });
    }
}

#[test]
fn whoever_lost_their_mailbox_is_told_what_to_do_and_the_operator_can() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let page = bob.get("/account/email").await.body;
        assert!(
            page.contains("You cannot read the old one any more?") && page.contains("/contact")
        );
        let set = ["user", "email", "--email", BOB.0, "--to"];
        let to = |email| [&set[..], &[email]].concat();
        assert_eq!(app.cli(&to(ADA.0), "").code, 1, "somebody has it");
        assert_eq!(app.cli(&to("nonsense"), "").code, 1);
        assert_eq!(address(app).await, BOB.0);
        assert_eq!(app.cli(&to(NEW), "").code, 0);
        super::sign_in::is_sent_to_sign_in(&bob.get("/account").await);
        assert_eq!(sign_in(&app.eve(), NEW, BOB.1).await.status, 303);
        work_off(app).await;
        let told = mails_to(app, BOB.0).await.remove(0);
        assert!(told.mail.subject.contains("has another address"), "{}", told.mail.subject);
        link(&told, "/contact");
    });
}
