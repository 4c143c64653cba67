//! What is promised of an issue, with workers that are killed and a server that says "later" one time in five.
//!
//! A thousand subscribers here, workers that live for half a second, and no more kills once each mail was tried; twenty
//! times `PROOF_TRIES`, and killed every two seconds to the end, where that is set. Once each mail was tried, nobody waits
//! for the pauses between tries: among twenty thousand there is one that has had eight in vain, and the next some ten
//! minutes ahead.

use super::issues::{press, written};
use super::newsletter::readers;
use super::outbox::start_worker;
use super::proofs::tries;
use super::support::{Mode, Smtp, TestApp, with_settings};
use frontdesk::clock::Moment;
use frontdesk::jobs::digests;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// How long a worker lives.
const LIFE: Duration = Duration::from_secs(2);
const SHORT_LIFE: Duration = Duration::from_millis(500);

const LEFT: &str = "select (select count(*) from outbox where state = 'waiting')
                         + (select count(*) from issues where queued_at is null)";
const UNTRIED: &str =
    "select (select count(*) from outbox where state = 'waiting' and attempts = 0)
                            + (select count(*) from issues where queued_at is null)";

/// The Message-ID of a row.
fn message(id: &str) -> String {
    format!("<{id}@site.example>")
}

/// What became of it on the way.
struct Course {
    began: Moment,
    kills: u32,
    /// What a worker had that was killed, as `id lease`.
    cut_off: BTreeSet<String>,
    /// How many of these the server had taken.
    unnoted: u64,
    /// When the last was tried for the first time.
    once: Option<Moment>,
}

impl Course {
    /// Lets a worker live until it is killed; in short, until nothing is left once everything was tried.
    async fn live(&mut self, app: &TestApp, smtp: &Smtp, in_short: bool) {
        let clock = &app.state.clock;
        let life = if in_short { SHORT_LIFE } else { LIFE };
        let worker = start_worker(app, smtp);
        let born = clock.moment();
        let mut lives = true;
        while lives {
            sleep(Duration::from_millis(100)).await;
            lives = clock.moment().since(born) < life;
            if self.once.is_none() && app.ask(UNTRIED).await == ["0"] {
                self.once = Some(clock.moment());
            }
            if self.once.is_some() {
                app.psql(
                    "update outbox set due_at = now() where state = 'waiting' and lease is null",
                )
                .await;
                lives = (lives || in_short) && app.ask(LEFT).await != ["0"];
            }
        }
        worker.signal("KILL");
        worker.end();
        self.kills += 1;
    }

    /// Notes what the one that was killed had in hand.
    async fn look_at_the_wreck(&mut self, app: &TestApp, smtp: &Smtp) {
        sleep(Duration::from_millis(50)).await; // what was on its way arrives
        let counts = smtp.counts();
        let taken = "select id || ' ' || lease from outbox
                      where kind = 'mail' and state = 'waiting' and lease is not null";
        for row in app.ask(taken).await {
            let arrived = counts.contains_key(&message(row.split(' ').next().unwrap()));
            self.unnoted += u64::from(self.cut_off.insert(row) && arrived);
        }
    }
}

#[test]
fn everyone_gets_the_issue_although_the_worker_is_killed_every_two_seconds() {
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        let in_short = tries() <= 50;
        let count = tries() * 20;
        let ada = app.ada().await;
        readers(app, count).await;
        let page = written(&ada, "To the whole town").await;
        smtp.set(json!({ "busy": 20 }));
        press(&ada, &page, "send").await;
        let clock = &app.state.clock;
        let mut course = Course {
            began: clock.moment(),
            kills: 0,
            cut_off: BTreeSet::new(),
            unnoted: 0,
            once: None,
        };
        while app.ask(LEFT).await != ["0"] {
            course.live(app, &smtp, in_short).await;
            course.look_at_the_wreck(app, &smtp).await;
            let since = clock.moment().since(course.began);
            assert!(since.as_secs() < 3600, "{:?} are left", app.ask(LEFT).await);
        }
        // The worker that ended the last mail may have been killed before it asked whether it was the last.
        digests::queue(&app.state).await.unwrap();
        tell(app, &course, &smtp, count).await;
        all_is_well(app, &course, &smtp, count).await;
    });
}

async fn tell(app: &TestApp, course: &Course, smtp: &Smtp, count: usize) {
    let took = app.state.clock.moment().since(course.began);
    let once = course.once.map_or(took, |once| once.since(course.began));
    let tried = "select sum(attempts) || ' tries, for one of them ' || max(attempts) from outbox where kind = 'mail'";
    println!(
        "{count} subscribers over {} kills, with {}: each mail was tried once after {once:.1?} ({:.0}/s), the last had \
         gone after {took:.1?}; {} went twice, {} had been taken by the server when their worker was killed before it \
         could note so",
        course.kills,
        app.ask(tried).await[0],
        f64::from(u32::try_from(count).unwrap()) / once.as_secs_f64(),
        smtp.counts().values().sum::<u64>() - u64::try_from(count).unwrap(),
        course.unnoted,
    );
}

async fn all_is_well(app: &TestApp, course: &Course, smtp: &Smtp, count: usize) {
    let counts = smtp.counts();
    let issue = "select status || ' ' || delivered || ' ' || failed || ' ' || dropped from issues";
    assert_eq!(app.ask(issue).await, [format!("sent {count} 0 0")]);
    assert_eq!(counts.len(), count, "everyone, and nobody else");
    let twice = counts.values().sum::<u64>() - u64::try_from(count).unwrap();
    assert!(twice <= course.unnoted, "{twice} went twice, {} were cut off", course.unnoted);
    // Each subscriber has one mail, and that has arrived.
    let mails =
        "select outbox.id from subscribers left join outbox on recipient = email and kind = 'mail'
                  where subscribers.status = 'confirmed'";
    let mails = app.ask(mails).await;
    assert_eq!(mails.len(), count, "none has two");
    for id in mails {
        assert!(counts.contains_key(&message(&id)), "{id:?}");
    }
    assert!(course.kills >= 3, "{}", course.kills);
}
