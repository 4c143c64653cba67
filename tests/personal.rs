//! What is personal on a page that is kept for everyone.

use super::posts::{editor_of, many, save, written};
use super::support::with_app;

#[test]
fn staff_see_their_desk_and_the_way_to_the_editor_on_the_kept_page_and_nobody_else_does() {
    with_app(async |app| {
        many(app, 1).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let anyones = eve.get("/posts/post-1").await;
        let hers = ada.get("/posts/post-1").await;
        let editor = editor_of(app, "post-1").await;
        for personal in
            ["action=\"/sign-out\"", "href=\"/admin/leads\"", &format!("href=\"{editor}\"")]
        {
            assert!(hers.body.contains(personal), "{personal} is missing:\n{}", hers.body);
            assert!(!anyones.body.contains(personal), "{personal} is shown to anyone");
        }
        assert_eq!(hers.header("cache-status"), "frontdesk; hit");
        assert_eq!((hers.header("cache-control"), hers.header("etag")), ("no-store", ""));
        assert_eq!(anyones.header("cache-control"), "no-cache");
        assert_eq!(eve.get("/posts/post-1").await.body, anyones.body);
        assert!(!hers.body.contains("<!--hole") && !anyones.body.contains("<!--hole"));
    });
}

#[test]
fn what_was_done_is_said_once_and_to_the_one_who_did_it() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let said = "The post is published.";
        let at = save(&ada, "/admin/posts/new", &written("A post", "Text.", "published")).await;
        assert!(!eve.get(&at).await.body.contains(said));
        assert!(ada.get(&at).await.body.contains(said));
        assert!(!ada.get(&at).await.body.contains(said));
        let forged =
            eve.request(reqwest::Method::GET, &at).header("cookie", "flash=<b>You won</b>");
        assert!(!eve.send(forged).await.body.contains("You won"));
    });
}

#[test]
fn an_ended_session_has_no_desk_any_more() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert!(ada.get("/").await.body.contains("/sign-out"));
        app.psql("delete from sessions").await;
        assert!(!ada.get("/").await.body.contains("/sign-out"));
    });
}
