//! Who is told of a lead, and when; who is thanked; and who gets nothing.

use super::contact::{ANN, ann_but};
use super::mail::{mails, work};
use super::support::{ADA, TestApp, with_app};
use frontdesk::services::staff;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Someone writes, from `email`.
async fn write(app: &TestApp, email: &str, message: &str) {
    let fields = ann_but(&[("email", email), ("message", message)]);
    assert_eq!(app.eve().post("/contact", &fields).await.status, 303);
}

/// Whom mail waits for or has gone to, with the state of each.
async fn reached(app: &TestApp) -> Vec<String> {
    app.ask(
        "select recipient || ' ' || state from outbox where kind = 'mail' order by recipient, id",
    )
    .await
}

/// A time zone in which it is this hour now. There is one for each.
async fn where_it_is(app: &TestApp, hour: i32) -> String {
    let utc: i32 =
        app.ask("select extract(hour from now() at time zone 'UTC')").await[0].parse().unwrap();
    let east = (hour - utc + 24 + 11) % 24 - 11; // -11 to 12
    // These names count the other way round (POSIX).
    if east == 0 { "Etc/GMT".to_owned() } else { format!("Etc/GMT{:+}", -east) }
}

#[test]
fn what_comes_in_quiet_hours_is_told_when_they_end_also_over_midnight() {
    with_app(async |app| {
        let ada = app.ada().await;
        // The hour it is, quiet from and until, and how many hours after the beginning of this one they are told.
        let cases = [
            (23, 22, 7, Some(8)),
            (22, 22, 7, Some(9)),
            (3, 22, 7, Some(4)),
            (6, 22, 7, Some(1)),
            (7, 22, 7, None),
            (12, 22, 7, None),
            (12, 9, 17, Some(5)),
            (17, 9, 17, None),
            (8, 9, 17, None),
            (23, 12, 0, Some(1)),
            (0, 0, 6, Some(6)),
            (5, 5, 5, None),
        ];
        for (number, (hour, from, until, told)) in cases.into_iter().enumerate() {
            let zone = where_it_is(app, hour).await;
            let (quiet_from, quiet_until) = (from.to_string(), until.to_string());
            let form = [
                ("notify_leads", "on"),
                ("quiet_from", quiet_from.as_str()),
                ("quiet_until", &quiet_until),
                ("time_zone", &zone),
            ];
            let saved = ada.post("/admin/notices", &form).await;
            assert_eq!(
                (saved.status, saved.location.as_str()),
                (303, "/admin/notices"),
                "{}",
                saved.body
            );
            app.psql("truncate outbox").await;
            write(
                app,
                &format!("ann{number}@example.test"),
                &format!("Could you paint boat number {number}?"),
            )
            .await;
            work(app).await;
            let when = format!(
                "select extract(epoch from date_trunc('minute', due_at) - date_trunc('hour', created_at)) / 3600
                   from outbox where recipient = '{}' and state = 'waiting'", ADA.0);
            let when: Vec<f64> =
                app.ask(&when).await.iter().map(|hours| hours.parse().unwrap()).collect();
            let expected: Vec<f64> = told.into_iter().map(f64::from).collect();
            assert_eq!(when, expected, "at {hour}, quiet from {from} until {until} in {zone}");
        }
        app.psql("truncate outbox").await;
        ada.post(
            "/admin/notices",
            &[
                ("notify_leads", "on"),
                ("quiet_from", "0"),
                ("quiet_until", "0"),
                ("time_zone", "UTC"),
            ],
        )
        .await;
        write(app, "bob@example.test", "Could you paint another boat?").await;
        work(app).await;
        assert_eq!(reached(app).await, ["ada@example.com done", "bob@example.test done"]);
    });
}

/// When Ada, in Berlin, is told of what comes at this moment; none is at once.
async fn told(app: &TestApp, (from, until): (i32, i32), at: &str) -> Option<String> {
    app.psql(&format!(
        "update staff set quiet_from = {from}, quiet_until = {until}, time_zone = 'Europe/Berlin'"
    ))
    .await;
    let at = OffsetDateTime::parse(at, &Rfc3339).unwrap();
    let told = app.state.read(async |db| staff::to_be_told_of_leads(db, at).await).await.unwrap();
    told[0].not_before.map(|at| at.format(&Rfc3339).unwrap())
}

#[test]
fn in_the_night_the_clock_is_put_forward_nobody_is_told_in_an_hour_that_is_quiet() {
    with_app(async |app| {
        // 30 March 2025: at 01:00 UTC the clock goes from two to three.
        for (quiet, at, expected) in [
            ((22, 7), "2025-03-29T20:59:59Z", None),
            ((22, 7), "2025-03-29T21:00:00Z", Some("2025-03-30T05:00:00Z")),
            ((22, 7), "2025-03-30T00:59:59Z", Some("2025-03-30T05:00:00Z")),
            ((22, 7), "2025-03-30T01:00:00Z", Some("2025-03-30T05:00:00Z")),
            ((22, 7), "2025-03-30T05:00:00Z", None),
            // The hour that is missing: quiet ends, or begins, where it would have been.
            ((22, 2), "2025-03-29T23:30:00Z", Some("2025-03-30T01:00:00Z")),
            ((2, 7), "2025-03-30T00:59:59Z", None),
            ((2, 7), "2025-03-30T01:00:00Z", Some("2025-03-30T05:00:00Z")),
            ((2, 3), "2025-03-30T00:59:59Z", None),
            ((2, 3), "2025-03-30T01:00:00Z", None),
            // Whoever is told from two to three alone waits a day longer.
            ((3, 2), "2025-03-29T02:00:00Z", Some("2025-03-31T00:00:00Z")),
        ] {
            let said = told(app, quiet, at).await;
            assert_eq!(said.as_deref(), expected, "{quiet:?} at {at}");
        }
    });
}

#[test]
fn in_the_night_the_clock_is_put_back_what_comes_first_is_told_first() {
    with_app(async |app| {
        // 26 October 2025: at 01:00 UTC the clock goes from three to two, which it shows a second time.
        for (quiet, at, expected) in [
            ((22, 7), "2025-10-25T19:59:59Z", None),
            ((22, 7), "2025-10-25T20:00:00Z", Some("2025-10-26T06:00:00Z")),
            ((22, 7), "2025-10-26T00:30:00Z", Some("2025-10-26T06:00:00Z")),
            ((22, 7), "2025-10-26T01:30:00Z", Some("2025-10-26T06:00:00Z")),
            ((22, 7), "2025-10-26T06:00:00Z", None),
            // It is two for the first time when quiet ends, and not quiet again when it is two once more.
            ((22, 2), "2025-10-25T23:59:59Z", Some("2025-10-26T00:00:00Z")),
            ((22, 2), "2025-10-26T00:00:00Z", None),
            ((22, 2), "2025-10-26T01:30:00Z", None),
            // From two to three is two hours long.
            ((2, 3), "2025-10-26T00:00:00Z", Some("2025-10-26T02:00:00Z")),
            ((2, 3), "2025-10-26T01:00:00Z", Some("2025-10-26T02:00:00Z")),
            ((3, 2), "2025-10-25T01:00:00Z", Some("2025-10-26T00:00:00Z")),
            ((3, 2), "2025-10-26T01:59:59Z", None),
            ((3, 2), "2025-10-26T02:00:00Z", Some("2025-10-27T01:00:00Z")),
        ] {
            let said = told(app, quiet, at).await;
            assert_eq!(said.as_deref(), expected, "{quiet:?} at {at}");
        }
    });
}

#[test]
fn a_notice_of_a_lead_that_came_in_such_a_night_waits_until_the_morning() {
    with_app(async |app| {
        app.psql("update staff set quiet_from = 22, quiet_until = 7, time_zone = 'Europe/Berlin'")
            .await;
        let mut expected = Vec::new();
        for (number, (at, morning)) in [
            ("2150-03-28T22:30:00Z", "2150-03-29 05:00:00"),
            ("2150-10-24T22:30:00Z", "2150-10-25 06:00:00"),
        ]
        .into_iter()
        .enumerate()
        {
            let ahead = OffsetDateTime::parse(at, &Rfc3339).unwrap() - app.state.clock.now();
            app.state.clock.advance(ahead.try_into().unwrap());
            let email = format!("ann{number}@example.test");
            write(app, &email, &format!("Could you paint boat number {number}?")).await;
            work(app).await;
            expected.push(morning);
        }
        let due = app.ask("select due_at at time zone 'UTC' from outbox where recipient = 'ada@example.com' order by id");
        assert_eq!(due.await, expected);
    });
}

#[test]
fn the_form_keeps_what_makes_sense_and_says_what_does_not() {
    with_app(async |app| {
        let ada = app.ada().await;
        let good = [
            ("notify_leads", "on"),
            ("quiet_from", "22"),
            ("quiet_until", "7"),
            ("time_zone", "Europe/Berlin"),
        ];
        assert_eq!(ada.post("/admin/notices", &good).await.status, 303);
        for (field, value, said) in [
            ("quiet_from", "24", "Choose an hour from 0 to 23."),
            ("quiet_until", "-1", "Choose an hour from 0 to 23."),
            ("quiet_until", "noon", "Choose an hour from 0 to 23."),
            ("time_zone", "Mars/Olympus", "Use a time zone such as Europe/Berlin or UTC."),
            ("time_zone", "", "Use a time zone such as Europe/Berlin or UTC."),
            ("time_zone", "UTC\0", "Remove the invisible control characters from this text."),
            ("time_zone", "' or 1=1 --", "Use a time zone such as Europe/Berlin or UTC."),
        ] {
            let wrong = good.map(|(name, kept)| (name, if name == field { value } else { kept }));
            let answer = ada.post("/admin/notices", &wrong).await;
            answer.is_page(422);
            assert!(answer.body.contains(said), "{field} {value}: {}", answer.body);
        }
        let kept =
            "select concat_ws(' ', notify_leads, quiet_from, quiet_until, time_zone) from staff";
        assert_eq!(app.ask(kept).await, ["t 22 7 Europe/Berlin"]);
        let page = ada.get("/admin/notices").await.body;
        assert!(page.contains(r#"value="Europe/Berlin""#), "{page}");
        // A checkbox that is not ticked is not sent.
        assert_eq!(ada.post("/admin/notices", &good[1..]).await.status, 303);
        write(app, "ann@example.test", "Could you paint our boat?").await;
        work(app).await;
        assert_eq!(reached(app).await, ["ann@example.test done"]);
    });
}

#[test]
fn nobody_gets_mail_of_a_purpose_they_do_not_want() {
    with_app(async |app| {
        for (purpose, dropped) in [("newsletter", false), ("answer", true), ("all", true)] {
            app.psql(&format!(
                "truncate outbox, suppressions, subscription_mails; truncate leads cascade;
                 insert into suppressions (email, purpose, reason) values ('ann@example.test', '{purpose}', 'test')"
            ))
            .await;
            write(app, "Ann@Example.test", "Could you paint our boat?").await;
            work(app).await;
            let state = if dropped { "dropped" } else { "done" };
            assert_eq!(
                reached(app).await,
                ["ada@example.com done", &format!("ann@example.test {state}")],
                "{purpose}"
            );
        }
        let remark = app.ask("select remark from outbox where state = 'dropped'").await;
        assert!(remark[0].contains("want no such mail"), "{remark:?}");
    });
}

#[test]
fn spam_mails_nobody_not_even_when_it_is_found_out_later() {
    with_app(async |app| {
        let spam = ann_but(&[("website", "https://spam.example")]);
        assert_eq!(app.eve().post("/contact", &spam).await.status, 303);
        work(app).await;
        assert_eq!(app.ask("select kind || ' ' || state from outbox").await, ["lead-arrived done"]);

        write(app, "bob@example.test", "Could you paint our boat?").await;
        // The mails wait, and meanwhile someone has looked.
        app.psql(
            "create function wait() returns trigger language plpgsql as $$
                begin new.due_at := now() + interval '1 hour'; return new; end $$;
             create trigger wait before insert on outbox for each row when (new.kind = 'mail') execute function wait()",
        )
        .await;
        work(app).await;
        assert_eq!(reached(app).await, ["ada@example.com waiting", "bob@example.test waiting"]);
        app.psql("update leads set status = 'spam'; update outbox set due_at = now()").await;
        work(app).await;
        assert_eq!(reached(app).await, ["ada@example.com dropped", "bob@example.test dropped"]);
    });
}

#[test]
fn a_sender_is_thanked_once_a_day_however_they_write_and_programs_are_not() {
    with_app(async |app| {
        let thanked = "select count(*) from outbox where recipient = 'ann@example.test'";
        let told = "select count(*) from outbox where recipient = 'ada@example.com'";
        // At once: all of these are worked on side by side.
        for number in 0..3 {
            let email = if number % 2 == 0 { "ann@example.test" } else { "Ann@Example.TEST" };
            write(app, email, &format!("Could you paint boat number {number}?")).await;
        }
        work(app).await;
        assert_eq!(
            (app.ask(thanked).await, app.ask(told).await),
            (vec!["1".into()], vec!["3".into()])
        );
        write(app, "ann@example.test", "And one more boat, please?").await;
        work(app).await;
        assert_eq!(app.ask(thanked).await, ["1"]);
        app.psql(
            "update outbox set created_at = created_at - interval '25 hours';
             update subscription_mails set at = at - interval '25 hours';
             update leads set created_at = created_at - interval '25 hours'",
        )
        .await;
        write(app, "ann@example.test", "Is the boat painted by now?").await;
        work(app).await;
        assert_eq!(app.ask(thanked).await, ["2"]);

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
        work(app).await;
        assert_eq!(
            app.ask("select count(*) from outbox where recipient like 'bob%'").await,
            ["0"],
            "nobody wrote to us"
        );
        assert_eq!(app.ask(told).await, ["6"]);
    });
}

#[test]
fn what_happens_to_a_lead_and_its_mail_is_one_thing() {
    with_app(async |app| {
        // The row cannot be written, so neither is the lead.
        app.psql("alter table outbox add constraint no check (kind <> 'lead-arrived') not valid")
            .await;
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 500);
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
        app.psql("alter table outbox drop constraint no").await;
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303); // the same again
        work(app).await;
        assert_eq!(mails(app).await.len(), 2);
        // Whoever is erased gets none.
        write(app, "bob@example.test", "Could you paint our boat?").await;
        app.psql("delete from leads where email like 'bob%'").await;
        work(app).await;
        assert_eq!(mails(app).await.len(), 2);
        assert_eq!(app.tables_with("bob@example").await, [""; 0]);
    });
}
