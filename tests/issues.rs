//! An issue of the newsletter: written, tried, sent to each of its readers once, read by everyone.

use super::cache::{confirmed, sees_in_time};
use super::newsletter::{composed, link, mails_to, readers, subscribe, work_off};
use super::posts::save;
use super::support::{Person, TestApp, with_app};
use frontdesk::jobs::{Job, worker};
use frontdesk::mail::Mail;

/// An issue as the editor sends it.
fn issue<'a>(subject: &'a str, body: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("subject", subject), ("slug", ""), ("topic", ""), ("body", body)]
}

/// Has Ada write an issue, and gives its page.
pub async fn written(ada: &Person<'_>, subject: &str) -> String {
    save(ada, "/admin/issues/new", &issue(subject, "Hello **readers**.")).await
}

pub async fn press(ada: &Person<'_>, page: &str, button: &str) {
    let answer = ada.post(&format!("{page}/{button}"), &[]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, page), "{button}: {}", answer.body);
}

pub async fn state_of(app: &TestApp) -> String {
    app.ask("select status || ' ' || delivered || ' ' || failed || ' ' || dropped from issues")
        .await
        .remove(0)
}

pub async fn count(app: &TestApp, state: &str) -> usize {
    let sql = format!("select count(*) from outbox where batch is not null and state = '{state}'");
    app.ask(&sql).await[0].parse().unwrap()
}

/// Everyone who was written to, each as often as they were.
async fn reached(app: &TestApp) -> Vec<String> {
    app.ask("select recipient from outbox where batch is not null order by recipient").await
}

#[test]
fn each_confirmed_subscriber_gets_an_issue_once_however_often_the_button_is_pressed() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        subscribe(app, &eve, "ann@example.test", &[]).await;
        eve.post("/newsletter", &[("email", "pending@example.test")]).await;
        let left = subscribe(app, &eve, "left@example.test", &[]).await;
        eve.post(&left.replace("preferences", "unsubscribe"), &[]).await;
        readers(app, 3).await;
        work_off(app).await;
        let page = written(&ada, "Spring letter").await;
        assert_eq!(eve.get("/newsletter/spring-letter").await.status, 404, "a draft is for staff");
        for _ in 0..3 {
            press(&ada, &page, "send").await;
        }
        eve.get("/newsletter/spring-letter").await.is_page(200);
        work_off(app).await;
        press(&ada, &page, "send").await;
        work_off(app).await;
        let expected =
            ["ann", "reader-1", "reader-2", "reader-3"].map(|name| format!("{name}@example.test"));
        assert_eq!(reached(app).await, expected);
        assert_eq!(state_of(app).await, "sent 4 0 0");
        let shown = ada.get(&page).await.body;
        assert!(
            shown.contains(r#"<progress max="4" value="4""#) && !shown.contains("data-live"),
            "{shown}"
        );

        let letter = mails_to(app, "ann@example.test").await.remove(0);
        assert_eq!(letter.mail.subject, "Spring letter");
        assert!(letter.mail.html().contains("<strong>readers</strong>"));
        assert_eq!(link(&letter, "/newsletter/spring"), "/newsletter/spring-letter");
        let leave = link(&letter, "/newsletter/unsubscribe/");
        assert_eq!(
            letter.unsubscribe,
            Some(format!("{}{leave}", app.state.config.canonical_origin()))
        );
        eve.get(&link(&letter, "/newsletter/preferences/")).await.is_page(200);
        let raw =
            app.state.postman.message(&app.state.config, app.state.clock.id(), &letter).unwrap();
        let raw = String::from_utf8(raw.formatted()).unwrap().replace("\r\n ", "");
        assert!(
            raw.contains(&format!("List-Unsubscribe: <{}>", letter.unsubscribe.unwrap())),
            "{raw}"
        );
        assert!(raw.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{raw}");
    });
}

#[test]
fn an_issue_for_a_topic_goes_to_those_who_want_to_hear_of_it() {
    with_app(async |app| {
        app.psql("insert into topics (slug, name) values ('craft', 'Craft'), ('print', 'Print')")
            .await;
        let (ada, eve) = (app.ada().await, app.eve());
        subscribe(app, &eve, "all@example.test", &[]).await;
        subscribe(app, &eve, "craft@example.test", &["craft"]).await;
        subscribe(app, &eve, "print@example.test", &["print"]).await;
        let mut fields = issue("On craft", "Text");
        fields[2].1 = "no-such-topic";
        assert!(ada.post("/admin/issues/new", &fields).await.body.contains(r#"id="topic-error""#));
        fields[2].1 = "craft";
        let page = save(&ada, "/admin/issues/new", &fields).await;
        press(&ada, &page, "send").await;
        work_off(app).await;
        assert_eq!(reached(app).await, ["all@example.test", "craft@example.test"]);
    });
}

#[test]
fn two_workers_and_a_crash_between_send_nothing_twice_and_forget_nobody() {
    with_app(async |app| {
        let ada = app.ada().await;
        readers(app, 2500).await;
        let page = written(&ada, "To many").await;
        press(&ada, &page, "send").await;
        let other = app.second_instance().await;
        let (one, two) = tokio::join!(worker::work_off(&app.state), worker::work_off(&other.state));
        let both = one.unwrap() + two.unwrap();
        assert_eq!(both, 2500 + 3, "each mail, and the three parts in which they were written");
        assert_eq!(count(app, "done").await, 2500);
        assert_eq!(
            app.ask("select count(distinct recipient) from outbox where batch is not null").await,
            ["2500"]
        );
        assert_eq!(state_of(app).await, "sent 2500 0 0");

        // Whoever wrote the rows and died before it was noted writes them again, and nothing is added.
        app.psql("update issues set status = 'sending', queued_at = null;
                  update outbox set state = 'waiting', attempts = 0, ended_at = null, due_at = now() where kind = 'queue-issue'").await;
        work_off(app).await;
        assert_eq!(count(app, "done").await, 2500);
        assert_eq!(state_of(app).await, "sent 2500 0 0");
        other.close().await;
    });
}

#[test]
fn a_paused_issue_waits_and_goes_on_where_it_was() {
    with_app(async |app| {
        let ada = app.ada().await;
        readers(app, 30).await;
        let page = written(&ada, "In two parts").await;
        press(&ada, &page, "send").await;
        press(&ada, &page, "pause").await;
        work_off(app).await; // the rows are written, and held
        assert_eq!((count(app, "waiting").await, count(app, "done").await), (30, 0));
        press(&ada, &page, "resume").await;
        app.psql("update outbox set due_at = now() + interval '1 hour' where batch is not null and recipient > 'reader-2'").await;
        work_off(app).await;
        let done = count(app, "done").await;
        assert!(done > 0 && done < 30, "{done}");
        let shown = ada.get(&page).await.body;
        assert!(
            shown.contains(&format!(r#"<progress max="30" value="{done}""#))
                && shown.contains("data-live")
        );
        press(&ada, &page, "pause").await;
        press(&ada, &page, "pause").await;
        let again = ada.post(&format!("{page}/send"), &[("send_at", "2199-01-31 09:00")]).await;
        assert!(again.status == 422 && again.body.contains("It is paused."), "{}", again.body);
        app.psql("update outbox set due_at = now()").await;
        work_off(app).await;
        assert_eq!(count(app, "done").await, done, "what is held stays");
        assert!(ada.get(&page).await.body.contains("Go on"));
        // A mistake that was found meanwhile is corrected for the others.
        ada.post(&page, &issue("In two parts", "Corrected.")).await;
        press(&ada, &page, "resume").await;
        work_off(app).await;
        assert_eq!((count(app, "done").await, state_of(app).await), (30, "sent 30 0 0".to_owned()));
        assert_eq!(ada.post(&format!("{page}/pause"), &[]).await.status, 422);
    });
}

#[test]
fn a_scheduled_issue_goes_at_its_time_and_can_be_called_back() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        readers(app, 2).await;
        let page = written(&ada, "Later").await;
        let schedule = async |at: &str| ada.post(&format!("{page}/send"), &[("send_at", at)]).await;
        // A year that was mistyped does not send it to everyone now, and one that nobody can write down is no time.
        for wrong in [
            "tomorrow",
            "2199-02-31 09:00",
            "2020-01-31 09:00",
            "-2199-01-31 09:00",
            "9999-12-31T23:59:59-23:00",
        ] {
            let answer = schedule(wrong).await;
            answer.is_page(422);
            assert!(answer.body.contains(r#"id="send_at-error""#), "{wrong}");
        }
        assert_eq!(state_of(app).await, "draft 0 0 0");
        assert_eq!(schedule("2199-01-31 09:00").await.status, 303);
        assert!(ada.get(&page).await.body.contains("31 January 2199, 09:00 UTC"));
        work_off(app).await;
        assert_eq!(
            (count(app, "waiting").await, eve.get("/newsletter/later").await.status),
            (0, 404)
        );
        press(&ada, &page, "recall").await;
        // The time comes for a job whose issue is a draft again.
        app.psql("update outbox set due_at = now()").await;
        work_off(app).await;
        assert_eq!(state_of(app).await, "draft 0 0 0");
        assert_eq!(schedule("2199-01-31 10:00").await.status, 303);
        app.psql("update issues set scheduled_at = '2020-01-01Z';
                  update outbox set due_at = now(), job = jsonb_set(job, '{at}', '\"2020-01-01T00:00:00Z\"')
                   where kind = 'queue-issue' and state = 'waiting'").await;
        work_off(app).await;
        assert_eq!((state_of(app).await, reached(app).await.len()), ("sent 2 0 0".to_owned(), 2));
        confirmed(app).await;
        eve.get("/newsletter/later").await.is_page(200);
        assert_eq!(ada.post(&format!("{page}/recall"), &[]).await.status, 422);
    });
}

#[test]
fn the_archive_is_kept_and_rendered_again_when_an_issue_changes() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let page = written(&ada, "First letter").await;
        assert!(eve.get("/newsletter/issues").await.body.contains("No issue has been sent yet."));
        press(&ada, &page, "send").await;
        for path in ["/newsletter", "/newsletter/issues", "/newsletter/first-letter"] {
            sees_in_time(&eve, app, path, "First letter").await;
            assert_eq!(eve.get(path).await.header("cache-status"), "frontdesk; hit", "{path}");
        }
        work_off(app).await;
        let answer = ada.post(&page, &issue("First letter", "Words put right.")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        sees_in_time(&eve, app, "/newsletter/first-letter", "Words put right.").await;
        let answer =
            ada.post(&page, &[("subject", "Renamed"), ("slug", "renamed"), ("body", "x")]).await;
        assert_eq!(answer.status, 303);
        sees_in_time(&eve, app, "/newsletter/first-letter", "Renamed").await;
        app.psql("delete from issues").await;
        confirmed(app).await;
        assert_eq!(eve.get("/newsletter/first-letter").await.status, 404);
        assert_eq!(eve.get("/newsletter/issues?page=2").await.status, 404);
    });
}

#[test]
fn an_issue_is_written_from_a_post_and_tried_before_it_is_sent() {
    with_app(async |app| {
        let ada = app.ada().await;
        let post = [
            ("title", "A wall"),
            ("topic", "Signs"),
            ("summary", "In short."),
            ("body", "See [us](/contact)."),
            ("status", "published"),
        ];
        save(&ada, "/admin/posts/new", &post).await;
        let id = app.ask("select id from posts").await.remove(0);
        let form = ada.get(&format!("/admin/issues/new?post={id}")).await.body;
        for shown in [
            r#"value="A wall""#,
            r#"value="a-wall""#,
            "In short.",
            "See [us](/contact).",
            "[Read it on the site](/posts/a-wall)",
        ] {
            assert!(form.contains(shown), "{shown} is missing:\n{form}");
        }
        assert!(
            ada.get(&format!("/admin/posts/{id}/edit"))
                .await
                .body
                .contains(&format!("/admin/issues/new?post={id}"))
        );
        let page = save(&ada, "/admin/issues/new", &issue("A wall", "See [us](/contact).")).await;
        assert!(ada.get(&page).await.body.contains(r#"<a href="/contact" rel="noopener">us</a>"#));
        let answer = ada.post(&format!("{page}/test"), &[]).await;
        assert!(answer.location.starts_with("/admin/outbox/"), "{}", answer.body);
        work_off(app).await;
        let shown = ada.get(&answer.location).await.body;
        assert!(shown.contains("Test: A wall"), "{shown}");
        let at_home = format!("[us]({}/contact)", app.state.config.canonical_origin());
        assert!(shown.contains(&at_home), "a link in a mail can be followed: {shown}");
        assert_eq!(state_of(app).await, "draft 0 0 0");
        for (slug, topic, field) in [
            ("thanks", "", "slug"),
            ("a-wall", "", "slug"),
            ("Not One", "", "slug"),
            ("other", "nowhere", "topic"),
            ("other", "signs\0", "topic"),
        ] {
            let fields = [("subject", "Other"), ("slug", slug), ("topic", topic), ("body", "x")];
            let answer = ada.post("/admin/issues/new", &fields).await;
            assert_eq!(answer.status, 422);
            assert!(
                answer.body.contains(&format!("id=\"{field}-error\"")),
                "{slug}: {}",
                answer.body
            );
        }
    });
}

#[test]
fn whoever_leaves_before_their_turn_gets_nothing() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let ann = subscribe(app, &eve, "ann@example.test", &[]).await;
        readers(app, 1).await;
        work_off(app).await;
        let page = written(&ada, "Too late").await;
        press(&ada, &page, "send").await;
        press(&ada, &page, "pause").await;
        work_off(app).await;
        eve.post(&ann.replace("preferences", "unsubscribe"), &[]).await;
        press(&ada, &page, "resume").await;
        work_off(app).await;
        assert_eq!(state_of(app).await, "sent 1 0 1");
        let id = page.rsplit('/').next().unwrap().parse().unwrap();
        let ann = app.ask("select id from subscribers where email = 'ann@example.test'").await[0]
            .parse()
            .unwrap();
        assert!(composed(app, &Mail::Issue { issue: id, subscriber: ann }).await.is_none());
    });
}

#[test]
fn a_mail_that_is_kept_where_staff_can_read_it_leads_to_its_issue() {
    with_app(async |app| {
        let ada = app.ada().await;
        readers(app, 1).await;
        let page = written(&ada, "Readable").await;
        press(&ada, &page, "send").await;
        work_off(app).await;
        let id = app.ask("select id from outbox where batch is not null").await.remove(0);
        let shown = ada.get(&format!("/admin/outbox/{id}")).await.body;
        assert!(
            shown.contains("Readable") && shown.contains(&format!("href=\"{page}\"")),
            "{shown}"
        );
        let jobs = app.ask("select job from outbox").await;
        assert!(jobs.iter().all(|job| serde_json::from_str::<Job>(job).is_ok()), "{jobs:?}");
    });
}
