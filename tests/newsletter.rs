//! Subscribing: twice said, chosen, ended, and never used against a stranger's mailbox.

use super::support::{Answer, Person, TestApp, with_app};
use frontdesk::clock::Clock;
use frontdesk::jobs::{Job, worker};
use frontdesk::mail::{self, Letter, Mail};
use frontdesk::services::links;
use reqwest::Method;
use std::time::Duration;

pub const HOUR: Duration = Duration::from_secs(3600);

/// Has everything done that is due.
pub async fn work_off(app: &TestApp) {
    worker::work_off(&app.state).await.unwrap();
}

/// The mails to an address, the last written first, as they would go out.
pub async fn mails_to(app: &TestApp, email: &str) -> Vec<Letter> {
    let jobs = app
        .ask(&format!(
            "select job from outbox where kind = 'mail' and recipient = lower('{email}') order by id desc"
        ))
        .await;
    let mut letters = Vec::new();
    for job in jobs {
        let Job::Mail(mail) = serde_json::from_str(&job).unwrap() else { panic!("{job}") };
        letters.extend(composed(app, &mail).await);
    }
    letters
}

/// A mail as it would go out.
pub async fn composed(app: &TestApp, mail: &Mail) -> Option<Letter> {
    let letter = app.state.read(async |db| {
        let token = match mail {
            Mail::Link { link } => links::shown(db, *link).await?,
            _ => None,
        };
        mail::compose(&app.state, db, mail, token.as_ref()).await
    });
    letter.await.unwrap()
}

/// The path of the link in a mail that leads below `start`.
pub fn link(letter: &Letter, start: &str) -> String {
    let text = letter.mail.text();
    let line = text.lines().find(|line| line.starts_with("http") && line.contains(start));
    let line = line.unwrap_or_else(|| panic!("no link to {start} in {text}"));
    url::Url::parse(line).unwrap().path().to_owned()
}

/// Has somebody subscribe and confirm it, and gives the path of their preferences.
pub async fn subscribe(app: &TestApp, eve: &Person<'_>, email: &str, topics: &[&str]) -> String {
    let mut fields = vec![("email", email)];
    fields.extend(topics.iter().map(|topic| ("topics", *topic)));
    let answer = eve.post("/newsletter", &fields).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/newsletter/thanks"));
    let letter = mails_to(app, email).await.remove(0);
    let answer = eve.post(&link(&letter, "/newsletter/confirm/"), &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location
}

/// Puts `count` confirmed subscribers on the list, `reader-1@example.test` the first.
pub async fn readers(app: &TestApp, count: usize) {
    app.psql(&format!(
        "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at)
         select gen_random_uuid(), 'reader-' || n || '@example.test', 'confirmed', 'import', 'the fair', now(), now()
           from generate_series(1, {count}) n"
    ))
    .await;
}

pub async fn status_of(app: &TestApp, email: &str) -> String {
    app.ask(&format!("select status from subscribers where email = '{email}'")).await.remove(0)
}

async fn topics(app: &TestApp) {
    app.psql(
        "insert into topics (slug, name) values ('craft', 'Craft'), ('print', 'Print');
         insert into posts (id, slug, title, body, topic, status, published_at)
         select gen_random_uuid(), 'on-' || slug, 'On ' || name, 'Text', slug, 'published', '2026-01-01Z' from topics",
    )
    .await;
}

#[test]
fn nobody_is_subscribed_who_has_not_said_so_twice_and_a_get_changes_nothing() {
    with_app(async |app| {
        let eve = app.eve();
        let answer = eve.post("/newsletter", &[("email", "Ann@example.test")]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/newsletter/thanks"));
        eve.get("/newsletter/thanks").await.is_page(200);
        assert_eq!(status_of(app, "Ann@example.test").await, "pending");
        let letter = mails_to(app, "ann@example.test").await.remove(0);
        assert_eq!(letter.to.email, "Ann@example.test");
        let confirm = link(&letter, "/newsletter/confirm/");
        for _ in 0..3 {
            let page = app.eve().get(&confirm).await;
            page.is_page(200);
            assert!(
                page.body.contains("Ann@example.test") && page.body.contains("Yes, subscribe me")
            );
            assert_eq!(page.header("cache-control"), "no-store");
        }
        assert_eq!(app.eve().send(app.eve().request(Method::HEAD, &confirm)).await.status, 200);
        assert_eq!(status_of(app, "Ann@example.test").await, "pending");

        for _ in 0..2 {
            let answer = app.eve().post(&confirm, &[]).await;
            assert_eq!(answer.status, 303);
            assert!(answer.location.starts_with("/newsletter/preferences/"), "{}", answer.location);
        }
        assert_eq!(status_of(app, "Ann@example.test").await, "confirmed");
        let page = app.eve().get(&confirm).await;
        assert!(
            page.body.contains("You are subscribed") && !page.body.contains("Yes, subscribe me")
        );
        // The words they agreed to, and when, are kept.
        assert_eq!(
            app.ask("select consent || ' ' || (consent_at <= confirmed_at) from subscribers").await,
            ["form-2026-11 true"]
        );
    });
}

#[test]
fn the_form_stands_at_the_foot_of_every_page_and_says_what_is_wrong() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for page in ["/", "/posts", "/contact", "/nowhere"] {
            let body = eve.get(page).await.body;
            assert!(body.contains(r#"action="/newsletter""#), "{page}");
            assert!(body.contains(r#"<label for="newsletter-address">"#), "{page}");
        }
        assert!(ada.get("/admin").await.body.contains(r#"id="newsletter-address""#));
        let page = eve.get("/newsletter").await.body;
        assert!(page.contains(r#"id="email""#) && !page.contains("newsletter-address"));
        for wrong in ["", "nowhere", "a b@example.test", "x@localhost", "x\u{1}@example.test"] {
            let answer = eve.post("/newsletter", &[("email", wrong)]).await;
            answer.is_page(422);
            assert!(answer.body.contains(r#"id="email-error""#), "{}", answer.body);
        }
        topics(app).await;
        let fields = [("email", "x@example.test"), ("topics", "craft"), ("topics", "\0")];
        let answer = eve.post("/newsletter", &fields).await;
        answer.is_page(422);
        assert!(answer.body.contains(r#"id="topics-error""#), "{}", answer.body);
        assert_eq!(app.ask("select count(*) from subscribers").await, ["0"]);
    });
}

#[test]
fn nobody_learns_who_is_here() {
    with_app(async |app| {
        let eve = app.eve();
        subscribe(app, &eve, "here@example.test", &[]).await;
        app.state.clock.advance(25 * HOUR); // the mail to confirm was one a day too
        let shown = |answer: Answer| {
            let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            (answer.status, answer.location, answer.body, headers)
        };
        let ask = async |email| shown(app.eve().post("/newsletter", &[("email", email)]).await);
        let unknown = ask("unknown@example.test").await;
        for email in ["here@example.test", "HERE@example.test", "unknown@example.test"] {
            assert_eq!(ask(email).await, unknown, "{email}");
        }
        // Whoever is here is told so in their own mailbox, where they can change what they get.
        let letters = mails_to(app, "here@example.test").await;
        assert!(letters[0].mail.subject.starts_with("You are subscribed already"));
        let page = eve.get(&link(&letters[0], "/newsletter/preferences/")).await;
        page.is_page(200);
        assert_eq!(letters.len(), 1, "the other one, to confirm, has nothing to say any more");
    });
}

#[test]
fn a_link_we_have_not_written_leads_nowhere() {
    with_app(async |app| {
        let eve = app.eve();
        let manage = subscribe(app, &eve, "ann@example.test", &[]).await;
        let token = manage.rsplit('/').next().unwrap();
        let stranger = Clock::default().id().simple().to_string();
        let foreign = format!("{stranger}{}", &token[32..]);
        let forged = format!("{}{}", &token[..62], if token.ends_with("00") { "11" } else { "00" });
        for wrong in [&foreign, &forged, &token[..63], "x", &format!("{token}00")] {
            for door in ["preferences", "unsubscribe", "confirm"] {
                let path = format!("/newsletter/{door}/{wrong}");
                eve.get(&path).await.is_page(404);
                eve.post(&path, &[("digest", "daily")]).await.is_page(404);
            }
        }
        // What is good for one thing is not good for another.
        eve.get(&format!("/newsletter/confirm/{token}")).await.is_page(404);
        assert_eq!(status_of(app, "ann@example.test").await, "confirmed");
        app.psql("delete from subscribers").await;
        eve.get(&manage).await.is_page(404);
        eve.post(&manage.replace("preferences", "unsubscribe"), &[]).await.is_page(404);
    });
}

#[test]
fn a_mail_program_unsubscribes_its_reader_by_a_post_from_anywhere_as_often_as_it_likes() {
    with_app(async |app| {
        let manage = subscribe(app, &app.eve(), "ann@example.test", &[]).await;
        let leave = manage.replace("preferences", "unsubscribe");
        let page = app.eve().get(&leave).await;
        page.is_page(200);
        assert!(page.body.contains("No more mail will go to"));
        assert_eq!(status_of(app, "ann@example.test").await, "confirmed", "a GET changes nothing");

        let program = app.eve();
        let one_click = [("List-Unsubscribe", "One-Click")];
        let send = |headers: &[(&str, &str)]| {
            let request = program.request(Method::POST, &leave).form(&one_click);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let nothing: [(&str, &str); 0] = [];
        let webmail = [("origin", "https://mail.example"), ("sec-fetch-site", "cross-site")];
        for headers in [nothing.as_slice(), &webmail, &[("origin", "null")], &nothing] {
            let answer = program.send(send(headers)).await;
            answer.is_page(200);
            assert!(
                answer.body.contains("You are unsubscribed")
                    && !answer.headers.contains_key("set-cookie")
            );
            assert_eq!(status_of(app, "ann@example.test").await, "unsubscribed");
        }
        let multipart = reqwest::multipart::Form::new().text("List-Unsubscribe", "One-Click");
        let answer = program.send(program.request(Method::POST, &leave).multipart(multipart)).await;
        assert_eq!(answer.status, 200);
        assert!(app.eve().get(&manage).await.body.contains("You get no mail from us"));
        let choices = [("digest", "daily"), ("time_zone", "UTC")];
        app.eve().post(&manage, &choices).await.is_page(422);
    });
}

#[test]
fn a_person_leaves_by_the_button_and_may_come_back() {
    with_app(async |app| {
        let eve = app.eve();
        let manage = subscribe(app, &eve, "ann@example.test", &[]).await;
        let old_confirm = {
            let job =
                app.ask("select job from outbox where job->>'mail' = 'confirm-subscription'").await;
            let Job::Mail(mail) = serde_json::from_str(&job[0]).unwrap() else { panic!() };
            assert!(composed(app, &mail).await.is_none(), "there is nothing to confirm any more");
            mail
        };
        let leave = manage.replace("preferences", "unsubscribe");
        let answer = eve.post(&leave, &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, leave.as_str()));
        assert!(eve.get(&leave).await.body.contains("You are unsubscribed"));

        // Whoever has left stays away until they say otherwise themselves, from their mailbox.
        app.state.clock.advance(2 * HOUR);
        eve.post("/newsletter", &[("email", "ann@example.test")]).await;
        assert_eq!(status_of(app, "ann@example.test").await, "unsubscribed");
        let letter = composed(app, &old_confirm).await.unwrap();
        eve.post(&link(&letter, "/newsletter/confirm/"), &[]).await;
        assert_eq!(status_of(app, "ann@example.test").await, "confirmed");
        eve.post(&leave, &[]).await;
        let answer = eve.post(&link(&letter, "/newsletter/confirm/"), &[]).await;
        answer.is_page(422);
        assert!(answer.body.contains("earlier request"), "{}", answer.body);
        assert_eq!(status_of(app, "ann@example.test").await, "unsubscribed");
    });
}

#[test]
fn a_subscriber_chooses_topics_and_a_digest_and_keeps_what_was_typed_wrong() {
    with_app(async |app| {
        topics(app).await;
        let eve = app.eve();
        assert!(eve.get("/newsletter").await.body.contains(r#"name="topics" value="craft""#));
        let manage = subscribe(app, &eve, "ann@example.test", &["craft", "no-such-topic"]).await;
        let chosen = async || {
            app.ask("select concat_ws(' ', all_topics, digest, time_zone, (select string_agg(topic, ',' order by topic) from subscriber_topics)) from subscribers").await.remove(0)
        };
        assert_eq!(chosen().await, "f none UTC craft");
        let page = eve.get(&manage).await.body;
        assert!(
            page.contains(r#"value="craft" checked"#) && !page.contains(r#"value="print" checked"#)
        );
        let fields = [
            ("topics", "print"),
            ("topics", "craft"),
            ("digest", "weekly"),
            ("time_zone", "Europe/Berlin"),
        ];
        let answer = eve.post(&manage, &fields).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, manage.as_str()));
        assert!(eve.get(&manage).await.body.contains("What you chose is saved."));
        assert_eq!(chosen().await, "f weekly Europe/Berlin craft,print");
        let wrong = [("topics", "print"), ("digest", "hourly"), ("time_zone", "Mars/Olympus")];
        let answer = eve.post(&manage, &wrong).await;
        answer.is_page(422);
        assert!(
            answer.body.contains(r#"id="digest-error""#) && answer.body.contains("Mars/Olympus")
        );
        assert!(
            answer.body.contains(r#"value="print" checked"#)
                && !answer.body.contains(r#"value="craft" checked"#)
        );
        let answer = eve.post(&manage, &[("digest", "daily"), ("time_zone", "Mars/Olympus")]).await;
        assert!(answer.body.contains(r#"id="time_zone-error""#), "{}", answer.body);
        for (field, topic, zone) in [("topics", "print\0", "UTC"), ("time_zone", "print", "UTC\0")]
        {
            let nul = [("topics", topic), ("digest", "daily"), ("time_zone", zone)];
            let answer = eve.post(&manage, &nul).await;
            answer.is_page(422);
            assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{}", answer.body);
        }
        assert_eq!(chosen().await, "f weekly Europe/Berlin craft,print");
        eve.post(&manage, &[("digest", "none"), ("time_zone", "UTC")]).await;
        assert_eq!(chosen().await, "t none UTC");
    });
}

#[test]
fn whoever_never_confirms_is_forgotten() {
    with_app(async |app| {
        let eve = app.eve();
        subscribe(app, &eve, "ann@example.test", &[]).await;
        eve.post("/newsletter", &[("email", "never@example.test")]).await;
        frontdesk::jobs::digests::queue(&app.state).await.unwrap();
        assert_eq!(app.ask("select count(*) from subscribers").await, ["2"]);
        app.state.clock.advance(31 * 24 * HOUR);
        frontdesk::jobs::digests::queue(&app.state).await.unwrap();
        assert_eq!(app.ask("select email from subscribers").await, ["ann@example.test"]);
    });
}

#[test]
fn an_installation_from_before_gets_the_key_it_lacks_and_keeps_the_others() {
    with_app(async |app| {
        let manage = subscribe(app, &app.eve(), "ann@example.test", &[]).await;
        let others = "select name || encode(value, 'hex') from secrets where name <> 'subscribers' order by name";
        let keys = app.ask(others).await;
        let other = app.second_instance().await;
        assert_eq!(other.eve().asking_for(&app.origin).get(&manage).await.status, 200);
        app.psql("delete from secrets where name = 'subscribers'").await;
        let renewed = app.second_instance().await;
        let now = app.ask("select name || encode(value, 'hex') from secrets order by name").await;
        assert_eq!((now.len(), &now[..4]), (5, &keys[..4]));
        assert_eq!(renewed.eve().asking_for(&app.origin).get(&manage).await.status, 404);
        other.close().await;
        renewed.close().await;
    });
}
