//! What happened, as a program reads on in it: all of it, in order, and nothing that is none of its business.

use super::contact::ANN;
use super::partner::lead;
use super::support::{Answer, Person, TestApp, with_app};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

const POST: &str =
    "insert into topics (slug, name) values ('craft', 'Craft') on conflict do nothing;
    insert into posts (id, slug, title, body, topic, status, published_at, audience)
        values (gen_random_uuid(), 'a-wall', 'A wall', 'Words for members.', 'craft', 'published', now(), 'members');";

/// A key that is good for these: its id and its secret.
pub fn key_for(app: &TestApp, scopes: &[&str]) -> (String, String) {
    let mut create = vec!["key", "create", "--name", "Partner", "--json"];
    scopes.iter().for_each(|scope| create.extend(["--scope", scope]));
    let shown = app.cli(&create, "").json();
    let text = |name: &str| shown[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// Waits for whoever else writes in this cluster just now: the feed goes no further than all transactions have ended.
async fn settled(app: &TestApp) {
    let settled = "select coalesce(max(xid::text::bigint) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint, true) from events";
    app.comes_to(settled, "true").await;
}

pub async fn read(app: &TestApp, person: &Person<'_>, key: &str, query: &str) -> Answer {
    settled(app).await;
    read_now(person, key, query).await
}

async fn read_now(person: &Person<'_>, key: &str, query: &str) -> Answer {
    let request = person.request(reqwest::Method::GET, &format!("/api/v1/events{query}"));
    person.send(request.header("x-api-key", key)).await
}

/// What happened, as `type sequence`.
pub fn told(feed: &Value) -> Vec<String> {
    let items = feed["items"].as_array().unwrap().iter();
    items.map(|one| format!("{} {}", one["type"].as_str().unwrap(), one["sequence"])).collect()
}

/// All there is to read, in parts of `size`, after `after`; and where to go on.
async fn all(person: &Person<'_>, key: &str, size: usize, after: &str) -> (Vec<Value>, String) {
    let (mut found, mut next) = (Vec::new(), after.to_owned());
    loop {
        let after = if next.is_empty() { String::new() } else { format!("&after={next}") };
        let answer = read_now(person, key, &format!("?limit={size}{after}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let feed = answer.json();
        found.extend(feed["items"].as_array().unwrap().clone());
        next = feed["next"].as_str().unwrap_or_default().to_owned();
        if feed["has_more"] == false {
            return (found, next);
        }
    }
}

#[test]
fn what_happens_is_read_by_whoever_may_read_what_it_is_about() {
    with_app(async |app| {
        let (eve, ada) = (app.eve(), app.ada().await);
        let (id, key) = key_for(app, &["events:read", "leads:write", "posts:read"]);
        let (_, other) = key_for(app, &["events:read", "leads:write"]);
        let (_, blind) = key_for(app, &["events:read"]);
        let handed_in = eve.json("/api/v1/leads", Some(&key), &lead()).await.json();
        let lead = handed_in["id"].as_str().unwrap().to_owned();
        eve.post("/contact", &ANN).await; // of the site itself
        ada.post(&format!("/admin/leads/{lead}/status"), &[("status", "won")]).await;
        app.psql(POST).await; // a person in psql
        app.psql("update posts set title = 'Another wall'").await;
        app.psql("update posts set title = title, status = 'archived'").await;
        let feed = read(app, &eve, &key, "").await.json();
        let expected = [
            "lead.created 1",
            "lead.updated 2",
            "post.published 1",
            "post.updated 2",
            "post.unpublished 3",
        ];
        assert_eq!(told(&feed), expected, "{feed}");
        let first = &feed["items"][0];
        assert_eq!(first["object"], json!({ "type": "lead", "id": lead }));
        assert_eq!(
            (&first["data"]["email"], &first["data"]["status"]),
            (&handed_in["email"], &json!("won"))
        );
        assert_eq!(feed["items"][4]["data"], Value::Null, "it is withdrawn");
        for key in [&other, &blind] {
            assert_eq!(told(&read(app, &eve, key, "").await.json()), [""; 0]);
        }
        app.psql("update posts set status = 'published'").await;
        let after = feed["next"].as_str().unwrap();
        let feed = read(app, &eve, &key, &format!("?after={after}")).await.json();
        assert_eq!(told(&feed), ["post.published 4"]);
        assert_eq!(
            feed["items"][0]["data"]["body"], "Words for members.",
            "as posts:read shows it"
        );
        assert_eq!(read(app, &eve, &app.key("leads:write").await, "").await.status, 403);
        assert_eq!(
            app.ask("select count(*) from events where type like 'lead.%' and key_id is null")
                .await,
            ["1"]
        );
        assert_eq!(
            app.ask(&format!("select count(*) from events where key_id = '{id}'")).await,
            ["2"]
        );
    });
}

#[test]
fn nothing_is_skipped_though_transactions_end_in_another_order_than_they_began() {
    with_app(async |app| {
        let (eve, (id, key)) = (app.eve(), key_for(app, &["events:read", "leads:write"]));
        let insert = |name: &str| {
            format!(
                "insert into leads (id, name, email, message, status, source, api_key_id, fingerprint)
                 values (gen_random_uuid(), '{name}', 'x@example.test', 'Hello.', 'new', 'partner-api', '{id}', sha256('{name}'))"
            )
        };
        let mut slow = PgConnection::connect(&app.database_url).await.unwrap();
        let begun = format!("begin; {}", insert("slow"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(begun)).execute(&mut slow).await.unwrap();
        app.psql(&insert("quick")).await;
        let (found, next) = all(&eve, &key, 10, "").await;
        assert_eq!(found.len(), 0, "what comes later is not told before what may come earlier");
        sqlx::raw_sql("commit").execute(&mut slow).await.unwrap();
        settled(app).await;
        let (found, next) = all(&eve, &key, 1, &next).await;
        let names: Vec<_> = found.iter().map(|one| one["data"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["slow", "quick"]);
        // Of many who write at once, one who always reads on misses none and is told none twice.
        let writers = (0..4).map(|writer| {
            let url = app.database_url.clone();
            let statements: Vec<_> = (0..50).map(|n| insert(&format!("{writer}-{n}"))).collect();
            async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                for statement in statements {
                    let sql =
                        format!("begin; {statement}; select pg_sleep(random() / 200); commit");
                    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                }
            }
        });
        let writing = futures_util::future::join_all(writers);
        let reading = async {
            let (mut seen, mut next) = (Vec::new(), next);
            while seen.len() < 200 {
                let (found, then) = all(&eve, &key, 7, &next).await;
                seen.extend(found.into_iter().map(|one| one["id"].as_str().unwrap().to_owned()));
                next = then;
            }
            seen
        };
        let reading = tokio::time::timeout(std::time::Duration::from_secs(60), reading);
        let (_, seen) = tokio::join!(writing, reading);
        let seen = seen.expect("some were skipped");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 200);
        assert_eq!(seen.len(), 200);
    });
}

#[test]
fn a_rollback_spam_and_tests_tell_nobody_and_what_was_no_spam_is_told() {
    with_app(async |app| {
        let lead = |name: &str, status: &str, test: bool| {
            format!(
                "insert into leads (id, name, email, message, status, source, fingerprint, test)
                 values (gen_random_uuid(), '{name}', 'x@example.test', 'Hello.', '{status}', 'cli', sha256('{name}'), {test});"
            )
        };
        let all = [lead("Ann", "new", false), lead("Bot", "spam", false), lead("Try", "new", true)]
            .concat();
        app.psql(&format!("begin; {all} rollback")).await;
        assert_eq!(app.ask("select count(*) from events").await, ["0"]);
        app.psql(&all).await;
        let said = "select string_agg(leads.name || ' ' || type || ' ' || sequence, ', ' order by leads.name, n) from events join leads on leads.id = object";
        assert_eq!(app.ask(said).await, ["Ann lead.created 1"]);
        app.psql("delete from events; update leads set status = 'contacted'").await;
        assert_eq!(app.ask(said).await, ["Ann lead.updated 2, Bot lead.created 1"]);
        app.psql("delete from events; update leads set status = 'spam'").await;
        app.psql("update leads set status = 'new'").await;
        app.psql("update leads set goes_at = now()").await; // of nobody's interest
        let said = app.ask(said).await.remove(0);
        assert_eq!(
            said.matches("lead.updated").count(),
            4,
            "what was told once is told on: {said}"
        );
    });
}

#[test]
fn a_post_that_appears_by_itself_is_told_of_once_whenever_its_time_is_changed() {
    with_app(async |app| {
        let other = app.second_instance().await;
        let work = async || {
            let both =
                [&app.state, &other.state].map(|state| frontdesk::jobs::webhooks::work_off(state));
            for worked in futures_util::future::join_all(both).await {
                worked.unwrap();
            }
        };
        let said = "select string_agg(type || ' ' || sequence, ', ' order by n) from events";
        app.psql(&POST.replace("now(), 'members'", "now() + interval '1 hour', 'everyone'")).await;
        work().await;
        assert_eq!(app.ask(said).await, [""]);
        app.psql("update posts set published_at = now() + interval '2 hours', title = 'Later'")
            .await;
        work().await;
        assert_eq!(app.ask(said).await, [""]);
        // As if its time had come, with nobody writing.
        app.psql("set session_replication_role = replica; update posts set published_at = now() - interval '1 second'").await;
        work().await;
        work().await;
        assert_eq!(app.ask(said).await, ["post.published 1"]);
        app.psql("update posts set published_at = now() + interval '1 hour'").await;
        assert_eq!(app.ask(said).await, ["post.published 1, post.unpublished 2"]);
        app.psql("update posts set published_at = now()").await;
        work().await;
        assert_eq!(app.ask(said).await, ["post.published 1, post.unpublished 2, post.published 3"]);
        // Whoever writes once its time has come, and before anyone looked, is whom it is told by.
        app.psql("set session_replication_role = replica; update posts set appeared = false").await;
        app.psql("update posts set title = 'Now'").await;
        work().await;
        assert_eq!(
            app.ask("select count(*) from events where type = 'post.published'").await,
            ["3"]
        );
        other.close().await;
    });
}

#[test]
fn who_gets_the_newsletter_is_told_and_who_is_erased_is_in_no_event() {
    with_app(async |app| {
        app.psql(
            "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at)
             select gen_random_uuid(), name || '@example.test', 'pending', 'cli', 'x', now(), now() from unnest(array['ann', 'bob']) as name;
             update subscribers set status = 'confirmed';
             update subscribers set digest = 'daily';
             update subscribers set status = 'bounced', ended_at = now() where email like 'bob%'",
        )
        .await;
        let said = "select string_agg(type, ', ' order by n) from events";
        let confirmed = "subscriber.confirmed, subscriber.confirmed, subscriber.unsubscribed";
        assert_eq!(app.ask(said).await, [confirmed]);
        let (eve, (_, key)) = (app.eve(), key_for(app, &["events:read", "leads:write"]));
        let mut new = lead();
        new["email"] = json!("ann@example.test");
        eve.json("/api/v1/leads", Some(&key), &new).await;
        assert_eq!(app.cli(&["person", "erase", "--email", "ann@example.test"], "").code, 0);
        assert_eq!(app.tables_with("ann@example.test").await, [""; 0]);
        let (found, _) = all(&eve, &key, 10, "").await;
        assert_eq!(
            (found.len(), &found[0]["data"]),
            (1, &Value::Null),
            "that something happened stays"
        );
        assert_eq!(
            app.ask("select type from events order by n desc limit 1").await,
            ["subscriber.unsubscribed"]
        );
    });
}

#[test]
fn the_numbers_of_an_object_grow_without_a_gap_whoever_writes_at_once() {
    with_app(async |app| {
        let insert = "insert into leads (id, name, email, message, status, source, fingerprint)
            values (gen_random_uuid(), 'Ann', 'x@example.test', 'Hello.', 'new', 'cli', sha256('a'))";
        app.psql(insert).await;
        let writers = (0..6).map(|writer| async move {
            let mut connection = PgConnection::connect(&app.database_url).await.unwrap();
            for n in 0..20 {
                let sql = format!("update leads set name = 'Ann {writer}-{n}'");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            }
        });
        futures_util::future::join_all(writers).await;
        let numbers = "select string_agg(sequence::text, ' ' order by n) from events";
        let expected: Vec<_> = (1..=121).map(|n: u32| n.to_string()).collect();
        assert_eq!(app.ask(numbers).await, [expected.join(" ")]);
    });
}

#[test]
fn the_feed_is_read_in_parts_and_says_where_it_goes_on() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), key_for(app, &["events:read", "posts:read"]));
        let nothing = read(app, &eve, &key, "").await.json();
        assert_eq!(nothing, json!({ "items": [], "next": null, "has_more": false }));
        app.psql(POST).await;
        for n in 0..5 {
            app.psql(&format!("update posts set title = 'Wall {n}'")).await;
        }
        let first = read(app, &eve, &key, "?limit=4").await;
        let next = first.json()["next"].as_str().unwrap().to_owned();
        assert!(
            first.header("link").contains(&format!("limit=4&after={next}")),
            "{}",
            first.header("link")
        );
        let rest = read(app, &eve, &key, &format!("?after={next}")).await;
        assert_eq!((rest.json()["items"].as_array().unwrap().len(), rest.header("link")), (2, ""));
        let end = rest.json()["next"].as_str().unwrap().to_owned();
        let end = read(app, &eve, &key, &format!("?after={end}")).await.json();
        assert_eq!(
            (told(&end).len(), end["next"].is_string()),
            (0, true),
            "there is a place to go on from"
        );
        assert_eq!(
            told(&read(app, &eve, &key, "?types=post.published").await.json()),
            ["post.published 1"]
        );
        for wrong in [
            "?types=post.printed",
            "?limit=0",
            "?limit=201",
            "?after=01890000-0000-7000-8000-000000000000",
            "?since=1",
        ] {
            assert_eq!(read(app, &eve, &key, wrong).await.status, 422, "{wrong}");
        }
        assert!(matches!(read(app, &eve, &key, "?after=nonsense").await.status, 400 | 422));
        // Three months later.
        app.psql("update events set at = now() - interval '91 days'").await;
        assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
        assert_eq!(read(app, &eve, &key, &format!("?after={next}")).await.status, 422);
        app.psql("update posts set title = 'The last wall'").await;
        assert_eq!(
            told(&read(app, &eve, &key, "").await.json()),
            ["post.updated 7"],
            "the count goes on"
        );
    });
}

#[test]
fn a_database_that_was_restored_is_read_on_in() {
    with_app(async |app| {
        let (eve, (_, key)) = (app.eve(), key_for(app, &["events:read", "posts:read"]));
        app.psql(POST).await;
        settled(app).await;
        let (_, next) = all(&eve, &key, 10, "").await;
        // Where it was copied from, more transactions had been counted.
        app.psql("update events set xid = '900000000'").await;
        let restarted = app.second_instance().await;
        let eve = restarted.eve().asking_for(&app.origin);
        assert_eq!(told(&read(app, &eve, &key, "").await.json()), ["post.published 1"]);
        app.psql("update posts set title = 'Another wall'").await;
        settled(app).await;
        let (found, _) = all(&eve, &key, 10, &next).await;
        assert_eq!(found.len(), 1, "{found:?}");
        restarted.close().await;
    });
}
