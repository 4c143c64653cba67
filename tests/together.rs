//! What is handed in at the same time shares a transaction, and nobody notices but the disk.

use super::support::{Answer, Person, TestApp, with_app};
use frontdesk::app::App;
use frontdesk::error::Error;
use frontdesk::together::Together;
use futures_util::FutureExt;
use futures_util::future::join_all;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

const LEADS: &str = "/api/v1/leads";
const TRANSACTIONS: &str = "select count(distinct xmin::text) from leads";

fn lead(name: &str) -> Value {
    json!({ "name": name, "email": "ann@example.com", "message": "From our own order form." })
}

async fn hand_in(program: &Person<'_>, key: &str, lead: &Value) -> Answer {
    program.send(program.request(Method::POST, LEADS).json(lead).header("x-api-key", key)).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Somebody at the database who keeps everyone from writing leads for as long as they stay.
async fn someone_in_the_way(app: &TestApp) -> PgConnection {
    let mut psql = PgConnection::connect(&app.database_url).await.unwrap();
    sqlx::raw_sql("begin; lock table leads in exclusive mode").execute(&mut psql).await.unwrap();
    psql
}

/// Until so many requests wait for whoever is in the way.
async fn until_somebody_waits(app: &TestApp) {
    let waiting = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while app.ask(waiting).await != ["true"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn leads_that_arrive_together_share_a_transaction_and_each_is_there_once() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        let mut psql = someone_in_the_way(app).await;
        let alone = lead("First");
        let first = hand_in(&eve, &key, &alone).await_beside(app, &mut psql, async || {
            // Two of each kind, so every second is the twin of the one before it.
            let leads: Vec<Value> = (0..40).map(|n| lead(&format!("Ann {}", n / 2))).collect();
            join_all(leads.iter().map(|lead| hand_in(&eve, &key, lead))).await
        });
        let (first, others) = first.await;
        assert_eq!(first.status, 201);
        assert!(others.iter().all(|answer| answer.status == 201));
        let ids: BTreeSet<String> = others.iter().map(id).collect();
        assert_eq!(ids.len(), 20, "a twin is the same lead");
        for pair in others.chunks(2) {
            assert_eq!(id(&pair[0]), id(&pair[1]));
            assert_eq!(pair[0].body, pair[1].body);
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["21"]);
        assert_eq!(
            app.ask("select count(*) from outbox where kind = 'lead-arrived'").await,
            ["21"]
        );
        assert_eq!(app.ask(TRANSACTIONS).await, ["2"], "one alone, all others together");
    });
}

/// Something that is sent while somebody is in the way.
trait Beside: Future<Output = Answer> + Sized {
    /// Sends it, then whatever `others` send; then nobody is in the way any more.
    async fn await_beside<T>(
        self,
        app: &TestApp,
        psql: &mut PgConnection,
        others: impl AsyncFnOnce() -> T,
    ) -> (Answer, T) {
        let others = async {
            until_somebody_waits(app).await;
            others().await
        };
        let release = async {
            until_somebody_waits(app).await;
            // The others have to be in line; there is nothing by which that could be seen from here.
            tokio::time::sleep(Duration::from_millis(300)).await;
            sqlx::raw_sql("rollback").execute(&mut *psql).await.unwrap();
        };
        let (answer, others, ()) = futures_util::join!(self, others, release);
        (answer, others)
    }
}

impl<F: Future<Output = Answer>> Beside for F {}

#[test]
fn whoever_hangs_up_takes_no_one_elses_answer_along() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        let mut psql = someone_in_the_way(app).await;
        let impatient = lead("Impatient");
        let impatient = hand_in(&eve, &key, &impatient);
        let cut_off = tokio::time::timeout(Duration::from_millis(200), impatient).await;
        assert!(cut_off.is_err(), "nobody can be answered yet");
        let (patient, ()) =
            hand_in(&eve, &key, &lead("Patient")).await_beside(app, &mut psql, async || ()).await;
        assert_eq!(patient.status, 201);
        let names = app.ask("select name from leads order by name").await;
        assert_eq!(names, ["Impatient", "Patient"]);
    });
}

#[test]
fn one_that_cannot_be_stored_harms_none_of_the_others() {
    with_app(async |app| {
        let (eve, key) = (app.eve(), app.key("leads:write").await);
        app.psql("alter table leads add constraint no check (name <> 'Mallory')").await;
        let mut psql = someone_in_the_way(app).await;
        let (first, others) = hand_in(&eve, &key, &lead("First"))
            .await_beside(app, &mut psql, async || {
                let leads = ["Ann", "Mallory", "Bob"].map(lead);
                join_all(leads.iter().map(|lead| hand_in(&eve, &key, lead))).await
            })
            .await;
        let statuses: Vec<u16> = others.iter().map(|answer| answer.status).collect();
        assert_eq!((first.status, statuses), (201, vec![201, 500, 201]));
        let names = app.ask("select name from leads order by name").await;
        assert_eq!(names, ["Ann", "Bob", "First"]);
    });
}

#[test]
fn nobody_stands_in_line_for_longer_than_the_database_may_take() {
    with_app(async |app| {
        let line = Together::<u32, u32>::default();
        let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let join = |number: u32| {
            let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
            line.join(&app.state, number, async move |_: &App, all: &[u32]| {
                begun.notify_one();
                gate.acquire().await.unwrap().forget();
                all.iter().map(|number| Ok(*number)).collect()
            })
        };
        let mut first = pin!(join(1));
        assert!(first.as_mut().now_or_never().is_none());
        begun.notified().await;
        let mut others = pin!(join_all((2..200).map(join)));
        assert!(others.as_mut().now_or_never().is_none());
        app.state.clock.advance(Duration::from_secs(3));
        let mut late = pin!(join(200));
        assert!(late.as_mut().now_or_never().is_none());
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), 1, "who is being seen to is seen to");
        for other in others.await {
            assert!(matches!(other, Err(Error::Unavailable(_))));
        }
        assert_eq!(late.await.unwrap(), 200, "who came just now has not waited");
    });
}
