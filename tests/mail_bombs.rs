//! The forms that anyone can fill in with anyone's address: nobody's mailbox is flooded by them.

use super::contact::ann_but;
use super::newsletter::{HOUR, subscribe, work_off};
use super::support::with_app;
use std::time::Duration;

#[test]
fn a_mailbox_is_written_to_once_an_hour_and_five_times_a_day_however_often_it_is_typed() {
    with_app(async |app| {
        let count = async || app.ask("select count(*) from outbox").await[0].clone();
        let spellings = [
            "victim@gmail.com",
            "Vic.Tim@gmail.com",
            "victim+1@gmail.com",
            "v.i.c.t.i.m@gmail.com",
            "victim@googlemail.com",
            "victim@ｇｍａｉｌ.com", // all the same to whoever looks up where mail goes
            "victim@gmai\u{24db}.com",
        ];
        for email in spellings {
            assert_eq!(app.eve().post("/newsletter", &[("email", email)]).await.status, 303);
        }
        assert_eq!(count().await, "1");
        for hour in 2..=7_usize {
            app.state.clock.advance(HOUR + Duration::from_secs(1));
            app.eve().post("/newsletter", &[("email", spellings[hour % 2])]).await;
            assert_eq!(count().await, hour.min(5).to_string());
        }
        app.state.clock.advance(24 * HOUR);
        app.eve().post("/newsletter", &[("email", "victim@gmail.com")]).await;
        assert_eq!(count().await, "6");
    });
}

#[test]
fn a_mailbox_is_written_to_once_though_all_its_names_are_typed_at_the_same_moment() {
    with_app(async |app| {
        let typed = async |number: usize| {
            let email = format!("victim+{number}@bücher.example");
            app.eve().post("/newsletter", &[("email", &email)]).await.status
        };
        let answers = futures_util::future::join_all((0..16).map(typed)).await;
        assert!(answers.iter().all(|status| *status == 303), "{answers:?}");
        assert_eq!(app.ask("select count(*) from outbox").await, ["1"]);
    });
}

#[test]
fn whoever_is_written_for_is_thanked_once_a_day_whatever_is_typed_before_the_at() {
    with_app(async |app| {
        let thanked = "select count(*) from outbox where job->>'mail' = 'lead-receipt'";
        let write = async |number: usize| {
            let email = format!("victim+{number}@gmail.com");
            let message = format!("Could you paint boat number {number}?");
            let fields = ann_but(&[("email", &email), ("message", &message)]);
            assert_eq!(app.eve().post("/contact", &fields).await.status, 303);
        };
        for number in 0..8 {
            write(number).await;
        }
        work_off(app).await;
        assert_eq!(app.ask(thanked).await, ["1"]);
        let told = "select count(*) from outbox where job->>'mail' = 'lead-notice'";
        assert_eq!(app.ask(told).await, ["8"], "staff hear of each");
        // That they have written here keeps them from no newsletter, nor the other way round.
        app.eve().post("/newsletter", &[("email", "victim@gmail.com")]).await;
        let asked = "select count(*) from outbox where job->>'mail' = 'confirm-subscription'";
        assert_eq!(app.ask(asked).await, ["1"]);
        app.state.clock.advance(25 * HOUR);
        write(8).await;
        work_off(app).await;
        assert_eq!(app.ask(thanked).await, ["2"]);
    });
}

#[test]
fn whoever_is_subscribed_is_told_so_once_a_day_at_most() {
    with_app(async |app| {
        subscribe(app, &app.eve(), "ann@example.test", &[]).await;
        let count = async || {
            app.ask("select count(*) from outbox where job->>'mail' = 'subscribed-already'").await
                [0]
            .clone()
        };
        app.state.clock.advance(25 * HOUR);
        for _ in 0..3 {
            app.state.clock.advance(2 * HOUR);
            app.eve().post("/newsletter", &[("email", "ann@example.test")]).await;
        }
        assert_eq!(count().await, "1");
        app.state.clock.advance(25 * HOUR);
        app.eve().post("/newsletter", &[("email", "ann@example.test")]).await;
        assert_eq!(count().await, "2");
    });
}

#[test]
fn a_domain_and_the_world_have_their_limits_and_the_answer_stays_the_same() {
    with_app(async |app| {
        let sent = |count, domain: &str, minutes| {
            format!(
                "insert into subscription_mails (id, mailbox, domain, at)
                 select gen_random_uuid(), gen_random_uuid() || '@{domain}', '{domain}',
                        now() - interval '{minutes} minutes' from generate_series(1, {count})"
            )
        };
        let mut typed = 0;
        let mut goes_out = async |email: &str| {
            let answer = app.eve().post("/newsletter", &[("email", email)]).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/newsletter/thanks"));
            let before = typed;
            typed = app.ask("select count(*) from outbox").await[0].parse().unwrap();
            typed > before
        };
        app.psql(&sent(100, "victim.example", 30)).await;
        app.psql(&sent(100, "gmail.com", 30)).await;
        app.psql(&sent(100, "yesterday.example", 61)).await;
        assert!(!goes_out("a@victim.example").await, "a hundred to this domain within the hour");
        assert!(goes_out("a@gmail.com").await, "half the world is there");
        assert!(goes_out("a@yesterday.example").await);
        assert!(goes_out("a@elsewhere.example").await);
        app.psql(&sent(1000, "gmail.com", 5)).await;
        assert!(!goes_out("b@elsewhere.example").await, "a thousand in all");
        assert_eq!(app.ask("select count(*) from subscribers").await, ["5"]);
    });
}

#[test]
fn a_program_that_fills_in_the_field_nobody_sees_gets_the_answer_and_nothing_else() {
    with_app(async |app| {
        let fields = [("email", "bot@example.test"), ("website", "https://spam.example")];
        assert_eq!(app.eve().post("/newsletter", &fields).await.location, "/newsletter/thanks");
        assert_eq!(app.ask("select count(*) from subscribers").await, ["0"]);
    });
}
