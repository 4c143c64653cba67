//! Three processes on one database while they and Postgres are killed, twenty writers, a hundred readers: what the page
//! cache promises, held against everything that its clients were shown.
//!
//! The checker (`storm/history.rs`) is a client's: it knows what was sent and answered, and when, by one clock. Let a write
//! be *known* from the moment it was acknowledged, or a page that showed it had come, whichever was first; who was
//! told 503, or lost the connection, cannot know, and such a write may turn out either way. Asserted is, of every page:
//!
//! - (a) **Old.** It shows every write that was known more than 250 ms before the page was asked for.
//! - (b) **Own.** Whoever sends the token of a write along, as the cookie `ryw` or the header `Consistency-Token`, is shown
//!   that write or a later one: the writer on every instance right after the answer, tabs and programs that share the
//!   token on whatever instance their requests reach.
//! - (c) **Back.** Whoever sends the token of a write along is shown, of every writer, at least what was known to anyone when
//!   that write was sent. A snapshot that sees the write sees all that was committed before it. So in a session that holds
//!   the cookie nothing goes back behind its last write. Nothing more is promised: reading renews no token, and what
//!   others wrote since may show on one instance and, for 250 ms, not yet on another.
//! - It shows nothing that was never sent or was rolled back, and one moment only: a writer's number is the same wherever
//!   it stands on the page.
//!
//! Pages marked `database-unreachable` need only keep the last rule. What is answered otherwise is 503 or nothing. Staff write
//! by the editor's form and programs by the API, which adds posts and changes none; some writes are made in psql, out of
//! order or rolled back.

mod checker;
mod clients;
mod history;
mod stale_proxy;
mod weather;
mod writers;

use super::support::{Chance, Shell, with_settings};
use clients::{Clients, Counts, Site, ground};
use frontdesk::clock::Clock;
use futures_util::future::join;
use history::{Findings, History, Rule};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;
use weather::{Log, Weather};

/// A setting of this test, where it is given.
#[allow(clippy::disallowed_methods)] // the tests' own setting, not the application's
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

async fn prepare(site: &Site) {
    let mut connection = PgConnection::connect(&site.database).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(ground())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn key(site: &Site) -> String {
    let make = ["key", "create", "--name", "Partner", "--scope", "posts:write", "--json"];
    let shown = Shell::run(&make, "", &[("DATABASE_URL", &site.database)]).json();
    shown["key"].as_str().unwrap().to_owned()
}

/// Lets the clients come while it storms.
fn live_through(seconds: u64, seed: u64) -> (History, Counts, Log) {
    let clock = Clock::default();
    let mut weather = Weather::calm();
    let site = weather.site.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(prepare(&site));
    let key = key(&site);
    std::thread::scope(|scope| {
        let length = Duration::from_secs(seconds);
        let (begin, begun) = mpsc::channel();
        let (clock, weather) = (&clock, &mut weather);
        let storm = scope.spawn(move || {
            begun.recv().unwrap();
            weather.storm(clock, length, Chance(seed))
        });
        let over = || storm.is_finished();
        let clients = Clients::new(&site, clock, seed, &over);
        runtime.block_on(async {
            let writers = clients.arrive().await;
            begin.send(()).unwrap();
            clients.come(&writers, &key, 100).await;
        });
        let (history, counts) = (clients.history.into_inner(), clients.counts.into_inner());
        (history, counts, storm.join().unwrap())
    })
}

fn tell(history: &History, counts: &Counts, findings: &Findings) {
    let count =
        |is: &dyn Fn(&history::Read) -> bool| history.reads.iter().filter(|it| is(it)).count();
    let (sent, acknowledged) = history.written();
    println!(
        "{} pages read, {} with a token, {} from the cache, {} said the database was unreachable; {sent} writes, \
         {acknowledged} acknowledged; {} times 503, {} times nobody there, {} connections cut, {} transactions failed; \
         oldest page: {:?} behind",
        history.reads.len(),
        count(&|read| read.held.is_some()),
        count(&|read| read.status == super::cache::HIT),
        count(&|read| read.is_degraded()),
        counts.unavailable,
        counts.refused,
        counts.cut,
        counts.failed,
        findings.oldest,
    );
    for violation in findings.violations.iter().take(20) {
        println!("{violation}");
    }
}

#[test]
fn in_a_storm_no_page_is_old_no_writer_misses_the_own_write_and_no_session_goes_back() {
    let seed =
        setting("STORM_SEED").unwrap_or_else(|| u64::from_ne_bytes(Clock::default().random()));
    let seconds = setting("STORM_SECONDS").unwrap_or(20);
    let again = format!("STORM_SECONDS={seconds} STORM_SEED={seed}");
    println!("{again}");
    let (history, counts, log) = live_through(seconds, seed);
    let findings = history.check();
    println!("{} instances killed, Postgres {} times", log.kills, log.crashes);
    tell(&history, &counts, &findings);
    assert_eq!(findings.violations.len(), 0, "{again}: see above");
    assert_eq!(counts.strange, [""; 0], "{again}");
    // That it was a storm, and that the site was there in it.
    let degraded = history.reads.iter().filter(|read| read.is_degraded()).count();
    assert!(log.kills >= 4 && log.crashes >= 3, "{log:?}");
    assert!(degraded + counts.unavailable > 0, "nobody noticed that Postgres was away");
    assert!(counts.refused + counts.cut > 0, "nobody noticed that instances were away");
    let (_, acknowledged) = history.written();
    let held = history.reads.iter().filter(|read| read.held.is_some()).count();
    assert!(acknowledged > 50 && held > 100 && history.reads.len() > 500, "too few came through");
    for at in 0..3 {
        assert!(history.reads.iter().filter(|read| read.at == at).count() > 100, "instance {at}");
    }
}

#[test]
fn a_site_that_keeps_pages_for_a_second_is_found_out() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let addresses =
            vec![app.origin.clone(), app.origin.clone(), stale_proxy::before(&app.origin)];
        let site = Site { name: app.origin.clone(), addresses, database: app.database_url.clone() };
        prepare(&site).await;
        let clock = Clock::default();
        let found = Cell::new(false);
        let over = || found.get();
        let clients = Clients::new(&site, &clock, 7, &over);
        let writers = clients.arrive().await;
        let key = app.key("posts:write").await;
        let all = BTreeSet::from([Rule::Old, Rule::Own, Rule::Back]);
        let watch = async {
            let until = clock.moment().plus(Duration::from_secs(30));
            while clock.moment() < until
                && !clients.history.borrow().check().rules().is_superset(&all)
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            found.set(true);
        };
        join(clients.come(&writers, &key, 20), watch).await;
        let (history, counts) = (clients.history.into_inner(), clients.counts.into_inner());
        let findings = history.check();
        tell(&history, &counts, &findings);
        assert!(findings.rules().is_superset(&all), "{:?}", findings.rules());
        assert_eq!(counts.strange, [""; 0]);
    });
}
