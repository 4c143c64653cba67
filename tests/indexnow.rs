//! What search engines are told: every public address that is new, changed or gone, once.

use super::cron::{BOTH, NEW, cron, done};
use super::doors::AN_ISSUE;
use super::mail::work;
use super::posts::{but, editor_of, many, save, written};
use super::support::{Peer, Process, Shell, TestApp, with_app, with_settings};
use frontdesk::routes;
use frontdesk::services::announcements::Kind;
use reqwest::Method;
use std::collections::BTreeSet;
use std::time::Duration;

/// A site that tells `Peer`, with two posts of which it has been told.
fn with_engine(test: impl AsyncFnOnce(&TestApp, &Peer)) {
    let peer = Peer::start();
    let url = format!("{}/indexnow", peer.origin);
    with_settings(&[BOTH, ("INDEXNOW_URL", &url)], async |app| {
        many(app, 2).await;
        assert_eq!(told(app, &peer).await, WHOLE_SITE);
        test(app, &peer).await;
    });
}

const WHOLE_SITE: [&str; 11] = [
    "/",
    "/callers",
    "/contact",
    "/membership",
    "/newsletter",
    "/newsletter/issues",
    "/posts",
    "/posts/post-1",
    "/posts/post-2",
    "/shop",
    "/topics/craft",
];

/// Has the task run, in a slot of its own; says how many addresses it found.
async fn look(app: &TestApp) -> i64 {
    app.psql("delete from runs").await;
    let run = done(&cron(&app.eve(), Method::POST, "sitemap", NEW).await);
    run["output"]["addresses_announced"].as_i64().unwrap()
}

/// The paths that were told of, in order. Whoever tells has the site's key to show.
async fn heard(app: &TestApp, peer: &Peer) -> Vec<String> {
    let mut paths = Vec::new();
    for heard in peer.heard() {
        assert!(heard.head.starts_with("post /indexnow http/1.1"), "{}", heard.head);
        assert!(heard.head.contains("content-type: application/json; charset=utf-8"));
        assert_eq!(heard.body["host"], "127.0.0.1");
        let location = heard.body["keyLocation"].as_str().unwrap();
        let key = app.eve().get(location.strip_prefix(&app.origin).unwrap()).await;
        assert_eq!((key.status, heard.body["key"].as_str().unwrap()), (200, key.body.as_str()));
        let urls = heard.body["urlList"].as_array().unwrap();
        assert!(!urls.is_empty() && urls.len() <= 10_000, "{}", urls.len());
        let path = |url: &serde_json::Value| {
            url.as_str().unwrap().strip_prefix(&app.origin).unwrap().to_owned()
        };
        paths.extend(urls.iter().map(path));
    }
    paths.sort();
    paths
}

async fn told(app: &TestApp, peer: &Peer) -> Vec<String> {
    let found = look(app).await;
    work(app).await;
    let paths = heard(app, peer).await;
    assert_eq!(found, i64::try_from(paths.len()).unwrap());
    paths
}

/// State, tries and remark of each job that tells, in the order they were written.
async fn jobs(app: &TestApp) -> Vec<String> {
    app.ask("select concat_ws('|', state, attempts, remark) from outbox where kind = 'announce' order by id").await
}

const NOTHING: [&str; 0] = [];

#[test]
fn of_each_change_search_engines_are_told_once() {
    with_engine(async |app, peer| {
        let ada = app.ada().await;
        assert_eq!(told(app, peer).await, NOTHING, "they know");
        let editor = editor_of(app, "post-2").await;
        let post = but(written("Post 2", "Other words.", "published"), "slug", "post-2");
        save(&ada, &editor, &post).await;
        assert_eq!(told(app, peer).await, ["/posts/post-2"], "no list shows the text");
        save(&ada, &editor, &post).await;
        assert_eq!(told(app, peer).await, NOTHING, "saved, and nothing changed");

        let lists = |posts: &[&str]| {
            let all = ["/", "/posts", "/topics/craft"].iter().chain(posts);
            let mut all: Vec<String> = all.map(|path| (*path).to_owned()).collect();
            all.sort();
            all
        };
        let post = but(but(post, "title", "Post two"), "slug", "post-two");
        save(&ada, &editor, &post).await;
        let both = ["/posts/post-2", "/posts/post-two"];
        assert_eq!(told(app, peer).await, lists(&both), "renamed: the old address too");
        save(&ada, &editor, &but(post.clone(), "status", "archived")).await;
        assert_eq!(told(app, peer).await, lists(&both[1..]), "taken down");
        assert_eq!(told(app, peer).await, NOTHING);
        save(&ada, &editor, &but(post.clone(), "status", "published")).await;
        assert_eq!(told(app, peer).await, lists(&both[1..]), "there again");
        app.psql("delete from posts where slug = 'post-two'").await;
        assert_eq!(told(app, peer).await, lists(&both[1..]), "deleted, by hand");
        save(&ada, "/admin/posts/new", &written("A draft", "Words.", "draft")).await;
        assert_eq!(told(app, peer).await, NOTHING);
        assert_eq!(
            app.ask("select count(*) from announcements where version is null").await,
            ["0"],
            "what is gone and told is forgotten"
        );

        app.psql("insert into pages (name, title, body) values ('home', 'Hello', 'Words')").await;
        assert_eq!(told(app, peer).await, ["/"]);
        app.psql("update topics set name = 'Crafts'").await;
        let all = ["/newsletter", "/posts/post-1"];
        assert_eq!(told(app, peer).await, lists(&all), "a topic's name stands on all of these");
        app.psql(AN_ISSUE).await;
        let issue = ["/newsletter", "/newsletter/a-wall", "/newsletter/issues"];
        assert_eq!(told(app, peer).await, issue);
        app.psql("update issues set status = 'sent', finished_at = now(), delivered = 9").await;
        assert_eq!(told(app, peer).await, NOTHING, "how far it has come is on no page");
    });
}

#[test]
fn what_does_not_show_on_the_first_page_of_a_list_does_not_change_it() {
    with_engine(async |app, peer| {
        app.psql(
            "insert into posts (id, slug, title, body, topic, status, published_at)
             select gen_random_uuid(), 'newer-' || n, 'Newer ' || n, 'Text', 'craft', 'published',
                    timestamptz '2026-03-01' - n * interval '1 hour' from generate_series(1, 11) n",
        )
        .await;
        assert_eq!(told(app, peer).await.len(), 3 + 11);
        for (number, lists) in [(5, 3), (6, 2), (10, 2), (11, 0)] {
            let title = "update posts set title = title || '!' where slug = 'newer-";
            app.psql(&format!("{title}{number}'")).await;
            assert_eq!(told(app, peer).await.len(), 1 + lists, "number {number}");
        }
    });
}

#[test]
fn a_scheduled_post_is_told_of_once_its_time_has_come() {
    with_engine(async |app, peer| {
        let ada = app.ada().await;
        let fields = but(written("Soon", "Text.", "scheduled"), "publish_at", "2199-01-31 09:00");
        save(&ada, "/admin/posts/new", &fields).await;
        assert_eq!(told(app, peer).await, NOTHING);
        app.psql("update posts set published_at = clock_timestamp() + interval '1500 milliseconds' where slug = 'soon'").await;
        assert_eq!(told(app, peer).await, NOTHING, "not yet");
        tokio::time::sleep(Duration::from_millis(1600)).await; // time itself is awaited here
        assert_eq!(told(app, peer).await, ["/", "/posts", "/posts/soon", "/topics/craft"]);
        assert_eq!(told(app, peer).await, NOTHING);
    });
}

#[test]
fn an_answer_decides_whether_it_is_done_dead_or_tried_again() {
    with_engine(async |app, peer| {
        let mut number = 0;
        // Answered like this: what becomes of the job, and in how many seconds it is tried again, at least and at most.
        for (answer, state, wait) in [
            ((200, "", ""), "done|1", None),
            ((202, "", "{}"), "done|1", None),
            (
                (400, "", "{\"code\":\n\"InvalidRequestParameters\"}"),
                "dead|1|400 {\"code\": \"InvalidRequestParameters\"}",
                None,
            ),
            ((403, "", ""), "dead|1|403", None),
            ((422, "", "not yours"), "dead|1|422 not yours", None),
            ((302, "location: /elsewhere\r\n", ""), "dead|1|302", None),
            ((429, "retry-after: 700\r\n", "slowly"), "waiting|0|429 slowly", Some((690, 700))),
            ((429, "retry-after: 9999999\r\n", ""), "waiting|0|429", Some((86_390, 86_400))),
            ((429, "", ""), "waiting|1|429", Some((1, 3))),
            ((500, "", "oops"), "waiting|1|500 oops", Some((1, 3))),
            ((503, "retry-after: 700\r\n", ""), "waiting|1|503", Some((1, 3))),
        ] {
            number += 1;
            app.psql(&format!(
                "delete from outbox; update posts set body = 'Words {number}' where slug = 'post-1'"
            ))
            .await;
            peer.will_answer(&[answer]);
            assert_eq!(told(app, peer).await, ["/posts/post-1"]);
            assert_eq!(jobs(app).await, [state]);
            let due = app.ask("select ceil(extract(epoch from due_at - now())) from outbox").await;
            if let Some((least, most)) = wait {
                let due: i64 = due[0].parse().unwrap();
                assert!((least..=most).contains(&due), "{answer:?}: {due}");
            }
            work(app).await;
            assert_eq!(heard(app, peer).await, NOTHING, "not before its time");
        }
        app.psql("update outbox set due_at = now()").await;
        work(app).await;
        assert_eq!(
            (heard(app, peer).await, jobs(app).await),
            (vec!["/posts/post-1".to_owned()], vec!["done|2".to_owned()])
        );
    });
}

#[test]
fn whoever_is_asked_to_wait_for_days_gives_up_and_a_dead_job_is_tried_again_by_a_button() {
    with_engine(async |app, peer| {
        app.psql("delete from outbox; update posts set body = 'New' where slug = 'post-1'").await;
        peer.will_answer(&[(429, "retry-after: 60\r\n", ""); 2]);
        assert_eq!(told(app, peer).await, ["/posts/post-1"]);
        app.psql("update outbox set due_at = now(), tried_since = now() - interval '73 hours'")
            .await;
        work(app).await;
        assert_eq!(
            (heard(app, peer).await.len(), jobs(app).await),
            (1, vec!["dead|0|429".to_owned()])
        );
        let ada = app.ada().await;
        let id = &app.ask("select id from outbox").await[0];
        let page = ada.get(&format!("/admin/outbox/{id}")).await.body;
        assert!(
            page.contains("Search engines are to be told") && page.contains("Try again now"),
            "{page}"
        );
        // It changed once more meanwhile, and so did another: what is told by a later job is not told by this one.
        app.psql("update posts set body = 'Newer'").await;
        assert_eq!(told(app, peer).await, ["/posts/post-1", "/posts/post-2"]);
        assert_eq!(ada.post(&format!("/admin/outbox/{id}/retry"), &[]).await.status, 303);
        work(app).await;
        assert_eq!(heard(app, peer).await, NOTHING);
        assert!(jobs(app).await[0].starts_with("dropped|1|All of it has changed since"));
    });
}

#[test]
fn a_worker_that_is_killed_loses_no_address_and_no_proxy_is_asked() {
    with_engine(async |app, peer| {
        let url = format!("{}/indexnow", peer.origin);
        let environment = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("INDEXNOW_URL", &url),
            ("PUBLIC_ORIGINS", &app.origin),
            ("http_proxy", "http://127.0.0.1:1"),
            ("HTTP_PROXY", "http://127.0.0.1:1"),
            ("ALL_PROXY", "http://127.0.0.1:1"),
        ];
        app.psql("delete from outbox; update posts set body = 'New'").await;
        peer.set_silent(true);
        assert_eq!(look(app).await, 2);
        let mut worker = Process::run(&["worker"], &environment);
        worker.wait_for("Working on what waits");
        peer.is_told().await;
        worker.signal("KILL");
        worker.end();
        assert_eq!(
            (heard(app, peer).await.len(), jobs(app).await),
            (2, vec!["waiting|1".to_owned()])
        );
        peer.set_silent(false);
        app.psql("update outbox set due_at = now() where lease is not null").await; // as if it had run out
        let again = Shell::run(&["worker", "--once"], "", &environment);
        assert_eq!((again.code, again.out.as_str()), (0, "1 done\n"), "{}", again.err);
        assert_eq!(heard(app, peer).await, ["/posts/post-1", "/posts/post-2"]);
        assert_eq!(jobs(app).await, ["done|2"]);
        assert_eq!(told(app, peer).await, NOTHING);
    });
}

#[test]
fn what_changes_again_before_it_was_told_is_told_once() {
    with_engine(async |app, peer| {
        app.psql("update posts set body = 'New'").await;
        assert_eq!(look(app).await, 2);
        app.psql("update posts set body = 'Newer' where slug = 'post-1'").await;
        assert_eq!(look(app).await, 1);
        work(app).await;
        assert_eq!(heard(app, peer).await, ["/posts/post-1", "/posts/post-2"]);
        let trial = Shell::run(
            &["run", "sitemap", "--dry-run", "--json"],
            "",
            &[("DATABASE_URL", &app.database_url), ("INDEXNOW_URL", &peer.origin)],
        );
        let found = trial.json()["output"]["addresses_announced"].clone();
        assert_eq!(found, WHOLE_SITE.len(), "at another origin everything is new: {}", trial.err);
        assert_eq!(told(app, peer).await, NOTHING, "and a trial run changes nothing");
    });
}

#[test]
fn thirteen_thousand_new_addresses_take_two_messages() {
    with_engine(async |app, peer| {
        app.psql(
            "set session_replication_role = replica; -- as fast as it gets: nobody reads these
             insert into posts (id, slug, title, body, topic, status, published_at)
             select gen_random_uuid(), 'old-' || n, 'Old ' || n, 'Text', 'craft', 'published',
                    timestamptz '2020-01-01' + n * interval '1 minute' from generate_series(1, 13000) n",
        )
        .await;
        assert_eq!(look(app).await, 13_003);
        assert_eq!(jobs(app).await.len(), 3, "the first, of the two posts, is done");
        work(app).await;
        assert_eq!(jobs(app).await, ["done|1"; 3]);
        let paths = heard(app, peer).await;
        assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), 13_003);
    });
}

#[test]
fn the_key_is_shown_to_whoever_knows_it_also_where_the_site_is_older_than_it() {
    with_app(async |app| {
        app.psql("delete from secrets where name = 'indexnow'").await; // as it was before there were any
        let newer = app.second_instance().await;
        let third = app.second_instance().await;
        let key = newer.state.secrets.indexnow();
        assert!(key.len() >= 8 && key.len() <= 128 && key.chars().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(key, app.state.secrets.indexnow());
        for instance in [&newer, &third] {
            let eve = instance.eve().asking_for(&app.origin);
            let shown = eve.get(&format!("/{key}.txt")).await;
            assert_eq!((shown.status, shown.body.as_str()), (200, key.as_str()));
            assert_eq!(shown.header("content-type"), "text/plain; charset=utf-8");
            for wrong in ["key", "", &key[1..], &key.to_uppercase(), &app.state.secrets.indexnow()]
            {
                eve.get(&format!("/{wrong}.txt")).await.is_page(404);
            }
        }
        newer.close().await;
        third.close().await;
    });
}

#[test]
fn without_a_server_to_tell_the_task_is_off_and_says_so() {
    with_settings(&[BOTH], async |app| {
        let refused = cron(&app.eve(), Method::POST, "sitemap", NEW).await;
        assert_eq!(refused.is_problem(503)["detail"], "This is off: INDEXNOW_URL is not set.");
        let page = app.ada().await.get("/admin/runs").await.body;
        assert!(page.contains("Tell search engines") && page.contains("INDEXNOW_URL is not set."));
        let doctor = |settings: &[(&str, &str)]| {
            let environment = [settings, &[("DATABASE_URL", app.database_url.as_str())]].concat();
            Shell::run(&["doctor"], "", &environment)
        };
        let off = doctor(&[]);
        assert!(
            off.code == 0 && off.out.contains("ok    search engines (INDEXNOW_URL): off"),
            "{}",
            off.out
        );
        let told = ("INDEXNOW_URL", "https://api.indexnow.org/indexnow");
        let on = doctor(&[told, ("PUBLIC_ORIGINS", "https://example.com")]);
        assert!(
            on.code == 0 && on.out.contains("ok    search engines (INDEXNOW_URL): on"),
            "{}",
            on.out
        );
        let pointless = doctor(&[told]);
        assert!(
            pointless.code == 1 && pointless.out.contains("FAULT search engines (INDEXNOW_URL): "),
            "{}",
            pointless.out
        );
        // A job from when it was on.
        app.psql("insert into outbox (id, kind, job, cause) values (gen_random_uuid(), 'announce', '{\"do\": \"announce\"}', 'x')").await;
        work(app).await;
        assert_eq!(jobs(app).await, ["dropped|1|INDEXNOW_URL is not set any more."]);
    });
}

#[test]
fn every_kept_page_is_told_of_or_is_for_nobody_but_its_reader() {
    // Whoever writes a program knows where to look, and those who look for the business do not look for that.
    let for_few = ["/check-your-mail", "/contact/thanks", "/newsletter/thanks", "/api/docs"];
    let kept: BTreeSet<String> = routes::table()
        .into_iter()
        .filter(|route| route.cached && !for_few.contains(&route.path))
        .map(|route| route.path.replace("{slug}", "x").replace("{topic}", "x"))
        .collect();
    let told_of: BTreeSet<String> = Kind::ALL.map(|kind| kind.path("x")).into();
    assert_eq!(told_of, kept, "services/announcements.rs has to know of it");
}
