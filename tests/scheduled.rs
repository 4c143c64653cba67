//! A scheduled post: it appears by itself, with nobody writing anything and no job to wait for.

use super::posts::{but, editor_of, many, save, written};
use super::support::with_app;
use std::time::Duration;

const LISTS: [&str; 4] = ["/", "/posts", "/topics/craft", "/posts/post-1"];

#[test]
fn a_scheduled_post_appears_on_every_kept_page_when_its_time_comes() {
    with_app(async |app| {
        many(app, 2).await;
        let eve = app.eve();
        app.psql(
            "insert into posts (id, slug, title, body, topic, status, published_at)
             values (gen_random_uuid(), 'news', 'News of today', 'Text.', 'craft', 'published',
                     clock_timestamp() + interval '1500 milliseconds')",
        )
        .await;
        let due = app.state.clock.moment().plus(Duration::from_millis(1500));
        for list in LISTS {
            assert!(!eve.get(list).await.body.contains("News of today"), "{list} knows too early");
        }
        assert_eq!(eve.get("/posts/news").await.status, 404);
        let too_early = app.state.clock.moment() >= due;
        assert!(!too_early, "this machine is too slow to tell before from after");
        tokio::time::sleep(due.since(app.state.clock.moment())).await; // time itself is awaited here
        for list in LISTS {
            let page = eve.get(list).await;
            assert!(
                page.body.contains("News of today"),
                "{list} missed it: {}",
                page.header("cache-status")
            );
        }
        assert_eq!(eve.get("/posts/news").await.status, 200);
    });
}

#[test]
fn a_post_is_scheduled_in_the_editor_and_can_be_had_out_at_once() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let fields = but(written("Soon", "Text.", "scheduled"), "publish_at", "2199-01-31 09:00");
        let editor = save(&ada, "/admin/posts/new", &fields).await;
        assert_eq!(eve.get("/posts/soon").await.status, 404);
        let page = ada.get(&editor).await.body;
        assert!(
            page.contains(r#"value="scheduled" checked"#) && page.contains("2199-01-31 09:00"),
            "{page}"
        );
        assert!(ada.get("/admin/posts").await.body.contains("scheduled"));
        assert!(!eve.get("/api/v1/posts").await.body.contains("soon"));
        save(&ada, &editor, &written("Soon", "Text.", "published")).await;
        assert_eq!(eve.get("/posts/soon").await.status, 200);
        assert_eq!(editor, editor_of(app, "soon").await);
    });
}

#[test]
fn a_post_cannot_be_scheduled_for_no_time_at_all() {
    with_app(async |app| {
        let ada = app.ada().await;
        // In a year that nobody can write down either.
        let far = ["9999-12-31T23:59:59-23:00", "0000-01-01T00:00:00+23:00", "-9999-01-01 00:00"];
        for at in ["", "next week", "2199-02-31 09:00"].into_iter().chain(far) {
            let fields = but(written("Soon", "Text.", "scheduled"), "publish_at", at);
            let answer = ada.post("/admin/posts/new", &fields).await;
            assert_eq!(answer.status, 422, "{at:?}");
            assert!(answer.body.contains(r#"id="publish_at-error""#), "{}", answer.body);
        }
        assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
        for version in far.into_iter().chain(["yesterday"]) {
            let fields = [written("Soon", "Text.", "draft"), vec![("version", version)]].concat();
            assert_eq!(ada.post("/admin/posts/new", &fields).await.status, 422, "{version}");
        }
    });
}
