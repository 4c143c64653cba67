//! What happens after commit, although workers freeze, die and are stopped.

use super::contact::{ANN, ann_but};
use super::mail::{mails, put_receipt, work};
use super::proofs::tries;
use super::support::{
    Mode, Person, Process, Smtp, TestApp, folder_of_its_own, with_app, with_settings,
};
use frontdesk::jobs::worker;
use frontdesk::services::outbox::{self, End, Noted, Wanted};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// `frontdesk worker` on the database of `app`.
pub fn start_worker(app: &TestApp, smtp: &Smtp) -> Process {
    let environment = [&smtp.settings()[..], &[("DATABASE_URL", &app.database_url)]].concat();
    let mut worker = Process::run(&["worker"], &environment);
    worker.wait_for("Working on what waits");
    worker
}

/// Waits until the server was handed so many mails.
async fn handed_in(smtp: &Smtp, count: u64) {
    for _ in 0..600 {
        if smtp.handed_in() >= count {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{} mails were handed in, not {count}", smtp.handed_in());
}

/// As if their leases had run out.
async fn let_leases_run_out(app: &TestApp) {
    app.psql("update outbox set due_at = now() where state = 'waiting' and lease is not null")
        .await;
}

#[test]
fn a_worker_that_was_frozen_past_its_lease_changes_nothing_any_more() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        let frozen = start_worker(app, &smtp);
        smtp.set(json!({ "stall": true }));
        put_receipt(app, 1, "ann@example.test").await;
        handed_in(&smtp, 1).await;
        frozen.signal("STOP");
        smtp.set(json!({ "stall": false })); // now it lies there that the mail was taken, and nobody reads it
        work(app).await;
        assert_eq!(mails(app).await, ["waiting|1"], "while the lease lasts nobody else takes it");
        let_leases_run_out(app).await;
        work(app).await;
        assert_eq!(mails(app).await, ["done|2"]);
        let version = "select xmin || ' ' || ended_at from outbox where kind = 'mail'";
        let noted = app.ask(version).await;
        frozen.signal("CONT");
        put_receipt(app, 2, "bob@example.test").await; // it works again
        app.comes_to("select state from outbox where recipient like 'bob%'", "done").await;
        frozen.signal("TERM");
        assert_eq!(frozen.end().code, 0);
        assert_eq!(app.ask(&format!("{version} and recipient like 'ann%'")).await, noted);
        // What SMTP cannot promise: it was sent twice, and the Message-ID says that it is the same mail.
        let mut counts: Vec<u64> = smtp.counts().into_values().collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2]);
    });
}

#[test]
fn who_has_lost_the_lease_changes_nothing_though_someone_else_is_still_at_it() {
    with_app(async |app| {
        put_receipt(app, 1, "ann@example.test").await;
        let claim = async |suspects| {
            let wanted = Wanted { most: 1 - suspects, suspects, mail: true };
            let lease = app.state.clock.id();
            let claimed = app.state.bookkeep(async |tx| outbox::claim(tx, lease, wanted).await);
            claimed.await.unwrap().remove(0)
        };
        let late = claim(0).await;
        let_leases_run_out(app).await;
        let mine = claim(1).await;
        let row = "select xmin || ' ' || lease || ' ' || due_at from outbox";
        let before = app.ask(row).await;
        let ends = [
            End::Done,
            End::Dropped("It is not wanted."),
            End::Failed("Not now.".into()),
            End::Refused("Never.".into()),
            End::Away("Nobody answers.".into()),
        ];
        for end in &ends {
            let noted = app.state.bookkeep(async |tx| outbox::end(tx, &late, end).await).await;
            assert_eq!(noted.unwrap(), Noted::Lost, "{end:?}");
        }
        app.state.bookkeep(async |tx| outbox::give_back(tx, &late).await).await.unwrap();
        assert!(!app.state.bookkeep(async |tx| outbox::extend(tx, &late).await).await.unwrap());
        assert_eq!(app.ask(row).await, before);
        let noted = app.state.bookkeep(async |tx| outbox::end(tx, &mine, &ends[0]).await).await;
        assert_ne!(noted.unwrap(), Noted::Lost);
        assert_eq!(mails(app).await, ["done|2"]);
    });
}

#[test]
fn a_job_in_the_database_has_its_effect_once_whoever_loses_the_lease() {
    with_app(async |app| {
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        // Whoever writes a mail into the outbox is slow; meanwhile their lease runs out and is taken.
        app.psql(
            "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return new; end $$;
             create trigger slow before insert on outbox for each row when (new.kind = 'mail') execute function slow()",
        )
        .await;
        let steal = async {
            app.comes_to("select count(*) from outbox where lease is not null", "1").await;
            let_leases_run_out(app).await;
            worker::work_off(&app.state).await
        };
        let (first, second) = tokio::join!(worker::work_off(&app.state), steal);
        assert!(first.is_ok() && second.is_ok());
        app.psql("drop trigger slow on outbox").await;
        work(app).await;
        let effects = app
            .ask("select count(*) || '/' || count(distinct once) from outbox where kind = 'mail'")
            .await;
        assert_eq!(effects, ["2/2"], "one notice, one receipt");
        assert_eq!(app.ask("select state from outbox where kind = 'lead-arrived'").await, ["done"]);
    });
}

#[test]
fn what_kills_its_worker_ends_dead_and_takes_no_other_with_it() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        smtp.set(json!({ "hang": ["poison@example.test"] }));
        app.psql("insert into outbox (id, kind, job, cause) values (gen_random_uuid(), 'dance', '{\"do\": \"dance\"}', 'x:1')")
            .await;
        for number in 0..60 {
            let email = if number == 5 { "poison".to_owned() } else { format!("ann{number}") };
            put_receipt(app, number, &format!("{email}@example.test")).await;
        }
        let clock = &app.state.clock;
        let (began, mut lives, mut others_done) = (clock.moment(), 0, None);
        let (lease, mut of_the_last) =
            ("select lease from outbox where recipient like 'poison%'", String::new());
        let left = "select count(*) from outbox where kind = 'mail' and state = 'waiting' and recipient not like 'poison%'";
        'lives: loop {
            let worker = start_worker(app, &smtp);
            lives += 1;
            loop {
                if others_done.is_none() && app.ask(left).await == ["0"] {
                    others_done = Some(clock.moment().since(began));
                }
                if app.ask("select state from outbox where recipient like 'poison%'").await
                    == ["dead"]
                {
                    break 'lives;
                }
                let taken = app.ask(lease).await.remove(0);
                if !taken.is_empty() && taken != of_the_last {
                    of_the_last = taken; // this one is at it
                    break;
                }
                assert!(clock.moment().since(began).as_secs() < 300, "{lives} lives");
                sleep(Duration::from_millis(20)).await;
            }
            worker.signal("KILL"); // as the job would have it
            worker.end();
            if tries() <= 50 {
                let_leases_run_out(app).await; // at full size they run out by themselves
            }
        }
        let poison =
            "select concat_ws('|', attempts, remark) from outbox where recipient like 'poison%'";
        assert_eq!(app.ask(poison).await, ["14|Its worker did not come back."]);
        assert_eq!(lives, 15);
        let others_done = others_done.expect("the others are done before the poison is dead");
        assert!(others_done < Duration::from_secs(60), "{others_done:?}");
        let most = app.ask("select max(attempts) from outbox where state = 'done'").await;
        assert_eq!(most, ["2"], "once beside it, once alone");
        let unknown =
            app.ask("select concat_ws('|', state, remark) from outbox where kind = 'dance'").await;
        assert_eq!(unknown, ["waiting|This program does not know such a job."]);
        println!("poison dead after {lives} workers; the 59 others done after {others_done:?}");
    });
}

#[test]
fn a_job_that_fails_is_tried_later_and_later_and_ends_dead_until_someone_has_it_tried_again() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        smtp.set(json!({ "busy": 100 }));
        put_receipt(app, 1, "ann@example.test").await;
        let mut last = 0;
        for attempt in 1..=14 {
            work(app).await;
            let [state] = mails(app).await.try_into().unwrap();
            let expected = if attempt < 14 { "waiting" } else { "dead" };
            assert!(
                state.starts_with(&format!("{expected}|{attempt}|")) && state.contains("450"),
                "{state}"
            );
            let wait = app.ask("select ceil(extract(epoch from due_at - now())) from outbox").await;
            let wait: u64 = wait[0].parse().unwrap_or(0);
            assert!(
                attempt == 14 || wait >= 1 << attempt && wait <= 3 << attempt && wait > last,
                "{wait}"
            );
            last = wait;
            if attempt < 14 {
                app.psql("update outbox set due_at = now()").await;
            }
        }
        let ada = app.ada().await;
        let id = &app.ask("select id from outbox").await[0];
        let path = format!("/admin/outbox/{id}");
        let page = ada.get(&path).await;
        assert!(page.body.contains("450") && page.body.contains("Try again now"), "{}", page.body);
        assert!(ada.get("/admin/outbox?state=dead").await.body.contains(id));
        assert!(app.ask("select ended_at is not null from outbox").await == ["true"]);
        smtp.set(json!({ "busy": 0 }));
        let retry = format!("{path}/retry");
        let retried = ada.post(&retry, &[]).await;
        assert_eq!(
            (retried.status, retried.location.as_str()),
            (303, path.as_str()),
            "{}",
            retried.body
        );
        work(app).await;
        assert_eq!(mails(app).await, ["done|1"]);
        let again = ada.post(&retry, &[]).await;
        again.is_page(422);
        assert!(
            again.body.contains("It cannot be tried again"),
            "{}",
            again.body.split_once("<main").unwrap().1
        );
        assert_eq!((work(app).await, smtp.mails().len()), ((), 1));
    });
}

#[test]
fn what_is_away_for_days_is_given_up_and_not_a_row_that_was_written_long_before_its_time() {
    let settings = [("SMTP_URL", "smtp://127.0.0.1:1"), ("MAIL_FROM", "desk@site.example")];
    with_settings(&settings, async |app| {
        put_receipt(app, 1, "ann@example.test").await;
        app.psql("update outbox set created_at = now() - interval '9 days'").await;
        work(app).await;
        assert!(mails(app).await[0].starts_with("waiting|0|"));
        app.psql("update outbox set due_at = now(), tried_since = now() - interval '73 hours'")
            .await;
        work(app).await;
        assert!(mails(app).await[0].starts_with("dead|0|"));
        assert_eq!(app.ask("select ended_at is not null from outbox").await, ["true"]);
        // However many wait for it, looking once does not take for ever.
        for number in 2..60 {
            put_receipt(app, number, &format!("ann{number}@example.test")).await;
        }
        let began = app.state.clock.moment();
        assert_eq!(worker::work_off(&app.state).await.unwrap(), 0);
        assert!(app.state.clock.moment().since(began) < Duration::from_secs(5));
        assert_eq!(app.ask("select max(attempts) from outbox").await, ["0"]);
    });
}

#[test]
fn a_worker_that_is_told_to_stop_gives_back_what_it_has_not_finished() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        smtp.set(json!({ "stall": true }));
        for number in 0..3 {
            put_receipt(app, number, &format!("ann{number}@example.test")).await;
        }
        let worker = start_worker(app, &smtp);
        handed_in(&smtp, 3).await;
        let began = app.state.clock.moment();
        worker.signal("TERM");
        let end = worker.end();
        assert_eq!((end.code, end.out.as_str()), (0, ""), "{}", end.err);
        assert!(app.state.clock.moment().since(began) < Duration::from_secs(9));
        assert_eq!(mails(app).await, ["waiting|0", "waiting|0", "waiting|0"]);
        assert_eq!(
            app.ask("select count(*) from outbox where lease is null and due_at <= now()").await,
            ["3"]
        );
    });
}

#[test]
fn forms_are_answered_as_ever_while_mail_is_away_and_everything_goes_once_it_is_back() {
    let smtp = Smtp::start(Mode::Plain);
    with_app(async |app| {
        let folder = folder_of_its_own();
        let more = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("DATA_DIR", folder.to_str().unwrap()),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let mut server = Process::serve(&[&smtp.settings()[..], &more].concat());
        let origin = server.origin();
        let eve = Person::visiting(&origin);
        let clock = &app.state.clock;
        let mut number = 0;
        let mut write = async |count: usize| {
            let mut times = Vec::new();
            for _ in 0..count {
                number += 1;
                let message = format!("Could you paint boat number {number}?");
                let email = format!("ann{number}@town-{}.example.test", number % 100);
                let began = clock.moment();
                let eve = eve.coming_from(&super::proofs::address(number));
                let answer = eve
                    .post("/contact", &ann_but(&[("email", &email), ("message", &message)]))
                    .await;
                assert_eq!(answer.status, 303, "{}", answer.body);
                times.push(clock.moment().since(began));
            }
            times.sort_unstable();
            (times[count / 2], times[count - 1])
        };
        let (in_full, count) = (tries() > 50, if tries() > 50 { tries() } else { 2 * tries() });
        let half_of_it = Duration::from_secs(if in_full { 300 } else { 1 });
        write(20).await;
        let before = write(count).await;
        let waiting = "select count(*) from outbox where state = 'waiting'";
        app.comes_to(waiting, "0").await;
        smtp.listen(false);
        let refused = write(count).await;
        sleep(half_of_it).await;
        smtp.listen(true);
        smtp.set(json!({ "stall": true })); // worse: there is someone, and they say nothing
        let stalled = write(count).await;
        sleep(half_of_it).await;
        let late = write(count).await;
        let left = app.ask(waiting).await;
        smtp.set(json!({ "stall": false }));
        let back = clock.moment();
        app.comes_to(waiting, "0").await;
        let drained = clock.moment().since(back);
        println!(
            "forms, median and slowest: {before:?} before, {refused:?} while nobody listens, {stalled:?} while nobody \
             answers, {late:?} at the end of that; the {} that waited had gone {drained:?} after mail was back",
            left[0]
        );
        assert!(drained < Duration::from_secs(60), "{drained:?}");
        let leads = 20 + 4 * count;
        let all = leads + leads.min(1000); // staff hear of each; of strangers a thousand an hour are thanked
        assert_eq!(
            app.ask("select count(*) from outbox where kind = 'mail' and state = 'done'").await,
            [all.to_string()]
        );
        assert_eq!(smtp.counts().len(), all);
        for (median, _) in [refused, stalled, late] {
            assert!(
                median < before.0 * 3 + Duration::from_millis(20),
                "{median:?}, before {before:?}"
            );
        }
        server.signal("TERM");
        let end = server.end();
        assert_eq!(end.code, 0);
        assert!(!end.err.contains("panic"), "{}", end.err);
    });
}

#[test]
fn a_mail_that_is_broken_off_leaves_its_answer_to_no_other() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        smtp.set(json!({ "stall": true, "unwanted": ["bob@example.test"] }));
        put_receipt(app, 1, "ann@example.test").await;
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let state = actix_web::web::Data::clone(&app.state);
        let working = actix_web::rt::spawn(async move { worker::work(&state, stopping).await });
        handed_in(&smtp, 1).await;
        // Its lease is lost: at the next heartbeat the worker leaves it alone, in the middle of what was being said.
        app.psql("update outbox set lease = gen_random_uuid(), due_at = now() + interval '1 hour'")
            .await;
        sleep(Duration::from_secs(4)).await;
        smtp.set(json!({ "stall": false }));
        for (number, name) in [(2, "bob"), (3, "cho"), (4, "dee")] {
            put_receipt(app, number, &format!("{name}@example.test")).await;
        }
        app.comes_to("select count(*) from outbox where state = 'waiting'", "1").await;
        stop.send_replace(true);
        working.await.unwrap();
        let ends =
            "select split_part(recipient, '@', 1) || ' ' || state from outbox order by recipient";
        assert_eq!(app.ask(ends).await, ["ann waiting", "bob dead", "cho done", "dee done"]);
        let mut reached: Vec<String> =
            smtp.mails().iter().map(|mail| mail.to().to_owned()).collect();
        reached.sort_unstable();
        assert_eq!(reached, ["ann@example.test", "cho@example.test", "dee@example.test"]);
    });
}
