//! What staff see of the page cache, and what they can do about it.

use super::cache::{HIT, STALE, confirmed};
use super::posts::{editor_of, many, save, written};
use super::sign_in::is_asked_to_sign_in;
use super::support::{Person, TestApp, with_app};

/// The row of the list that is about `address`.
fn row<'a>(list: &'a str, address: &str) -> Option<&'a str> {
    let link = format!("<a href=\"{address}\">");
    let rows = list.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap());
    rows.into_iter().find(|row| row.contains(&link))
}

async fn state(eve: &Person<'_>, path: &str) -> String {
    eve.get(path).await.header("cache-status").to_owned()
}

const PAGES: [&str; 3] = ["/posts", "/posts/post-1", "/callers"];

async fn keep(app: &TestApp) {
    many(app, 2).await;
    for path in PAGES {
        app.eve().get(path).await;
        app.eve().get(path).await;
    }
}

#[test]
fn staff_see_what_is_kept_and_what_it_depends_on() {
    with_app(async |app| {
        keep(app).await;
        app.eve().get("/posts/nothing").await;
        let ada = app.ada().await;
        let list = ada.get("/admin/cache").await;
        list.is_page(200);
        for (address, tag) in [("/posts", "posts"), ("/posts/post-1", "topic:craft")] {
            let row = row(&list.body, address).unwrap();
            assert!(row.contains("badge-fresh") && row.contains(&format!(">{tag}</a>")), "{row}");
            assert!(
                row.contains("data-label=\"Asked for\">2</td>") && row.contains(" kB"),
                "{row}"
            );
        }
        assert!(row(&list.body, "/callers").unwrap().contains("nothing that changes"));
        assert!(row(&list.body, "/posts/nothing").unwrap().contains("Nothing is there"));
        let found = ada.get("/admin/cache?q=post-1").await.body;
        assert!(row(&found, "/callers").is_none() && row(&found, "/posts/post-1").is_some());
        let depending = ada.get("/admin/cache?tags=page:home+topic:craft").await.body;
        assert!(
            row(&depending, "/callers").is_none() && row(&depending, "/posts/post-1").is_some()
        );
        assert!(ada.get("/admin/cache?q=%3Cb%3E").await.body.contains("No kept page matches."));
        assert_eq!(app.eve().get("/admin/cache").await.location, "/sign-in?next=%2Fadmin%2Fcache");
    });
}

#[test]
fn it_is_said_which_transaction_made_a_page_old_and_when() {
    with_app(async |app| {
        keep(app).await;
        let ada = app.ada().await;
        let why =
            async |path: &str| ada.get(&format!("/admin/cache/page?address={path}")).await.body;
        assert!(why("/posts/post-1").await.contains("Nothing that it depends on has changed"));
        assert!(why("/posts/other").await.contains("Nothing is kept for this address"));
        app.psql("update posts set title = 'Other' where slug = 'post-2'").await;
        let changed = app
            .ask("select xid || ' ' || to_char(at at time zone 'UTC', 'HH24:MI') from cache_inval order by xid desc limit 1")
            .await;
        let (xid, at) = changed[0].split_once(' ').unwrap();
        let said = why("/posts/post-1").await;
        assert!(said.contains("badge-changed") && said.contains(&format!(">{xid}</td>")), "{said}");
        assert!(said.contains(&format!(", {at} UTC")) && said.contains(">posts</th>"), "{said}");
        assert!(
            row(&ada.get("/admin/cache").await.body, "/posts").unwrap().contains("badge-changed")
        );
        assert!(why("/callers").await.contains("badge-fresh"));
        app.psql("update posts set status = 'archived' where slug = 'post-1'").await;
        assert!(why("/posts/post-1").await.contains(">yes</td>"), "it was withdrawn");
        app.eve().get("/posts/post-1").await;
        assert!(why("/posts/post-1").await.contains("badge-fresh"));
        app.psql("truncate pages").await;
        assert!(why("/callers").await.contains(">*</th>"));
        let strange = why("//evil.example/%22%3E%3Cb%3E").await;
        assert!(!strange.contains("href=\"//evil") && !strange.contains("<b>"), "{strange}");
        assert!(!why("https://evil.example").await.contains("href=\"https://evil"));
    });
}

#[test]
fn staff_have_pages_rendered_again_on_every_instance() {
    with_app(async |app| {
        keep(app).await;
        let other = app.second_instance().await;
        let (ada, eve) = (app.ada().await, other.eve().asking_for(&app.origin));
        for (tag, states) in [
            ("path:/posts", [STALE, HIT, HIT]),
            ("topic:craft", [HIT, STALE, HIT]),
            ("*", [STALE, STALE, STALE]),
        ] {
            for path in PAGES {
                eve.get(path).await;
            }
            let done = ada.post("/admin/cache/drop", &[("tag", tag)]).await;
            assert_eq!((done.status, done.location.as_str()), (303, "/admin/cache"));
            confirmed(&other).await;
            for (path, expected) in PAGES.iter().zip(states) {
                assert_eq!(state(&eve, path).await, expected, "{path} after {tag}");
            }
        }
        assert!(ada.get("/admin/cache").await.body.contains("It will be rendered again"));
        let wrong = ada.post("/admin/cache/drop", &[("tag", "nonsense")]).await;
        wrong.is_page(422);
        assert!(
            wrong.body.contains("value=\"nonsense\"") && wrong.body.contains("Use posts, post:ID")
        );
        is_asked_to_sign_in(&app.eve().post("/admin/cache/drop", &[("tag", "*")]).await);
        confirmed(&other).await;
        assert_eq!(state(&eve, "/callers").await, HIT, "a stranger drops nothing");
        other.close().await;
    });
}

#[test]
fn before_publishing_an_editor_sees_which_pages_it_touches() {
    with_app(async |app| {
        keep(app).await;
        let ada = app.ada().await;
        save(&ada, "/admin/posts/new", &written("Later", "Text", "draft")).await;
        let editor = editor_of(app, "later").await;
        let form = ada.get(&editor).await.body;
        let link =
            form.split("href=\"/admin/cache?tags=").nth(1).unwrap().split('"').next().unwrap();
        let touched = ada.get(&format!("/admin/cache?tags={link}")).await.body;
        for (path, touches) in PAGES.iter().zip([true, true, false]) {
            assert_eq!(row(&touched, path).is_some(), touches, "{path}");
        }
        save(&ada, &editor, &written("Later", "Text", "published")).await;
        let told = "select string_agg(distinct tag, '+' order by tag) from cache_inval
                     where xid = (select max(xid) from cache_inval) and tag not like 'slug:%'";
        let mut promised: Vec<String> =
            link.replace("%3A", ":").split("%20").map(str::to_owned).collect();
        promised.sort();
        assert_eq!(app.ask(told).await, [promised.join("+")], "what the triggers say");
    });
}
