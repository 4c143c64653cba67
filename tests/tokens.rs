//! Tokens for members' apps: got by password, exchanged, given back, listed and ended.

use super::accounts::{BOB, sign_up};
use super::sign_in::sign_in;
use super::support::{ADA, Answer, Person, TestApp, with_app, with_settings};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// Registers an app, and gives its client_id.
pub async fn registered(app: &TestApp, addresses: &[&str]) -> String {
    let mut arguments = vec!["app", "add", "--name", "Oakum <mobile>", "--json"];
    arguments.extend(addresses.iter().flat_map(|address| ["--redirect-uri", address]));
    let shown = app.cli(&arguments, "");
    assert_eq!(shown.code, 0, "{}", shown.err);
    shown.json()["client_id"].as_str().unwrap().to_owned()
}

/// Where an app sends its member to be asked.
pub async fn asks_for_consent(app: &TestApp) -> String {
    let client = registered(app, &["com.example.app:/in"]).await;
    format!(
        "/oauth/authorize?response_type=code&client_id={client}&redirect_uri=com.example.app%3A%2Fin\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=xyz"
    )
}

/// Asks for tokens, as a standard client does.
pub async fn ask(program: &Person<'_>, fields: &[(&str, &str)]) -> Answer {
    program.send(program.request(Method::POST, "/api/v1/tokens").form(fields)).await
}

pub fn by_password<'a>(email: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [("grant_type", "password"), ("username", email), ("password", password)]
}

pub fn by_refresh(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

/// The two tokens of an answer.
pub fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// Asserts that this is a problem with the member that standard clients look for.
pub fn is_refused(answer: &Answer, status: u16, error: &str) -> Value {
    let problem = answer.is_problem(status);
    assert_eq!(problem["error"], error, "{problem}");
    assert_eq!(problem["error_description"], problem["detail"]);
    problem
}

/// Who one is with an access token.
pub async fn me(program: &Person<'_>, access: &str) -> Answer {
    let request = program.request(Method::GET, "/api/v1/me");
    program.send(request.header("authorization", format!("Bearer {access}"))).await
}

#[test]
fn a_password_is_changed_into_tokens_that_are_kept_as_hashes_alone() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let phone = app.eve();
        let answer = ask(&phone, &by_password(&BOB.0.to_uppercase(), BOB.1)).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.headers.contains_key("set-cookie"));
        let body = answer.json();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(900)));
        let (access, refresh) = tokens(&answer);
        assert!(access.starts_with("fd_at_") && refresh.starts_with("fd_rt_"));
        for token in [&access, &refresh] {
            assert_eq!(token.len(), 6 + 64);
            assert_eq!(app.tables_with(token).await, [""; 0]);
            assert_eq!(app.tables_with(&token[6..]).await, [""; 0]);
            let known = format!("select count(*) from app_tokens where hash = sha256('{token}')");
            assert_eq!(app.ask(&known).await, ["1"]);
        }
        assert_eq!(me(&phone, &access).await.json()["email"], BOB.0);
        // As JSON, and with the word the other doors use.
        let document = json!({ "grant_type": "password", "email": BOB.0, "password": BOB.1 });
        let answer = phone.json("/api/v1/tokens", None, &document).await;
        assert_eq!(me(&phone, &tokens(&answer).0).await.status, 200);
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_are_one_answer() {
    with_app(async |app| {
        let phone = app.eve();
        let wrong = ask(&phone, &by_password(ADA.0, "wrong")).await;
        is_refused(&wrong, 400, "invalid_grant");
        let unknown = ask(&phone, &by_password("nobody@example.com", "wrong")).await;
        assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body));
        let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&unknown), names(&wrong));
        for (fields, error) in [
            (&[("grant_type", "password"), ("username", ADA.0)][..], "invalid_request"),
            (&[("username", ADA.0), ("password", ADA.1)], "invalid_request"),
            (&[("grant_type", "client_credentials")], "unsupported_grant_type"),
            (&[("grant_type", "refresh_token")], "invalid_request"),
            (&by_password("\0", "\0"), "invalid_grant"),
            (&by_password(ADA.0, &"x".repeat(201)), "invalid_grant"),
            (&by_refresh("fd_rt_nonsense"), "invalid_grant"),
            (&by_refresh(&format!("fd_rt_{}", "0".repeat(64))), "invalid_grant"),
            (&[("grant_type", "password"), ("grant_type", "password")], "invalid_request"),
            (
                &[
                    ("grant_type", "password"),
                    ("client_id", "x"),
                    ("username", "a"),
                    ("password", "b"),
                ],
                "invalid_client",
            ),
        ] {
            is_refused(&ask(&phone, fields).await, 400, error);
        }
        let send = |kind, body: &'static str| {
            phone.request(Method::POST, "/api/v1/tokens").header("content-type", kind).body(body)
        };
        let unreadable = phone.send(send("application/json", "{")).await;
        is_refused(&unreadable, 400, "invalid_request");
        is_refused(&phone.send(send("text/plain", "x")).await, 415, "invalid_request");
        let number = phone.send(send("application/json", r#"{"grant_type": 5}"#)).await;
        let problem = is_refused(&number, 400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "#/grant_type");
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

#[test]
fn guessing_here_and_at_the_other_door_is_one_guessing() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let ada = app.ada().await;
        let mut let_through = 0;
        for number in 0..40 {
            let eve = app.eve().coming_from(&format!("198.51.100.{number}"));
            let status = match number % 2 {
                0 => sign_in(&eve, ADA.0, "wrong").await.status,
                _ => ask(&eve, &by_password(ADA.0, "wrong")).await.status,
            };
            assert!(matches!(status, 400 | 422 | 429), "{status}");
            let_through += usize::from(status != 429);
        }
        assert!((18..=20).contains(&let_through), "{let_through}");
        let refused = ask(&app.eve().coming_from("203.0.113.1"), &by_password(ADA.0, ADA.1)).await;
        is_refused(&refused, 429, "temporarily_unavailable");
        assert!(refused.header("retry-after").parse::<u64>().is_ok());
        ada.post("/sign-out", &[]).await;
        assert_eq!(sign_in(&ada, ADA.0, ADA.1).await.status, 303, "at home nobody is kept out");

        // And one address tries as many accounts by both as by one.
        let (eve, mut tried) = (app.eve().coming_from("203.0.113.2"), 0);
        for number in 0..60 {
            let email = format!("{number}@example.com");
            let status = match number % 2 {
                0 => sign_in(&eve, &email, "wrong").await.status,
                _ => ask(&eve, &by_password(&email, "wrong")).await.status,
            };
            if status == 429 {
                break;
            }
            tried += 1;
        }
        assert!((30..45).contains(&tried), "{tried}");
    });
}

#[test]
fn a_token_and_a_key_are_never_taken_for_each_other() {
    with_app(async |app| {
        let (phone, key) = (app.eve(), app.key("leads:write").await);
        let (access, refresh) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        let bearer = |method, path, token: &str| {
            let request = phone.request(method, path);
            phone.send(request.header("authorization", format!("Bearer {token}")))
        };
        for no_token in [&key, &refresh, &access.to_uppercase(), "nonsense"] {
            let refused = bearer(Method::GET, "/api/v1/me", no_token).await;
            refused.is_problem(401);
            let says = r#"Bearer realm="frontdesk", error="invalid_token""#;
            assert_eq!(refused.header("www-authenticate"), says, "{no_token}");
        }
        let none = phone.get("/api/v1/me").await;
        none.is_problem(401);
        assert_eq!(none.header("www-authenticate"), r#"Bearer realm="frontdesk""#);
        bearer(Method::POST, "/api/v1/leads", &access).await.is_problem(401);
        // Both at once: each door looks for its own.
        let both = phone.request(Method::GET, "/api/v1/me").header("x-api-key", &key);
        let both = both.header("authorization", format!("Bearer {access}"));
        assert_eq!(phone.send(both).await.status, 200);
        // Nor is one a session: not as it is, not without its prefix; and a session is none.
        for cookie in [&access, &access[6..], &refresh[6..]] {
            let request = phone.request(Method::GET, "/account");
            let answer = phone.send(request.header("cookie", format!("sid={cookie}"))).await;
            super::sign_in::is_sent_to_sign_in(&answer);
        }
        assert_eq!(app.ada().await.get("/api/v1/me").await.status, 401);
        assert_eq!(me(&phone, &access).await.status, 200);
    });
}

#[test]
fn a_refresh_token_is_good_once_and_one_that_was_stolen_ends_them_all() {
    with_app(async |app| {
        let phone = app.eve();
        let (first_access, first) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        let (second_access, second) = tokens(&ask(&phone, &by_refresh(&first)).await);
        assert!(first != second && first_access != second_access);
        for access in [&first_access, &second_access] {
            assert_eq!(me(&phone, access).await.status, 200, "each until its time has passed");
        }
        let (third_access, third) = tokens(&ask(&phone, &by_refresh(&second)).await);
        // Who comes with the first one after a while has copied it.
        app.psql("update app_tokens set used_at = used_at - interval '11 seconds'").await;
        is_refused(&ask(&phone, &by_refresh(&first)).await, 400, "invalid_grant");
        let other = app.second_instance().await;
        for access in [&first_access, &second_access, &third_access] {
            assert_eq!(me(&phone, access).await.status, 401);
            assert_eq!(me(&phone.at(&other), access).await.status, 401);
        }
        for refresh in [&second, &third] {
            is_refused(&ask(&phone, &by_refresh(refresh)).await, 400, "invalid_grant");
        }
        assert_eq!(app.ask("select count(*) from app_tokens").await, ["0"]);
    });
}

#[test]
fn whoever_lost_the_answer_gets_it_again_for_ten_seconds_and_nobody_else_does() {
    with_app(async |app| {
        let phone = app.eve();
        let as_app = |agent: &'static str, token: &str| {
            let request = phone.request(Method::POST, "/api/v1/tokens").form(&by_refresh(token));
            phone.send(request.header("user-agent", agent))
        };
        let (_, first) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        // Several at once are the same app, trying again.
        let sent = (0..5).map(|_| as_app("Oakum/3", &first));
        let answers = futures_util::future::join_all(sent).await;
        let second = tokens(&answers[0]);
        for answer in &answers {
            assert_eq!(tokens(answer), second);
        }
        let again = as_app("Oakum/3", &first).await;
        assert_eq!(tokens(&again), second);
        assert!(
            again.json()["expires_in"].as_u64().is_some_and(|left| (890..=900).contains(&left))
        );
        assert_eq!(
            app.ask("select count(*) from app_tokens").await,
            ["4"],
            "one pair and its successor"
        );
        assert_eq!(me(&phone, &second.0).await.status, 200);
        let third = tokens(&as_app("Oakum/3", &second.1).await);
        // Another program with the same token is no app that tries again.
        is_refused(&as_app("curl/8", &second.1).await, 400, "invalid_grant");
        is_refused(&as_app("Oakum/3", &third.1).await, 400, "invalid_grant");
    });
}

#[test]
fn an_answer_that_has_arrived_is_not_given_again() {
    with_app(async |app| {
        let phone = app.eve();
        let (_, first) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        let second = tokens(&ask(&phone, &by_refresh(&first)).await);
        let third = tokens(&ask(&phone, &by_refresh(&second.1)).await);
        is_refused(&ask(&phone, &by_refresh(&first)).await, 400, "invalid_grant");
        is_refused(&ask(&phone, &by_refresh(&third.1)).await, 400, "invalid_grant");
        assert_eq!(me(&phone, &third.0).await.status, 401, "the family is over");
    });
}

#[test]
fn a_list_is_no_document() {
    with_app(async |app| {
        let phone = app.eve();
        let (access, _) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        for (status, method, path, body) in [
            (422, Method::PATCH, "/api/v1/me", json!(["Arr"])),
            (422, Method::PATCH, "/api/v1/me", json!([])),
            (400, Method::POST, "/api/v1/tokens", json!(["password", "x"])),
        ] {
            let request = phone.request(method, path).json(&body).header("if-match", "*");
            let answer = phone.send(request.header("authorization", format!("Bearer {access}")));
            answer.await.is_problem(status);
        }
        assert_eq!(app.ask("select name from accounts").await, ["Owner"]);
    });
}

#[test]
fn tokens_run_out_by_themselves() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let phone = app.eve();
        let (access, refresh) = tokens(&ask(&phone, &by_password(BOB.0, BOB.1)).await);
        let lasts = "select kind || ' ' || (app_tokens.expires_at - created_at)::text
                       from app_tokens join sessions on sessions.id = session_id order by 1";
        assert_eq!(app.ask(lasts).await, ["access 00:15:00", "refresh 90 days"]);
        app.psql(
            "update app_tokens set expires_at = now() - interval '1 second' where kind = 'access'",
        )
        .await;
        assert_eq!(me(&phone, &access).await.status, 401);
        let (access, refresh) = tokens(&ask(&phone, &by_refresh(&refresh)).await);
        assert_eq!(me(&phone, &access).await.status, 200);
        // Not used for a month.
        app.psql("update sessions set seen_at = now() - interval '31 days' where by_token").await;
        assert_eq!(me(&phone, &access).await.status, 401);
        is_refused(&ask(&phone, &by_refresh(&refresh)).await, 400, "invalid_grant");
        // However busy it is, it ends: the next token lasts no longer than the first.
        app.psql("update sessions set seen_at = now(), expires_at = now() + interval '1 minute' where by_token").await;
        let (_, refresh) = tokens(&ask(&phone, &by_refresh(&refresh)).await);
        let left = "select max(expires_at) < now() + interval '2 minutes' from app_tokens where used_at is null and kind = 'refresh'";
        assert_eq!(app.ask(left).await, ["true"]);
        app.psql("update app_tokens set expires_at = now() - interval '1 second'").await;
        is_refused(&ask(&phone, &by_refresh(&refresh)).await, 400, "invalid_grant");
    });
}

#[test]
fn no_page_of_another_site_has_its_visitors_guess() {
    with_app(async |app| {
        let visitor = app.eve();
        for path in ["/api/v1/tokens", "/api/v1/tokens/revoke"] {
            let request = visitor.request(Method::POST, path).form(&by_password(ADA.0, ADA.1));
            let request = request.header("sec-fetch-site", "cross-site");
            let refused = visitor.send(request.header("origin", "https://evil.example")).await;
            is_refused(&refused, 403, "invalid_request");
        }
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

#[test]
fn whoever_types_a_password_while_it_is_changed_is_not_let_in_by_the_old_one() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        app.psql("delete from sessions").await;
        let (browser, phone) = (app.eve(), app.eve());
        let mut database = PgConnection::connect(&app.database_url).await.unwrap();
        let mut change = database.begin().await.unwrap();
        let other = "update accounts set password_hash = 'another' where name = 'Bob'";
        sqlx::raw_sql(other).execute(&mut *change).await.unwrap();
        let at_once = futures_util::future::join3(
            sign_in(&browser, BOB.0, BOB.1),
            async { ask(&phone, &by_password(BOB.0, BOB.1)).await },
            async {
                // Both have been found right, and wait.
                let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                                  and datname = current_database() and query like '%for no key update%'";
                app.comes_to(waiting, "2").await;
                change.commit().await.unwrap();
            },
        );
        let (in_browser, by_app, ()) = at_once.await;
        assert_eq!(in_browser.status, 422, "{}", in_browser.body);
        is_refused(&by_app, 400, "invalid_grant");
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

#[test]
fn an_unknown_address_is_answered_no_sooner_than_a_wrong_password() {
    with_app(async |app| {
        let phone = app.eve();
        let takes = async |email: &str| {
            let began = app.state.clock.moment();
            assert_eq!(ask(&phone, &by_password(email, "wrong")).await.status, 400);
            app.state.clock.moment().since(began)
        };
        // The quickest of several, in turns: whatever else this machine is doing only makes it slower.
        let (mut wrong, mut unknown) = (Duration::MAX, Duration::MAX);
        for round in 0..14 {
            wrong = wrong.min(takes(ADA.0).await);
            unknown = unknown.min(takes("nobody@example.com").await);
            if round > 4 && unknown > wrong / 2 {
                return;
            }
        }
        panic!("{unknown:?} for an unknown address, {wrong:?} for a wrong password");
    });
}
