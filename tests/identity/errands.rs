//! What a browser takes along and brings back: once, in time, and by itself.

use super::*;
use reqwest::Method;

/// Asserts that somebody who came like this was not expected, and that nothing has happened.
async fn is_not_expected(app: &TestApp, what: &str, answer: &Answer) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.body);
    is_refused(answer, 400, "Nobody was expected here");
    assert_eq!(made(app).await, ["1", "0", "0", "0"], "{what}");
}

#[test]
fn whoever_was_not_sent_away_is_not_expected_back() {
    with_provider(async |app, idp| {
        let eve = app.eve();
        let location = leave(&eve, "example", &[]).await;
        let back = agree(idp, &location, "ann").await;
        let state = parameter(&back, "state").unwrap();
        let other_end = if state.ends_with('0') { "1" } else { "0" };
        let nearly = format!("{}{other_end}", &state[..63]);
        for (what, query) in [
            ("nothing", back.split('?').next().unwrap().to_owned()),
            ("no state", with(&back, "state", None)),
            ("an empty state", with(&back, "state", Some(""))),
            ("nearly the state", with(&back, "state", Some(&nearly))),
            ("a state of nobody's", with(&back, "state", Some(&"0".repeat(64)))),
            ("a state that is none", with(&back, "state", Some("' or 1=1 --"))),
            ("a longer state", with(&back, "state", Some(&format!("{state}00")))),
            ("two states", format!("{back}&state={state}")),
            ("two codes", format!("{back}&code=other")),
            ("two issuers", format!("{back}&iss=other")),
        ] {
            is_not_expected(app, what, &come_back(&eve, app, &query).await).await;
        }
        // None of this has used it up.
        is_in(&come_back(&eve, app, &back).await, "/account");
    });
}

/// Ann is away, and on her way back: what her browser holds, and where she is sent.
async fn away(app: &TestApp, idp: &Idp) -> (String, String) {
    let started = app.eve().post("/api/oauth/example/start", &[]).await;
    let ticket = cookie(&started, "errand").unwrap()[..64].to_owned();
    (ticket, agree(idp, &started.location, "ann").await)
}

/// Comes back with these cookies, sent by hand, and no others.
async fn bringing(app: &TestApp, at: &TestApp, back: &str, cookies: &[impl AsRef<str>]) -> Answer {
    let browser = at.eve().asking_for(&app.origin);
    let mut request = browser.request(Method::GET, back.strip_prefix(&app.origin).unwrap());
    for cookie in cookies {
        request = request.header("cookie", cookie.as_ref());
    }
    browser.send(request).await
}

#[test]
fn nobody_comes_back_twice_to_whichever_instance() {
    with_provider(async |app, idp| {
        let other = app.second_instance().await;
        let (ticket, back) = away(app, idp).await;
        let holding = format!("errand={ticket}");
        is_in(&bringing(app, &other, &back, &[&holding]).await, "/account");
        let before = made(app).await;
        for instance in [app, &other] {
            let again = bringing(app, instance, &back, &[&holding]).await;
            is_refused(&again, 400, "Nobody was expected here");
        }
        assert_eq!(made(app).await, before);
        other.close().await;
    });
}

#[test]
fn of_two_who_come_back_at_once_one_was_expected() {
    with_provider(async |app, idp| {
        let other = app.second_instance().await;
        let (ticket, back) = away(app, idp).await;
        let (holding, both) = (format!("errand={ticket}"), [app, &other]);
        let once =
            both.map(|instance| bringing(app, instance, &back, std::slice::from_ref(&holding)));
        let mut statuses: Vec<u16> =
            futures_util::future::join_all(once).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400]);
        // And somebody who comes by two ways at once has one account.
        let (one, two) = (away(app, idp).await, away(app, idp).await);
        app.psql("delete from accounts where email = 'ann@example.test'").await;
        let one = ([format!("errand={}", one.0)], one.1);
        let two = ([format!("errand={}", two.0)], two.1);
        let (first, second) = tokio::join!(
            bringing(app, app, &one.1, &one.0),
            bringing(app, &other, &two.1, &two.0),
        );
        is_in(&first, "/account");
        is_in(&second, "/account");
        assert_eq!(made(app).await, ["2", "1", "2", "0"], "Ada, and Ann once");
        other.close().await;
    });
}

#[test]
fn nobody_comes_back_in_another_browser_or_with_two_cookies() {
    with_provider(async |app, idp| {
        let (ticket, back) = away(app, idp).await;
        let (right, wrong) = (format!("errand={ticket}"), format!("errand={}", "ab".repeat(32)));
        for (what, cookies) in [
            ("no cookie", &[][..]),
            ("another browser's", &[wrong.as_str()]),
            ("two, in one header", &[&format!("{right}; {wrong}")]),
            ("two, the other way round", &[&format!("{wrong}; {right}")]),
            ("two, in two headers", &[&right, &wrong]),
            ("twice the same", &[&format!("{right}; {right}")]),
            ("a cookie that is none", &["errand=x"]),
            ("of another name", &[&format!("__Host-errand={ticket}")]),
        ] {
            is_not_expected(app, what, &bringing(app, app, &back, cookies).await).await;
        }
        // Who has left in another browser meanwhile does not fit either.
        let other = app.eve();
        leave(&other, "example", &[]).await;
        is_not_expected(app, "of another errand", &come_back(&other, app, &back).await).await;
        is_in(&bringing(app, app, &back, &[&right]).await, "/account");
    });
}

#[test]
fn nobody_comes_back_after_ten_minutes() {
    with_provider(async |app, idp| {
        let ann = app.eve();
        let location = leave(&ann, "example", &[]).await;
        let lasts = "select extract(epoch from expires_at - now())::int between 590 and 600 from identity_errands";
        assert_eq!(app.ask(lasts).await, ["true"]);
        let back = agree(idp, &location, "ann").await;
        app.psql("update identity_errands set expires_at = now() - interval '1 second'").await;
        is_not_expected(app, "too late", &come_back(&ann, app, &back).await).await;
        let report = app.cli(&["run", "cleanup", "--json"], "");
        assert_eq!(report.code, 0, "{}", report.err);
        assert_eq!(app.ask("select count(*) from identity_errands").await, ["0"]);
    });
}

#[test]
fn what_the_database_holds_opens_nothing() {
    with_provider(async |app, idp| {
        let ann = app.eve();
        let started = ann.post("/api/oauth/example/start", &[]).await;
        let ticket = cookie(&started, "errand").unwrap()[..64].to_owned();
        let state = parameter(&started.location, "state").unwrap();
        assert_eq!(app.tables_with(&ticket).await, [""; 0]);
        assert_eq!(app.tables_with(&state).await, [""; 0]);
        let hash = "select encode(state_hash, 'hex') from identity_errands";
        let hash = app.ask(hash).await.remove(0);
        assert_eq!(app.tables_with(&hash).await, ["identity_errands"], "this is how it is found");
        let back = agree(idp, &started.location, "ann").await;
        let forged = with(&back, "state", Some(&hash));
        is_not_expected(app, "the hash", &come_back(&ann, app, &forged).await).await;
    });
}

#[test]
fn the_cookie_is_for_this_host_alone_and_the_way_back_is_exactly_one() {
    let settings = [
        ("PUBLIC_ORIGINS", "https://site.example,https://www.site.example"),
        ("GITHUB_CLIENT_ID", "frontdesk"),
        ("GITHUB_CLIENT_SECRET", "s"),
    ];
    with_settings(&settings, async |app| {
        let at = |origin: &str| app.eve().asking_for(origin);
        let answer = at("https://site.example").post("/api/oauth/github/start", &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(answer.location.starts_with("https://github.com/login/oauth/authorize?"));
        let redirect = parameter(&answer.location, "redirect_uri");
        assert_eq!(redirect.as_deref(), Some("https://site.example/api/oauth/github/callback"));
        let errand = cookie(&answer, "__Host-errand").unwrap();
        let (value, said) = errand.split_once("; ").unwrap();
        assert_eq!(value.len(), 64);
        assert_eq!(said, "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600");
        // A cookie of the other host would not come back from there, so people leave from the first one.
        let fields = [("next", "/posts")];
        let answer = at("https://www.site.example").post("/api/oauth/github/start", &fields).await;
        assert_eq!(answer.location, "https://site.example/sign-in?next=%2Fposts");
        assert_eq!(cookie(&answer, "__Host-errand"), None);
    });
}

#[test]
fn nobody_is_sent_away_by_another_site() {
    with_provider(async |app, _| {
        let ann = app.eve();
        let start = || ann.request(Method::POST, "/api/oauth/example/start").form(&[("next", "/")]);
        for (header, value) in
            [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]
        {
            let answer = ann.send(start().header(header, value)).await;
            answer.is_page(403);
            assert_eq!(cookie(&answer, "errand"), None);
        }
        // Whoever does not say where the form comes from is asked.
        let unsure = ann.send(start()).await;
        assert!(unsure.status == 403 && unsure.body.contains("Please confirm"), "{}", unsure.body);
        assert_eq!(app.ask("select count(*) from identity_errands").await, ["0"]);
        ann.get("/api/oauth/example/start").await.is_page(405);
        ann.post("/api/oauth/example/callback", &[]).await.is_page(405);
    });
}
