//! Guesses at codes: whoever has the first factor gets no further, and keeps nobody out.

use super::accounts::{BOB, sign_up};
use super::second_factor::{half_way, subjects, turn_on, type_code};
use super::sign_in::sign_in;
use super::support::{Person, TestApp, with_settings};

/// Types wrong codes until that is too often; says how many were looked at.
async fn guess(app: &TestApp, half: &Person<'_>, other: &TestApp) -> usize {
    for number in 0..40 {
        let half = half.coming_from(&format!("198.51.100.{number}"));
        let answer = match number % 2 {
            0 => type_code(&half, "000000").await,
            _ => type_code(&half.at(other), "000000").await,
        };
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            return number;
        }
        assert_eq!(answer.status, 422, "{}", answer.body);
    }
    panic!("nobody stopped {} codes", app.ask("select count(*) from code_tries").await[0]);
}

#[test]
fn wrong_codes_count_on_all_instances_together_and_keep_nobody_out_who_was_here() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, codes) = turn_on(app, &bob).await;
        bob.post("/sign-out", &[]).await;
        let (thief, other) = (half_way(app, &BOB).await, app.second_instance().await);
        assert_eq!(guess(app, &thief, &other).await, 10);
        assert_eq!(type_code(&thief, &phone.shows(app, 0)).await.status, 429, "right or not");
        let told = subjects(app, BOB.0).await;
        let told = told.iter().filter(|subject| *subject == "Somebody is trying to sign in");
        assert_eq!(told.count(), 1);

        // Where Bob has been before he gets in, and with a recovery code he gets in anywhere.
        assert_eq!(sign_in(&bob, BOB.0, BOB.1).await.location, "/sign-in/code");
        assert_eq!(type_code(&bob, &phone.next(app)).await.location, "/account");
        assert_eq!(type_code(&half_way(app, &BOB).await, &codes[0]).await.location, "/account");
        // Right codes count for nothing; of his own device's guesses there are as many.
        assert_eq!(app.ask("select count(*) from code_tries where device <> ''").await, ["0"]);
        sign_in(&bob, BOB.0, BOB.1).await;
        assert_eq!(guess(app, &bob, &other).await, 10);

        app.psql("update code_tries set at = at - interval '15 minutes'").await;
        assert_eq!(guess(app, &thief, &other).await, 10);
        for _ in 0..3 {
            app.psql("update code_tries set at = at - interval '15 minutes'").await;
            let fresh = half_way(app, &BOB).await;
            assert_eq!(guess(app, &fresh, &other).await, 10);
        }
        app.psql("update code_tries set at = at - interval '15 minutes'").await;
        let fresh = half_way(app, &BOB).await;
        assert_eq!(guess(app, &fresh, &other).await, 0, "fifty in a day");
        app.psql("update code_tries set at = at - interval '1 day'").await;
        assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
        assert_eq!(app.ask("select count(*) from code_tries").await, ["0"]);
        other.close().await;
    });
}

#[test]
fn forty_guesses_at_once_are_forty_guesses() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        turn_on(app, &bob).await;
        let thief = half_way(app, &BOB).await;
        let tries = (0..40).map(async |number| {
            let thief = thief.coming_from(&format!("198.51.100.{number}"));
            type_code(&thief, &format!("{number:06}")).await.status
        });
        let got = futures_util::future::join_all(tries).await;
        // An instance that is asked for too much at once says so, and has not looked at all of them.
        let looked_at = got.iter().filter(|status| **status == 422).count();
        assert!((1..=10).contains(&looked_at), "{got:?}");
        assert_eq!(app.ask("select count(*) <= 10 from code_tries").await, ["true"]);
        assert!(got.iter().all(|status| [422, 429, 503].contains(status)), "{got:?}");
    });
}
