//! What is refused before any door is reached, and what no caller can do to the others.

use super::contact::{ANN, ann_but};
use super::doors::is_hardened;
use super::support::{Answer, Person, TestApp, read_answer, with_app};
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpServer, middleware, web};
use frontdesk::http::errors::{Face, door};
use frontdesk::http::front::front;
use reqwest::Method;
use sqlx::Connection;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

/// Asserts that this is a refusal in a few words, without a page of ours.
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(!answer.body.contains("<main") && !answer.body.is_empty(), "{}", answer.body);
    is_hardened(&status.to_string(), answer);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn a_host_that_is_not_ours_gets_nothing_of_ours() {
    with_app(async |app| {
        let port = app.origin.rsplit(':').next().unwrap();
        let eve = app.eve();
        assert_eq!(eve.get("/contact").await.status, 200); // is kept from now on
        for host in [
            "evil.example",
            "evil.example:80",
            "127.0.0.1",
            "127.0.0.1:1",
            &format!("127.0.0.1:{port}.evil.example"),
            &format!("127.0.0.2:{port}"),
            &format!("evil.example@127.0.0.1:{port}"),
        ] {
            let eve = app.eve().asking_for(&format!("http://{host}"));
            for path in ["/", "/contact", "/admin", "/static/0/x", "/nowhere"] {
                is_refused(&eve.get(path).await, 421);
            }
            is_refused(&eve.post("/contact", &ANN).await, 421);
            eve.get("/api/v1/posts").await.is_problem(421);
            assert_eq!(eve.get("/healthz").await.status, 200, "asked for by address");
        }
        for host in
            [format!("localhost:{port}"), format!("LOCALHOST:{port}"), format!("[::1]:{port}")]
        {
            let eve = app.eve().asking_for(&format!("http://{host}"));
            assert_eq!(eve.get("/contact").await.status, 200, "{host}");
        }
        is_refused(&app.raw("GET /contact HTTP/1.0\r\n\r\n").await.unwrap(), 421);
        for hosts in
            ["", "Host: {host}\r\nHost: evil.example\r\n", "Host: evil.example\r\nHost: {host}\r\n"]
        {
            let request = format!("GET /contact HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            let answer = app.raw(&request).await.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{hosts:?}");
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn an_address_or_a_head_that_is_too_long_is_refused() {
    with_app(async |app| {
        let eve = app.eve();
        let path = |length: usize| format!("/posts?x={}", "y".repeat(length - 9));
        assert_eq!(eve.get(&path(4096)).await.status, 200);
        is_refused(&eve.get(&path(4097)).await, 414);
        eve.get(&format!("/api/v1/posts?x={}", "y".repeat(4096))).await.is_problem(414);
        let head = async |bytes: usize| {
            eve.send(eve.request(Method::GET, "/contact").header("x-long", "y".repeat(bytes))).await
        };
        assert_eq!(head(16 * 1024 - 200).await.status, 200);
        assert_eq!(head(16 * 1024 - 200).await.status, 200, "kept by now, and the same");
        is_refused(&head(16 * 1024).await, 431);
        let many = (0..90).fold(eve.request(Method::GET, "/contact"), |request, number| {
            request.header(format!("x-{number}"), "y".repeat(200))
        });
        is_refused(&eve.send(many).await, 431);
    });
}

#[test]
fn a_nul_in_an_address_is_a_mistake_of_the_caller() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for path in [
            "/%00",
            "/posts/%00",
            "/posts/a%00b",
            "/?x=%00",
            "/contact?x=%00",
            "/static/%00/x",
            "/x/%00/",
        ] {
            eve.get(path).await.is_page(400);
        }
        for path in [
            "/admin/leads?q=%00",
            "/admin/leads?status=%00",
            "/admin/leads/%00",
            "/sign-in?next=%00",
        ] {
            ada.get(path).await.is_page(400);
        }
        for path in
            ["/api/%00", "/api/v1/posts/%00", "/api/v1/posts?after=%00", "/api/v1/leads/%00"]
        {
            eve.get(path).await.is_problem(400);
        }
        eve.post("/contact?utm_source=%00", &ANN).await.is_page(400);
    });
}

#[test]
fn a_slash_too_many_is_forgiven_and_leads_nowhere_else() {
    with_app(async |app| {
        let eve = app.eve();
        for (path, location) in [
            ("/contact/", "/contact"),
            ("/contact///", "/contact"),
            ("/posts/a-wall/", "/posts/a-wall"),
            ("/contact/?utm_source=mail&x=%2F", "/contact?utm_source=mail&x=%2F"),
            ("/api/v1/posts/", "/api/v1/posts"),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let answer = eve.send(eve.request(method, path)).await;
                assert_eq!((answer.status, answer.location.as_str()), (308, location), "{path}");
            }
        }
        let ours = url::Url::parse(&app.origin).unwrap();
        for path in [
            "//evil.example/",
            "//evil.example//",
            "///evil.example/",
            "/\\evil.example/",
            "\\\\evil.example/",
            "/.//evil.example/",
            "/%2fevil.example/",
            "/%5cevil.example/",
            "/%09/evil.example/",
            "//evil.example/%2e%2e/",
            "//",
            "///",
            "//user@evil.example:80/x/",
            "http://evil.example/x/",
            "https:evil.example/",
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\n\r\n");
            let answer = app.raw(&request).await.unwrap();
            assert!([308, 400, 404, 421].contains(&answer.status), "{path}: {}", answer.status);
            let followed = ours.join(&answer.location).unwrap();
            assert_eq!(followed.origin(), ours.origin(), "{path} leads to {}", answer.location);
        }
        eve.post("/contact/", &ANN).await.is_page(404);
    });
}

/// Sends the head of a form and then so many bytes each time, until the server has had enough.
fn trickle(
    app: &TestApp,
    bytes: usize,
    every: Duration,
) -> impl FnOnce() -> Option<Answer> + use<> {
    let mut stream = app.connect();
    let host = app.origin.strip_prefix("http://").unwrap().to_owned();
    move || {
        let head = format!(
            "POST /contact HTTP/1.1\r\nHost: {host}\r\nContent-Length: 60000\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\nmessage="
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(every)).unwrap();
        let mut first = [0];
        loop {
            match stream.peek(&mut first) {
                Ok(_) => return read_answer(&mut stream),
                Err(_) => stream.write_all(&vec![b'x'; bytes]).ok()?, // nothing was said yet
            }
        }
    }
}

#[test]
fn a_body_that_trickles_in_is_cut_off_and_keeps_nobody_waiting() {
    with_app(async |app| {
        let clock = &app.state.clock;
        let timed = async |sender: Box<dyn FnOnce() -> Option<Answer> + Send>| {
            let began = clock.moment();
            let answer = web::block(sender).await.unwrap().expect("an answer");
            (answer, clock.moment().since(began))
        };
        // 10 bytes a second are too few from the fourth second on; 2,000 are enough, but not for longer than ten.
        let tenth = Duration::from_millis(100);
        let slow = timed(Box::new(trickle(app, 1, tenth)));
        let long = timed(Box::new(trickle(app, 200, tenth)));
        let others = async {
            let eve = app.eve();
            let began = clock.moment();
            let mut served = 0;
            while clock.moment().since(began) < Duration::from_secs(2) {
                let each = clock.moment();
                let name = format!("Visitor {served}");
                let status = match served {
                    0..5 => eve.post("/contact", &ann_but(&[("name", &name)])).await.status,
                    _ => eve.get("/contact").await.status,
                };
                assert!([200, 303].contains(&status), "{status}");
                assert!(clock.moment().since(each) < Duration::from_secs(1), "kept waiting");
                served += 1;
            }
            served
        };
        let ((slow, slow_took), (long, long_took), served) = tokio::join!(slow, long, others);
        for answer in [slow, long] {
            answer.is_page(408);
            is_hardened("408", &answer);
        }
        let seconds = |from: f64, to: f64, took: Duration| (from..to).contains(&took.as_secs_f64());
        assert!(seconds(2.9, 5.0, slow_took), "{slow_took:?}");
        assert!(seconds(9.9, 11.5, long_took), "{long_took:?}");
        assert!(served > 20, "{served}");
        assert_eq!(app.ask("select count(*) from leads").await, ["5"]);
    });
}

#[test]
fn a_panic_is_an_answer_with_a_reference_and_the_server_lives() {
    with_app(async |app| {
        async fn panics(request: HttpRequest, face: Face) -> actix_web::HttpResponse {
            let work = async { panic!("the secret cause") };
            door(face, "/panics", &request, work).await
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Data::clone(&app.state);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&state))
                .route("/panics", web::to(|request| panics(request, Face::Page)))
                .route("/api/panics", web::to(|request| panics(request, Face::Problem)))
                .wrap(middleware::from_fn(front))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let origin = format!("http://{address}");
        let eve = Person::visiting(&origin).asking_for(&app.origin);
        let mut references = Vec::new();
        for _ in 0..3 {
            let page = eve.get("/panics").await;
            page.is_page(500);
            assert!(!page.body.contains("secret"), "{}", page.body);
            is_hardened("500", &page);
            assert_eq!(page.header("cache-control"), "no-store");
            let reference =
                page.body.split_once("Reference: <code>").unwrap().1.split_once('<').unwrap().0;
            references.push(reference.to_owned());
            let problem = eve.get("/api/panics").await.is_problem(500);
            assert!(!problem.to_string().contains("secret"), "{problem}");
            let instance = problem["instance"].as_str().unwrap();
            references.push(instance.strip_prefix("urn:request:").unwrap().to_owned());
        }
        assert!(references.iter().all(|reference| reference.len() == 16), "{references:?}");
        references.sort_unstable();
        references.dedup();
        assert_eq!(references.len(), 6, "each its own");
        handle.stop(false).await;
    });
}

#[test]
fn what_announces_itself_as_too_large_is_refused_at_once() {
    with_app(async |app| {
        let form = "Content-Type: application/x-www-form-urlencoded";
        for head in
            ["Content-Length: 99999999999", "Content-Length: 999999\r\nExpect: 100-continue"]
        {
            let request = format!(
                "POST /contact HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\n{form}\r\n{head}\r\n\r\nname="
            );
            let answer = app.raw(&request).await.unwrap();
            let continued = answer.status == 100 && answer.body.contains("HTTP/1.1 413");
            assert!(answer.status == 413 || continued, "{head}: {} {}", answer.status, answer.body);
        }
    });
}

#[test]
fn what_cannot_be_kept_as_text_is_the_callers_mistake_though_a_field_has_forgotten_to_say_so() {
    with_app(async |app| {
        let mut db = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
        let kept = sqlx::query("select $1::text").bind("a\0b").execute(&mut db).await;
        let said = frontdesk::Error::from(kept.unwrap_err());
        assert!(matches!(said, frontdesk::Error::Malformed(_)), "{said:?}");
        let kept = sqlx::query("select 1 / 0").execute(&mut db).await;
        let said = frontdesk::Error::from(kept.unwrap_err());
        assert!(matches!(said, frontdesk::Error::Internal(_)), "{said:?}");
        db.close().await.unwrap();
    });
}
