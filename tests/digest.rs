//! Digests: once a period, in the reader's own morning, and none where there is nothing to tell.

use super::newsletter::{HOUR, link, mails_to, subscribe, work_off};
use super::support::{ADA, TestApp, with_app};
use frontdesk::jobs::digests;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Moves the clock to this moment, which lies ahead, and has digests written down.
async fn queue_at(app: &TestApp, at: &str) -> usize {
    let at = OffsetDateTime::parse(at, &Rfc3339).unwrap();
    let ahead = at - app.state.clock.now();
    app.state.clock.advance(ahead.try_into().expect("a moment that lies ahead"));
    digests::queue(&app.state).await.unwrap()
}

/// A reader who chose this at midnight on Monday, 3 January 2150, UTC... and was told of everything before.
async fn reader(app: &TestApp, email: &str, digest: &str, zone: &str) {
    let eve = app.eve();
    let manage = subscribe(app, &eve, email, &[]).await;
    let chosen = eve.post(&manage, &[("digest", digest), ("time_zone", zone)]).await;
    assert_eq!(chosen.status, 303, "{}", chosen.body);
    app.psql(&format!(
        "update subscribers set digest_from = '2150-01-05T00:00Z' where email = '{email}'"
    ))
    .await;
}

/// A post that appeared at this moment.
async fn post(app: &TestApp, slug: &str, topic: &str, at: &str) {
    app.psql(&format!(
        "insert into topics (slug, name) values ('{topic}', '{topic}') on conflict do nothing;
         insert into posts (id, slug, title, summary, body, topic, status, published_at)
         values (gen_random_uuid(), '{slug}', 'On {slug}', 'In short.', 'Text', '{topic}', 'published', '{at}')"
    ))
    .await;
}

async fn written(app: &TestApp) -> Vec<String> {
    app.ask("select recipient || ' ' || (job->'window'->>'until') from outbox where job->>'mail' = 'digest' order by id").await
}

// 5 January 2150 is a Monday.

#[test]
fn a_daily_digest_comes_once_a_day_in_the_readers_own_morning() {
    with_app(async |app| {
        reader(app, "berlin@example.test", "daily", "Europe/Berlin").await;
        reader(app, "tokyo@example.test", "daily", "Asia/Tokyo").await;
        reader(app, "none@example.test", "none", "Europe/Berlin").await;
        post(app, "one", "craft", "2150-01-06T12:00Z").await;
        // Seven in Tokyo is 22:00 UTC, in Berlin 6:00 UTC in winter.
        assert_eq!(queue_at(app, "2150-01-06T21:59:00Z").await, 0);
        assert_eq!(queue_at(app, "2150-01-06T22:00:00Z").await, 1);
        assert_eq!(queue_at(app, "2150-01-07T05:59:59Z").await, 0);
        for _ in 0..3 {
            digests::queue(&app.state).await.unwrap();
        }
        assert_eq!(queue_at(app, "2150-01-07T06:00:00Z").await, 1);
        assert_eq!(
            written(app).await,
            ["tokyo@example.test 2150-01-06T22:00:00Z", "berlin@example.test 2150-01-07T06:00:00Z"]
        );
        let letter = mails_to(app, "berlin@example.test").await.remove(0);
        assert!(letter.mail.subject.starts_with("1 new post at "), "{}", letter.mail.subject);
        assert_eq!(link(&letter, "/posts/"), "/posts/one");
        assert!(letter.mail.text().contains("On one\nIn short.\n") && letter.unsubscribe.is_some());
        // Nothing new, no mail; and then only what is new.
        assert_eq!(queue_at(app, "2150-01-08T23:00:00Z").await, 0);
        post(app, "two", "craft", "2150-01-09T03:00Z").await;
        assert_eq!(queue_at(app, "2150-01-10T06:00:00Z").await, 2);
        let letter = mails_to(app, "berlin@example.test").await.remove(0);
        assert!(letter.mail.text().contains("On two") && !letter.mail.text().contains("On one"));
        work_off(app).await;
    });
}

#[test]
fn a_weekly_digest_comes_on_monday_and_after_an_outage_when_it_is_over() {
    with_app(async |app| {
        reader(app, "ann@example.test", "weekly", "America/New_York").await;
        app.psql("update subscribers set digest_from = '2150-01-05T12:00Z'").await; // Monday, seven in New York
        post(app, "one", "craft", "2150-01-07T12:00Z").await;
        post(app, "two", "craft", "2150-01-12T11:59Z").await;
        post(app, "three", "craft", "2150-01-12T12:01Z").await;
        for early in ["2150-01-07T13:00:00Z", "2150-01-11T13:00:00Z", "2150-01-12T11:59:59Z"] {
            assert_eq!(queue_at(app, early).await, 0, "{early}");
        }
        // Nobody looked until Wednesday.
        assert_eq!(queue_at(app, "2150-01-14T20:00:00Z").await, 1);
        assert_eq!(digests::queue(&app.state).await.unwrap(), 0);
        let letter = mails_to(app, "ann@example.test").await.remove(0);
        let text = letter.mail.text();
        assert!(
            text.contains("On one") && text.contains("On two") && !text.contains("On three"),
            "{text}"
        );
        assert_eq!(written(app).await, ["ann@example.test 2150-01-12T12:00:00Z"]);
        assert_eq!(queue_at(app, "2150-01-19T12:00:00Z").await, 1);
    });
}

#[test]
fn a_digest_tells_of_the_topics_its_reader_chose_and_of_nothing_withdrawn() {
    with_app(async |app| {
        reader(app, "ann@example.test", "daily", "UTC").await;
        post(app, "wall", "craft", "2150-01-06T03:00Z").await;
        post(app, "press", "print", "2150-01-06T04:00Z").await;
        app.psql("insert into subscriber_topics select id, 'craft' from subscribers; update subscribers set all_topics = false").await;
        assert_eq!(queue_at(app, "2150-01-06T07:00:00Z").await, 1);
        let text = mails_to(app, "ann@example.test").await.remove(0).mail.text();
        assert!(text.contains("On wall") && !text.contains("On press"), "{text}");
        post(app, "flyer", "print", "2150-01-06T12:00Z").await;
        assert_eq!(queue_at(app, "2150-01-07T07:00:00Z").await, 0);
        // Withdrawn, or not wanted any more, before the mail goes out: there is none.
        app.psql("update posts set status = 'archived' where slug = 'wall'").await;
        work_off(app).await;
        assert_eq!(
            app.ask("select state from outbox where job->>'mail' = 'digest'").await,
            ["dropped"]
        );
    });
}

#[test]
fn a_digest_begins_with_what_appears_after_it_was_chosen() {
    with_app(async |app| {
        post(app, "old", "craft", "2020-01-01T00:00Z").await;
        let eve = app.eve();
        let manage = subscribe(app, &eve, "ann@example.test", &[]).await;
        eve.post(&manage, &[("digest", "daily"), ("time_zone", "UTC")]).await;
        app.state.clock.advance(48 * HOUR);
        assert_eq!(digests::queue(&app.state).await.unwrap(), 0);
    });
}

#[test]
fn two_instances_that_look_at_once_write_each_digest_once() {
    with_app(async |app| {
        super::newsletter::readers(app, 1200).await;
        app.psql("update subscribers set digest = 'daily', digest_from = '2150-01-05T07:00Z'")
            .await;
        post(app, "one", "craft", "2150-01-05T12:00Z").await;
        let other = app.second_instance().await;
        let at = OffsetDateTime::parse("2150-01-06T08:00:00Z", &Rfc3339).unwrap();
        for instance in [app, &other] {
            let ahead = at - instance.state.clock.now();
            instance.state.clock.advance(ahead.try_into().unwrap());
        }
        let (one, two) = tokio::join!(digests::queue(&app.state), digests::queue(&other.state));
        let first = one.unwrap() + two.unwrap();
        let rest = digests::queue(&app.state).await.unwrap();
        assert_eq!(first + rest, 1200);
        let rows = "select count(*) || ' ' || count(distinct recipient) from outbox where job->>'mail' = 'digest'";
        assert_eq!(app.ask(rows).await, ["1200 1200"]);
        other.close().await;
    });
}

/// A statement by which a lead has come in at this moment.
fn lead(name: &str, status: &str, at: &str) -> String {
    format!(
        "insert into leads (id, name, email, message, status, source, fingerprint, created_at)
         values (gen_random_uuid(), '{name}', 'a@example.test', 'A sign, please.', '{status}', 'website-form', sha256('{name}'), '{at}');"
    )
}

#[test]
fn staff_who_want_it_hear_each_morning_what_came_in() {
    with_app(async |app| {
        let ada = app.ada().await;
        let choose = [
            ("notify_leads", "on"),
            ("digest_leads", "on"),
            ("quiet_from", "22"),
            ("quiet_until", "9"),
            ("time_zone", "Europe/Berlin"),
        ];
        assert_eq!(ada.post("/admin/notices", &choose).await.status, 303);
        assert!(
            ada.get("/admin/notices")
                .await
                .body
                .contains(r#"name="digest_leads" value="on" checked"#)
        );
        app.psql("update staff set digest_from = '2150-01-05T08:00Z'").await;
        app.psql(
            &(lead("Ann Li", "new", "2150-01-05T12:00Z")
                + &lead("Spammer", "spam", "2150-01-05T13:00Z")),
        )
        .await;
        // Quiet until nine: not at seven.
        assert_eq!(queue_at(app, "2150-01-06T06:30:00Z").await, 0);
        assert_eq!(queue_at(app, "2150-01-06T08:00:00Z").await, 1);
        assert_eq!(digests::queue(&app.state).await.unwrap(), 0);
        let letter = mails_to(app, ADA.0).await.remove(0);
        assert_eq!(letter.mail.subject, "1 lead since 5 January 2150");
        let text = letter.mail.text();
        assert!(
            text.contains("Ann Li: new: A sign, please.") && !text.contains("Spammer"),
            "{text}"
        );
        assert_eq!(queue_at(app, "2150-01-07T09:00:00Z").await, 0, "nothing has come in");
        app.psql(&lead("Bob Ray", "new", "2150-01-07T12:00Z")).await;
        ada.post(
            "/admin/notices",
            &choose[..1].iter().chain(&choose[2..]).copied().collect::<Vec<_>>(),
        )
        .await;
        assert_eq!(queue_at(app, "2150-01-08T09:00:00Z").await, 0, "nobody wants it any more");
    });
}

/// Up to when each digest of leads tells what came in.
async fn told_until(app: &TestApp) -> Vec<String> {
    app.ask(
        "select job->'window'->>'until' from outbox where job->>'mail' = 'lead-digest' order by id",
    )
    .await
}

#[test]
fn where_the_clock_is_changed_staff_hear_once_in_the_morning_and_of_every_lead() {
    with_app(async |app| {
        // At seven, at nine as seven is quiet, and at two, which is all that is not.
        for (quiet_from, quiet_until, spring, autumn) in [
            (22, 6, "2150-03-29T05:00:00Z", "2150-10-25T06:00:00Z"),
            (22, 9, "2150-03-29T07:00:00Z", "2150-10-25T08:00:00Z"),
            (3, 2, "2150-03-30T00:00:00Z", "2150-10-25T00:00:00Z"),
        ] {
            let app = app.second_instance().await; // its clock is its own
            app.psql(&format!(
                "truncate outbox; delete from leads;
                 update staff set digest_leads = true, quiet_from = {quiet_from}, quiet_until = {quiet_until},
                                  time_zone = 'Europe/Berlin', digest_from = '2150-03-28T12:00Z';"
            ))
            .await;
            let mut expected = Vec::new();
            for (told, before) in [(spring, "2150-03-28T13:00Z"), (autumn, "2150-10-24T13:00Z")] {
                let moment = OffsetDateTime::parse(told, &Rfc3339).unwrap();
                app.psql(&lead(before, "new", before)).await;
                app.psql(&format!(
                    "update staff set digest_from = timestamptz '{before}' - interval '1 hour'"
                ))
                .await;
                let just_before = (moment - HOUR / 3600).format(&Rfc3339).unwrap();
                assert_eq!(queue_at(&app, &just_before).await, 0, "{quiet_from} to {quiet_until}");
                assert_eq!(queue_at(&app, told).await, 1, "{quiet_from} to {quiet_until}");
                // What comes after that is told the next day, also in an hour that comes twice.
                let later = (moment + HOUR / 2).format(&Rfc3339).unwrap();
                assert_eq!(queue_at(&app, &later).await, 0);
                app.psql(&lead(&later, "new", &later)).await;
                let in_two_days = (moment + 48 * HOUR).format(&Rfc3339).unwrap();
                assert_eq!(queue_at(&app, &in_two_days).await, 1);
                expected.push(told.to_owned());
            }
            let told: Vec<String> = told_until(&app).await.into_iter().step_by(2).collect();
            assert_eq!(told, expected, "{quiet_from} to {quiet_until}");
            app.close().await;
        }
    });
}

#[test]
fn the_operator_has_digests_written_down() {
    with_app(async |app| {
        let shown = app.cli(&["run", "digest", "--json"], "");
        assert_eq!(
            (shown.code, shown.json()["state"].as_str()),
            (0, Some("done")),
            "{}",
            shown.err
        );
    });
}
