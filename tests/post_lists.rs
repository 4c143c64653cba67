//! Lists of posts on pages, and posts as programs and the operator read and write them.

use super::posts::{but, editor_of, many, save, written};
use super::sign_in::is_asked_to_sign_in;
use super::support::with_app;
use reqwest::Method;
use serde_json::{Value, json};

/// The numbers N of the `post-N` that a page links to, in order.
pub fn listed(body: &str) -> Vec<usize> {
    let links = body.split("href=\"/posts/post-").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

fn numbers(range: std::ops::RangeInclusive<usize>) -> Vec<usize> {
    range.collect()
}

#[test]
fn the_list_has_ten_posts_a_page_and_no_page_after_the_last() {
    with_app(async |app| {
        many(app, 25).await;
        let eve = app.eve();
        for (path, posts) in [
            ("/posts", numbers(1..=10)),
            ("/posts?page=1", numbers(1..=10)),
            ("/posts?page=2", numbers(11..=20)),
            ("/posts?page=3", numbers(21..=25)),
            ("/topics/craft?page=3", numbers(21..=25)),
        ] {
            let page = eve.get(path).await;
            assert_eq!((page.status, listed(&page.body)), (200, posts), "{path}");
            let number = path.split_once("page=").map_or("1", |(_, number)| number);
            assert!(page.body.contains(&format!("Page {number} of 3")), "{path}");
        }
        let middle = eve.get("/posts?page=2").await.body;
        assert!(middle.contains("rel=\"prev\" href=\"/posts\""), "{middle}");
        assert!(middle.contains("rel=\"next\" href=\"/posts?page=3\""), "{middle}");
        for number in ["4", "0", "x", "-1", "", "4294967296", "1.0", "4294967295"] {
            for list in ["/posts", "/topics/craft"] {
                let answer = eve.get(&format!("{list}?page={number}")).await;
                assert_eq!(answer.status, 404, "{list}?page={number}");
            }
        }
    });
}

#[test]
fn an_empty_site_has_one_empty_page_of_posts() {
    with_app(async |app| {
        let eve = app.eve();
        let page = eve.get("/posts").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("There are no posts yet."), "{}", page.body);
        assert_eq!(eve.get("/posts?page=2").await.status, 404);
        assert_eq!(eve.get("/").await.status, 200);
    });
}

#[test]
fn a_name_the_list_does_not_know_changes_nothing() {
    with_app(async |app| {
        many(app, 12).await;
        let eve = app.eve();
        let first = eve.get("/posts?page=2").await;
        for query in ["page=2&utm_source=x", "PAGE=9&page=2", "a=1&page=2&page=7", "page=02"] {
            let same = eve.get(&format!("/posts?{query}")).await;
            assert_eq!(same.body, first.body, "{query}");
            assert_eq!(same.header("cache-status"), "frontdesk; hit", "{query}");
        }
        assert_eq!(app.state.cache.fresh_keys(app.state.clock.moment()), ["/posts?page=2"]);
    });
}

#[test]
fn a_topic_lists_its_own_posts_and_says_what_it_is() {
    with_app(async |app| {
        many(app, 4).await;
        app.psql("insert into topics values ('print', 'Print', ''); update posts set topic = 'print' where slug = 'post-2'")
            .await;
        let page = app.eve().get("/topics/craft").await;
        assert!(page.body.contains("Craft</h1>") && page.body.contains("How it is done."));
        assert_eq!(listed(&page.body), [1, 3, 4]);
        app.psql("update posts set status = 'draft' where topic = 'print'").await;
        let empty = app.eve().get("/topics/print").await;
        assert_eq!(empty.status, 200);
        assert!(empty.body.contains("There are no posts on this topic yet."), "{}", empty.body);
        assert!(!app.eve().get("/posts").await.body.contains("/topics/print"));
    });
}

#[test]
fn the_start_page_shows_the_newest_five() {
    with_app(async |app| {
        many(app, 7).await;
        assert_eq!(listed(&app.eve().get("/").await.body), numbers(1..=5));
        let ada = app.ada().await;
        save(&ada, "/admin/posts/new", &written("Post 99", "Newest of all", "published")).await;
        assert_eq!(listed(&app.eve().get("/").await.body), [99, 1, 2, 3, 4]);
    });
}

#[test]
fn a_program_reads_all_posts_part_by_part_and_none_twice() {
    with_app(async |app| {
        many(app, 45).await;
        app.psql("update posts set status = 'draft' where slug = 'post-7'").await;
        let eve = app.eve();
        let mut slugs: Vec<String> = Vec::new();
        let mut next = String::new();
        for size in [20, 20, 4] {
            let part = eve.get(&format!("/api/v1/posts{next}")).await.json();
            let items = part["items"].as_array().unwrap();
            assert_eq!(items.len(), size);
            slugs.extend(items.iter().map(|post| post["slug"].as_str().unwrap().to_owned()));
            next = part["next"].as_str().map(|id| format!("?after={id}")).unwrap_or_default();
        }
        let expected = (1..=45).filter(|n| *n != 7).map(|n| format!("post-{n}"));
        assert_eq!(slugs, expected.collect::<Vec<_>>());
        assert_eq!(next, "", "the last part has no next one");
        let problem = eve.get("/api/v1/posts?after=yesterday").await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/after");
        let said = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(said.starts_with("This is of a type"), "{said}");
    });
}

#[test]
fn a_program_reads_one_post() {
    with_app(async |app| {
        many(app, 1).await;
        let post = app.eve().get("/api/v1/posts/post-1").await;
        assert_eq!((post.status, post.header("content-type")), (200, "application/json"));
        let post = post.json();
        assert_eq!(
            (&post["title"], &post["topic"], &post["body"], &post["status"]),
            (&json!("Post 1"), &json!("Craft"), &json!("Text 1"), &json!("published"))
        );
        assert_eq!(post["published_at"], "2026-01-31T11:00:00Z");
        app.eve().get("/api/v1/posts/nothing").await.is_problem(404);
    });
}

fn from_a_program() -> Value {
    json!({ "title": "By a program", "topic": "Print", "body": "Some *text*.", "status": "published" })
}

#[test]
fn a_program_with_the_scope_writes_a_post() {
    with_app(async |app| {
        let key = app.key("posts:write").await;
        let eve = app.eve();
        let made = eve.json("/api/v1/posts", Some(&key), &from_a_program()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.location, "/api/v1/posts/by-a-program");
        assert_eq!(eve.get(&made.location).await.json(), made.json());
        let page = eve.get("/posts/by-a-program").await;
        assert!(page.body.contains("<em>text</em>"), "{}", page.body);
        let mut another = from_a_program();
        another["body"] = json!("Another text.");
        let problem = eve.json("/api/v1/posts", Some(&key), &another).await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/slug");
        let nothing = eve.json("/api/v1/posts", Some(&key), &json!({})).await.is_problem(422);
        let mut wrong: Vec<&str> = nothing["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].as_str().unwrap())
            .collect();
        wrong.sort_unstable();
        assert_eq!(wrong, ["#/body", "#/title", "#/topic"]);
        let draft = json!({ "title": "For later", "topic": "Print", "body": "x" });
        let draft = eve.json("/api/v1/posts", Some(&key), &draft).await;
        assert_eq!((draft.status, &draft.json()["status"]), (201, &json!("draft")));
        assert_eq!(eve.get("/posts/for-later").await.status, 404);
    });
}

#[test]
fn nobody_else_writes_posts() {
    with_app(async |app| {
        let (eve, ada) = (app.eve(), app.ada().await);
        let leads = app.key("leads:write").await;
        for (key, status) in [(None, 401), (Some("fd_wrong"), 401), (Some(leads.as_str()), 403)] {
            let answer = eve.json("/api/v1/posts", key, &from_a_program()).await;
            answer.is_problem(status);
            assert_eq!(!answer.header("www-authenticate").is_empty(), status == 401);
        }
        let by_cookie = ada.request(Method::POST, "/api/v1/posts").json(&from_a_program());
        ada.send(by_cookie.header("origin", &app.origin)).await.is_problem(401);
        let form = written("Mine", "x", "published");
        is_asked_to_sign_in(&eve.post("/admin/posts/new", &form).await);
        save(&ada, "/admin/posts/new", &but(form.clone(), "title", "Hers")).await;
        let editor = editor_of(app, "hers").await;
        is_asked_to_sign_in(&eve.post(&editor, &form).await);
        assert_eq!(app.ask("select title from posts").await, ["Hers"]);
    });
}

#[test]
fn the_operator_writes_a_post_and_lists_them() {
    with_app(async |app| {
        let arguments = ["post", "add", "--title", "From the shell", "--topic", "Craft", "--json"];
        let draft = app.cli(&arguments, "Some *text*.");
        assert_eq!((draft.code, draft.json()["status"].as_str()), (0, Some("draft")));
        let publish = [&arguments[..], &["--slug", "shell", "--publish"]].concat();
        assert_eq!(app.cli(&publish, "More *text*.").json()["slug"], "shell");
        assert!(app.eve().get("/posts/shell").await.body.contains("<em>text</em>"));
        assert_eq!(app.eve().get("/posts/from-the-shell").await.status, 404);
        let listed = app.cli(&["post", "list", "--json"], "").json();
        let slugs = listed.as_array().unwrap().iter().map(|post| post["slug"].clone());
        assert_eq!(slugs.collect::<Vec<_>>(), ["shell", "from-the-shell"]);
        let taken = app.cli(&publish, "Again.");
        assert_eq!(taken.code, 1);
        assert!(taken.err.contains("slug"), "{}", taken.err);
        let empty = app.cli(&arguments, " \n");
        assert_eq!(empty.code, 1);
        assert!(empty.err.contains("body"), "{}", empty.err);
        assert_eq!(app.cli(&["post", "add"], "").code, 2);
    });
}

#[test]
fn a_program_is_told_which_statuses_there_are_and_where_only_it_finds_a_draft() {
    with_app(async |app| {
        let key = app.key("posts:write").await;
        let post = |status: Value| json!({ "title": "Walls", "topic": "Craft", "body": "Text.", "status": status });
        let eve = app.eve();
        for wrong in [json!(null), json!(5), json!("PUBLISHED")] {
            let problem = eve.json("/api/v1/posts", Some(&key), &post(wrong)).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "#/status");
        }
        let draft = eve.json("/api/v1/posts", Some(&key), &post(json!("draft"))).await;
        assert_eq!((draft.status, draft.location.as_str()), (201, "/api/v1/posts/walls/source"));
        eve.get(&draft.location).await.is_problem(401);
        eve.get("/api/v1/posts/walls").await.is_problem(404);
    });
}

#[test]
fn posts_that_make_their_topic_at_the_same_moment_make_it_once() {
    with_app(async |app| {
        let key = app.key("posts:write").await;
        let eves: Vec<_> = (0..6).map(|_| app.eve()).collect();
        for round in 0..10 {
            let sent = eves.iter().enumerate().map(async |(n, eve)| {
                let title = format!("Post {round} {n}");
                let post =
                    json!({ "title": title, "topic": format!("Topic {round}"), "body": "Text." });
                eve.json("/api/v1/posts", Some(&key), &post).await
            });
            for answer in futures_util::future::join_all(sent).await {
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
        }
        assert_eq!(app.ask("select count(*) from topics").await, ["10"]);
    });
}

#[test]
fn a_program_that_lost_the_answer_sends_the_post_again_and_it_is_one_post() {
    with_app(async |app| {
        let key = app.key("posts:write").await;
        let post =
            json!({ "title": "Walls", "topic": "Craft", "body": "Text.", "status": "published" });
        let eves: Vec<_> = (0..4).map(|_| app.eve()).collect();
        let sent = eves.iter().map(|eve| eve.json("/api/v1/posts", Some(&key), &post));
        let answers = futures_util::future::join_all(sent).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.location.as_str()), (201, "/api/v1/posts/walls"));
            assert_eq!(answer.json()["id"], answers[0].json()["id"]);
        }
        let mut other = post.clone();
        other["body"] = json!("Another text.");
        app.eve().json("/api/v1/posts", Some(&key), &other).await.is_problem(422);
        assert_eq!(app.ask("select count(*) from posts").await, ["1"]);
    });
}
