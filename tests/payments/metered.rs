//! Metered reading: whoever has an account and does not pay opens so many posts a month that are for those who do.

use super::super::accounts::{BOB, sign_up};
use super::super::audience::MARKER;
use super::super::cache::{HIT, confirmed, sees_in_time};
use super::super::sign_in::sign_in;
use super::super::support::{ADA, Answer, Person, TestApp, with_app};
use super::super::tokens::{ask, by_password, me, tokens};
use super::bob;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

const DECIDE: &str = "/admin/settings/free-posts";

/// Publishes posts for those who pay, at `/posts/paid-1` and so on, with [`MARKER`] in each behind its first paragraph.
async fn publish(app: &TestApp, count: usize) {
    app.psql(&format!(
        "insert into topics (slug, name) values ('craft', 'Craft');
         insert into posts (id, slug, title, body, topic, status, audience, published_at)
         select gen_random_uuid(), 'paid-' || n, 'Paid ' || n, E'It began well.\n\nThe {MARKER} ' || n, 'craft', 'published', 'paid',
                timestamptz '2026-01-31 12:00Z' - n * interval '1 hour' from generate_series(1, {count}) n"
    ))
    .await;
}

/// Has Ada decide how many are free, and every page know it.
async fn decide(app: &TestApp, ada: &Person<'_>, posts: &str) {
    let answer = ada.post(DECIDE, &[("free_posts", posts)]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/admin/settings"));
    confirmed(app).await;
}

fn path(number: usize) -> String {
    format!("/posts/paid-{number}")
}

/// Presses the button of a post.
async fn press(who: &Person<'_>, number: usize) -> Answer {
    let answer = who.post(&format!("{}/open", path(number)), &[]).await;
    assert_eq!((answer.status, answer.location), (303, path(number)));
    who.get(&path(number)).await
}

/// Which of the first `count` posts somebody may read.
async fn reads(who: &Person<'_>, count: usize) -> Vec<usize> {
    let mut open = Vec::new();
    for number in 1..=count {
        let page = who.get(&path(number)).await;
        assert_eq!(page.status, 200);
        open.extend(page.body.contains(MARKER).then_some(number));
    }
    open
}

/// How many were opened, by anyone in any month.
async fn opened(app: &TestApp) -> String {
    app.ask("select count(*) from opened_posts").await.remove(0)
}

const NONE_LEFT: &str = "You have opened all that are free this month.";

#[test]
fn somebody_with_an_account_opens_so_many_a_month_and_none_twice() {
    with_app(async |app| {
        publish(app, 4).await;
        let (ada, eve, bob) = (app.ada().await, app.eve(), bob(app).await);
        let closed = bob.get("/posts/paid-1").await.body;
        assert!(!closed.contains("left this month") && !closed.contains("/open"), "{closed}");
        assert_eq!(reads(&bob, 4).await, [0; 0]);
        assert!(!press(&bob, 1).await.body.contains(MARKER), "none is free before that is decided");

        decide(app, &ada, "2").await;
        let shut = eve.get("/posts/paid-1").await;
        for shown in [
            "With an account, 2 such posts a month are free.",
            "href=\"/sign-in?next=%2Fposts%2Fpaid-1\"",
            "href=\"/sign-up?next=%2Fposts%2Fpaid-1\"",
            "href=\"/membership\"",
        ] {
            assert!(shut.body.contains(shown), "{shown} is missing:\n{}", shut.body);
        }
        assert!(!shut.body.contains("left this month"), "{}", shut.body);
        let page = bob.get("/posts/paid-1").await;
        assert_eq!((page.header("cache-control"), page.header("cache-status")), ("no-store", HIT));
        assert!(page.body.contains("Read this one: 2 of 2 left this month"), "{}", page.body);
        assert!(page.body.contains("action=\"/posts/paid-1/open\"") && !page.body.contains(MARKER));
        assert!(page.body.contains("It began well.") && !page.body.contains("/sign-in?next"));
        // To look is not to open.
        bob.get("/posts/paid-1/open").await.is_page(405);
        assert_eq!((reads(&bob, 4).await, opened(app).await), (vec![], "0".into()));

        assert!(press(&bob, 1).await.body.contains(MARKER));
        assert!(bob.get("/posts/paid-2").await.body.contains("Read this one: 1 of 2 left"));
        press(&bob, 1).await;
        assert_eq!((reads(&bob, 4).await, opened(app).await), (vec![1], "1".into()));
        assert!(press(&bob, 3).await.body.contains(MARKER));
        let refused = press(&bob, 2).await.body;
        assert!(refused.contains(NONE_LEFT) && refused.contains("href=\"/membership\""));
        assert!(!refused.contains("/open\"") && !refused.contains(MARKER), "{refused}");
        assert_eq!((reads(&bob, 4).await, opened(app).await), (vec![1, 3], "2".into()));
        // It is his: everyone else sees what they saw.
        let again = eve.get("/posts/paid-1").await;
        assert_eq!((&again.body, again.header("etag")), (&shut.body, shut.header("etag")));
        let ann = sign_up(app, "ann@example.test", BOB.1).await;
        assert!(ann.get("/posts/paid-1").await.body.contains("2 of 2 left"));
    });
}

#[test]
fn whoever_is_not_signed_in_comes_back_to_the_post() {
    with_app(async |app| {
        publish(app, 1).await;
        decide(app, &app.ada().await, "2").await;
        let (bob, eve) = (bob(app).await, app.eve());
        for _ in 0..2 {
            let answer = eve.post("/posts/paid-1/open", &[]).await;
            let way = "/sign-in?next=%2Fposts%2Fpaid-1";
            assert_eq!((answer.status, answer.location.as_str()), (303, way));
            // The other, too, once his session is over.
            app.psql("delete from sessions").await;
            let answer = bob.post("/posts/paid-1/open", &[]).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, way));
        }
        let page = eve.get("/sign-in?next=%2Fposts%2Fpaid-1").await;
        assert!(page.body.contains("href=\"/sign-up?next=%2Fposts%2Fpaid-1\""), "{}", page.body);
        assert_eq!(opened(app).await, "0");
    });
}

#[test]
fn however_many_are_opened_at_once_no_more_are_than_are_free() {
    with_app(async |app| {
        publish(app, 24).await;
        decide(app, &app.ada().await, "3").await;
        let (bob, phone, other) = (bob(app).await, app.eve(), app.second_instance().await);
        assert_eq!(sign_in(&phone, BOB.0, BOB.1).await.status, 303);
        let ann = sign_up(app, "ann@example.test", BOB.1).await;
        for round in 0..3 {
            let devices = [&bob, &phone, &bob.at(&other), &phone.at(&other)];
            let both = (1..=24).map(|number| {
                let (device, to) = (devices[number % 4], format!("{}/open", path(number)));
                async move {
                    // A busy machine may have no connection for everyone at once.
                    while device.post(&to, &[]).await.status != 303 {}
                }
            });
            let same = (0..4).map(|_| async { drop(press(&ann, 1).await) });
            let (_, _) = tokio::join!(join_all(both), join_all(same));
            assert_eq!(reads(&bob, 24).await.len(), 3, "{round}");
            assert_eq!((reads(&ann, 2).await, opened(app).await), (vec![1], "4".into()), "{round}");
            app.psql("delete from opened_posts").await;
        }
        other.close().await;
    });
}

#[test]
fn what_was_opened_closes_with_the_month_and_as_many_are_free_again() {
    with_app(async |app| {
        publish(app, 3).await;
        decide(app, &app.ada().await, "2").await;
        let bob = bob(app).await;
        for number in [1, 2] {
            press(&bob, number).await;
        }
        assert_eq!(reads(&bob, 3).await, [1, 2]);
        let month = "select bool_and(month = date_trunc('month', now() at time zone 'utc')) from opened_posts";
        assert_eq!(app.ask(month).await, ["true"]);
        app.psql("update opened_posts set month = month - interval '1 month'").await;
        assert_eq!(reads(&bob, 3).await, [0; 0]);
        assert!(bob.get("/posts/paid-1").await.body.contains("2 of 2 left"));
        press(&bob, 1).await;
        press(&bob, 3).await;
        assert!(press(&bob, 2).await.body.contains(NONE_LEFT));
        assert_eq!((reads(&bob, 3).await, opened(app).await), (vec![1, 3], "4".into()));
    });
}

#[test]
fn what_was_opened_stays_open_whatever_is_decided_then() {
    with_app(async |app| {
        publish(app, 4).await;
        let (ada, eve, bob) = (app.ada().await, app.eve(), bob(app).await);
        decide(app, &ada, "3").await;
        press(&bob, 1).await;
        press(&bob, 2).await;
        decide(app, &ada, "1").await;
        assert!(eve.get("/posts/paid-3").await.body.contains("one such post a month is free"));
        assert!(press(&bob, 3).await.body.contains(NONE_LEFT));
        assert_eq!(reads(&bob, 4).await, [1, 2]);
        decide(app, &ada, "0").await;
        for who in [&eve, &bob] {
            let page = who.get("/posts/paid-3").await.body;
            assert!(page.contains("Whoever has a membership reads on here."), "{page}");
            assert!(!page.contains(" free.") && !page.contains("this month"), "{page}");
        }
        press(&bob, 3).await;
        assert_eq!(reads(&bob, 4).await, [1, 2]);
        decide(app, &ada, "3").await;
        assert!(bob.get("/posts/paid-3").await.body.contains("1 of 3 left"));
        // Somebody in psql decides it too, and pages follow by themselves.
        app.psql("update settings set value = '5' where name = 'free-posts'").await;
        sees_in_time(&eve, app, "/posts/paid-3", "5 such posts a month").await;
        assert!(bob.get("/posts/paid-3").await.body.contains("3 of 5 left"));
        app.psql("truncate settings").await;
        confirmed(app).await;
        assert!(!eve.get("/posts/paid-3").await.body.contains(" free."));
    });
}

/// What stands in the field.
fn number(page: &str) -> &str {
    let field = page.split("name=\"free_posts\"").nth(1).expect("the field");
    field.split("value=\"").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn an_owner_decides_it_and_nothing_but_a_number_from_0_to_100() {
    with_app(async |app| {
        let (ada, bob) = (app.ada().await, bob(app).await);
        let page = ada.get("/admin/settings").await.body;
        assert_eq!(number(&page), "0");
        for wrong in ["-1", "101", "2.5", "many", ""] {
            let refused = ada.post(DECIDE, &[("free_posts", wrong)]).await;
            refused.is_page(422);
            assert!(refused.body.contains("id=\"free_posts-error\""), "{}", refused.body);
            assert!(refused.body.contains("Enter a number from 0 to 100."));
            assert_eq!(refused.body.matches("id=\"error-summary\"").count(), 1);
        }
        assert_eq!(bob.post(DECIDE, &[("free_posts", "9")]).await.status, 403);
        assert_eq!(app.ask("select count(*) from settings").await, ["0"]);
        let seen = ada.get("/admin/settings").await.body;
        let seen = seen.split("name=\"version\" value=\"").nth(2).unwrap();
        let seen = seen.split('"').next().unwrap().to_owned();
        for _ in 0..2 {
            decide(app, &ada, "100").await;
        }
        let late = ada.post(DECIDE, &[("free_posts", "7"), ("version", &seen)]).await;
        late.is_page(422);
        assert!(late.body.contains("Someone has saved this since you opened it."));
        assert_eq!(number(&late.body), "7", "{}", late.body);
        assert_eq!(number(&ada.get("/admin/settings").await.body), "100");
        assert_eq!(app.ask("select value from settings").await, ["100"]);
        // Nor does the database take anything else: nobody could be told any more who they are.
        let mut db = PgConnection::connect(&app.database_url).await.unwrap();
        for wrong in ["-1", "101", "2.5", "\"3\"", "null", "[1]"] {
            let sql = format!("update settings set value = '{wrong}'");
            let refused = db.execute(sqlx::AssertSqlSafe(sql)).await.unwrap_err();
            let constraint = refused.as_database_error().unwrap().constraint();
            assert_eq!(constraint, Some("settings_free_posts"), "{wrong}");
        }
        db.close().await.unwrap();
    });
}

#[test]
fn whoever_pays_and_whoever_runs_the_site_is_not_counted() {
    with_app(async |app| {
        publish(app, 3).await;
        let (ada, bob) = (app.ada().await, bob(app).await);
        decide(app, &ada, "1").await;
        press(&bob, 1).await;
        let give = ["plan", "grant", "--email", BOB.0, "--reason", "He built the shelves."];
        assert_eq!(app.cli(&give, "").code, 0);
        assert_eq!(reads(&bob, 3).await, [1, 2, 3]);
        for who in [&bob, &ada] {
            assert!(press(who, 2).await.body.contains(MARKER));
            assert!(!who.get("/posts/paid-3").await.body.contains("left this month"));
        }
        assert_eq!(opened(app).await, "1");
        assert_eq!(app.cli(&["plan", "revoke", "--email", BOB.0], "").code, 0);
        assert_eq!(reads(&bob, 3).await, [1], "what he had opened before, and no more");
        assert!(bob.get("/posts/paid-2").await.body.contains(NONE_LEFT));
    });
}

#[test]
fn a_post_that_is_another_by_now_is_what_it_says_now() {
    with_app(async |app| {
        publish(app, 3).await;
        let (eve, bob) = (app.eve(), bob(app).await);
        decide(app, &app.ada().await, "2").await;
        press(&bob, 1).await;
        let change = async |sql: &str| {
            app.psql(&format!("update posts set {sql} where slug like 'paid-1%'")).await;
            confirmed(app).await;
        };
        change("status = 'draft'").await;
        assert_eq!(bob.get("/posts/paid-1").await.status, 404);
        assert_eq!(bob.post("/posts/paid-1/open", &[]).await.status, 404);
        change("status = 'archived'").await;
        assert_eq!(bob.post("/posts/paid-1/open", &[]).await.status, 410);
        for nowhere in ["/posts/nowhere/open", "/posts/paid-1%20/open"] {
            assert_eq!(bob.post(nowhere, &[]).await.status, 404, "{nowhere}");
        }
        change("status = 'published', published_at = now() + interval '1 day'").await;
        assert_eq!(bob.post("/posts/paid-1/open", &[]).await.status, 404);
        change("published_at = now() - interval '1 day', audience = 'members'").await;
        assert_eq!((reads(&bob, 1).await, reads(&eve, 1).await), (vec![1], vec![]));
        change("audience = 'everyone'").await;
        assert_eq!((reads(&bob, 1).await, reads(&eve, 1).await), (vec![1], vec![1]));
        // What is open to somebody anyway is not counted.
        app.psql("delete from opened_posts").await;
        assert!(press(&bob, 1).await.body.contains(MARKER));
        assert_eq!(opened(app).await, "0");
        change("audience = 'paid'").await;
        assert_eq!((reads(&bob, 1).await, reads(&eve, 1).await), (vec![], vec![]));
        press(&bob, 1).await;
        change("slug = 'paid-1-renamed'").await;
        assert!(bob.get("/posts/paid-1-renamed").await.body.contains(MARKER));
        let moved = bob.post("/posts/paid-1/open", &[]).await;
        assert_eq!((moved.status, moved.location.as_str()), (303, "/posts/paid-1-renamed"));
        // With a post that is deleted goes that it was opened.
        app.psql("delete from posts where slug = 'paid-1-renamed'").await;
        assert!(bob.get("/posts/paid-2").await.body.contains("2 of 2 left"));
    });
}

#[test]
fn an_app_reads_what_its_member_has_opened_and_nothing_else_is_handed_out() {
    with_app(async |app| {
        publish(app, 3).await;
        decide(app, &app.ada().await, "2").await;
        let (bob, phone) = (bob(app).await, app.eve());
        let (access, _) = tokens(&ask(&phone, &by_password(BOB.0, BOB.1)).await);
        let read = async |path: &str, token: Option<&str>| {
            let request = phone.request(Method::GET, path);
            phone.send(token.iter().fold(request, |asked, token| asked.bearer_auth(token))).await
        };
        let profile = me(&phone, &access).await.json();
        press(&bob, 2).await;
        let bodies = async |token: Option<&str>| {
            let all = read("/api/v1/posts", token).await.json();
            let items = all["items"].as_array().unwrap().clone();
            items.into_iter().map(|item| item["body"].is_string()).collect::<Vec<_>>()
        };
        assert_eq!(bodies(Some(&access)).await, [false, true, false]);
        assert_eq!(bodies(None).await, [false; 3]);
        assert!(read("/api/v1/posts/paid-2", Some(&access)).await.body.contains(MARKER));
        let closed = read("/api/v1/posts/paid-1", Some(&access)).await;
        assert_eq!((closed.status, &closed.json()["body"]), (200, &Value::Null));
        assert_eq!(me(&phone, &access).await.json(), profile);
        for list in ["/", "/posts", "/topics/craft"] {
            for who in [&bob, &phone] {
                assert!(!who.get(list).await.body.contains(MARKER), "{list}");
            }
        }
        app.psql("update opened_posts set month = month - interval '1 month'").await;
        assert_eq!(bodies(Some(&access)).await, [false; 3]);
    });
}

#[test]
fn what_somebody_has_opened_is_handed_out_to_them_and_goes_with_them() {
    with_app(async |app| {
        publish(app, 3).await;
        let ada = app.ada().await;
        decide(app, &ada, "2").await;
        let (bob, ann) = (bob(app).await, sign_up(app, "ann@example.test", BOB.1).await);
        press(&bob, 2).await;
        press(&ann, 3).await;
        let export = ada.get(&format!("/admin/people/{}/export", BOB.0)).await.json();
        let opened_posts = &export["tables"]["accounts"][0]["posts_opened"];
        assert_eq!(opened_posts.as_array().map(Vec::len), Some(1), "{export}");
        assert_eq!(opened_posts[0]["slug"], "paid-2");
        let own = ada.get(&format!("/admin/people/{}/export", ADA.0)).await.json();
        assert_eq!(own["tables"]["accounts"][0]["posts_opened"], serde_json::json!([]));
        let erase = [("email", BOB.0), ("confirmation", BOB.0)];
        assert_eq!(ada.post("/admin/people/erase", &erase).await.status, 303);
        assert_eq!(opened(app).await, "1");
        let delete = [("confirmation", "ann@example.test")];
        assert_eq!(ann.post("/account/delete", &delete).await.status, 303);
        assert_eq!(opened(app).await, "0");
    });
}
