//! The contact form of other sites: known origins by CORS, servers without one, nobody else.

use super::support::{Answer, Person, TestApp, with_settings};
use reqwest::Method;
use serde_json::{Value, json};

const SHOP: &str = "https://shop.example";

fn with_shop(test: impl AsyncFnOnce(&TestApp)) {
    with_settings(&[("CORS_ORIGINS", "https://shop.example, http://localhost:3000")], test);
}

fn ann() -> Value {
    json!({ "name": "Ann Li", "email": "ann@example.test", "message": "Could you paint our boat?" })
}

/// Sends a document as a script of the site `origin` does.
async fn send(eve: &Person<'_>, origin: &str, document: &Value) -> Answer {
    let request = eve.request(Method::POST, "/api/contact").json(document);
    eve.send(request.header("origin", origin).header("sec-fetch-site", "cross-site")).await
}

/// The headers by which a browser lets a script read the answer.
fn cors(answer: &Answer) -> Vec<String> {
    let names = answer.headers.keys().map(ToString::to_string);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[test]
fn the_form_of_a_known_site_becomes_a_lead() {
    with_shop(async |app| {
        for origin in [SHOP, "http://localhost:3000"] {
            let answer = send(&app.eve(), origin, &ann()).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(cors(&answer), ["access-control-allow-origin"]);
            assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
            assert_eq!(answer.header("vary"), "Origin");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.headers.contains_key("set-cookie"));
            let body = answer.json();
            let members: Vec<_> = body.as_object().unwrap().keys().collect();
            assert_eq!(members, ["created_at", "id"]);
            let stored = app.ask("select id || ' ' || source || ' ' || name from leads").await;
            assert_eq!(stored, [format!("{} embed Ann Li", body["id"].as_str().unwrap())]);
        }
    });
}

#[test]
fn what_is_wrong_is_said_by_field_to_the_script_that_sent_it() {
    with_shop(async |app| {
        let document = json!({ "name": "A", "email": "nowhere", "message": "\u{0}", "phone": 5 });
        let problem = send(&app.eve(), SHOP, &document).await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/phone", "{problem}");
        let document = json!({ "name": "A", "email": "nowhere", "message": "Hello there\u{0}." });
        let answer = send(&app.eve(), SHOP, &document).await;
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        assert_eq!(
            answer.is_problem(422)["errors"],
            json!([
                { "pointer": "#/email", "detail": "Enter an email address like name@example.com." },
                { "pointer": "#/message", "detail": "Remove the invisible control characters from this text." },
                { "pointer": "#/name", "detail": "Enter your name, 2 to 100 characters." },
            ])
        );
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_of_its_field() {
    with_shop(async |app| {
        let eve = app.eve();
        for (field, value) in [
            ("name", json!(5)),
            ("email", json!(["ann@example.test"])),
            ("message", json!({ "text": "Could you paint our boat?" })),
            ("company", json!(true)),
        ] {
            let mut document = ann();
            document[field] = value;
            let problem = send(&eve, SHOP, &document).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], format!("#/{field}"), "{problem}");
        }
        for document in [json!([]), json!("Ann"), json!(null), json!(5)] {
            let problem = send(&eve, SHOP, &document).await.is_problem(422);
            assert_eq!(problem["errors"][0]["pointer"], "#", "{problem}");
        }
        // Missing and null are both "not given"; nobody typed how they came here.
        let mut document = ann();
        document["company"] = json!(null);
        document["utm_source"] = json!(5);
        document["elapsed_ms"] = json!("soon");
        document["unknown"] = json!({ "x": [1] });
        assert_eq!(send(&eve, SHOP, &document).await.status, 201);
        document["message"] = json!(null);
        let problem = send(&eve, SHOP, &document).await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/message");
    });
}

#[test]
fn a_browser_that_asks_first_is_told_what_it_may_send() {
    with_shop(async |app| {
        let eve = app.eve();
        let ask = async |origin: &str| {
            let request = eve.request(Method::OPTIONS, "/api/contact").header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            eve.send(request.header("access-control-request-headers", "content-type")).await
        };
        let answer = ask(SHOP).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
        assert_eq!(answer.header("access-control-allow-headers"), "content-type");
        assert!(answer.header("access-control-max-age").parse::<u32>().is_ok());
        assert_eq!(answer.header("vary"), "Origin");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        let stranger = ask("https://evil.example").await;
        stranger.is_problem(403);
        assert_eq!(cors(&stranger), [""; 0]);
    });
}

#[test]
fn any_other_origin_is_refused_and_may_not_even_read_that() {
    with_shop(async |app| {
        let eve = app.eve();
        for origin in [
            "https://evil.example",
            "null",
            "",
            "http://shop.example",
            "https://shop.example:8443",
            "https://shop.example/",
            "https://www.shop.example",
            "https://shop.example.evil.example",
            "https://shop.example, https://evil.example",
            app.origin.as_str(),
        ] {
            let answer = send(&eve, origin, &ann()).await;
            answer.is_problem(403);
            assert_eq!(cors(&answer), [""; 0], "{origin:?}");
        }
        for (first, second) in
            [(SHOP, "https://evil.example"), ("https://evil.example", SHOP), (SHOP, SHOP)]
        {
            let request = eve.request(Method::POST, "/api/contact").json(&ann());
            let answer = eve.send(request.header("origin", first).header("origin", second)).await;
            answer.is_problem(403);
            assert_eq!(cors(&answer), [""; 0], "{first}, {second}");
            let request = eve.request(Method::OPTIONS, "/api/contact");
            let answer = eve.send(request.header("origin", first).header("origin", second)).await;
            answer.is_problem(403);
            assert_eq!(cors(&answer), [""; 0], "{first}, {second}");
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn a_server_has_no_origin_and_is_welcome() {
    with_shop(async |app| {
        let answer = app.eve().json("/api/contact", None, &ann()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(cors(&answer), [""; 0]);
        assert_eq!(app.ask("select source from leads").await, ["embed"]);
    });
}

#[test]
fn no_other_site_may_call_where_none_is_listed() {
    with_settings(&[], async |app| {
        let answer = send(&app.eve(), SHOP, &ann()).await;
        answer.is_problem(403);
        assert_eq!(cors(&answer), [""; 0]);
        assert_eq!(app.eve().json("/api/contact", None, &ann()).await.status, 201);
    });
}

#[test]
fn no_cookie_is_read_or_given() {
    with_shop(async |app| {
        let ada = app.ada().await;
        send(&ada, "https://evil.example", &ann()).await.is_problem(403);
        let answer = send(&ada, SHOP, &ann()).await;
        assert_eq!(answer.status, 201);
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(answer.body, send(&app.eve(), SHOP, &ann()).await.body);
        let leads = ada.get("/admin/leads").await;
        assert!(leads.body.contains("Ann Li"), "Ada is still signed in");
    });
}

#[test]
fn whoever_sends_spam_is_told_the_same() {
    with_shop(async |app| {
        let shape = |answer: Answer| {
            let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            let members: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
            (answer.status, names, members)
        };
        let mut trapped = ann();
        trapped["name"] = json!("Bot");
        trapped["website"] = json!("https://pills.example");
        let person = shape(send(&app.eve(), SHOP, &ann()).await);
        assert_eq!(person, shape(send(&app.eve(), SHOP, &trapped).await));
        assert_eq!(app.ask("select status from leads order by id").await, ["new", "spam"]);
    });
}

#[test]
fn what_cannot_be_read_is_refused_with_a_problem() {
    with_shop(async |app| {
        let eve = app.eve();
        let send = async |kind: &str, body: Vec<u8>| {
            let request = eve.request(Method::POST, "/api/contact").header("origin", SHOP);
            eve.send(request.header("content-type", kind).body(body)).await
        };
        let json = "application/json";
        let full = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
        for (kind, body, status) in [
            (json, b"{\"name\": ".to_vec(), 400),
            (json, b"{} {}".to_vec(), 400),
            (json, b"{'name': 'Ann'}".to_vec(), 400),
            (json, b"{\"name\": \"\xff\"}".to_vec(), 400),
            (json, b"{\"name\": \"\\ud800\"}".to_vec(), 400),
            (json, [b"{\"x\":".to_vec(), b"[".repeat(5000)].concat(), 400),
            (json, Vec::new(), 400),
            ("Application/JSON; charset=utf-8", b"{}".to_vec(), 422),
            ("text/plain", b"{}".to_vec(), 415),
            ("", b"{}".to_vec(), 415),
            (json, full(64 * 1024), 422),
            (json, full(64 * 1024 + 1), 413),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let answer = send(kind, body).await;
            assert_eq!(answer.status, status, "{kind}: {shown}");
            answer.is_problem(status);
            assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        }
        let request = eve.request(Method::POST, "/api/contact").header("content-encoding", "gzip");
        eve.send(request.json(&ann())).await.is_problem(415);
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn a_program_that_comes_too_often_is_told_when_to_come_back() {
    with_shop(async |app| {
        let eve = app.eve();
        let refused = loop {
            let answer = send(&eve, SHOP, &ann()).await;
            if answer.status != 201 {
                break answer;
            }
        };
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|wait| wait <= 60));
        assert_eq!(refused.header("access-control-allow-origin"), SHOP);
        assert_eq!(
            refused.is_problem(429)["type"],
            "https://iana.org/assignments/http-problem-types#quota-exceeded"
        );
    });
}

#[test]
fn a_plain_form_of_a_known_site_leads_its_visitor_to_our_thanks() {
    with_shop(async |app| {
        let plain = |origin: &str, fields: &[(&str, &str)]| {
            let request = app.eve().request(Method::POST, "/api/contact").form(fields);
            request.header("origin", origin).header("sec-fetch-site", "cross-site")
        };
        let fields = [
            ("name", "Ann Li"),
            ("email", "ann@example.test"),
            ("message", "Could you paint our boat?"),
        ];
        let answer = app.eve().send(plain(SHOP, &fields)).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (303, "/contact/thanks"),
            "{}",
            answer.body
        );
        assert_eq!(app.ask("select source from leads").await, ["embed"]);

        let wrong = [("name", "A"), ("email", "nowhere"), ("message", "Could you paint our boat?")];
        let answer = app.eve().send(plain(SHOP, &wrong)).await;
        answer.is_page(422);
        assert!(
            answer.body.contains("Enter your name") && answer.body.contains(r#"value="nowhere""#)
        );
        let again = app.eve().send(plain(&app.origin, &fields[..])).await;
        assert_eq!(again.status, 303, "the page that asks again is ours");

        app.eve().send(plain("https://evil.example", &fields)).await.is_page(403);
        assert_eq!(app.ask("select count(*) from leads").await, ["1"]);
    });
}

#[test]
fn whoever_sends_nothing_that_can_be_seen_has_sent_nothing() {
    with_shop(async |app| {
        let mut unseen = ann();
        unseen["name"] = json!("\u{200b}\u{200b}\u{200b}");
        let problem = send(&app.eve(), SHOP, &unseen).await.is_problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "#/name");
        unseen["name"] = json!(["Ann"]);
        let problem = send(&app.eve(), SHOP, &unseen).await.is_problem(422);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(!detail.contains("expected") && !detail.contains("struct"), "{detail}");
    });
}
