//! The way in for staff: who gets in, who does not, and what the browser keeps.

use super::support::{ADA, Answer, Person, with_app, with_settings};
use reqwest::Method;
use std::time::Duration;

/// Sends the sign-in form.
pub async fn sign_in(person: &Person<'_>, email: &str, password: &str) -> Answer {
    person.post("/sign-in", &[("email", email), ("password", password)]).await
}

/// A cookie that was set: its value, and what else was said about it.
pub fn cookie(answer: &Answer, name: &str) -> Option<(String, String)> {
    let set = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mut found = set.filter_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    let (value, attributes) = found.next()?.split_once("; ")?;
    assert_eq!(found.next(), None, "{name} is set twice");
    Some((value.to_owned(), attributes.to_owned()))
}

/// What a browser gets that holds this cookie and no other.
async fn holding(person: &Person<'_>, cookie: &str, path: &str) -> Answer {
    person.send(person.request(Method::GET, path).header("cookie", cookie)).await
}

pub fn is_sent_to_sign_in(answer: &Answer) {
    let whereto = ["/sign-in?next=%2Fadmin", "/sign-in?next=%2Faccount"];
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(whereto.contains(&answer.location.as_str()), "{}", answer.location);
}

/// The same, of a form with something in it: that is kept on the page.
pub fn is_asked_to_sign_in(answer: &Answer) {
    answer.is_page(403);
    assert!(answer.body.contains(r#"method="post" action="/sign-in""#), "{}", answer.body);
}

/// An answer without what differs from one to the next: the id of the form, and the address that was typed.
fn comparable(answer: &Answer, email: &str) -> String {
    let mut body = answer.body.replace(email, "EMAIL");
    while let Some((before, after)) = body.split_once(r#"name="submission" value=""#) {
        body = format!("{before}SUBMISSION{}", &after[36..]);
    }
    body
}

#[test]
fn ada_gets_in_and_out_again() {
    with_app(async |app| {
        let ada = app.eve();
        let answer = sign_in(&ada, "  ADA@example.com ", ADA.1).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{}", answer.body);
        let desk = ada.get("/admin").await;
        desk.is_page(200);
        assert_eq!(desk.header("cache-control"), "no-store");
        assert!(desk.body.contains(r#"action="/sign-out""#), "{}", desk.body);
        let answer = ada.post("/sign-out", &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/"));
        let (value, attributes) = cookie(&answer, "sid").unwrap();
        assert!(value.is_empty() && attributes.contains("Max-Age=0"), "{attributes}");
        is_sent_to_sign_in(&ada.get("/admin").await);
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    with_app(async |app| {
        let eve = app.eve();
        app.psql(
            "with account as (
                 insert into accounts (id, email, name, password_hash, active)
                 select gen_random_uuid(), 'former@example.com', name, password_hash, false from accounts returning id)
             insert into staff (id, role) select id, 'editor' from account",
        )
        .await;
        let wrong = sign_in(&eve, ADA.0, "not the password").await;
        wrong.is_page(422);
        assert!(wrong.body.contains("Email or password is wrong."), "{}", wrong.body);
        assert!(wrong.body.contains(ADA.0) && !wrong.body.contains("not the password"));
        for (email, password) in [("nobody@example.com", ADA.1), ("former@example.com", ADA.1)] {
            let unknown = sign_in(&eve, email, password).await;
            assert_eq!(unknown.status, 422);
            assert_eq!(comparable(&unknown, email), comparable(&wrong, ADA.0));
            let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&unknown), names(&wrong));
            assert!(!unknown.headers.contains_key("set-cookie"));
        }
        for (email, password) in [("", ""), ("\0", "\0"), (ADA.0, ""), (ADA.0, "\0")] {
            sign_in(&eve, email, password).await.is_page(422);
        }
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

#[test]
fn an_unknown_address_is_answered_no_sooner_than_a_wrong_password() {
    with_app(async |app| {
        let eve = app.eve();
        let takes = async |email: &str| {
            let began = app.state.clock.moment();
            assert_eq!(sign_in(&eve, email, "not the password").await.status, 422);
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

#[test]
fn strangers_are_sent_to_sign_in_and_then_on_to_where_they_wanted_to_go() {
    with_app(async |app| {
        let ada = app.eve();
        let answer = ada.get("/admin/leads?status=new&q=a%26b").await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location, "/sign-in?next=%2Fadmin%2Fleads%3Fstatus%3Dnew%26q%3Da%2526b");
        let form = ada.get(&answer.location).await;
        let next = "/admin/leads?status=new&q=a%26b";
        let hidden = format!(r#"name="next" value="{}""#, next.replace('&', "&amp;"));
        assert!(form.body.contains(&hidden), "{}", form.body);
        let wrong = [("email", ADA.0), ("password", "wrong"), ("next", next)];
        let again = ada.post("/sign-in", &wrong).await;
        assert!(again.status == 422 && again.body.contains(&hidden), "{}", again.body);
        let right = [("email", ADA.0), ("password", ADA.1), ("next", next)];
        assert_eq!(ada.post("/sign-in", &right).await.location, next);
        assert_eq!(ada.get(next).await.status, 200);
    });
}

#[test]
fn nobody_is_sent_on_to_another_site() {
    with_app(async |app| {
        for elsewhere in [
            "https://evil.example/admin",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/admin\r\nSet-Cookie: sid=x",
            "javascript:alert(1)",
            "admin",
            "/\u{2028}/evil.example",
            "",
        ] {
            let form = [("email", ADA.0), ("password", ADA.1), ("next", elsewhere)];
            let answer = app.eve().post("/sign-in", &form).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{elsewhere:?}");
        }
    });
}

#[test]
fn on_this_machine_itself_the_cookie_goes_without_tls() {
    with_app(async |app| {
        let answer = sign_in(&app.eve(), ADA.0, ADA.1).await;
        let (value, attributes) = cookie(&answer, "sid").expect("a session");
        assert!(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
        let mut attributes: Vec<_> = attributes.split("; ").collect();
        attributes.sort_unstable();
        assert_eq!(attributes, ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax"]);
        assert_eq!(answer.header("cache-control"), "no-store");
    });
}

#[test]
fn on_an_https_site_every_cookie_is_for_this_host_and_tls_alone() {
    with_settings(&[("PUBLIC_ORIGINS", "https://desk.example")], async |app| {
        let ada = app.eve().asking_for("https://desk.example");
        let answer = sign_in(&ada, ADA.0, ADA.1).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.starts_with("__Host-") && !cookie.contains("Domain"), "{cookie}");
            for attribute in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
        }
        let (value, _) = cookie(&answer, "__Host-sid").expect("a session");
        assert!(cookie(&answer, "sid").is_none());
        let eve = app.eve().asking_for("https://desk.example");
        assert_eq!(holding(&eve, &format!("__Host-sid={value}"), "/admin").await.status, 200);
        is_sent_to_sign_in(&holding(&eve, &format!("sid={value}"), "/admin").await);
    });
}

#[test]
fn each_sign_in_is_a_new_session_and_ends_the_one_before() {
    with_app(async |app| {
        let (ada, eve) = (app.eve(), app.eve());
        // Someone else's idea of a session id is not taken up.
        let planted = "0".repeat(64);
        let request =
            ada.request(Method::POST, "/sign-in").header("cookie", format!("sid={planted}"));
        let form = request.form(&[("email", ADA.0), ("password", ADA.1)]);
        let first = cookie(&ada.send(form.header("origin", &app.origin)).await, "sid").unwrap().0;
        assert_ne!(first, planted);
        assert_eq!(holding(&eve, &format!("sid={first}"), "/admin").await.status, 200);
        let second = cookie(&sign_in(&ada, ADA.0, ADA.1).await, "sid").unwrap().0;
        assert_ne!(first, second);
        assert_eq!(holding(&eve, &format!("sid={second}"), "/admin").await.status, 200);
        is_sent_to_sign_in(&holding(&eve, &format!("sid={first}"), "/admin").await);
        assert_eq!(app.ask("select count(*) from sessions").await, ["1"]);
    });
}

#[test]
fn the_database_knows_a_session_by_its_hash_alone() {
    with_app(async |app| {
        let session = cookie(&sign_in(&app.eve(), ADA.0, ADA.1).await, "sid").unwrap().0;
        let hashed =
            format!("select token_hash = sha256(decode('{session}', 'hex')) from sessions");
        assert_eq!(app.ask(&hashed).await, ["true"]);
        let hash = app.ask("select encode(token_hash, 'hex') from sessions").await.remove(0);
        assert_eq!(app.tables_with(&hash).await, ["sessions"], "this is how it would be found");
        assert_eq!(app.tables_with(&session).await, [""; 0]);
        assert_eq!(app.tables_with(ADA.1).await, [""; 0]);
        let eve = app.eve();
        is_sent_to_sign_in(&holding(&eve, &format!("sid={hash}"), "/admin").await);
        for nonsense in ["sid=", "sid=x", "sid=\u{fc}", &format!("sid={}g", &session[..63])] {
            is_sent_to_sign_in(&holding(&eve, nonsense, "/admin").await);
        }
    });
}

#[test]
fn whoever_signs_out_is_out_on_every_instance() {
    with_app(async |app| {
        let (ada, eve, other) = (app.eve(), app.eve(), app.second_instance().await);
        let session = cookie(&sign_in(&ada, ADA.0, ADA.1).await, "sid").unwrap().0;
        let kept = format!("sid={session}");
        assert_eq!(holding(&eve.at(&other), &kept, "/admin").await.status, 200);
        assert_eq!(ada.post("/sign-out", &[]).await.status, 303);
        is_sent_to_sign_in(&holding(&eve.at(&other), &kept, "/admin").await);
        is_sent_to_sign_in(&holding(&eve, &kept, "/admin").await);
        assert_eq!(
            eve.post("/sign-out", &[]).await.status,
            303,
            "nobody is signed in: nothing to do"
        );
    });
}

#[test]
fn an_account_that_was_closed_is_out_at_once() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(ada.get("/admin").await.status, 200);
        let add = ["user", "add", "--email", "bob@example.com", "--name", "Bob", "--role", "owner"];
        assert_eq!(app.cli(&add, "").code, 0, "somebody has to own the site");
        app.psql("update accounts set active = false where email like 'ada@%'").await;
        is_sent_to_sign_in(&ada.get("/admin").await);
        assert_eq!(sign_in(&ada, ADA.0, ADA.1).await.status, 422);
    });
}

#[test]
fn a_session_that_has_run_out_is_out() {
    with_app(async |app| {
        let ada = app.ada().await;
        let lasts = "select (expires_at - created_at)::text from sessions";
        assert_eq!(app.ask(lasts).await, ["7 days"]);
        app.psql("update sessions set expires_at = now() + interval '1 minute'").await;
        assert_eq!(ada.get("/admin").await.status, 200);
        app.psql("update sessions set expires_at = now() - interval '1 second'").await;
        is_sent_to_sign_in(&ada.get("/admin").await);
    });
}

/// Guesses at an account, each time from another address, until that is too often; says how many were let through.
async fn guess(guesser: &Person<'_>, email: &str) -> (usize, Answer) {
    for number in 0..60 {
        let answer =
            sign_in(&guesser.coming_from(&format!("198.51.100.{number}")), email, "wrong").await;
        if answer.status != 422 {
            return (number, answer);
        }
    }
    panic!("nobody stopped {email} from being guessed at");
}

#[test]
fn guessing_is_slowed_down_and_locks_nobody_out() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let add = ["user", "add", "--email", "bob@example.com", "--name", "Bob", "--json"];
        let bobs = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let ada = app.ada().await;
        let (guesses, refused) = guess(&app.eve(), ADA.0).await;
        // Of twenty, Ada's own first time was one; one more comes back every 45 seconds.
        assert!((19..=20).contains(&guesses), "{guesses}");
        refused.is_page(429);
        assert!(
            refused
                .header("retry-after")
                .parse::<u64>()
                .is_ok_and(|wait| (1..=900).contains(&wait))
        );
        assert!(refused.body.contains(ADA.0) && !refused.body.contains(r#"value="wrong""#));
        let right =
            sign_in(&app.eve().coming_from("203.0.113.1"), &ADA.0.to_uppercase(), ADA.1).await;
        assert_eq!(right.status, 429, "even with the right password, on a device nobody knows");

        assert_eq!(ada.post("/sign-out", &[]).await.status, 303);
        assert_eq!(sign_in(&ada, ADA.0, ADA.1).await.status, 303, "this device is known");
        let bob = app.eve().coming_from("203.0.113.2");
        let answer = sign_in(&bob, "bob@example.com", &bobs).await;
        assert_eq!(answer.status, 303, "guesses at Ada are no guesses at Bob");
        assert_eq!(sign_in(&bob, ADA.0, ADA.1).await.status, 429, "Bob's device is not Ada's");
        let device = cookie(&answer, "device").unwrap().0;
        let end = if device.ends_with('0') { '1' } else { '0' };
        let forged = format!("device={}{end}", &device[..device.len() - 1]);
        let request = app.eve().request(Method::POST, "/sign-in").header("cookie", forged);
        let form = request.form(&[("email", ADA.0), ("password", ADA.1)]);
        assert_eq!(app.eve().send(form.header("origin", &app.origin)).await.status, 429);
        // A device that was lent, or stolen, has as many guesses and no more.
        let (guesses, _) = guess(&ada, ADA.0).await;
        assert!((18..=20).contains(&guesses), "{guesses}");
    });
}

#[test]
fn one_address_may_not_try_many_accounts() {
    with_app(async |app| {
        let eve = app.eve();
        for number in 0..60 {
            let answer = sign_in(&eve, &format!("{number}@example.com"), "wrong").await;
            if answer.status == 429 {
                // One comes back every two seconds.
                assert!((30..45).contains(&number), "{number}");
                return;
            }
        }
        panic!("nobody stopped her");
    });
}
