//! A post: written in the editor, read at its address, renamed, withdrawn.

use super::post_lists::listed;
use super::support::{Person, TestApp, with_app};

/// A post as the editor sends it.
pub fn written<'a>(title: &'a str, body: &'a str, status: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("title", title), ("slug", ""), ("topic", "Craft"), ("body", body), ("status", status)]
}

/// The same with another value in one field.
pub fn but<'a>(
    mut fields: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value));
    fields
}

/// Where the post at `slug` is edited.
pub async fn editor_of(app: &TestApp, slug: &str) -> String {
    let ids = app.ask(&format!("select id from posts where slug = '{slug}'")).await;
    format!("/admin/posts/{}/edit", ids[0])
}

/// Has Ada send the editor's form, and goes along.
pub async fn save(ada: &Person<'_>, editor: &str, fields: &[(&str, &str)]) -> String {
    let answer = ada.post(editor, fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location
}

/// What the editor on this page says of which text is being changed.
pub fn version(page: &str) -> String {
    let after = page.split_once(r#"name="version" value=""#).unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

/// Puts `count` published posts on the topic Craft, `post-1` the newest, an hour between them.
pub async fn many(app: &TestApp, count: usize) {
    app.psql(&format!(
        "insert into topics (slug, name, description) values ('craft', 'Craft', 'How it is done.');
         insert into posts (id, slug, title, body, topic, status, published_at)
         select gen_random_uuid(), 'post-' || n, 'Post ' || n, 'Text ' || n, 'craft', 'published',
                timestamptz '2026-01-31 12:00Z' - n * interval '1 hour' from generate_series(1, {count}) n"
    ))
    .await;
}

#[test]
fn what_ada_publishes_everyone_can_read() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let fields = written("Gilding a door", "It took **nine** hours.", "published");
        let fields = but(fields, "summary", "One day, one door.");
        assert_eq!(save(&ada, "/admin/posts/new", &fields).await, "/posts/gilding-a-door");
        let page = eve.get("/posts/gilding-a-door").await;
        assert_eq!(page.status, 200);
        for shown in ["Gilding a door</h1>", "<strong>nine</strong>", "One day, one door.", "Craft"]
        {
            assert!(page.body.contains(shown), "{shown} is missing:\n{}", page.body);
        }
        for list in ["/", "/posts", "/topics/craft"] {
            let body = eve.get(list).await.body;
            assert!(body.contains("href=\"/posts/gilding-a-door\""), "{list} does not link it");
            assert!(body.contains("One day, one door."), "{list} does not sum it up");
        }
    });
}

#[test]
fn a_draft_is_for_staff_alone() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let draft = written("Not yet", "Unfinished thoughts", "draft");
        let editor = save(&ada, "/admin/posts/new", &draft).await;
        assert_eq!(editor, editor_of(app, "not-yet").await);
        assert!(ada.get(&editor).await.body.contains("Unfinished thoughts</textarea>"));
        assert!(ada.get("/admin/posts").await.body.contains("Not yet"));
        let refused = [eve.get("/posts/not-yet").await, eve.get("/api/v1/posts/not-yet").await];
        assert_eq!(refused.map(|answer| answer.status), [404, 404]);
        for list in ["/", "/posts", "/topics/craft", "/api/v1/posts"] {
            assert!(!eve.get(list).await.body.contains("Not yet"), "{list} shows a draft");
        }
        save(&ada, &editor, &but(draft.clone(), "status", "published")).await;
        assert!(eve.get("/posts").await.body.contains("Not yet"));
        save(&ada, &editor, &draft).await;
        assert_eq!(eve.get("/posts/not-yet").await.status, 404);
        assert!(!eve.get("/posts").await.body.contains("Not yet"));
    });
}

#[test]
fn an_edit_shows_everywhere_and_keeps_the_day_of_publication() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let first = written("First try", "Old text", "published");
        let place = save(&ada, "/admin/posts/new", &but(first, "slug", "try")).await;
        app.psql("update posts set published_at = '2026-01-02T03:04:05Z'").await;
        let second = but(written("Second try", "New text", "published"), "slug", "try");
        save(&ada, &editor_of(app, "try").await, &but(second, "topic", "Print")).await;
        let page = eve.get(&place).await.body;
        assert!(page.contains("Second try</h1>") && page.contains("New text"), "{page}");
        assert!(!page.contains("First try") && !page.contains("Old text"), "{page}");
        assert!(page.contains("2026-01-02T03:04:05Z") && page.contains("Updated <time"), "{page}");
        for list in ["/", "/posts", "/topics/print"] {
            assert!(eve.get(list).await.body.contains("Second try"), "{list}");
        }
        assert!(!eve.get("/topics/craft").await.body.contains(&place));
    });
}

#[test]
fn the_same_form_sent_twice_is_one_post() {
    with_app(async |app| {
        let ada = app.ada().await;
        let form = ada.get("/admin/posts/new").await.body;
        let rest = form.split("name=\"submission\" value=\"").last().unwrap();
        let id = rest.split('"').next().unwrap();
        let fields = but(written("Once", "Only once", "published"), "submission", id);
        let answers = [
            ada.post("/admin/posts/new", &fields).await,
            ada.post("/admin/posts/new", &fields).await,
        ];
        for answer in &answers {
            assert_eq!((answer.status, answer.location.as_str()), (303, "/posts/once"));
        }
        assert_eq!(app.ask("select count(*) from posts").await, ["1"]);
    });
}

#[test]
fn every_address_a_post_ever_had_leads_to_it() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let post = written("One", "The text", "published");
        save(&ada, "/admin/posts/new", &post).await;
        let editor = editor_of(app, "one").await;
        for slug in ["two", "three"] {
            assert_eq!(eve.get("/posts/one").await.status, if slug == "two" { 200 } else { 301 });
            save(&ada, &editor, &but(post.clone(), "slug", slug)).await;
        }
        for former in ["one", "two"] {
            let answer = eve.get(&format!("/posts/{former}")).await;
            assert_eq!((answer.status, answer.location.as_str()), (301, "/posts/three"));
            let answer = eve.get(&format!("/api/v1/posts/{former}")).await;
            assert_eq!((answer.status, answer.location.as_str()), (301, "/api/v1/posts/three"));
        }
        assert_eq!(eve.get("/posts/three").await.status, 200);
        save(&ada, &editor, &but(post, "slug", "one")).await;
        assert_eq!(eve.get("/posts/one").await.status, 200, "it may have its old address back");
        assert_eq!(eve.get("/posts/three").await.location, "/posts/one");
    });
}

#[test]
fn an_archived_post_says_it_was_withdrawn_and_can_come_back() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let post = written("Summer prices", "Half off", "published");
        save(&ada, "/admin/posts/new", &post).await;
        let editor = editor_of(app, "summer-prices").await;
        for list in ["/", "/posts", "/topics/craft"] {
            assert!(eve.get(list).await.body.contains("Summer prices"), "{list}");
        }
        assert_eq!(save(&ada, &editor, &but(post.clone(), "status", "archived")).await, editor);
        let gone = eve.get("/posts/summer-prices").await;
        assert_eq!(gone.status, 410);
        assert!(gone.body.contains("Summer prices") && !gone.body.contains("Half off"));
        let gone = eve.get("/api/v1/posts/summer-prices").await;
        assert_eq!((gone.status, gone.header("content-type")), (410, "application/problem+json"));
        for list in ["/", "/posts", "/topics/craft", "/api/v1/posts"] {
            assert!(!eve.get(list).await.body.contains("Summer prices"), "{list}");
        }
        save(&ada, &editor, &post).await;
        assert!(eve.get("/posts/summer-prices").await.body.contains("Half off"));
        assert!(eve.get("/").await.body.contains("Summer prices"));
    });
}

#[test]
fn an_address_another_post_has_or_had_is_refused_with_what_was_typed() {
    with_app(async |app| {
        let ada = app.ada().await;
        save(&ada, "/admin/posts/new", &written("Taken", "First", "published")).await;
        let renamed = but(written("Taken", "First", "published"), "slug", "current");
        save(&ada, &editor_of(app, "taken").await, &renamed).await;
        for slug in ["current", "taken"] {
            let typed = but(written("Mine & yours", "Second <text>", "published"), "slug", slug);
            let answer = ada.post("/admin/posts/new", &typed).await;
            assert_eq!(answer.status, 422, "{slug}");
            for shown in [
                "id=\"slug-error\"",
                "value=\"Mine &amp; yours\"",
                "Second &lt;text&gt;</textarea>",
                &format!("value=\"{slug}\""),
                "value=\"published\" checked",
            ] {
                assert!(answer.body.contains(shown), "{shown} is missing:\n{}", answer.body);
            }
        }
        save(&ada, "/admin/posts/new", &written("Free", "Third", "draft")).await;
        let stolen = but(written("Free", "Third", "draft"), "slug", "taken");
        assert_eq!(ada.post(&editor_of(app, "free").await, &stolen).await.status, 422);
        assert_eq!(app.ask("select slug from posts order by slug").await, ["current", "free"]);
    });
}

#[test]
fn an_address_left_open_is_made_from_the_title() {
    with_app(async |app| {
        let ada = app.ada().await;
        for (title, place) in [
            ("Über 100 % größer!", "/posts/uber-100-grosser"),
            ("日本", "/posts/ri-ben"),
            (&"long ".repeat(40), &format!("/posts/{}", "long-".repeat(20).trim_end_matches('-'))),
        ] {
            assert_eq!(
                save(&ada, "/admin/posts/new", &written(title, "x", "published")).await,
                place
            );
        }
        for (name, value) in [
            ("title", "***"),
            ("slug", "Not A Slug"),
            ("slug", "a--b"),
            ("slug", "../etc"),
            ("body", " "),
        ] {
            let answer =
                ada.post("/admin/posts/new", &but(written("T", "x", "draft"), name, value)).await;
            assert_eq!(answer.status, 422, "{name}={value}");
            let field = if name == "body" { "body" } else { "slug" };
            assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{}", answer.body);
        }
    });
}

#[test]
fn a_topic_is_made_by_naming_it_and_found_however_it_is_written() {
    with_app(async |app| {
        let ada = app.ada().await;
        for (title, topic) in [("One", "Signs & Letters"), ("Two", "signs & letters")] {
            let post = but(written(title, "x", "published"), "topic", topic);
            save(&ada, "/admin/posts/new", &post).await;
        }
        assert_eq!(
            app.ask("select slug || '=' || name from topics").await,
            ["signs-letters=Signs & Letters"]
        );
        let page = app.eve().get("/topics/signs-letters").await.body;
        assert!(page.contains("Signs &amp; Letters</h1>"), "{page}");
        assert!(page.contains("/posts/one") && page.contains("/posts/two"), "{page}");
        assert!(
            ada.get("/admin/posts/new")
                .await
                .body
                .contains("<option value=\"Signs &amp; Letters\">")
        );
        assert_eq!(app.eve().get("/topics/nothing").await.status, 404);
    });
}

#[test]
fn hostile_markdown_is_harmless_text() {
    with_app(async |app| {
        let hostile = "<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n\
            [click](javascript:alert(1)) ![pixel](https://evil.example/p.png)\n\n\
            <svg onload=alert(1)><math><style>*{}</style>\n\n[data](data:text/html,<b>)\n\n\
            <a href=\"//evil.example\" style=\"position:fixed\">over</a> <iframe src=/admin>";
        let ada = app.ada().await;
        let title = "<script>alert(2)</script>";
        let fields = but(written(title, hostile, "published"), "slug", "hostile");
        let fields = but(but(fields, "summary", "\"><script>"), "topic", "<b>Bold</b>");
        let place = save(&ada, "/admin/posts/new", &fields).await;
        for path in [place.as_str(), "/", "/posts", "/topics/b-bold-b", "/admin/posts"] {
            let page = ada.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            let main = page.body.split("<main").nth(1).unwrap();
            for danger in [
                "<script",
                "<img",
                "<svg",
                "<math",
                "<style",
                "<iframe",
                "<b>",
                " onerror=",
                " style=",
                "\"javascript:",
                "\"data:",
                "\"//",
            ] {
                assert!(!main.contains(danger), "{path} holds {danger}:\n{main}");
            }
        }
    });
}

#[test]
fn a_post_leads_on_to_its_neighbours_and_its_like() {
    with_app(async |app| {
        many(app, 6).await;
        app.psql(&format!(
            "insert into topics values ('print', 'Print', '');
             update posts set topic = 'print' where slug = 'post-4';
             update posts set body = '{}' where slug = 'post-3'",
            "word ".repeat(661) // 220 a minute
        ))
        .await;
        let page = app.eve().get("/posts/post-3").await.body;
        for shown in [
            "<a class=\"older\" rel=\"prev\" href=\"/posts/post-4\">",
            "<a class=\"newer\" rel=\"next\" href=\"/posts/post-2\">",
            "4 min read",
            "href=\"/topics/craft\"",
            "datetime=\"2026-01-31T09:00:00Z\"",
        ] {
            assert!(page.contains(shown), "{shown} is missing:\n{page}");
        }
        let related = page.split("Related posts").nth(1).unwrap();
        let mut like = listed(related);
        like.sort_unstable();
        assert_eq!(like, [1, 2, 5], "the nearest in time on the same topic");
        let newest = app.eve().get("/posts/post-1").await.body;
        assert!(newest.contains("class=\"older\"") && !newest.contains("class=\"newer\""));
        let oldest = app.eve().get("/posts/post-6").await.body;
        assert!(oldest.contains("class=\"newer\"") && !oldest.contains("class=\"older\""));
    });
}

#[test]
fn nobody_writes_over_what_someone_else_has_saved_meanwhile_without_knowing() {
    with_app(async |app| {
        let (ada, bob) = (app.ada().await, app.ada().await);
        save(&ada, "/admin/posts/new", &written("A wall", "First.", "published")).await;
        let editor = editor_of(app, "a-wall").await;
        let seen = version(&ada.get(&editor).await.body);
        let by_ada = but(written("A wall", "By Ada.", "published"), "version", &seen);
        save(&ada, &editor, &by_ada).await;
        let by_bob = but(written("A wall", "By Bob.", "published"), "version", &seen);
        let refused = bob.post(&editor, &by_bob).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains(r#"id="version-error""#) && refused.body.contains("By Bob."));
        assert!(app.eve().get("/posts/a-wall").await.body.contains("By Ada."));
        let now = version(&refused.body);
        save(&bob, &editor, &but(written("A wall", "By Bob.", "published"), "version", &now)).await;
        assert!(app.eve().get("/posts/a-wall").await.body.contains("By Bob."));
    });
}

#[test]
fn a_text_that_nobody_would_write_is_refused_and_harmless_where_it_is_there_all_the_same() {
    with_app(async |app| {
        let ada = app.ada().await;
        let quotes = "> ".repeat(50_000);
        let table =
            format!("{}|\n{}|\n{}", "|a".repeat(2000), "|-".repeat(2000), "|b\n".repeat(20_000));
        for body in [&quotes, &table] {
            let answer = ada.post("/admin/posts/new", &written("A wall", body, "published")).await;
            assert_eq!(answer.status, 422);
            assert!(answer.body.contains(r#"id="body-error""#));
        }
        save(&ada, "/admin/posts/new", &written("A wall", "Text.", "published")).await;
        app.psql("update posts set body = repeat('> ', 90000)").await;
        assert_eq!(app.eve().get("/posts/a-wall").await.status, 200);
    });
}
