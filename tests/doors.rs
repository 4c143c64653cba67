//! Every door of the table of routes: who is turned away, how, and what every answer carries.

use super::accounts::links_in_mails;
use super::contact::ANN;
use super::keys_at_the_door::made;
use super::passkeys::questions;
use super::second_factor::turn_on;
use super::support::signer::{GITHUB, PARTNER, RESEND, STRIPE};
use super::support::{Answer, Person, TestApp, with_app, with_settings};
use super::tokens::asks_for_consent;
use frontdesk::routes::{self, Entry};
use frontdesk::services::orders::Buying;
use frontdesk::services::subscribers::{Confirming, Holder, Managing};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

pub const NOBODYS: &str = "01890000-0000-7000-8000-000000000000";

/// The proofs that whoever comes has.
pub const OPEN: [&str; 10] = [
    "anyone",
    "anyone, to prove who they are",
    "anyone, signed in or not",
    "anyone, with their cart",
    "a known site, or a program",
    "a form of a known site",
    "a link that was mailed",
    "anyone; a member's app or posts:read for more",
    "a program",
    ANYWHERE,
];
/// The one door that takes forms from other sites: whoever knows its address is who it is for.
pub const ANYWHERE: &str = "a link that was mailed, from anywhere";

/// The proofs that somebody brings who comes from an identity provider; `tests/identity` brings them, and others.
pub const BROUGHT: [&str; 2] = ["back from an identity provider", "known to an identity provider"];

pub fn guarded() -> Vec<Entry> {
    let open = |proof| OPEN.contains(&proof) || BROUGHT.contains(&proof);
    routes::table().into_iter().filter(|route| !open(route.proof)).collect()
}

pub fn is_for_machines(path: &str) -> bool {
    let machine = path.starts_with("/api/") && !path.starts_with("/api/oauth/");
    machine || path == "/healthz" || path == "/readyz"
}

/// The path with something in each of its holes.
pub fn filled(path: &str) -> String {
    path.replace("{id}", NOBODYS)
        .replace("{slug}", "a-wall")
        .replace("{token}", &"0".repeat(64))
        .replace("{topic}", "signs")
        .replace("{hash}", "0")
        .replace("{name}", "style.css")
        .replace("{task}", "cleanup")
        .replace("{source}", "partner")
        .replace("{key}", "nobodys")
        .replace("{provider}", "nobody")
        .replace("{email}", "ann%40example.test")
}

/// Knocks as the door expects it: a form from our own page, a document from a program.
pub async fn knock(person: &Person<'_>, route: &Entry) -> Answer {
    let path = filled(route.path);
    match (route.method, is_for_machines(route.path)) {
        ("GET", _) => person.get(&path).await,
        (method, true) => {
            person.send(person.request(method.parse().unwrap(), &path).json(&json!({}))).await
        }
        (_, false) => person.post(&path, &[]).await,
    }
}

#[test]
fn whatever_lies_behind_a_door_is_guarded() {
    let closed: BTreeSet<_> = guarded().iter().map(|route| (route.method, route.path)).collect();
    for route in routes::table() {
        let behind = route.path.starts_with("/admin")
            || route.path.starts_with("/account")
            || route.path == "/oauth/authorize"
            || route.path == "/membership/thanks"
            || (route.path == "/membership" && route.method == "POST")
            || route.path.starts_with("/confirm-identity")
            || route.path == "/sign-in/code"
            || route.path.starts_with("/api/v1/leads")
            || route.path.starts_with("/api/v1/subscribers")
            || route.path.starts_with("/api/v1/orders")
            || route.path.ends_with("/source")
            || route.path.starts_with("/api/v1/me")
            || route.path.starts_with("/api/v1/events")
            || route.path.starts_with("/api/v1/webhooks")
            || route.path.starts_with("/api/v1/deliveries")
            || route.path.starts_with("/api/cron/")
            || route.path.starts_with("/api/webhooks/")
            || (route.path.starts_with("/api/v1/") && route.method != "GET");
        // What is proven there is what is sent.
        let behind = behind && !route.path.starts_with("/api/v1/tokens");
        assert_eq!(closed.contains(&(route.method, route.path)), behind, "{}", route.path);
        assert!(!(route.cached && behind), "{} is kept", route.path);
        let costs = route.path.starts_with("/static/")
            || ["/healthz", "/readyz", "/favicon.ico", "/{key}.txt", "/api/v1/openapi.json"]
                .contains(&route.path);
        assert_eq!(route.limit.is_none(), costs, "{}", route.path);
        assert_eq!(route.body.is_some(), route.method != "GET", "{}", route.path);
    }
    assert!(closed.len() >= 13, "{closed:?}");
}

#[test]
fn strangers_are_sent_to_sign_in_and_programs_asked_for_a_key() {
    let secrets = [("CRON_SECRET", "what-only-schedulers-know"), GITHUB, RESEND, STRIPE];
    let settings = [&secrets, &PARTNER[..]];
    with_settings(&settings.concat(), async |app| {
        let (ada, key) = (app.ada().await, app.key("leads:write").await);
        for route in guarded() {
            let stranger = knock(&app.eve(), &route).await;
            if is_for_machines(route.path) {
                for answer in [stranger, knock(&ada, &route).await] {
                    answer.is_problem(401);
                    assert!(
                        answer.header("www-authenticate").starts_with("Bearer"),
                        "{}",
                        route.path
                    );
                }
            } else {
                let next = filled(route.path).replace('%', "%25").replace('/', "%2F");
                let sign_in = match route.method {
                    "GET" => format!("/sign-in?next={next}"),
                    _ => "/sign-in".to_owned(),
                };
                let with_key =
                    app.eve().request(route.method.parse().unwrap(), &filled(route.path));
                let with_key = app.eve().send(with_key.header("x-api-key", &key)).await;
                for answer in [stranger, with_key] {
                    assert_eq!((answer.status, answer.location.as_str()), (303, sign_in.as_str()));
                    assert_eq!(answer.body, "");
                }
            }
        }
    });
}

#[test]
fn no_form_is_taken_from_another_site() {
    with_app(async |app| {
        let ada = app.ada().await;
        let forms = routes::table()
            .into_iter()
            .filter(|route| route.method == "POST" && !is_for_machines(route.path))
            .filter(|route| route.proof != ANYWHERE);
        let mut forms_seen = 0;
        for route in forms {
            let request =
                ada.request(Method::POST, &filled(route.path)).form(&[("note", "Planted.")]);
            let request = request.header("sec-fetch-site", "cross-site");
            let answer = ada.send(request.header("origin", "https://evil.example")).await;
            answer.is_page(403);
            assert!(answer.body.contains(r#"value="Planted.""#), "{}: {}", route.path, answer.body);
            forms_seen += 1;
        }
        assert!(forms_seen >= 7);
    });
}

#[test]
fn a_wrong_method_is_answered_with_the_right_ones() {
    with_app(async |app| {
        let eve = app.eve();
        let table = routes::table();
        let paths: BTreeSet<_> = table.iter().map(|route| route.path).collect();
        assert!(paths.len() > 20);
        for path in paths {
            let mut right: BTreeSet<&str> =
                table.iter().filter(|route| route.path == path).map(|route| route.method).collect();
            if right.contains("GET") {
                right.insert("HEAD");
            }
            let mut announced = right.clone();
            // Browsers ask there on behalf of scripts of other sites.
            let scripts =
                ["/api/contact", "/api/v1/leads", "/api/v1/posts", "/api/v1/posts/{slug}"];
            if scripts.contains(&path) {
                announced.insert("OPTIONS");
            }
            let allowed = |answer: &Answer| {
                let allow = answer.header("allow").to_owned();
                assert_eq!(allow.split(", ").collect::<BTreeSet<_>>(), announced, "{path}");
            };
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                let wrong = eve.request(method.parse().unwrap(), &filled(path));
                let answer = eve.send(wrong.header("origin", &app.origin)).await;
                if right.contains(method) {
                    assert_ne!(answer.status, 405, "{method} {path}");
                    continue;
                }
                assert_eq!(answer.status, 405, "{method} {path}");
                allowed(&answer);
                match (method, is_for_machines(path)) {
                    ("HEAD", _) => assert_eq!(answer.body, ""),
                    (_, true) => drop(answer.is_problem(405)),
                    (_, false) => answer.is_page(405),
                }
            }
            let answer = eve.send(eve.request(Method::OPTIONS, &filled(path))).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
            allowed(&answer);
        }
    });
}

/// A program that is told of posts, and has been told of one.
pub const A_WEBHOOK: &str = "
    insert into webhooks (id, name, url, types) values (gen_random_uuid(), 'CRM', 'https://example.com/', '{post.updated}');
    insert into webhook_deliveries (webhook_id, message, object, sequence) select id, id, id, 1 from webhooks;";

/// An issue of the newsletter that is being sent.
pub const AN_ISSUE: &str =
    "insert into issues (id, slug, subject, body, status, started_at, queued_at)
    values (gen_random_uuid(), 'a-wall', 'A wall', 'Words.', 'sending', now(), now());";
/// Somebody who gets it.
pub const A_SUBSCRIBER: &str =
    "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at)
    values (gen_random_uuid(), 'ann@example.test', 'confirmed', 'import', 'the fair', now(), now());";

/// A list of people that was brought over.
pub const AN_IMPORT: &str = "insert into imports (id, consent, added, skipped, refused)
    values (gen_random_uuid(), 'the fair', 1, 0, 0);";

/// Something another program has told us, that could not be acted upon.
pub const AN_EVENT: &str = "insert into inbox (id, source, event_id, type, payload, state, remark, job)
    values (gen_random_uuid(), 'partner', 'msg_1', 'revalidate', '{}', 'dead', 'It names nothing.', gen_random_uuid());
    insert into outbox (id, kind, job, cause, state, ended_at) select job, 'inbox',
        jsonb_build_object('do', 'inbox', 'event', id), 'inbox:' || id, 'dead', now() from inbox;";

/// Something to buy, and an order of it that was paid for.
pub const AN_ORDER: &str = "insert into products (id, slug, title, kind, amount, currency, stock, sold)
        values (gen_random_uuid(), 'a-wall', 'A wall', 'goods', 2500, 'eur', 3, 1);
    insert into orders (id, email, name, status, amount, currency, payment, paid_at)
        values (gen_random_uuid(), 'ann@example.test', 'Ann', 'paid', 2500, 'eur', 'pi_1', now());
    insert into order_lines select orders.id, products.id, title, 2500, 1, 1 from orders, products where slug = 'a-wall';";

/// What the address of an order ends in.
pub fn order_link(app: &TestApp, order: &str) -> String {
    Holder::<Buying>::token(&app.state.secrets, order.parse().unwrap())
}

/// What stands in the links that are mailed to a subscriber: to confirm, and to choose.
pub fn links_of(app: &TestApp, subscriber: &str) -> (String, String) {
    let (secrets, id) = (&app.state.secrets, subscriber.parse().unwrap());
    (Holder::<Confirming>::token(secrets, id), Holder::<Managing>::token(secrets, id))
}

/// Every GET of the table, at an address where there is something, for `ada`, who may have it.
pub async fn everything(app: &TestApp, ada: &Person<'_>) -> Vec<String> {
    let questions = questions(app, ada).await;
    turn_on(app, ada).await;
    ada.post("/account/two-factor/begin", &[]).await;
    let lead = [
        "lead",
        "add",
        "--name",
        "Ann",
        "--email",
        "ann@example.test",
        "--message",
        "Hello there.",
    ];
    assert_eq!(app.cli(&lead, "").code, 0);
    let post = ["post", "add", "--title", "A wall", "--topic", "Signs", "--publish"];
    assert_eq!(app.cli(&post, "Words.").code, 0);
    let lead = app.ask("select id from leads").await.remove(0);
    let post = app.ask("select id from posts").await.remove(0);
    app.psql(&format!("{AN_ISSUE} {A_SUBSCRIBER} {AN_IMPORT} {AN_EVENT} {AN_ORDER} {A_WEBHOOK}"))
        .await;
    let order = app.ask("select id from orders").await.remove(0);
    let product = app.ask("select id from products").await.remove(0);
    let ordered = order_link(app, &order);
    let webhook = app.ask("select id from webhooks").await.remove(0);
    let delivery = app.ask("select id from webhook_deliveries").await.remove(0);
    let event = app.ask("select id from inbox").await.remove(0);
    let import = app.ask("select id from imports").await.remove(0);
    let issue = app.ask("select id from issues").await.remove(0);
    let reader = app.ask("select id from subscribers").await.remove(0);
    let (confirm, manage) = links_of(app, &reader);
    let staff = app.ask("select id from staff").await.remove(0);
    let (key, _) = made(app, &[]);
    let style = templates::assets::STYLE.url();
    let (mailed, asks) = (links_in_mails(app).await, asks_for_consent(app).await);
    let at = |path: &str| match path {
        path if mailed.contains_key(path) => mailed[path].clone(),
        "/oauth/authorize" => asks.clone(),
        path if questions.contains_key(path) => questions[path].clone(),
        "/newsletter/confirm/{token}" => path.replace("{token}", &confirm),
        "/orders/{token}" => path.replace("{token}", &ordered),
        path if path.contains("{token}") => path.replace("{token}", &manage),
        path if path.contains("imports/{id}") => path.replace("{id}", &import),
        path if path.contains("inbox/{id}") => path.replace("{id}", &event),
        path if path.contains("issues/{id}") => path.replace("{id}", &issue),
        path if path.contains("deliveries/{id}") => path.replace("{id}", &delivery),
        path if path.contains("webhooks/{id}") => path.replace("{id}", &webhook),
        path if path.contains("keys/{id}") => path.replace("{id}", &key),
        path if path.contains("orders/{id}") => path.replace("{id}", &order),
        path if path.contains("products/{id}") => path.replace("{id}", &product),
        path if path.contains("staff/{id}") => path.replace("{id}", &staff),
        path if path.contains("subscribers/{id}") => path.replace("{id}", &reader),
        "/static/{hash}/{name}" => style.to_owned(),
        "/{key}.txt" => templates::paths::indexnow_key(&app.state.secrets.indexnow()),
        // It grows by a line each time it is taken along.
        "/admin/audit.csv" => format!("{path}?act=role-changed"),
        path if path.contains("posts/{id}") => path.replace("{id}", &post),
        path => filled(&path.replace("{id}", &lead)),
    };
    let gets = routes::table().into_iter().filter(|route| route.method == "GET");
    let gets = gets.filter(|route| !BROUGHT.contains(&route.proof));
    gets.map(|route| at(route.path)).collect()
}

#[test]
fn head_is_get_without_the_body() {
    with_settings(&[("CRON_SECRET", "what-only-schedulers-know")], async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for path in everything(app, &ada).await.iter().map(String::as_str).chain([
            "/nowhere",
            "/api/nowhere",
            "/contact/",
        ]) {
            for person in [&ada, &eve] {
                let comparable = |answer: &Answer| {
                    let headers = answer.headers.iter();
                    // How often one may still come is another number each time.
                    let headers =
                        headers.filter(|(name, _)| *name != "date" && *name != "ratelimit");
                    let headers: Vec<_> =
                        headers.map(|(name, value)| (name.clone(), value.clone())).collect();
                    (answer.status, headers)
                };
                person.get(path).await; // once, so that what is kept has been
                let get = person.get(path).await;
                let head = person.send(person.request(Method::HEAD, path)).await;
                assert_eq!(comparable(&head), comparable(&get), "{path}");
                assert_eq!(head.body, "", "{path}");
                if !get.header("content-type").starts_with("image/") {
                    assert_eq!(get.header("content-length"), get.body.len().to_string(), "{path}");
                }
            }
            let asks_for_more = path.starts_with("/api/v1/leads")
                || path.starts_with("/api/v1/subscribers")
                || path.starts_with("/api/v1/orders")
                || path.ends_with("/source")
                || path.starts_with("/api/v1/webhooks")
                || path.starts_with("/api/v1/deliveries")
                || path.starts_with("/api/cron/")
                || ["/api/v1/me", "/api/v1/events"].contains(&path);
            let expected = match path {
                "/sign-in/code" => 303, // she is in already
                _ if asks_for_more => 401,
                _ => 200,
            };
            if !path.contains("nowhere") && path != "/contact/" {
                assert_eq!(ada.get(path).await.status, expected, "{path}");
            }
        }
    });
}

#[test]
fn nothing_is_not_found_in_the_callers_own_language() {
    with_app(async |app| {
        let eve = app.eve();
        for path in [
            "/nowhere",
            "/posts/nowhere",
            "/topics/nowhere",
            "/admin/nowhere",
            "/contact/thanks/x",
            "/static/0/style.css",
            "/apiary",
            "/posts/%ff",
            "/%01",
        ] {
            let answer = eve.get(path).await;
            answer.is_page(404);
            assert!(answer.body.contains(r#"<meta name="robots" content="noindex">"#), "{path}");
        }
        for path in ["/api", "/api/nowhere", "/api/v1", "/api/v1/posts/nowhere", "/api/contact/x"] {
            eve.get(path).await.is_problem(404);
        }
        eve.post("/nowhere", &ANN).await.is_page(404);
        eve.json("/api/nowhere", None, &json!({})).await.is_problem(404);
    });
}

/// Asserts what stands on every answer, whoever asked for what.
pub fn is_hardened(what: &str, answer: &Answer) {
    for (name, expected) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
             connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [expected], "{what}: {name}");
    }
    let shut = answer.header("permissions-policy");
    for power in ["camera", "microphone", "geolocation", "payment", "usb"] {
        assert!(shut.contains(&format!("{power}=()")), "{what}: {shut}");
    }
    for telling in ["server", "x-powered-by", "x-xss-protection"] {
        assert!(!answer.headers.contains_key(telling), "{what}: {telling}");
    }
}

#[test]
fn every_answer_is_hardened_and_nothing_personal_is_stored_on_the_way() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let key = app.key("posts:write").await;
        let style = templates::assets::STYLE.url();
        let long = format!("/{}", "x".repeat(5000));
        let etag = eve.get("/contact").await.header("etag").to_owned();
        let get = |path: &str| eve.request(Method::GET, path);
        let form = |path: &str, fields: &[(&str, &str)]| {
            eve.request(Method::POST, path).form(fields).header("origin", &app.origin)
        };
        let api = || eve.request(Method::POST, "/api/v1/leads");
        let post =
            json!({ "title": "A wall", "topic": "Signs", "body": "Words.", "status": "archived" });
        let posts = || eve.request(Method::POST, "/api/v1/posts").header("x-api-key", &key);
        for (status, caching, request) in [
            (200, "no-cache", get("/")),
            (200, "no-cache", get("/contact")),
            (304, "no-cache", get("/contact").header("if-none-match", &etag)),
            (200, "no-store", get("/sign-in")),
            (200, "no-store", ada.request(Method::GET, "/admin")),
            (200, "no-store", ada.request(Method::GET, "/admin/leads")),
            (200, "public, max-age=31536000, immutable", get(style)),
            (200, "public, max-age=86400", get("/favicon.ico")),
            (200, "no-store", get("/healthz")),
            (200, "no-store", get("/readyz")),
            (200, "no-store", get("/api/v1/posts")),
            (201, "no-store", posts().json(&post)),
            (204, "no-store", eve.request(Method::OPTIONS, "/contact")),
            (303, "no-store", get("/admin")),
            (303, "no-store", form("/contact", &ANN)),
            (308, "no-store", get("/contact/")),
            (400, "no-store", get("/%00")),
            (400, "no-store", ada.request(Method::GET, "/admin/leads?q=a&q=b")),
            (401, "no-store", api()),
            (403, "no-store", api().header("x-api-key", &key)),
            (
                403,
                "no-store",
                eve.request(Method::POST, "/contact").form(&ANN).header("origin", "null"),
            ),
            (404, "no-store", get("/nowhere")),
            (404, "no-store", get("/api/nowhere")),
            (405, "no-store", eve.request(Method::DELETE, "/contact")),
            (410, "no-store", get("/posts/a-wall")),
            (413, "no-store", form("/contact", &[("message", &"x".repeat(70_000))])),
            (414, "no-store", get(&long)),
            (415, "no-store", eve.request(Method::POST, "/contact").body("x")),
            (415, "no-store", form("/contact", &ANN).header("content-encoding", "gzip")),
            (
                421,
                "no-store",
                eve.clone().asking_for("http://evil.example").request(Method::GET, "/contact"),
            ),
            (422, "no-store", form("/contact", &[])),
            (422, "no-store", posts().json(&json!({}))),
            (431, "no-store", get("/contact").header("x-long", "x".repeat(17_000))),
        ] {
            let shown = request.try_clone().unwrap().build().unwrap();
            let what = format!("{} {:.40}", shown.method(), shown.url().path());
            let answer = eve.send(request).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.body);
            is_hardened(&what, &answer);
            assert_eq!(answer.header("cache-control"), caching, "{what}");
        }
        let refused = loop {
            let answer = eve.post("/contact", &ANN).await;
            if answer.status == 429 {
                break answer;
            }
        };
        is_hardened("429", &refused);
        assert_eq!(refused.header("cache-control"), "no-store");
    });
}
