//! What is promised of mail, with workers that are killed and a server that says "later" one time in five.
//!
//! Five hundred mails here, and once each was tried no more kills and no pauses between tries; twenty times `PROOF_TRIES`,
//! killed and delayed to the end, where that is set.

use super::outbox::start_worker;
use super::proofs::tries;
use super::support::{Mode, Smtp, TestApp, with_settings};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// How often a worker is killed.
const LIFE: Duration = Duration::from_secs(2);

/// The rows that a worker has taken, as `id lease`.
async fn taken(app: &TestApp) -> Vec<String> {
    app.ask("select id || ' ' || lease from outbox where state = 'waiting' and lease is not null")
        .await
}

/// The Message-ID of a row.
fn message(id: &str) -> String {
    format!("<{id}@site.example>")
}

#[test]
fn everyone_gets_their_mail_although_the_worker_is_killed_every_two_seconds() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        let in_short = tries() <= 50;
        let count = tries() * if in_short { 10 } else { 20 };
        app.psql(&format!(
            "insert into leads (id, name, email, message, status, source, fingerprint)
                select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Ann ' || n, 'ann' || n || '@example.test',
                       'Message ' || n, 'new', 'import', sha256(n::text::bytea) from generate_series(1, {count}) n;
             insert into outbox (id, kind, job, cause, recipient)
                select id, 'mail', jsonb_build_object('do', 'mail', 'mail', 'lead-receipt', 'lead', id), 'lead:' || id, email
                  from leads"
        ))
        .await;
        smtp.set(json!({ "busy": 20 }));
        let clock = &app.state.clock;
        let began = clock.moment();
        let (mut kills, mut unnoted, mut once, mut met) = (0, 0, None, BTreeSet::new());
        let untried = "select count(*) from outbox where state = 'waiting' and attempts = 0";
        let left = "select count(*) from outbox where state = 'waiting'";
        while app.ask(left).await != ["0"] {
            let worker = start_worker(app, &smtp);
            let born = clock.moment();
            let mut lives = true;
            while lives {
                sleep(Duration::from_millis(100)).await;
                if once.is_none() && app.ask(untried).await == ["0"] {
                    once = Some(clock.moment().since(began));
                }
                lives = clock.moment().since(born) < LIFE;
                if in_short && once.is_some() {
                    app.psql("update outbox set due_at = now() where state = 'waiting' and lease is null").await;
                    lives = app.ask(left).await != ["0"];
                }
            }
            worker.signal("KILL");
            worker.end();
            kills += 1;
            sleep(Duration::from_millis(50)).await; // what was on its way arrives
            let counts = smtp.counts();
            for row in taken(app).await {
                let arrived = counts.contains_key(&message(row.split(' ').next().unwrap()));
                unnoted += u64::from(met.insert(row) && arrived);
            }
            assert!(
                clock.moment().since(began).as_secs() < 3600,
                "{:?} are left",
                app.ask(left).await
            );
        }
        let took = clock.moment().since(began);
        let (counts, states) = (smtp.counts(), "select distinct state from outbox");
        let twice = counts.values().sum::<u64>() - u64::try_from(count).unwrap();
        let tried = app
            .ask("select sum(attempts) || ' tries, for one of them ' || max(attempts) from outbox")
            .await;
        let once = once.unwrap_or(took);
        println!(
            "{count} mails over {kills} kills, with {}: each was tried once after {once:.1?} ({:.0}/s), the last had \
             gone after {took:.1?}; {twice} went twice, and {unnoted} had been taken by the server when their worker was \
             killed before it could note so",
            tried[0],
            f64::from(u32::try_from(count).unwrap()) / once.as_secs_f64(),
        );
        assert_eq!(app.ask(states).await, ["done"]);
        assert_eq!(counts.len(), count, "none is skipped");
        assert!(twice <= unnoted, "{twice} went twice, {unnoted} were cut off");
        for id in app.ask("select id from outbox").await {
            assert!(counts.contains_key(&message(&id)), "{id}");
        }
        assert!(kills >= 3, "{kills}");
    });
}
