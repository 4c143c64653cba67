//! Accounts: made once their mailbox has said yes, opened by password or by mailed link, and nobody learns who has one.

use super::newsletter::{link, mails_to, work_off};
use super::sign_in::{cookie, is_sent_to_sign_in, sign_in};
use super::support::{ADA, Answer, Person, Smtp, TestApp, with_app, with_settings};
use reqwest::Method;
use std::collections::BTreeMap;

pub const BOB: (&str, &str) = ("bob@example.test", "a sentence that nobody guesses");

/// Has the mail written to an address that was asked for last, and gives the path of the link in it.
pub async fn mailed(app: &TestApp, email: &str, start: &str) -> String {
    work_off(app).await;
    link(&mails_to(app, email).await.remove(0), start)
}

/// Has a link of each kind at hand, as if it had been mailed: by the route it leads to, the path.
pub async fn links_in_mails(app: &TestApp) -> BTreeMap<&'static str, String> {
    let by = app.ask("select id from staff where role = 'owner' limit 1").await.remove(0);
    let invite = format!(r#"{{"to": "invite", "role": "editor", "by": "{by}"}}"#);
    let kinds = [
        ("/invited/{token}", invite.as_str()),
        ("/sign-in/link/{token}", r#"{"to": "sign-in", "next": "", "had_one": false}"#),
        ("/sign-up/{token}", r#"{"to": "sign-up", "name": "Ann", "password_hash": null}"#),
        ("/forgot-password/{token}", r#"{"to": "reset"}"#),
        ("/not-me/{token}", r#"{"to": "alarm", "alarm": {"what": "password-changed"}}"#),
        (
            "/change-email/{token}",
            r#"{"to": "change-email", "change": "01890000-0000-7000-8000-00000000000c", "side": "old"}"#,
        ),
    ];
    app.psql(
        "insert into email_changes (id, account_id, email, with_newsletter, expires_at)
         select '01890000-0000-7000-8000-00000000000c', id, 'new@example.test', false, now() + interval '1 hour'
           from accounts limit 1",
    )
    .await;
    let mut paths = BTreeMap::new();
    for (number, (route, intent)) in kinds.into_iter().enumerate() {
        let id = format!("01890000-0000-7000-8000-{number:012}");
        app.psql(&format!(
            "insert into mailed_links (id, account_id, email, mailbox, at_home, intent, hashes, expires_at)
             select '{id}', (select id from accounts where '{route}' not in ('/sign-up/{{token}}', '/invited/{{token}}') limit 1), 'ann@example.test',
                    'ann@example.test', false, '{intent}', array[sha256(decode(repeat('00', 16), 'hex'))], now() + interval '1 hour'"
        ))
        .await;
        let token = format!("{}{}", id.replace('-', ""), "0".repeat(32));
        paths.insert(route, route.replace("{token}", &token));
    }
    paths
}

/// Makes an account as anyone would, and is signed in to it.
pub async fn sign_up<'a>(app: &'a TestApp, email: &str, password: &str) -> Person<'a> {
    let person = app.eve();
    let form = [("name", "Bob"), ("email", email), ("password", password)];
    let answer = person.post("/sign-up", &form).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/check-your-mail"));
    let answer = person.post(&mailed(app, email, "/sign-up/").await, &[]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/account"), "{}", answer.body);
    person
}

/// Sends a form from a browser that holds this session and no other.
async fn holding(app: &TestApp, session: &str, path: &str) -> Answer {
    let eve = app.eve();
    eve.send(eve.request(Method::GET, path).header("cookie", session)).await
}

#[test]
fn an_account_is_made_once_its_mailbox_has_said_yes() {
    with_app(async |app| {
        let bob = app.eve();
        let form = [("name", "Bob"), ("email", BOB.0), ("password", BOB.1)];
        assert_eq!(bob.post("/sign-up", &form).await.location, "/check-your-mail");
        let path = mailed(app, BOB.0, "/sign-up/").await;
        // Programs open every link in a mail.
        let page = bob.get(&path).await;
        assert!(page.status == 200 && page.body.contains(BOB.0), "{}", page.body);
        assert_eq!(app.ask("select count(*) from accounts").await, ["1"], "Ada's");
        assert_eq!(sign_in(&bob, BOB.0, BOB.1).await.status, 422);

        assert_eq!(bob.post(&path, &[]).await.location, "/account");
        let account = bob.get("/account").await;
        assert!(account.body.contains(BOB.0) && account.body.contains("Your account is ready"));
        is_sent_to_sign_in(&app.eve().get("/account").await);
        bob.get("/admin").await.is_page(403);
        assert!(bob.get("/posts").await.body.contains("/account"), "the bar above every page");
        // Once.
        bob.get(&path).await.is_page(410);
        app.eve().post(&path, &[]).await.is_page(410);
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/account");
    });
}

#[test]
fn whoever_signs_up_goes_on_to_where_they_came_from_and_nowhere_else() {
    with_app(async |app| {
        for (number, (next, leads_to)) in [
            ("/posts/a-wall?page=2", "/posts/a-wall?page=2"),
            ("", "/account"),
            ("https://evil.example", "/account"),
            ("//evil.example", "/account"),
        ]
        .into_iter()
        .enumerate()
        {
            let (person, email) = (app.eve(), format!("p{number}@example.test"));
            let form = [("name", "Bob"), ("email", email.as_str()), ("next", next)];
            assert_eq!(person.post("/sign-up", &form).await.location, "/check-your-mail");
            let made = person.post(&mailed(app, &email, "/sign-up/").await, &[]).await;
            assert_eq!((made.status, made.location.as_str()), (303, leads_to), "{next}");
        }
        let page = app.eve().get("/sign-up?next=%2Fposts").await.body;
        assert!(page.contains("name=\"next\" value=\"/posts\""), "{page}");
        assert!(page.contains("href=\"/sign-in?next=%2Fposts\""), "{page}");
        // Whoever has an account already comes there too.
        let form = [("name", "Bob"), ("email", "p0@example.test"), ("next", "/posts")];
        app.eve().post("/sign-up", &form).await;
        let link = mailed(app, "p0@example.test", "/sign-in/link/").await;
        assert_eq!(app.eve().post(&link, &[]).await.location, "/posts");
    });
}

#[test]
fn whoever_types_anothers_address_learns_nothing_and_gets_nothing() {
    with_app(async |app| {
        let (bob, eve) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let mut answers = Vec::new();
        for email in [BOB.0, "nobody@example.test"] {
            let form = [("name", "Eve"), ("email", email), ("password", "eve has chosen this one")];
            answers.push(eve.post("/sign-up", &form).await);
            answers.push(eve.post("/sign-in/link", &[("email", email)]).await);
            answers.push(eve.post("/forgot-password", &[("email", email)]).await);
        }
        for answer in &answers {
            assert_eq!((answer.status, answer.location.as_str()), (303, "/check-your-mail"));
        }
        work_off(app).await;
        let said: Vec<_> =
            mails_to(app, BOB.0).await.into_iter().map(|letter| letter.mail.subject).collect();
        let site = "Frontdesk";
        let expected = ["Another password for", "Sign in to", "You have an account at"];
        assert_eq!(said, expected.map(|subject| format!("{subject} {site}")));
        let unknown = mails_to(app, "nobody@example.test").await;
        let said: Vec<_> = unknown.iter().map(|letter| letter.mail.subject.as_str()).collect();
        assert_eq!(said[0], format!("No account at {site}"));
        assert!(!unknown[0].mail.text().contains("/forgot-password/"));
        // Nothing of Eve's is in Bob's account.
        assert_eq!(sign_in(&app.eve(), BOB.0, "eve has chosen this one").await.status, 422);
        assert_eq!(bob.get("/account").await.status, 200);
        assert_eq!(app.ask("select name from accounts where email like 'bob@%'").await, ["Bob"]);
    });
}

#[test]
fn a_mailbox_is_not_flooded_whatever_stands_after_the_plus() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        for number in 0..30 {
            let eve = app.eve().coming_from(&format!("198.51.100.{number}"));
            let email = format!("victim+{number}@example.test");
            for path in ["/sign-in/link", "/forgot-password"] {
                let answer = eve.post(path, &[("email", &email)]).await;
                assert_eq!(answer.location, "/check-your-mail");
            }
        }
        let mails = "select count(*) from outbox where recipient like 'victim%'";
        assert_eq!(app.ask(mails).await, ["3"]);
        app.psql("update mailed_links set created_at = now() - interval '1 hour'").await;
        for number in 0..30 {
            app.psql("update mailed_links set created_at = created_at - interval '20 minutes'")
                .await;
            let eve = app.eve().coming_from(&format!("198.51.101.{number}"));
            eve.post("/sign-in/link", &[("email", "victim@example.test")]).await;
        }
        assert_eq!(app.ask(mails).await, ["12"], "a day's");
    });
}

#[test]
fn strangers_who_ask_for_many_links_keep_nobody_out() {
    with_app(async |app| {
        let (bob, eve) = (sign_up(app, BOB.0, "").await, app.eve());
        for _ in 0..5 {
            eve.post("/sign-in/link", &[("email", BOB.0)]).await;
        }
        let mails = "select count(*) from outbox where recipient like 'bob@%'";
        // One was that of the sign-up, which has a count of its own.
        assert_eq!(app.ask(mails).await, ["4"]);
        bob.post("/sign-out", &[]).await;
        bob.post("/sign-in/link", &[("email", &BOB.0.to_uppercase())]).await;
        assert_eq!(app.ask(mails).await, ["5"], "on a device that Bob has signed in on");
        let path = mailed(app, BOB.0, "/sign-in/link/").await;
        assert_eq!(bob.post(&path, &[]).await.location, "/account");
    });
}

#[test]
fn a_mailed_link_signs_in_once_and_for_a_quarter_of_an_hour() {
    with_app(async |app| {
        sign_up(app, BOB.0, "").await;
        let bob = app.eve();
        assert_eq!(sign_in(&bob, BOB.0, "").await.status, 422, "there is no password");
        let form = [("email", BOB.0), ("next", "/account/profile")];
        bob.post("/sign-in/link", &form).await;
        let path = mailed(app, BOB.0, "/sign-in/link/").await;
        assert_eq!(bob.get(&path).await.status, 200);
        is_sent_to_sign_in(&bob.get("/account").await);
        for (form, start) in
            [("/sign-up", "/sign-in/link/"), ("/forgot-password", "/sign-in/link/")]
        {
            // A token is good for what it was made for.
            app.eve()
                .post(&path.replace(start, &format!("{form}/")), &[("password", BOB.1)])
                .await
                .is_page(410);
        }
        let answer = bob.post(&path, &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/account/profile"));
        assert_eq!(bob.get("/account").await.status, 200);
        app.eve().post(&path, &[]).await.is_page(410);

        app.psql("delete from mailed_links").await;
        bob.post("/sign-in/link", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/sign-in/link/").await;
        app.psql("update mailed_links set expires_at = expires_at - interval '15 minutes'").await;
        app.eve().get(&path).await.is_page(410);
        app.eve().post(&path, &[]).await.is_page(410);
        for nonsense in ["x", "0", &"0".repeat(64), "%20", "é"] {
            app.eve().get(&format!("/sign-in/link/{nonsense}")).await.is_page(410);
        }
    });
}

#[test]
fn another_password_ends_every_session_and_every_link() {
    with_app(async |app| {
        let (here, there) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        assert_eq!(sign_in(&there, BOB.0, BOB.1).await.status, 303);
        app.eve().post("/sign-in/link", &[("email", BOB.0)]).await;
        let still_good = mailed(app, BOB.0, "/sign-in/link/").await;
        app.eve().post("/forgot-password", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/forgot-password/").await;
        let other = app.second_instance().await;

        let short = app.eve().post(&path, &[("password", "short")]).await;
        assert!(short.status == 422 && short.body.contains("12 to 200"), "{}", short.body);
        let new = "another sentence altogether";
        let answer = app.eve().post(&path, &[("password", new)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"));
        for person in [&here, &there, &here.at(&other), &there.at(&other)] {
            is_sent_to_sign_in(&person.get("/account").await);
        }
        app.eve().post(&path, &[("password", "yet another sentence")]).await.is_page(410);
        app.eve().post(&still_good, &[]).await.is_page(410);
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 422);
        assert_eq!(sign_in(&app.eve(), BOB.0, new).await.status, 303);
    });
}

#[test]
fn a_member_changes_name_and_password_and_loses_nothing_to_another_window() {
    with_app(async |app| {
        let (bob, elsewhere) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        sign_in(&elsewhere, BOB.0, BOB.1).await;
        assert!(bob.get("/account/profile").await.body.contains(r#"name="version" value="1""#));
        let first = bob.post("/account/profile", &[("name", "Bob B."), ("version", "1")]).await;
        assert_eq!(first.location, "/account");
        let second =
            elsewhere.post("/account/profile", &[("name", "Robert"), ("version", "1")]).await;
        assert_eq!(second.status, 422);
        assert!(second.body.contains(r#"value="Robert""#) && second.body.contains("version-error"));
        assert!(second.body.contains(r#"name="version" value="2""#), "once more is knowingly");
        let again =
            elsewhere.post("/account/profile", &[("name", "Robert"), ("version", "2")]).await;
        assert_eq!(again.status, 303);
        assert!(bob.get("/account").await.body.contains("Robert"));
        for name in ["", "x", &"x".repeat(101), "a\u{0}b"] {
            let answer = bob.post("/account/profile", &[("name", name), ("version", "3")]).await;
            assert!(answer.status == 422 && answer.body.contains("name-error"), "{name:?}");
        }

        let new = "another sentence altogether";
        let form = |current| [("current_password", current), ("password", new)];
        let wrong = bob.post("/account/password", &form("wrong")).await;
        assert!(wrong.status == 422 && wrong.body.contains("current_password-error"));
        assert!(!wrong.body.contains(new));
        assert_eq!(bob.post("/account/password", &form(BOB.1)).await.location, "/account");
        assert_eq!(bob.get("/account").await.status, 200, "here one stays");
        is_sent_to_sign_in(&elsewhere.get("/account").await);
    });
}

#[test]
fn a_member_sees_and_ends_sessions_and_no_one_elses() {
    with_app(async |app| {
        let (bob, ada) = (sign_up(app, BOB.0, BOB.1).await, app.ada().await);
        let there = app.eve();
        let form = [("email", BOB.0), ("password", BOB.1)];
        let request = there.request(Method::POST, "/sign-in").header("origin", &app.origin);
        let answer = there.send(request.header("user-agent", "Palm <Pilot>").form(&form)).await;
        let session = format!("sid={}", cookie(&answer, "sid").unwrap().0);
        let page = bob.get("/account").await.body;
        assert!(page.contains("Palm &lt;Pilot&gt;") && page.contains("This session"), "{page}");
        let ends: Vec<&str> =
            page.split("action=\"").filter(|rest| rest.starts_with("/account/sessions/")).collect();
        let path = ends[0].split('"').next().unwrap();
        ada.post(path, &[]).await.is_page(404);
        assert_eq!(holding(app, &session, "/account").await.status, 200);
        assert_eq!(bob.post(path, &[]).await.location, "/account");
        is_sent_to_sign_in(&holding(app, &session, "/account").await);

        for _ in 0..3 {
            sign_in(&app.eve(), BOB.0, BOB.1).await;
        }
        assert_eq!(bob.post("/account/sessions/end", &[]).await.location, "/account");
        let left = "select accounts.name from sessions join accounts on accounts.id = account_id order by 1";
        assert_eq!(app.ask(left).await, ["Bob", "Owner"]);
        assert_eq!(bob.get("/account").await.status, 200);
    });
}

#[test]
fn a_session_that_nobody_uses_runs_out_sooner_for_staff() {
    with_app(async |app| {
        let (bob, ada) = (sign_up(app, BOB.0, BOB.1).await, app.ada().await);
        app.psql("update sessions set seen_at = now() - interval '25 hours'").await;
        is_sent_to_sign_in(&ada.get("/admin").await);
        assert_eq!(bob.get("/account").await.status, 200);
        let seen = "select seen_at > now() - interval '1 minute' from sessions join accounts
                     on accounts.id = account_id where email like 'bob@%'";
        assert_eq!(app.ask(seen).await, ["true"], "it is in use, so it goes on");
        app.psql("update sessions set seen_at = now() - interval '31 days'").await;
        is_sent_to_sign_in(&bob.get("/account").await);
        let lasts = "select distinct (expires_at - created_at)::text from sessions order by 1";
        assert_eq!(app.ask(lasts).await, ["7 days", "90 days"]);
    });
}

#[test]
fn the_database_knows_a_link_by_its_hash_alone_where_somebody_carries_mail() {
    let smtp = Smtp::start(super::support::Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        app.eve().post("/sign-in/link", &[("email", ADA.0)]).await;
        work_off(app).await;
        let mails = smtp.mails();
        let text = mails[0].text("/text");
        let (_, rest) = text.split_once("/sign-in/link/").expect(text);
        let token = rest.split_whitespace().next().unwrap();
        assert_eq!(token.len(), 64);
        let (id, random) = token.split_at(32);
        assert_eq!(app.tables_with(random).await, [""; 0]);
        assert!(
            app.tables_with(&app.ask("select id::text from mailed_links").await[0]).await.len()
                >= 2
        );
        assert_eq!(app.ask("select shown is null from mailed_links").await, ["true"]);
        let ada = app.ada().await;
        let entry = ada.get(&format!("/admin/outbox/{}", uuid::Uuid::parse_str(id).unwrap())).await;
        assert!(entry.status == 200 && entry.body.contains("stands in the mail alone"));
        assert!(!entry.body.contains(random));
        assert_eq!(app.eve().post(&format!("/sign-in/link/{token}"), &[]).await.location, "/admin");
    });
}

#[test]
fn where_nobody_carries_mail_an_owner_reads_the_link_and_an_editor_does_not() {
    with_app(async |app| {
        let add = ["user", "add", "--email", "ed@example.com", "--name", "Ed", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let (ada, ed) = (app.ada().await, app.eve());
        sign_in(&ed, "ed@example.com", &password).await;
        app.eve().post("/forgot-password", &[("email", ADA.0)]).await;
        work_off(app).await;
        let entry = format!("/admin/outbox/{}", app.ask("select id from outbox").await[0]);
        assert!(ada.get(&entry).await.body.contains("/forgot-password/"));
        let page = ed.get(&entry).await;
        assert!(page.status == 200 && !page.body.contains("/forgot-password/"), "{}", page.body);
    });
}

#[test]
fn a_password_that_somebody_else_chose_for_a_mailbox_is_none() {
    with_app(async |app| {
        let (bob, eve) = (app.eve(), app.eve());
        let form = [("name", "Bob"), ("email", BOB.0), ("password", "eve has chosen this one")];
        assert_eq!(eve.post("/sign-up", &form).await.location, "/check-your-mail");
        let link = mailed(app, BOB.0, "/sign-up/").await;
        assert!(bob.get(&link).await.body.contains("counts if that was done in this browser"));
        // What Eve's browser keeps is hers alone.
        let request = bob.request(Method::POST, &link).header("cookie", "asked=00");
        let request = request.header("sec-fetch-site", "same-origin").header("origin", &app.origin);
        let made = bob.send(request.form(&[("", ""); 0])).await;
        assert_eq!(made.location, "/account", "{}", made.body);
        assert!(bob.get("/account").await.body.contains("does not count"), "he is told");
        assert_eq!(sign_in(&eve, BOB.0, "eve has chosen this one").await.status, 422);
        assert_eq!(
            app.ask("select count(*) from accounts where password_hash is null").await,
            ["1"]
        );
        // He has just proven who he is, and chooses his own.
        assert_eq!(
            bob.post("/account/password", &[("password", BOB.1)]).await.location,
            "/account"
        );
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/account");
    });
}

#[test]
fn those_who_ask_for_one_kind_of_mail_take_nobody_another_kind_away() {
    with_app(async |app| {
        let eve = app.eve();
        for _ in 0..4 {
            eve.post("/forgot-password", &[("email", BOB.0)]).await;
            eve.post("/sign-in/link", &[("email", BOB.0)]).await;
        }
        let bob = sign_up(app, BOB.0, BOB.1).await;
        for _ in 0..4 {
            eve.post("/sign-in/link", &[("email", BOB.0)]).await;
        }
        let other = app.eve();
        other.post("/forgot-password", &[("email", BOB.0)]).await;
        mailed(app, BOB.0, "/forgot-password/").await;
        assert_eq!(bob.get("/account").await.status, 200);
    });
}

#[test]
fn another_password_brings_another_session_id() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let form = [("current_password", BOB.1), ("password", "another sentence altogether")];
        let before = app.ask("select encode(token_hash, 'hex') from sessions").await;
        let changed = bob.post("/account/password", &form).await;
        assert!(changed.location == "/account" && cookie(&changed, "sid").is_some());
        assert_ne!(app.ask("select encode(token_hash, 'hex') from sessions").await, before);
        assert_eq!(bob.get("/account").await.status, 200);
    });
}
