//! Somebody is asked by mail to run the site too, and does, or does not.

use super::accounts::{BOB, mailed, sign_up};
use super::newsletter::mails_to;
use super::sign_in::{is_sent_to_sign_in, sign_in};
use super::staff::{colleague, says};
use super::support::{Person, TestApp, with_app};

const BEA: (&str, &str) = ("bea@example.test", "a sentence of bea's own");

/// Invites somebody and gives the path of the link in their mail.
async fn invite(app: &TestApp, ada: &Person<'_>, email: &str, role: &str) -> String {
    let answer = ada.post("/admin/invites", &[("email", email), ("role", role)]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/admin/staff"), "{}", answer.body);
    mailed(app, email, "/invited/").await
}

#[test]
fn somebody_is_invited_by_mail_and_runs_the_site() {
    with_app(async |app| {
        let (ada, bea) = (app.ada().await, app.eve());
        let path = invite(app, &ada, BEA.0, "editor").await;
        let list = ada.get("/admin/staff").await;
        assert!(
            list.body.contains(BEA.0) && list.body.contains("A mail is on its way"),
            "{}",
            list.body
        );
        // Programs open every link in a mail.
        says(&bea.get(&path).await, 200, "invited as <strong>editor</strong>");
        assert_eq!(app.ask("select count(*) from staff").await, ["1"]);
        let weak = bea.post(&path, &[("name", "B"), ("password", "short")]).await;
        says(&weak, 422, r#"id="name-error""#);
        assert!(
            weak.body.contains(r#"id="password-error""#) && !weak.body.contains(r#"value="short""#)
        );
        let form = [("name", "Bea"), ("password", BEA.1)];
        let joined = bea.post(&path, &form).await;
        assert_eq!((joined.status, joined.location.as_str()), (303, "/admin"), "{}", joined.body);
        says(&bea.get("/admin").await, 200, "You run this site now");
        bea.get("/admin/staff").await.is_page(403);
        app.eve().get(&path).await.is_page(410);
        app.eve().post(&path, &form).await.is_page(410);
        assert_eq!(sign_in(&app.eve(), BEA.0, BEA.1).await.location, "/admin");
        let list = ada.get("/admin/staff").await;
        assert!(list.body.contains("Bea") && !list.body.contains("Send again"), "{}", list.body);
        let lines = "select concat_ws(' ', name, act, details) from audit where act like '%inv%' order by at";
        assert_eq!(
            app.ask(lines).await,
            [
                r#"Owner staff-invited {"role": "editor"}"#,
                r#"Bea invite-accepted {"role": "editor"}"#
            ]
        );
    });
}

#[test]
fn whoever_has_an_account_takes_it_up_with_that_once_signed_in() {
    with_app(async |app| {
        let (ada, bob) = (app.ada().await, sign_up(app, BOB.0, BOB.1).await);
        let elsewhere = app.eve();
        sign_in(&elsewhere, BOB.0, BOB.1).await;
        let path = invite(app, &ada, "BOB@example.test", "owner").await;
        for stranger in [app.eve(), ada.clone()] {
            let page = stranger.get(&path).await;
            let sign_in = format!("/sign-in?next={}", path.replace('/', "%2F"));
            assert!(page.status == 200 && page.body.contains(&sign_in), "{}", page.body);
            assert!(!page.body.contains("New password") && !page.body.contains(r#"name="name""#));
            let forced = stranger.post(&path, &[("name", "Eve"), ("password", BEA.1)]).await;
            says(&forced, 422, "Sign in to your account first.");
        }
        // It is long ago that he proved who he is.
        app.psql("update sessions set proven_at = now() - interval '11 minutes'").await;
        says(&bob.post(&path, &[]).await, 403, "Is it you?");
        assert_eq!(app.ask("select count(*) from staff").await, ["1"]);
        sign_in(&bob, BOB.0, BOB.1).await;
        assert_eq!(bob.post(&path, &[]).await.location, "/admin");
        assert_eq!(bob.get("/admin/staff").await.status, 200, "an owner");
        is_sent_to_sign_in(&elsewhere.get("/account").await);
        let lasts = "select distinct expires_at - created_at from sessions where account_id =
                         (select id from accounts where email = 'bob@example.test')";
        assert_eq!(app.ask(lasts).await, ["7 days"], "no session of a member is one of staff");
        bob.get(&path).await.is_page(410);
    });
}

#[test]
fn an_invitation_is_sent_again_taken_back_and_runs_out() {
    with_app(async |app| {
        let ada = app.ada().await;
        let first = invite(app, &ada, BEA.0, "editor").await;
        let id = async || {
            app.ask("select id from mailed_links where used_at is null order by created_at desc")
                .await
        };
        let again = format!("/admin/invites/{}/again", id().await[0]);
        assert_eq!(ada.post(&again, &[]).await.location, "/admin/staff");
        let second = mailed(app, BEA.0, "/invited/").await;
        app.eve().get(&first).await.is_page(410);
        assert_eq!(app.eve().get(&second).await.status, 200);
        ada.post(&again, &[]).await.is_page(404);
        let end = format!("/admin/invites/{}/end", id().await[0]);
        assert_eq!(ada.post(&end, &[]).await.location, "/admin/staff");
        app.eve().get(&second).await.is_page(410);
        ada.post(&end, &[]).await.is_page(404);

        let third = invite(app, &ada, BEA.0, "owner").await;
        let lasts = "select distinct expires_at - created_at from mailed_links where intent->>'to' = 'invite'";
        assert_eq!(app.ask(lasts).await, ["7 days"]);
        // Her mailbox has had its share, and the owner is told; the last link is as good as before.
        let more = ada.post("/admin/invites", &[("email", BEA.0), ("role", "editor")]).await;
        says(&more, 422, "several mails just now");
        assert!(more.body.contains(&format!(r#"value="{}""#, BEA.0)), "{}", more.body);
        assert_eq!(app.eve().get(&third).await.status, 200);
        app.psql("update mailed_links set expires_at = expires_at - interval '7 days'").await;
        app.eve().get(&third).await.is_page(410);
        app.eve().post(&third, &[("name", "Bea"), ("password", BEA.1)]).await.is_page(410);
        assert_eq!(app.ask("select count(*) from staff").await, ["1"]);
        assert!(ada.get("/admin/staff").await.body.contains("over"));
    });
}

#[test]
fn nobody_is_invited_who_is_here_or_was() {
    with_app(async |app| {
        let ada = app.ada().await;
        colleague(app, BEA.0, "editor").await;
        app.psql(
            "insert into accounts (id, email, name, active) values (gen_random_uuid(), 'gus@example.test', 'Gus', false)",
        )
        .await;
        assert_eq!(
            app.cli(&["user", "add", "--email", "cora@example.test", "--name", "Cora"], "").code,
            0
        );
        assert_eq!(app.cli(&["user", "deactivate", "--email", "cora@example.test"], "").code, 0);
        for (email, words) in [
            (BEA.0, "They run the site already."),
            ("ADA@example.com", "They run the site already."),
            ("cora@example.test", "Activate their account instead."),
            ("gus@example.test", "is closed."),
            ("nowhere", "Enter an email address"),
        ] {
            let answer = ada.post("/admin/invites", &[("email", email), ("role", "editor")]).await;
            says(&answer, 422, words);
            assert!(answer.body.contains(r#"id="email-error""#));
        }
        let king =
            ada.post("/admin/invites", &[("email", "x@example.test"), ("role", "king")]).await;
        says(&king, 422, "Choose owner or editor.");
        assert_eq!(app.ask("select count(*) from mailed_links").await, ["0"]);
    });
}

#[test]
fn an_invitation_is_worth_what_its_sender_may() {
    with_app(async |app| {
        let bea = colleague(app, BEA.0, "owner").await;
        let by_role = invite(app, &bea, "one@example.test", "owner").await;
        assert_eq!(app.cli(&["user", "role", "--email", BEA.0, "--role", "editor"], "").code, 0);
        app.eve().get(&by_role).await.is_page(410);
        assert_eq!(app.cli(&["user", "role", "--email", BEA.0, "--role", "owner"], "").code, 0);
        app.eve().get(&by_role).await.is_page(410);
        // Somebody in psql says nothing to anyone.
        let ada = app.ada().await;
        let by_hand = invite(app, &ada, "two@example.test", "owner").await;
        app.psql("update accounts set active = false where email like 'ada@%'").await;
        app.eve().post(&by_hand, &[("name", "Two"), ("password", BEA.1)]).await.is_page(410);
    });
}

#[test]
fn the_mail_says_nothing_that_was_typed_and_no_link_is_seen_by_others() {
    with_app(async |app| {
        let ada = app.ada().await;
        let path = invite(app, &ada, BEA.0, "owner").await;
        let letter = mails_to(app, BEA.0).await.remove(0);
        assert_eq!(letter.mail.subject, "Run Frontdesk with us");
        let text = letter.mail.text();
        assert!(text.contains("as one of its owners") && !text.contains("Owner"), "{text}");
        let random = &path.rsplit('/').next().unwrap()[32..];
        let kept = app.tables_with(random).await;
        assert_eq!(kept, ["mailed_links"], "nobody carries mail here, so owners read it");
        let cause = app.ask("select cause from outbox where recipient is not null").await;
        assert_eq!(cause, ["invite"]);
    });
}
