//! GitHub, which is spoken to in its own way (`tests/oidc/github.js`).

use super::*;

fn with_github(test: impl AsyncFnOnce(&TestApp, &Idp)) {
    let github = Idp::start("github.js");
    let api = format!("{}/api", github.issuer);
    let settings = [
        ("GITHUB_CLIENT_ID", "frontdesk"),
        ("GITHUB_CLIENT_SECRET", "a GitHub secret"),
        ("GITHUB_BASE", github.issuer.as_str()),
        ("GITHUB_API_BASE", api.as_str()),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    with_settings(&settings, async |app| test(app, &github).await);
}

/// Goes the whole way.
async fn by_github(who: &Person<'_>, app: &TestApp, github: &Idp) -> Answer {
    let location = leave(who, "github", &[]).await;
    let there = Person::visiting(&github.issuer);
    let on = there.get(location.strip_prefix(&github.issuer).unwrap()).await;
    assert_eq!(on.status, 302);
    come_back(who, app, &on.location).await
}

#[test]
fn mona_comes_by_github_and_is_known_by_her_number() {
    with_github(async |app, github| {
        let mona = app.eve();
        let location = leave(&mona, "github", &[]).await;
        for (name, wanted) in [
            ("client_id", "frontdesk"),
            ("response_type", "code"),
            ("scope", "read:user user:email"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(parameter(&location, name).as_deref(), Some(wanted), "{location}");
        }
        is_in(&by_github(&mona, app, github).await, "/account");
        assert!(mona.get("/account").await.body.contains("Mona Lisa"));
        let identity = "select issuer || ' ' || subject || ' ' || email from identities";
        let known = format!("{} 583231 mona@example.test", github.issuer);
        assert_eq!(app.ask(identity).await, [known]);
        // She calls herself something else now, and has another address: she is still who she is.
        github.tell(json!({ "be": {
            "user": { "id": 583231, "login": "lisa", "name": null },
            "emails": [{ "email": "lisa@example.test", "primary": true, "verified": true }],
        }}));
        is_in(&by_github(&app.eve(), app, github).await, "/account");
        // And whoever has her name now is somebody else.
        github.tell(
            json!({ "be": { "user": { "id": 7, "login": "octocat", "name": "Mona Lisa" } } }),
        );
        is_in(&by_github(&app.eve(), app, github).await, "/account");
        let subjects = "select string_agg(subject, ' ' order by subject) from identities";
        assert_eq!(app.ask(subjects).await, ["583231 7"]);
        assert_eq!(made(app).await, ["3", "2", "3", "0"]);
        assert_eq!(app.ask("select count(*) from accounts where name = 'lisa'").await, ["0"]);
    });
}

#[test]
fn an_address_that_github_has_not_looked_at_is_confirmed_by_mail() {
    with_github(async |app, github| {
        let email = |primary: bool, verified: bool| json!({ "email": "mona@example.test", "primary": primary, "verified": verified });
        for (number, be) in [
            json!({ "emails": [email(true, false)] }),
            json!({ "emails": [email(false, true)] }),
            json!({ "emails": [] }),
            json!({ "emailsStatus": 403 }),
            json!({ "emailsStatus": 404 }),
        ]
        .into_iter()
        .enumerate()
        {
            github.tell(json!({ "be": be }));
            let mona = app.eve().coming_from(&format!("198.51.100.{number}"));
            let answer = by_github(&mona, app, github).await;
            assert_eq!(
                (answer.status, answer.location.as_str()),
                (303, "/sign-in/address"),
                "{be}"
            );
            mona.get("/sign-in/address").await.is_page(200);
        }
        assert_eq!(made(app).await, ["1", "0", "0", "5"]);
    });
}

#[test]
fn an_answer_of_github_that_is_none_leads_nowhere() {
    with_github(async |app, github| {
        for (number, (what, be, status)) in [
            ("another issuer", json!({ "iss": "https://github.com" }), 403),
            ("a user without a number", json!({ "iss": true, "user": { "login": "x" } }), 502),
            (
                "a user with a word for a number",
                json!({ "user": { "id": "583231", "login": "x" } }),
                502,
            ),
            ("an error", json!({ "apiStatus": 500 }), 502),
            ("a refusal", json!({ "apiStatus": 403 }), 502),
        ]
        .into_iter()
        .enumerate()
        {
            github.tell(json!({ "be": be }));
            let eve = app.eve().coming_from(&format!("198.51.100.{number}"));
            let answer = by_github(&eve, app, github).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.body);
            is_refused(&answer, status, "GitHub");
        }
        // A code that it never gave; it says 200 to that.
        let eve = app.eve();
        let location = leave(&eve, "github", &[]).await;
        let state = parameter(&location, "state").unwrap();
        let made_up = format!("/api/oauth/github/callback?code=made-up&state={state}");
        is_refused(&eve.get(&made_up).await, 403, "not what it would send to us");
        assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        // Before 2026 it did not say who it was.
        github.tell(json!({ "be": { "iss": false, "apiStatus": 200, "user": { "id": 1, "login": "mona" } } }));
        is_in(&by_github(&app.eve(), app, github).await, "/account");
    });
}
