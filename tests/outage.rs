//! The site while its database is away, after it has crashed, and after a long time.

use super::cache::{HIT, MISS, STALE, confirmed, sees_in_time};
use super::contact::{ANN, ann_but};
use super::posts::{but, editor_of, many, save, written};
use super::support::{Answer, with_app, with_own_server};
use reqwest::Method;
use std::time::Duration;

const UNREACHABLE: &str = "frontdesk; hit; detail=database-unreachable";
const HOUR: Duration = Duration::from_secs(3600);

fn is_unavailable(answer: &Answer) {
    answer.is_page(503);
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn while_the_database_is_away_readers_see_the_last_good_page_and_nothing_withdrawn() {
    with_own_server(async |app, server| {
        many(app, 12).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let archived = but(written("Post 1", "Text 1", "archived"), "slug", "post-1");
        for path in ["/", "/posts/post-1", "/posts?page=2", "/posts/post-12", "/contact"] {
            assert_eq!(eve.get(path).await.status, 200, "{path}");
        }
        save(&ada, &editor_of(app, "post-1").await, &archived).await;
        // Read again after that; the others still lie there as they were when post 1 was on the site.
        let last = eve.get("/posts/post-12").await;
        server.stop();
        app.state.clock.advance(Duration::from_secs(1));
        for path in ["/posts/post-12", "/contact"] {
            let answer = eve.get(path).await;
            assert_eq!(
                (answer.status, answer.header("cache-status")),
                (200, UNREACHABLE),
                "{path}"
            );
        }
        let kept = eve.get("/posts/post-12").await;
        assert_eq!((&kept.body, kept.header("etag")), (&last.body, last.header("etag")));
        let request = eve.request(Method::GET, "/posts/post-12");
        let known = eve.send(request.header("if-none-match", last.header("etag"))).await;
        assert_eq!((known.status, known.header("cache-status")), (304, UNREACHABLE));
        is_unavailable(&eve.get("/posts/post-1").await); // archived
        is_unavailable(&eve.get("/").await); // showed what is archived
        is_unavailable(&eve.get("/posts?page=2").await); // the list it belongs to did
        is_unavailable(&eve.get("/posts/never-read").await);
        eve.get("/api/v1/posts").await.is_problem(503);
        eve.get("/readyz").await.is_problem(503);
        assert_eq!(eve.get("/healthz").await.status, 200);
        app.state.clock.advance(24 * HOUR);
        is_unavailable(&eve.get("/posts/post-12").await); // too old by now

        server.start();
        assert_eq!(eve.get("/posts/post-1").await.status, 410);
        for (path, status) in [("/posts/post-12", STALE), ("/", STALE), ("/contact", STALE)] {
            let answer = eve.get(path).await;
            assert_eq!((answer.status, answer.header("cache-status")), (200, status), "{path}");
        }
        assert_eq!(eve.get("/readyz").await.status, 200);
    });
}

#[test]
fn an_instance_that_slept_through_a_withdrawal_does_not_show_the_page_either() {
    with_own_server(async |app, server| {
        many(app, 2).await;
        let sleepy = app.second_instance().await;
        let eve = sleepy.eve().asking_for(&app.origin);
        for path in ["/posts/post-1", "/callers"] {
            assert_eq!(eve.get(path).await.status, 200, "{path}");
        }
        // Two hours later the others have forgotten that this ever happened.
        app.psql("update posts set status = 'archived' where slug = 'post-1'").await;
        app.psql("delete from cache_inval").await;
        sleepy.state.clock.advance(2 * HOUR);
        assert_eq!(eve.get("/callers").await.header("cache-status"), STALE);
        server.stop();
        sleepy.state.clock.advance(Duration::from_secs(1));
        assert_eq!(eve.get("/callers").await.header("cache-status"), UNREACHABLE);
        is_unavailable(&eve.get("/posts/post-1").await);
        server.start();
        assert_eq!(eve.get("/posts/post-1").await.status, 410);
        sleepy.close().await;
    });
}

#[test]
fn while_the_database_is_away_no_word_that_was_typed_is_lost() {
    with_own_server(async |app, server| {
        let (ada, eve) = (app.ada().await, app.eve());
        server.stop();
        let answer = eve.post("/contact", &ANN).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        assert_eq!(eve.post("/contact", &ANN).await.status, 303);
        let typed = written("A long evening's work", "Every <word> of it", "published");
        let answer = ada.post("/admin/posts/new", &typed).await;
        is_unavailable(&answer);
        for shown in ["A long evening", "Every &lt;word&gt; of it", "action=\"/admin/posts/new\""] {
            assert!(answer.body.contains(shown), "{shown} is missing:\n{}", answer.body);
        }
        server.start();
        assert_eq!(save(&ada, "/admin/posts/new", &typed).await, "/posts/a-long-evening-s-work");
        frontdesk::intake::drain(&app.state).await.unwrap();
        assert_eq!(
            app.ask("select name || ' ' || source from leads").await,
            ["Ann Li website-form"]
        );
    });
}

#[test]
fn a_lead_that_the_database_refuses_keeps_none_of_those_behind_it_waiting() {
    with_own_server(async |app, server| {
        let eve = app.eve();
        server.stop();
        for name in ["Ann Li", "Bob Ash", "Cem Ak"] {
            let lead = ann_but(&[("name", name)]);
            assert_eq!(eve.post("/contact", &lead).await.status, 303);
        }
        server.start();
        app.psql("alter table leads add constraint not_bob check (name <> 'Bob Ash')").await;
        assert_eq!(frontdesk::intake::drain(&app.state).await.unwrap(), 2);
        assert_eq!(app.ask("select name from leads order by id").await, ["Ann Li", "Cem Ak"]);
        assert_eq!(frontdesk::intake::drain(&app.state).await.unwrap(), 0);
        // It was acknowledged, so it is kept, for whoever can see what is wrong.
        let files = std::fs::read_dir(server.data().join("spool")).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        let refused =
            files.iter().find(|file| file.extension().is_some_and(|kind| kind == "refused"));
        let kept = std::fs::read_to_string(refused.unwrap()).unwrap();
        assert_eq!((kept.lines().count(), kept.contains("Bob Ash")), (1, true));
    });
}

#[test]
fn after_a_crash_of_the_database_no_page_is_trusted() {
    with_own_server(async |app, server| {
        many(app, 3).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let post = but(written("Post 2", "Before the crash", "published"), "slug", "post-2");
        save(&ada, &editor_of(app, "post-2").await, &post).await;
        let pages = ["/", "/posts", "/posts/post-1", "/posts/post-2", "/topics/craft", "/callers"];
        for path in pages {
            assert_eq!(eve.get(path).await.header("cache-status"), MISS, "{path}");
            assert_eq!(eve.get(path).await.header("cache-status"), HIT, "{path}");
        }
        let life = app.ask("select id from cache_boot").await;
        server.crash();
        server.start();
        confirmed(app).await;
        for path in pages {
            assert_eq!(eve.get(path).await.header("cache-status"), STALE, "{path}");
            assert_eq!(eve.get(path).await.header("cache-status"), HIT, "{path}");
        }
        assert_ne!(app.ask("select id from cache_boot").await, life);
        // Her cookie is of the life before.
        assert!(ada.get("/posts/post-2").await.body.contains("Before the crash"));
        app.psql("update posts set body = 'After the crash' where slug = 'post-2'").await;
        sees_in_time(&eve, app, "/posts/post-2", "After the crash").await;
        let post = but(written("Post 3", "Written after it", "published"), "slug", "post-3");
        save(&ada, &editor_of(app, "post-3").await, &post).await;
        assert!(ada.get("/posts/post-3").await.body.contains("Written after it"));
    });
}

#[test]
fn an_edit_just_before_or_after_a_crash_is_on_the_page_when_the_database_is_back() {
    with_own_server(async |app, server| {
        many(app, 2).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let second = app.second_instance().await;
        let elsewhere = eve.at(&second);
        for round in 1..=3 {
            elsewhere.get("/posts/post-1").await;
            let before = format!("Before crash {round}");
            let post = but(written("Post 1", &before, "published"), "slug", "post-1");
            save(&ada, &editor_of(app, "post-1").await, &post).await;
            server.crash();
            server.start();
            sees_in_time(&elsewhere, app, "/posts/post-1", &before).await;
            server.crash();
            server.start();
            app.psql(&format!(
                "update posts set body = 'After crash {round}' where slug = 'post-1'"
            ))
            .await;
            for reader in [&eve, &elsewhere] {
                let word = format!("After crash {round}");
                sees_in_time(reader, app, "/posts/post-1", &word).await;
            }
        }
        second.close().await;
    });
}

#[test]
fn what_every_instance_has_seen_long_ago_is_forgotten() {
    with_app(async |app| {
        let ada = app.ada().await;
        let edit = async |text: &str| {
            let path = match app.ask("select id from posts").await.first() {
                Some(id) => format!("/admin/posts/{id}/edit"),
                None => "/admin/posts/new".to_owned(),
            };
            save(&ada, &path, &written("A post", text, "published")).await;
            app.ask("select max(xid::text::numeric) from cache_inval").await[0].clone()
        };
        let count = async |xid: &str| {
            app.ask(&format!("select count(*) from cache_inval where xid::text = '{xid}'")).await[0]
                .clone()
        };
        let first = edit("First").await;
        app.state.clock.advance(HOUR - Duration::from_secs(60));
        let second = edit("Second").await;
        assert_ne!(count(&first).await, "0", "this is not an hour ago");
        // Transactions of others, in other databases of this server, may hold it back for one turn.
        for turn in 0.. {
            app.state.clock.advance(HOUR + Duration::from_secs(1));
            let latest = edit(&format!("Turn {turn}")).await;
            assert_ne!(count(&latest).await, "0", "recent ones stay");
            if count(&first).await == "0" {
                break;
            }
            assert!(turn < 50, "the first edit is remembered for ever");
        }
        assert_ne!(first, second);
        app.state.clock.advance(2 * HOUR);
        assert!(ada.get("/posts/a-post").await.body.contains("Turn"));
    });
}
