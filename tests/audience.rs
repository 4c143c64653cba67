//! Texts that are for members: read by them, and nowhere else a word of it.

use super::accounts::{BOB, sign_up};
use super::cache::{HIT, confirmed, sees_in_time};
use super::doors::filled;
use super::posts::{but, editor_of, save, written};
use super::sign_in::sign_in;
use super::support::{Person, TestApp, with_app, with_own_server};
use frontdesk::routes;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use std::io::Read;
use std::time::Duration;

/// What only members may find, wherever it stands in a text.
pub const MARKER: &str = "zebraquartz";
/// How the beginning of a text without a summary begins.
pub const OPENING: &str = "It began in the rain";

/// A text with the marker wherever it could slip through.
fn text() -> String {
    format!(
        "## How\n\n{OPENING}, [at the quay][q], *early*.[^n]\n\n## The {MARKER}\n\nThe {MARKER} stood there.\n\n\
         ```\n{MARKER}\n```\n\n|{MARKER}|\n|-|\n|x|\n\n![{MARKER}](/{MARKER}.png)\n\n[^n]: Note: {MARKER}.\n\n[q]: /contact\n"
    )
}

/// Has Ada publish two posts for members: `summed-up`, which has a summary, and `opened`, which has none.
pub async fn two_posts(app: &TestApp, ada: &Person<'_>) {
    let text = text();
    for (title, summary) in [("Summed up", "Only in short."), ("Opened", "")] {
        let fields = but(written(title, &text, "published"), "summary", summary);
        save(ada, "/admin/posts/new", &but(fields, "audience", "members")).await;
    }
    assert_eq!(app.ask("select distinct audience from posts").await, ["members"]);
}

#[test]
fn members_read_all_of_it_and_everyone_else_the_beginning_and_how_to_get_in() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        two_posts(app, &ada).await;
        let bob = sign_up(app, BOB.0, BOB.1).await;
        for (path, beginning) in [
            ("/posts/summed-up", "Only in short."),
            ("/posts/opened", &format!("{OPENING}, at the quay, early.")[..]),
        ] {
            let page = eve.get(path).await;
            let next = format!("href=\"/sign-in?next={}\"", path.replace('/', "%2F"));
            let sign_up = next.replace("/sign-in?", "/sign-up?");
            for shown in [beginning, "for members", &next, &sign_up] {
                assert!(page.body.contains(shown), "{shown} is missing:\n{}", page.body);
            }
            assert!(!page.body.contains(MARKER), "{}", page.body);
            for reader in [&bob, &ada] {
                let whole = reader.get(path).await;
                assert_eq!((whole.status, whole.header("cache-control")), (200, "no-store"));
                assert_eq!((whole.header("etag"), whole.header("cache-status")), ("", HIT));
                assert_eq!(whole.body.matches(MARKER).count(), 8, "{}", whole.body);
                let main = whole.body.split("<main").nth(1).unwrap();
                assert_eq!(main.matches(OPENING).count(), 1, "{main}");
                assert!(!whole.body.contains(&next) && !whole.body.contains("<!--hole"));
            }
        }
        assert!(eve.get("/posts").await.body.contains("For members"));
        let answer = sign_in_then(&eve, "/posts/opened").await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/posts/opened"));
        assert!(eve.get("/posts/opened").await.body.contains(MARKER));
    });
}

async fn sign_in_then(person: &Person<'_>, next: &str) -> super::support::Answer {
    person.post("/sign-in", &[("email", BOB.0), ("password", BOB.1), ("next", next)]).await
}

#[test]
fn a_text_of_one_paragraph_has_no_beginning() {
    with_app(async |app| {
        let ada = app.ada().await;
        let fields = written("Short", MARKER, "published");
        save(&ada, "/admin/posts/new", &but(fields, "audience", "members")).await;
        let page = app.eve().get("/posts/short").await;
        assert!(page.status == 200 && page.body.contains("for members"));
        assert!(!page.body.contains(MARKER) && !page.body.contains("name=\"description\""));
        assert!(ada.get("/posts/short").await.body.contains(MARKER));
    });
}

/// Every GET there is but for staff, at each address where a text might stand.
fn everywhere() -> Vec<String> {
    let gets = routes::table().into_iter().filter(|route| route.method == "GET");
    let open = gets.filter(|route| !route.path.starts_with("/admin"));
    let mut paths: Vec<String> = open
        .flat_map(|route| {
            ["summed-up", "opened"].map(|slug| {
                let path = route.path.replace("{slug}", slug).replace("{topic}", "craft");
                filled(&path.replace("a-wall", slug))
            })
        })
        .collect();
    paths.sort();
    paths.dedup();
    let with = |query: &str| paths.iter().map(|path| format!("{path}?{query}")).collect::<Vec<_>>();
    let queries = [with("q=stood"), with("page=1"), with("audience=members")].concat();
    let nowhere = ["/nowhere", "/posts/opened/", "/posts/open", "/api/v1/posts/open"];
    assert!(paths.len() > 20, "{paths:?}");
    [paths, queries, nowhere.map(str::to_owned).into()].concat()
}

fn unpacked(encoding: &str, bytes: &[u8]) -> String {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap()),
        "br" => brotli::BrotliDecompress(&mut &*bytes, &mut plain).unwrap(),
        _ => plain.extend(bytes),
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Asks for everything in every way, and finds no word of what is for members. Returns how many answers there were of what
/// status.
async fn finds_nothing(who: &str, person: &Person<'_>, encodings: &[&'static str]) -> usize {
    let mut seen = 0;
    for (number, path) in everywhere().iter().enumerate() {
        // Each path from an address of its own, so that nobody comes too often.
        let person = person.coming_from(&format!("10.1.{}.{}", number / 200, number % 200));
        for encoding in encodings {
            let asked = person.request(Method::GET, path).header(ACCEPT_ENCODING, *encoding);
            let answer = asked.send().await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let sent = headers.get("content-encoding").map_or("", |sent| sent.to_str().unwrap());
            let sent = sent.to_owned();
            let body = unpacked(&sent, &answer.bytes().await.unwrap());
            for text in [&body, &format!("{headers:?}")] {
                assert!(!text.contains(MARKER), "{who} finds it at {path} ({encoding}):\n{text}");
            }
            seen += usize::from(status == 200);
            let Some(etag) = headers.get("etag") else { continue };
            let known = person.request(Method::GET, path).header(ACCEPT_ENCODING, *encoding);
            let known = person.send(known.header(IF_NONE_MATCH, etag)).await;
            assert_eq!((known.status, known.body.as_str()), (304, ""), "{path}");
            let head = person.request(Method::HEAD, path).header(ACCEPT_ENCODING, *encoding);
            let head = person.send(head).await;
            assert_eq!(head.headers.get("content-length"), headers.get("content-length"), "{path}");
        }
    }
    seen
}

/// Somebody whose session has run out, and somebody who has signed out.
async fn former<'a>(app: &'a TestApp) -> [(&'static str, Person<'a>); 2] {
    let (expired, gone) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
    sign_in(&gone, BOB.0, BOB.1).await;
    assert!(gone.get("/posts/opened").await.body.contains(MARKER));
    assert_eq!(gone.post("/sign-out", &[]).await.status, 303);
    gone.get("/").await; // is told so
    app.psql("update sessions set expires_at = now() where account_id <> (select id from staff)")
        .await;
    [("an expired session", expired), ("a signed-out member", gone)]
}

#[test]
fn nowhere_that_others_can_look_stands_a_word_of_what_is_for_members() {
    super::support::with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        assert!(ada.get("/posts/opened").await.body.contains(MARKER), "so it is kept");
        let encodings = ["identity", "gzip", "br"];
        let stranger = finds_nothing("a stranger", &app.eve(), &encodings).await;
        assert!(stranger > 150, "{stranger}");
        for (who, person) in former(app).await {
            assert_eq!(finds_nothing(who, &person, &encodings).await, stranger, "{who}");
        }
        // The same, where the two have just been rendered for somebody who may read them.
        ada.post("/admin/cache/drop", &[("tag", "*")]).await;
        assert!(ada.get("/posts/summed-up").await.body.contains(MARKER));
        finds_nothing("a stranger", &app.eve(), &["identity"]).await;
    });
}

#[test]
fn what_everyone_is_sent_says_nothing_of_the_rest_not_even_that_it_has_changed() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        two_posts(app, &ada).await;
        let before = eve.get("/posts/opened").await;
        app.psql(&format!(
            "update posts set body = replace(body, '{MARKER} stood', 'okapi stood')"
        ))
        .await;
        sees_in_time(&ada, app, "/posts/opened", "okapi stood").await;
        let after = eve.get("/posts/opened").await;
        assert_eq!((&after.body, after.header("etag")), (&before.body, before.header("etag")));
        let known = ada.request(Method::GET, "/posts/opened");
        let known = ada.send(known.header(IF_NONE_MATCH, before.header("etag"))).await;
        assert!(known.status == 200 && known.body.contains("okapi stood"), "members have another");
    });
}

#[test]
fn what_members_read_is_as_fresh_as_what_everyone_reads() {
    with_app(async |app| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        let (bob, other) = (sign_up(app, BOB.0, BOB.1).await, app.second_instance().await);
        let elsewhere = bob.at(&other);
        for edition in 1..=5 {
            assert_eq!(elsewhere.get("/posts/opened").await.status, 200);
            let word = format!("Edition {edition}.");
            let text = format!("One.\n\n{word}");
            save(&ada, &editor_of(app, "opened").await, &written("Opened", &text, "published"))
                .await;
            assert!(ada.get("/posts/opened").await.body.contains(&word), "the writer misses it");
            sees_in_time(&elsewhere, app, "/posts/opened", &word).await;
            assert!(
                !other
                    .eve()
                    .asking_for(&app.origin)
                    .get("/posts/opened")
                    .await
                    .body
                    .contains(&word)
            );
        }
        app.psql("delete from sessions where account_id <> (select id from staff)").await;
        for person in [&bob, &elsewhere] {
            assert!(!person.get("/posts/opened").await.body.contains("Edition"), "from then on");
        }
        other.close().await;
    });
}

#[test]
fn a_post_that_is_closed_is_gone_from_what_was_kept_even_while_the_database_is_away() {
    with_own_server(async |app, server| {
        let (ada, eve) = (app.ada().await, app.eve());
        let text = text();
        for title in ["Opened", "Summed up"] {
            let fields = but(written(title, &text, "published"), "summary", "In short.");
            save(&ada, "/admin/posts/new", &fields).await;
        }
        for path in ["/posts/opened", "/posts/summed-up", "/callers"] {
            assert_eq!(eve.get(path).await.status, 200);
        }
        assert!(eve.get("/posts/opened").await.body.contains(MARKER));
        let closed = but(written("Opened", &text, "published"), "audience", "members");
        save(&ada, &editor_of(app, "opened").await, &closed).await;
        app.psql("update posts set audience = 'members' where slug = 'summed-up'").await;
        confirmed(app).await;
        server.stop();
        app.state.clock.advance(Duration::from_secs(1));
        assert_eq!(eve.get("/callers").await.status, 200, "what was not withdrawn is shown");
        for path in ["/posts/opened", "/posts/summed-up"] {
            for reader in [&eve, &ada] {
                let answer = reader.get(path).await;
                answer.is_page(503);
                assert!(!answer.body.contains(MARKER));
            }
        }
        server.start();
        assert!(!eve.get("/posts/opened").await.body.contains(MARKER));
        assert!(ada.get("/posts/opened").await.body.contains(MARKER));
        // To open it again takes nothing away.
        save(&ada, &editor_of(app, "opened").await, &but(closed, "audience", "everyone")).await;
        assert!(eve.get("/posts/opened").await.body.contains(MARKER));
        let hard =
            "select bool_or(hard) from cache_inval where xid = (select max(xid) from cache_inval)";
        assert_eq!(app.ask(hard).await, ["false"]);
    });
}

#[test]
fn while_the_database_is_away_a_member_sees_the_beginning_and_why() {
    with_own_server(async |app, server| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        let [(_, expired), (_, gone)] = former(app).await;
        let bob = app.eve();
        assert_eq!(sign_in(&bob, BOB.0, BOB.1).await.status, 303);
        for path in ["/posts/opened", "/posts/summed-up", "/contact"] {
            assert_eq!(app.eve().get(path).await.status, 200);
        }
        server.stop();
        app.state.clock.advance(Duration::from_secs(1));
        let page = bob.get("/posts/opened").await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
        assert!(page.header("cache-status").contains("database-unreachable"));
        assert!(
            page.body.contains(OPENING) && page.body.contains("does not answer"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("/sign-in?next"), "signing in would not help");
        for (who, person) in [
            ("Bob", &bob),
            ("a stranger", &app.eve()),
            ("an expired session", &expired),
            ("a signed-out member", &gone),
        ] {
            for path in [
                "/posts/opened",
                "/posts/summed-up",
                "/posts",
                "/",
                "/topics/craft",
                "/api/v1/posts",
                "/api/v1/posts/opened",
            ] {
                assert!(!person.get(path).await.body.contains(MARKER), "{who} finds it at {path}");
            }
        }
        let anyones = app.eve().get("/posts/opened").await;
        assert!(anyones.body.contains("/sign-in?next") && !anyones.header("etag").is_empty());
        server.start();
        assert!(bob.get("/posts/opened").await.body.contains(MARKER));
    });
}
