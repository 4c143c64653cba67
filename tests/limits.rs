//! Limits that hold for all instances together.

use super::support::{ADA, Answer, Person, TestApp, with_app};
use futures_util::future::join_all;

/// Writes to the business, each time something else.
async fn write(eve: &Person<'_>, number: usize) -> Answer {
    let message = format!("Could you paint our boat number {number}?");
    let fields = [("name", "Ann Li"), ("email", "ann@example.com"), ("message", &message)];
    eve.post("/contact", &fields).await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn three_instances_let_nobody_write_more_often_than_one_would() {
    with_app(async |app| {
        let others = [app.second_instance().await, app.second_instance().await];
        let eve = app.eve();
        let wherever = [eve.clone(), eve.at(&others[0]), eve.at(&others[1])];
        let all = (0..45).map(|number| write(&wherever[number % 3], number));
        let answers = join_all(all).await;
        assert_eq!((count(&answers, 303), count(&answers, 429)), (20, 25));
        assert_eq!(app.ask("select count(*) from leads").await, ["20"]);
        let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=4).contains(&wait), "one more is let in every three seconds: {wait}");
        assert!(refused.body.contains("Could you paint our boat"), "what was typed is kept");
        // Whoever has waited is let in again, wherever.
        app.psql("update shared_limits set full_at = full_at - interval '3 seconds'").await;
        let later = [others[0].second_instance().await, app.second_instance().await];
        assert_eq!(write(&eve.at(&later[0]), 45).await.status, 303);
        assert_eq!(write(&eve.at(&later[1]), 46).await.status, 429);
        for instance in others.into_iter().chain(later) {
            instance.close().await;
        }
    });
}

#[test]
fn guesses_at_one_account_are_counted_wherever_they_come() {
    with_app(async |app| {
        let other = app.second_instance().await;
        let guess = async |at: &TestApp| {
            let fields = [("email", ADA.0), ("password", "wrong")];
            app.eve().at(at).post("/sign-in", &fields).await.status
        };
        for number in 0..20 {
            let at = if number % 2 == 0 { app } else { &other };
            assert_eq!(guess(at).await, 422, "{number}");
        }
        // Each of them has counted ten; together that was all there were.
        assert_eq!((guess(app).await, guess(&other).await), (429, 429));
        other.close().await;
    });
}

#[test]
fn nobody_is_turned_away_because_nobody_can_count() {
    with_app(async |app| {
        app.psql("alter table shared_limits rename to elsewhere").await;
        assert_eq!(write(&app.eve(), 1).await.status, 303);
        app.psql("alter table elsewhere rename to shared_limits").await;
    });
}

#[test]
fn what_is_full_again_is_not_kept() {
    with_app(async |app| {
        write(&app.eve(), 1).await;
        assert_eq!(app.ask("select count(*) from shared_limits").await, ["1"]);
        app.psql("update shared_limits set full_at = now() - interval '1 second'").await;
        assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
        assert_eq!(app.ask("select count(*) from shared_limits").await, ["0"]);
    });
}
