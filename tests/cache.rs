//! The page cache as readers and writers see it: fresh in time, for everyone, on every instance.

use super::posts::{but, editor_of, many, save, written};
use super::support::{Person, TestApp, with_app, with_settings};
use frontdesk::cache::coherence::STALE_AFTER;
use frontdesk::cache::hot;
use reqwest::Method;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

pub const HIT: &str = "frontdesk; hit";
pub const STALE: &str = "frontdesk; fwd=stale; stored";
pub const MISS: &str = "frontdesk; fwd=uri-miss; stored";

/// Reads until the page says `word`. Whatever does not say it must have been asked for at most 250 ms after this began,
/// which is after the change was committed. Returns how long after that the last such reading was begun.
pub async fn sees_in_time(reader: &Person<'_>, app: &TestApp, path: &str, word: &str) -> Duration {
    let committed = app.state.clock.moment();
    let mut oldest = Duration::ZERO;
    loop {
        let asked = app.state.clock.moment().since(committed);
        let page = reader.get(path).await;
        if page.body.contains(word) {
            return oldest;
        }
        assert!(asked <= STALE_AFTER, "{path} was old after {asked:?}: {}", page.body);
        oldest = asked;
        tokio::time::sleep(Duration::from_millis(2)).await; // nobody reads that often
    }
}

/// Waits until this instance knows everything that has been committed, however long a busy machine keeps the database from saying so.
pub async fn confirmed(app: &TestApp) {
    let began = app.state.clock.moment();
    while let Err(error) = app.state.confirm_since(began).await {
        let waited = app.state.clock.moment().since(began);
        assert!(waited < Duration::from_secs(30), "{error:?}");
    }
}

/// Reads a page, and says how it came to be.
async fn status(reader: &Person<'_>, path: &str) -> String {
    reader.get(path).await.header("cache-status").to_owned()
}

#[test]
fn a_page_is_rendered_once_and_again_when_it_has_changed() {
    with_app(async |app| {
        many(app, 3).await;
        let eve = app.eve();
        for path in ["/", "/posts", "/posts/post-1", "/topics/craft", "/contact", "/callers"] {
            assert_eq!(status(&eve, path).await, MISS, "{path}");
            assert_eq!(status(&app.eve(), path).await, HIT, "{path}");
        }
        app.psql("update posts set title = 'Other' where slug = 'post-3'").await;
        confirmed(app).await;
        for path in ["/", "/posts", "/posts/post-1", "/topics/craft"] {
            assert_eq!(status(&eve, path).await, STALE, "{path}");
            assert_eq!(status(&eve, path).await, HIT, "{path}");
        }
        for path in ["/contact", "/callers"] {
            assert_eq!(status(&eve, path).await, HIT, "{path} shows no post");
        }
        assert_eq!(app.eve().get("/admin").await.header("cache-status"), "");
    });
}

#[test]
fn the_writer_sees_the_change_at_once_and_everybody_else_in_time() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let other = app.second_instance().await;
        let elsewhere = other.eve().asking_for(&app.origin);
        save(&ada, "/admin/posts/new", &written("A post", "Edition 0", "published")).await;
        let editor = editor_of(app, "a-post").await;
        for edition in 1..=10 {
            eve.get("/posts/a-post").await;
            elsewhere.get("/posts/a-post").await;
            let text = format!("Edition {edition}");
            let place = save(&ada, &editor, &written("A post", &text, "published")).await;
            assert!(ada.get(&place).await.body.contains(&text), "the writer misses {text}");
            assert!(eve.get(&place).await.body.contains(&text), "the same instance knows {text}");
            sees_in_time(&elsewhere, app, &place, &text).await;
        }
        other.close().await;
    });
}

#[test]
fn the_writer_who_is_sent_to_another_instance_sees_the_change_there() {
    with_app(async |app| {
        let ada = app.ada().await;
        let other = app.second_instance().await;
        let eve = other.eve().asking_for(&app.origin);
        save(&ada, "/admin/posts/new", &written("A post", "Edition 0", "published")).await;
        let editor = editor_of(app, "a-post").await;
        let key = app.key("posts:write").await;
        for edition in 1..=10 {
            let text = format!("Edition {edition}");
            eve.get("/posts/a-post").await; // so that this instance has no reason of its own to ask
            let place = save(&ada, &editor, &written("A post", &text, "published")).await;
            assert!(ada.at(&other).get(&place).await.body.contains(&text), "{text} is missing");

            let title = format!("Program {edition}");
            let post = serde_json::json!({ "title": title, "topic": "Print", "body": "x", "status": "published" });
            eve.get("/").await;
            let made = app.eve().json("/api/v1/posts", Some(&key), &post).await;
            let token = made.header("consistency-token");
            let read = eve.request(Method::GET, "/").header("consistency-token", token);
            assert!(eve.send(read).await.body.contains(&title), "{title} is missing");
        }
        other.close().await;
    });
}

#[test]
fn a_token_nobody_can_know_is_no_reason_to_wait_for_ever() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let fields = written("A post", "Text", "published");
        let answer = ada.post("/admin/posts/new", &fields).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let (name, token) = cookie.split_once('=').unwrap();
        assert_eq!(name, "ryw");
        let (incarnation, _) = token.rsplit_once('.').unwrap();
        for token in [&format!("{incarnation}.ffffffffff"), "nonsense", "0.0.0", "", token] {
            for header in [("consistency-token", token), ("cookie", &format!("ryw={token}"))] {
                let read = eve.request(Method::GET, "/posts").header(header.0, header.1);
                let answer = eve.send(read).await;
                assert_eq!(answer.status, 200, "{header:?}");
                assert!(answer.body.contains("A post"), "{header:?}");
            }
        }
    });
}

#[test]
fn an_edit_made_outside_shows_up_in_time() {
    with_app(async |app| {
        many(app, 12).await;
        app.psql("insert into pages values ('home', 'Hello', 'Old words')").await;
        let eve = app.eve();
        for (path, word, sql) in [
            ("/posts/post-1", "Changed", "update posts set body = 'Changed' where slug = 'post-1'"),
            (
                "/posts/post-2",
                "Renamed neighbour",
                "update posts set title = 'Renamed neighbour' where slug = 'post-3'",
            ),
            ("/posts", "All alike", "update posts set title = 'All alike'"),
            ("/posts", "Handwork", "update topics set name = 'Handwork'"),
            ("/posts/post-4", "By hand", "update topics set name = 'By hand'"),
            ("/topics/craft", "Done so.", "update topics set description = 'Done so.'"),
            ("/", "New words", "update pages set body = 'New words'"),
            ("/", "Welcome", "delete from pages"),
            ("/contact", "Write!", "insert into pages values ('contact', 'Write!', '')"),
            ("/contact", "Contact us", "truncate pages"),
            (
                "/posts/post-5",
                "This post has been taken down",
                "update posts set status = 'archived' where slug = 'post-5'",
            ),
            (
                "/posts/post-6",
                "There is nothing at this address",
                "delete from posts where slug = 'post-6'",
            ),
            (
                "/topics/craft",
                "There is nothing at this address",
                "update topics set slug = 'handwork'",
            ),
            (
                "/topics/handwork",
                "There are no posts on this topic yet.",
                "update posts set status = 'draft'",
            ),
            ("/posts", "Here again", "update posts set status = 'published', title = 'Here again'"),
            ("/posts", "There are no posts yet.", "truncate posts cascade"),
            ("/topics/handwork", "There is nothing at this address", "truncate topics cascade"),
        ] {
            assert!(!eve.get(path).await.body.contains(word), "{path} says {word} already");
            app.psql(sql).await;
            sees_in_time(&eve, app, path, word).await;
        }
    });
}

#[test]
fn the_operator_and_a_program_are_seen_in_time_too() {
    with_app(async |app| {
        let eve = app.eve();
        eve.get("/posts").await;
        let add = ["post", "add", "--title", "From the shell", "--topic", "Craft", "--publish"];
        assert_eq!(app.cli(&add, "Text").code, 0);
        sees_in_time(&eve, app, "/posts", "From the shell").await;
    });
}

#[test]
fn what_was_rolled_back_or_refused_makes_nothing_stale() {
    with_app(async |app| {
        many(app, 3).await;
        let (ada, eve) = (app.ada().await, app.eve());
        for path in ["/", "/posts", "/posts/post-1"] {
            eve.get(path).await;
        }
        app.psql("begin; update posts set title = 'Never'; truncate pages; rollback").await;
        let taken = but(written("Never", "x", "published"), "slug", "post-1");
        assert_eq!(ada.post("/admin/posts/new", &taken).await.status, 422);
        app.psql(
            "update posts set title = title; update posts set body = 'x' where slug = 'nothing'",
        )
        .await;
        confirmed(app).await;
        for path in ["/", "/posts", "/posts/post-1"] {
            let page = eve.get(path).await;
            assert_eq!(page.header("cache-status"), HIT, "{path}");
            assert!(!page.body.contains("Never"));
        }
    });
}

#[test]
fn a_thousand_readers_of_a_changed_page_cause_one_rendering_on_each_instance() {
    const READERS: usize = 1000;
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        many(app, 3).await;
        let other = app.second_instance().await;
        let eves = [app, &other].map(|instance| instance.eve().asking_for(&app.origin));
        let readers: Vec<Person<'_>> =
            (0..READERS).map(|n| eves[n % 2].coming_from(&format!("10.0.0.{}", n % 200))).collect();
        for instance in [app, &other] {
            let eve = instance.eve().asking_for(&app.origin);
            assert_eq!(status(&eve, "/posts").await, MISS);
        }
        app.psql("update posts set title = 'Changed' where slug = 'post-1'").await;
        confirmed(app).await;
        confirmed(&other).await;
        // While this is held, a rendering that has begun cannot go on.
        let mut holding = PgConnection::connect(&app.database_url).await.unwrap();
        let hold = AssertSqlSafe("begin; lock table posts in access exclusive mode");
        sqlx::raw_sql(hold).execute(&mut holding).await.unwrap();
        let read =
            futures_util::future::join_all(readers.iter().map(|reader| reader.get("/posts")));
        let release = async {
            let waiting =
                "select count(*) from pg_locks where not granted and relation = 'posts'::regclass
                and database = (select oid from pg_database where datname = current_database())";
            let mut patience = 500;
            while app.ask(waiting).await != ["2"] {
                patience -= 1;
                assert!(patience > 0, "one rendering for each instance, and no other");
            }
            // Let the others come. Whoever comes later finds the page kept, which is as good.
            for _ in 0..20 {
                assert_eq!(app.ask(waiting).await, ["2"], "one rendering for each instance");
            }
            holding.close().await.unwrap();
        };
        let (answers, ()) = futures_util::future::join(read, release).await;
        let count = |status: &str| {
            answers.iter().filter(|answer| answer.header("cache-status") == status).count()
        };
        assert!(
            answers.iter().all(|answer| answer.status == 200 && answer.body.contains("Changed"))
        );
        assert_eq!(count(STALE), 2, "renderings");
        assert!(count("frontdesk; fwd=stale; collapsed") > READERS / 2, "most waited for it");
        assert_eq!(count(STALE) + count(HIT) + count("frontdesk; fwd=stale; collapsed"), READERS);
        other.close().await;
    });
}

#[test]
fn pages_many_ask_for_are_rendered_before_they_are_asked_for_again() {
    with_app(async |app| {
        many(app, 3).await;
        let eve = app.eve();
        for _ in 0..8 {
            eve.get("/posts").await;
        }
        eve.get("/topics/craft").await;
        let state = actix_web::web::Data::clone(&app.state);
        let renewing = actix_web::rt::spawn(async move { hot::keep_rendered(&state).await });
        let rendered = || app.state.cache.totals().rendered;
        let change = async |edition: u32, expected: u64| {
            let before = rendered();
            app.psql(&format!("update posts set title = 'Edition {edition}'")).await;
            confirmed(app).await;
            for _ in 0..1000 {
                let kept = app.state.cache.fresh_keys(app.state.clock.moment());
                let ready = rendered() - before == expected && kept.contains(&"/posts".to_owned());
                if expected > 0 && ready {
                    break; // counted when it is begun, kept when it has ended
                }
                tokio::time::sleep(Duration::from_millis(if expected > 0 { 10 } else { 1 })).await;
            }
            assert_eq!(rendered() - before, expected, "edition {edition}");
        };
        change(1, 1).await;
        let page = eve.get("/posts").await;
        assert_eq!(page.header("cache-status"), HIT);
        assert!(page.body.contains("Edition 1"));
        assert_eq!(status(&eve, "/topics/craft").await, STALE, "one reader is not many");
        // Nobody asks any more: half of what was known of it is forgotten each time.
        change(2, 1).await;
        change(3, 1).await;
        change(4, 0).await;
        assert_eq!(status(&eve, "/posts").await, STALE);
        renewing.abort();
    });
}

#[test]
fn who_has_the_page_already_is_told_so_without_it() {
    with_app(async |app| {
        many(app, 2).await;
        let eve = app.eve();
        let first = eve.get("/posts/post-1").await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 20, "a strong validator: {etag}");
        assert_eq!(first.header("cache-control"), "no-cache");
        let ask = async |known: &str| {
            let request = eve.request(Method::GET, "/posts/post-1").header(IF_NONE_MATCH, known);
            eve.send(request).await
        };
        for known in [etag.as_str(), &format!("W/{etag}"), &format!("\"x\", {etag}"), "*"] {
            let answer = ask(known).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{known}");
            assert_eq!(
                (answer.header("etag"), answer.header("cache-status")),
                (etag.as_str(), HIT)
            );
        }
        for other in ["\"x\"", "", "x", etag.trim_matches('"')] {
            let answer = ask(other).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, first.body.as_str()),
                "{other}"
            );
        }
        let head = eve.send(eve.request(Method::HEAD, "/posts/post-1")).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        for name in ["etag", "content-type", "content-length", "cache-control", "cache-status"] {
            let full = eve.get("/posts/post-1").await;
            assert_eq!(head.header(name), full.header(name), "{name}");
        }
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        app.psql("update posts set body = 'Changed' where slug = 'post-1'").await;
        confirmed(app).await;
        let changed = ask(&etag).await;
        assert_eq!((changed.status, changed.headers.contains_key(ETAG)), (200, true));
        assert_ne!(changed.header("etag"), etag);
        let elsewhere = app.second_instance().await;
        let same = elsewhere.eve().asking_for(&app.origin).get("/posts/post-1").await;
        assert_eq!(same.header("etag"), changed.header("etag"), "the same bytes on every instance");
        elsewhere.close().await;
    });
}

#[test]
fn nothing_about_the_reader_reaches_what_is_kept() {
    with_app(async |app| {
        many(app, 2).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let strange = eve
            .request(Method::GET, "/posts/post-1?utm_source=evil&cb=1&__proto__=x")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "gopher")
            .header("forwarded", "host=evil.example")
            .header("accept-language", "xx-evil")
            .header("x-original-url", "/evil")
            .header("cookie", "theme=evil");
        let first = eve.send(strange).await;
        assert_eq!(first.header("cache-status"), MISS);
        assert!(!first.body.contains("evil") && !first.body.contains("gopher"), "{}", first.body);
        let hers = ada.get("/posts/post-1?other=2").await;
        assert_eq!(hers.header("cache-status"), HIT);
        let same = eve.get("/posts/post-1?other=2").await;
        assert_eq!((same.header("cache-status"), &same.body), (HIT, &first.body));
        assert_eq!(same.header("set-cookie"), "");
        assert_eq!(app.state.cache.fresh_keys(app.state.clock.moment()), ["/posts/post-1"]);
    });
}

#[test]
fn that_nothing_is_there_is_kept_until_something_is() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let absent = ["/posts/later", "/topics/later", "/posts?page=2"];
        for state in [MISS, HIT] {
            for path in absent {
                let answer = eve.get(path).await;
                assert_eq!((answer.status, answer.header("cache-status")), (404, state), "{path}");
                assert_eq!(answer.header("cache-control"), "no-store");
            }
        }
        let draft = but(written("Later", "Soon.", "draft"), "topic", "Later");
        save(&ada, "/admin/posts/new", &draft).await;
        let editor = editor_of(app, "later").await;
        assert_eq!(status(&eve, "/topics/later").await, STALE);
        for path in ["/posts/later", "/posts?page=2"] {
            assert_eq!(eve.get(path).await.status, 404, "{path}");
        }
        many(app, 11).await;
        assert_eq!(eve.get("/posts/later").await.status, 404);
        for (status, code) in [("published", 200), ("archived", 410), ("draft", 404)] {
            save(&ada, &editor, &but(draft.clone(), "status", status)).await;
            assert_eq!(eve.get("/posts/later").await.status, code, "{status}");
            assert_eq!(eve.get("/posts/later").await.header("cache-status"), HIT, "{status}");
        }
        assert_eq!(eve.get("/posts?page=2").await.status, 200);
        app.psql("update posts set slug = 'sooner', status = 'published' where slug = 'later'")
            .await;
        confirmed(app).await;
        let moved = eve.get("/posts/later").await;
        assert_eq!((moved.status, moved.location.as_str()), (301, "/posts/sooner"));
        app.psql("delete from posts where slug = 'sooner'").await;
        confirmed(app).await;
        assert_eq!(eve.get("/posts/later").await.status, 404);
    });
}

#[test]
fn made_up_addresses_push_no_page_out() {
    with_settings(&[("CACHE_MAX_BYTES", "1000000")], async |app| {
        many(app, 12).await;
        let eve = app.eve();
        for path in ["/posts", "/posts/post-1", "/posts?page=2"] {
            eve.get(path).await;
        }
        for n in 0..300 {
            assert_eq!(eve.get(&format!("/posts/made-up-{n}")).await.status, 404);
            assert_eq!(status(&eve, &format!("/posts?cachebuster={n}")).await, HIT);
        }
        let totals = app.state.cache.totals();
        assert_eq!(totals.pages, 3);
        assert!((10..100).contains(&totals.absences), "{totals:?}");
        assert!(totals.bytes < totals.most_bytes && totals.most_bytes <= 1_000_000, "{totals:?}");
    });
}
