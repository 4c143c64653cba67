//! The second factor: how it comes about, what it is asked for with, and that nothing opens before it was shown.

use super::accounts::{BOB, mailed, sign_up};
use super::doors::{filled, guarded, is_for_machines, knock};
use super::newsletter::mails_to;
use super::sign_in::{cookie, is_sent_to_sign_in, sign_in};
use super::support::{Answer, Person, TestApp, with_app, with_settings};
use reqwest::Method;
use std::time::Duration;
use totp_rs::Builder;

/// An app on a phone.
pub struct Phone(Vec<u8>);

impl Phone {
    /// Types over what a page shows for it.
    fn reading(page: &str) -> Self {
        let (_, rest) = page.split_once(r#"<code class="secret">"#).expect(page);
        let text = rest.split('<').next().unwrap().replace(' ', "");
        Self(base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &text).unwrap())
    }

    /// What it shows, or will show, so many half minutes from now.
    pub fn shows(&self, app: &TestApp, ahead: i64) -> String {
        let now = app.state.clock.now().unix_timestamp() + 30 * ahead;
        let totp = Builder::new().with_secret(self.0.as_slice()).build().unwrap();
        totp.generate(u64::try_from(now).unwrap()).to_string()
    }

    /// What it shows next: half a minute later, as each code is good once.
    pub fn next(&self, app: &TestApp) -> String {
        app.state.clock.advance(Duration::from_secs(30));
        self.shows(app, 0)
    }
}

/// Turns a second factor on as anyone would; gives the app, and the recovery codes.
pub async fn turn_on(app: &TestApp, person: &Person<'_>) -> (Phone, Vec<String>) {
    let begun = person.post("/account/two-factor/begin", &[]).await;
    assert_eq!(begun.location, "/account/two-factor/set-up", "{}", begun.body);
    let phone = Phone::reading(&person.get("/account/two-factor/set-up").await.body);
    let code = phone.shows(app, 0);
    let on = person.post("/account/two-factor/set-up", &[("code", &code)]).await;
    assert_eq!(on.location, "/account/two-factor/codes", "{}", on.body);
    (phone, codes_on(&person.get("/account/two-factor/codes.txt").await.body))
}

fn codes_on(text: &str) -> Vec<String> {
    let codes: Vec<String> =
        text.lines().filter(|line| line.matches('-').count() == 3).map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{text}");
    codes
}

/// Sends a code, and nothing else.
pub async fn type_code(person: &Person<'_>, code: &str) -> Answer {
    person.post("/sign-in/code", &[("code", code)]).await
}

/// A browser that knows somebody's password, and is asked for a code.
pub async fn half_way<'a>(app: &'a TestApp, person: &(&str, &str)) -> Person<'a> {
    let half = app.eve();
    let answer = sign_in(&half, person.0, person.1).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in/code"));
    half
}

/// What mails to somebody are about, the last written first.
pub async fn subjects(app: &TestApp, email: &str) -> Vec<String> {
    let mails = mails_to(app, email).await;
    let said = mails.into_iter().map(|letter| letter.mail.subject);
    said.map(|subject| subject.replace(" · Frontdesk", "")).collect()
}

/// Sends a form from a browser that holds this cookie and no other.
async fn holding(app: &TestApp, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let eve = app.eve();
    let request = eve.request(Method::POST, path).header("cookie", cookie).form(fields);
    eve.send(request.header("origin", &app.origin)).await
}

#[test]
fn it_is_set_up_with_an_app_and_asked_for_from_then_on() {
    with_app(async |app| {
        let (bob, elsewhere) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        sign_in(&elsewhere, BOB.0, BOB.1).await;
        assert!(bob.get("/account/two-factor").await.body.contains("Off. Any app"));
        bob.get("/account/two-factor/set-up").await.is_page(410);
        bob.post("/account/two-factor/begin", &[]).await;
        let page = bob.get("/account/two-factor/set-up").await.body;
        assert!(
            page.contains("<svg class=\"qr\"") && page.contains("otpauth://totp/Frontdesk:bob")
        );
        let phone = Phone::reading(&page);
        for wrong in ["000000", "", "x", &phone.shows(app, 3), &phone.shows(app, -3)] {
            let answer = bob.post("/account/two-factor/set-up", &[("code", wrong)]).await;
            assert!(answer.status == 422 && answer.body.contains("code-error"), "{wrong}");
        }
        assert_eq!(app.ask("select count(*) from second_factors").await, ["0"]);
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/account", "not yet");

        let on = bob.post("/account/two-factor/set-up", &[("code", &phone.shows(app, 0))]).await;
        assert_eq!((on.status, on.location.as_str()), (303, "/account/two-factor/codes"));
        assert!(cookie(&on, "sid").is_some(), "more can be done with it, so it has another name");
        is_sent_to_sign_in(&elsewhere.get("/account").await);
        assert!(bob.get("/account/two-factor").await.body.contains("10 left"));
        assert_eq!(subjects(app, BOB.0).await[0], "A second factor was turned on");
        let hex = frontdesk::digest::hex(&phone.0);
        assert_eq!(app.tables_with(&hex).await, [""; 0], "it lies there sealed");

        let half = half_way(app, &BOB).await;
        let page = half.get("/sign-in/code").await;
        assert!(page.body.contains("Your password is right.") && page.body.contains(BOB.0));
        is_sent_to_sign_in(&half.get("/account").await);
        assert_eq!(type_code(&half, "000000").await.status, 422);
        let code = phone.next(app);
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(type_code(&half, &spaced).await.location, "/account");
        assert_eq!(half.get("/account").await.status, 200);
        assert_eq!(app.ask("select count(*) from sessions where two_factors").await, ["2"]);
        assert_eq!(app.ask("select count(*) from half_sign_ins").await, ["0"]);
    });
}

#[test]
fn recovery_codes_are_shown_once_and_let_in_once_each() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, codes) = turn_on(app, &bob).await;
        let page = bob.get("/account/two-factor/codes").await.body;
        assert!(codes.iter().all(|code| page.contains(code.as_str())), "{page}");
        let file = bob.get("/account/two-factor/codes.txt").await;
        assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
        assert!(file.header("content-disposition").contains("recovery-codes.txt"));
        let kept = bob.post("/account/two-factor/codes", &[]).await;
        assert_eq!(kept.location, "/account/two-factor");
        bob.get("/account/two-factor/codes").await.is_page(410);
        bob.get("/account/two-factor/codes.txt").await.is_page(410);
        for code in &codes {
            assert_eq!(app.tables_with(code).await, [""; 0]);
            assert_eq!(app.tables_with(&code.replace('-', "")).await, [""; 0]);
        }

        let typed = codes[3].to_uppercase().replace('-', " ");
        let half = half_way(app, &BOB).await;
        assert_eq!(type_code(&half, &typed).await.location, "/account");
        assert!(half.get("/account").await.body.contains("there is one recovery code less"));
        assert_eq!(
            subjects(app, BOB.0).await[..2],
            ["A new device at Frontdesk", "A recovery code was used"]
        );
        let mail = mails_to(app, BOB.0).await.remove(1).mail.text();
        assert!(mail.contains("9 are left") && mail.contains("/forgot-password"), "{mail}");
        assert_eq!(type_code(&half_way(app, &BOB).await, &codes[3]).await.status, 422);

        let again = [("current_password", BOB.1)];
        let new = bob.post("/account/two-factor/codes/new", &again).await;
        assert_eq!(new.location, "/account/two-factor/codes", "{}", new.body);
        let fresh = codes_on(&bob.get("/account/two-factor/codes.txt").await.body);
        assert!(fresh.iter().all(|code| !codes.contains(code)));
        assert_eq!(type_code(&half_way(app, &BOB).await, &codes[4]).await.status, 422);
        assert_eq!(type_code(&half_way(app, &BOB).await, &fresh[0]).await.location, "/account");
        for wrong in [[("current_password", "wrong")], [("code", "000000")], [("code", "")]] {
            let answer = bob.post("/account/two-factor/codes/new", &wrong).await;
            assert_eq!(answer.status, 422, "{wrong:?}");
        }
        let code = phone.next(app);
        let new = bob.post("/account/two-factor/codes/new", &[("code", &code)]).await;
        assert_eq!(new.location, "/account/two-factor/codes");
        assert_eq!(type_code(&half_way(app, &BOB).await, &code).await.status, 422, "used");
    });
}

#[test]
fn of_many_who_bring_one_code_to_two_instances_one_gets_in() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, codes) = turn_on(app, &bob).await;
        let other = app.second_instance().await;
        // The instances' clocks agree, and the app's is ahead by what is allowed: that step is new to both.
        for code in [phone.shows(app, 1), codes[0].clone()] {
            let mut halves = Vec::new();
            for _ in 0..8 {
                halves.push(half_way(app, &BOB).await);
            }
            let tries = halves.iter().enumerate().map(async |(number, half)| match number % 2 {
                0 => type_code(half, &code).await,
                _ => type_code(&half.at(&other), &code).await,
            });
            let answers = futures_util::future::join_all(tries).await;
            let mut got: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            got.sort_unstable();
            assert_eq!(got, [303, 422, 422, 422, 422, 422, 422, 422]);
        }
        other.close().await;
    });
}

#[test]
fn a_half_signed_in_browser_is_a_stranger_at_every_door() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (_, codes) = turn_on(app, &bob).await;
        let half = app.eve();
        let answer = sign_in(&half, BOB.0, BOB.1).await;
        let token = cookie(&answer, "half").expect("a cookie of its own").0;
        let (ended, _) = cookie(&answer, "sid").expect("the session that was there is over");
        assert!(ended.is_empty() && cookie(&answer, "device").is_none());
        let mut doors = 0;
        for route in guarded() {
            if is_for_machines(route.path) || route.path == "/sign-in/code" {
                continue;
            }
            let stranger = knock(&app.eve(), &route).await;
            let seen = (stranger.status, stranger.location, stranger.body);
            let answer = knock(&half, &route).await;
            assert_eq!((answer.status, answer.location, answer.body), seen, "{}", route.path);
            // Nor is what it holds a session, or what is kept while one sets something up.
            for name in ["sid", "setup", "codes"] {
                let eve = app.eve().coming_from("198.51.100.7");
                let method: Method = route.method.parse().unwrap();
                let request =
                    eve.request(method, &filled(route.path)).header("origin", &app.origin);
                let answer = eve.send(request.header("cookie", format!("{name}={token}"))).await;
                assert_eq!((answer.status, answer.location.as_str()), (303, seen.1.as_str()));
            }
            doors += 1;
        }
        assert!(doors > 50, "{doors}");
        assert!(!half.get("/posts").await.body.contains("class=\"desk\""), "nor on any page");
        // Nor is a session one of these.
        let sid = cookie(&type_code(&half, &codes[0]).await, "sid").unwrap().0;
        let (sid, form) = (format!("half={sid}"), [("code", codes[1].as_str())]);
        let answer = holding(app, &sid, "/sign-in/code", &form).await;
        assert_eq!(answer.location, "/sign-in");
    });
}

#[test]
fn half_of_a_sign_in_is_good_once_for_ten_minutes_and_ends_with_the_sessions() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (_, codes) = turn_on(app, &bob).await;
        let begin = async || {
            let half = app.eve();
            let answer = sign_in(&half, BOB.0, BOB.1).await;
            format!("half={}", cookie(&answer, "half").unwrap().0)
        };
        let try_code = async |half: &str, code: &str| {
            holding(app, half, "/sign-in/code", &[("code", code)]).await
        };
        // Two at once with the same half, each with a good code: one session, and the other code is not used up.
        let half = begin().await;
        let sessions = "select count(*) from sessions";
        let before: i64 = app.ask(sessions).await[0].parse().unwrap();
        let both = futures_util::join!(try_code(&half, &codes[0]), try_code(&half, &codes[1]));
        let got = [both.0.status, both.1.status];
        assert!(got.contains(&303) && (got.contains(&410) || both.0.location != both.1.location));
        assert_eq!(app.ask(sessions).await, [(before + 1).to_string()]);
        assert_eq!(
            app.ask("select count(*) from recovery_codes where used_at is null").await,
            ["9"]
        );
        assert_eq!(try_code(&half, &codes[2]).await.location, "/sign-in", "once");

        let half = begin().await;
        app.psql("update half_sign_ins set expires_at = expires_at - interval '10 minutes'").await;
        assert_eq!(try_code(&half, &codes[2]).await.location, "/sign-in", "late");
        let half = begin().await;
        bob.post("/account/sessions/end", &[]).await;
        assert_eq!(try_code(&half, &codes[2]).await.location, "/sign-in", "ended");
        let half = begin().await;
        let new = [("current_password", BOB.1), ("password", "another sentence altogether")];
        assert_eq!(bob.post("/account/password", &new).await.location, "/account");
        assert_eq!(try_code(&half, &codes[2]).await.location, "/sign-in");
        for nonsense in ["half=", "half=x", &format!("half={}", "0".repeat(64))] {
            assert_eq!(try_code(nonsense, &codes[2]).await.location, "/sign-in");
        }
        let closed = half_way(app, &(BOB.0, "another sentence altogether")).await;
        app.psql("update accounts set active = false where email like 'bob@%'").await;
        assert_eq!(type_code(&closed, &codes[2]).await.location, "/sign-in");
    });
}

#[test]
fn a_mailed_link_is_one_factor_too_and_a_new_password_none() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, _) = turn_on(app, &bob).await;
        let half = app.eve();
        half.post("/sign-in/link", &[("email", BOB.0), ("next", "/account/profile")]).await;
        let path = mailed(app, BOB.0, "/sign-in/link/").await;
        assert_eq!(half.post(&path, &[]).await.location, "/sign-in/code");
        assert!(half.get("/sign-in/code").await.body.contains("The link was yours."));
        assert_eq!(type_code(&half, &phone.next(app)).await.location, "/account/profile");

        let eve = app.eve();
        eve.post("/forgot-password", &[("email", BOB.0)]).await;
        let path = mailed(app, BOB.0, "/forgot-password/").await;
        let new = "another sentence altogether";
        assert_eq!(eve.post(&path, &[("password", new)]).await.location, "/sign-in");
        assert_eq!(sign_in(&eve, BOB.0, new).await.location, "/sign-in/code");
    });
}

#[test]
fn what_a_browser_keeps_on_the_way_opens_for_nobody_else() {
    with_app(async |app| {
        let (bob, ada) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let begun = bob.post("/account/two-factor/begin", &[]).await;
        let setup = cookie(&begun, "setup").unwrap().0;
        let sid = cookie(&sign_in(&ada, super::support::ADA.0, super::support::ADA.1).await, "sid");
        let sid = sid.unwrap().0;
        let with = async |path: &str, kept: &str| {
            let eve = app.eve();
            let cookies = format!("sid={sid}; {kept}");
            eve.send(eve.request(Method::GET, path).header("cookie", cookies)).await
        };
        with("/account/two-factor/set-up", &format!("setup={setup}")).await.is_page(410);
        let page = bob.get("/account/two-factor/set-up").await;
        let phone = Phone::reading(&page.body);
        let form = [("code", phone.shows(app, 0))];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let on = bob.post("/account/two-factor/set-up", &form).await;
        let codes = cookie(&on, "codes").unwrap().0;
        for kept in [&codes, &setup] {
            with("/account/two-factor/codes", &format!("codes={kept}")).await.is_page(410);
        }
        assert_eq!(bob.get("/account/two-factor/codes").await.status, 200);
        app.state.clock.advance(Duration::from_secs(601));
        bob.get("/account/two-factor/codes").await.is_page(410);
    });
}

#[test]
fn a_form_that_arrives_twice_turns_it_on_once() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        bob.post("/account/two-factor/begin", &[]).await;
        let phone = Phone::reading(&bob.get("/account/two-factor/set-up").await.body);
        let code = phone.shows(app, 0);
        let form =
            [("code", code.as_str()), ("submission", "01890000-0000-7000-8000-000000000001")];
        let first = bob.post("/account/two-factor/set-up", &form).await;
        assert_eq!(first.status, 303);
        let codes = codes_on(&bob.get("/account/two-factor/codes.txt").await.body);
        // The browser has put away what it set up with, and sends the same form once more.
        bob.post("/account/two-factor/set-up", &form).await.is_page(410);
        assert_eq!(codes_on(&bob.get("/account/two-factor/codes.txt").await.body), codes);
        let again = [("current_password", BOB.1), ("submission", form[1].1)];
        for _ in 0..2 {
            let new = bob.post("/account/two-factor/codes/new", &again).await;
            assert_eq!(new.location, "/account/two-factor/codes");
        }
        let codes = codes_on(&bob.get("/account/two-factor/codes.txt").await.body);
        assert_eq!(type_code(&half_way(app, &BOB).await, &codes[9]).await.location, "/account");
    });
}

#[test]
fn whoever_came_a_while_ago_signs_in_again_before_anything_is_changed() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        app.psql("update sessions set proven_at = now() - interval '11 minutes'").await;
        for (path, form) in [
            ("/account/two-factor/begin", &[][..]),
            ("/account/passkeys", &[("name", "Laptop")]),
            ("/account/passkeys/01890000-0000-7000-8000-000000000000/remove", &[]),
        ] {
            let answer = bob.post(path, form).await;
            answer.is_page(403);
            assert!(answer.body.contains("Is it you?"), "{path}: {}", answer.body);
            let page = bob.get(if path.contains("passkeys") {
                "/account/passkeys"
            } else {
                "/account/two-factor"
            });
            assert!(page.await.body.contains("sign in again"), "{path}");
        }
        assert_eq!(app.ask("select count(*) from passkey_challenges").await, ["0"]);
    });
}

#[test]
fn a_code_is_never_shown_again() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        turn_on(app, &bob).await;
        let half = half_way(app, &BOB).await;
        let request = half.request(Method::POST, "/sign-in/code").form(&[("code", "314159")]);
        let refused = half.send(request.header("origin", "https://evil.example")).await;
        refused.is_page(403);
        assert!(!refused.body.contains("314159"), "{}", refused.body);
    });
}
