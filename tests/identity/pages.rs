//! What the pages say of identity providers, and where their forms may lead; what the operator is told.

use super::*;
use crate::support::{Process, Shell, with_app};
use std::time::Duration;

/// Where the forms of a page may lead, as its policy says.
pub fn forms_lead_to(answer: &Answer) -> &str {
    let policy = answer.header("content-security-policy");
    let forms = policy.split("; ").find_map(|part| part.strip_prefix("form-action "));
    forms.unwrap_or_else(|| panic!("{policy}"))
}

#[test]
fn exactly_the_pages_with_a_way_elsewhere_may_lead_there() {
    with_provider(async |app, idp| {
        app.state.identity.know(&app.state.clock).await;
        let (ada, eve) = (app.ada().await, app.eve());
        let there = format!("'self' {} {}", app.origin, idp.issuer);
        for path in ["/sign-in", "/sign-up", "/sign-in?next=%2Fposts"] {
            let page = eve.get(path).await;
            assert!(page.body.contains(r#"action="/api/oauth/example/start" data-native"#));
            assert!(page.body.contains("Go on with Example"), "{}", page.body);
            assert_eq!(forms_lead_to(&page), there, "{path}");
            let again = eve.post(path.split('?').next().unwrap(), &[]).await;
            again.is_page(422);
            assert_eq!(forms_lead_to(&again), there, "{path}, with what was wrong");
        }
        let next = eve.get("/sign-in?next=%2Fposts").await;
        assert!(next.body.contains(r#"<input type="hidden" name="next" value="/posts"><p"#));
        assert_eq!(forms_lead_to(&ada.get("/account/identities").await), there);
        for path in ["/", "/contact", "/sign-in/link", "/forgot-password", "/nowhere"] {
            assert_eq!(forms_lead_to(&eve.get(path).await), "'self'", "{path}");
        }
        for path in ["/account", "/account/password", "/admin"] {
            assert_eq!(forms_lead_to(&ada.get(path).await), "'self'", "{path}");
        }
        // A form that was refused can be sent again from the page that says so.
        let foreign = eve.request(reqwest::Method::POST, "/api/oauth/example/start");
        let foreign = foreign.header("origin", "https://evil.example").form(&[("next", "/posts")]);
        let refused = eve.send(foreign).await;
        refused.is_page(403);
        assert_eq!(forms_lead_to(&refused), there);
    });
}

#[test]
fn a_site_that_knows_nobody_says_nothing_of_them() {
    with_app(async |app| {
        for path in ["/sign-in", "/sign-up"] {
            let page = app.eve().get(path).await;
            assert!(!page.body.contains("elsewhere"), "{}", page.body);
            assert_eq!(forms_lead_to(&page), "'self'");
        }
        let page = app.ada().await.get("/account/identities").await;
        assert!(page.body.contains("There is nobody to sign in with."), "{}", page.body);
        app.eve().post("/api/oauth/google/start", &[]).await.is_page(404);
        app.eve().get("/api/oauth/google/callback?state=x&code=y").await.is_page(404);
    });
}

#[test]
fn a_provider_that_is_away_is_said_to_be_and_costs_nobody_the_other_ways_in() {
    let settings = [
        ("OIDC_GONE_ISSUER", "http://127.0.0.1:1"),
        ("OIDC_GONE_CLIENT_ID", "x"),
        ("OIDC_GONE_CLIENT_SECRET", "y"),
    ];
    with_settings(&settings, async |app| {
        app.state.identity.know(&app.state.clock).await;
        let page = app.eve().get("/sign-in").await;
        assert!(page.body.contains("Gone does not answer just now."), "{}", page.body);
        assert!(!page.body.contains("/api/oauth/gone"));
        let answer = app.eve().post("/api/oauth/gone/start", &[]).await;
        is_refused(&answer, 502, "Gone does not answer as it should.");
        app.ada().await;
    });
}

#[test]
fn a_provider_that_comes_back_is_noticed() {
    let idp = Idp::start("hostile.js");
    with_settings(&idp.settings(), async |app| {
        let discovery = "/.well-known/openid-configuration";
        idp.tell(json!({ "be": { "place": { discovery: "500" } } }));
        app.state.identity.know(&app.state.clock).await;
        assert!(app.eve().get("/sign-in").await.body.contains("does not answer just now"));
        idp.tell(json!({ "be": {} }));
        app.state.identity.know(&app.state.clock).await;
        assert!(app.eve().get("/sign-in").await.body.contains("does not answer just now"));
        app.state.clock.advance(Duration::from_secs(60));
        app.state.identity.know(&app.state.clock).await;
        assert!(app.eve().get("/sign-in").await.body.contains("Go on with Example"));
        // What is known is not asked again for an hour.
        idp.tell(json!({ "be": {} }));
        app.state.identity.know(&app.state.clock).await;
        let seen = |idp: &Idp| idp.tell(json!({ "ask": "seen" }))["seen"].as_array().unwrap().len();
        assert_eq!(seen(&idp), 0);
        app.state.clock.advance(Duration::from_secs(3600));
        app.state.identity.know(&app.state.clock).await;
        assert_eq!(seen(&idp), 2, "what it is, and its keys");
    });
}

#[test]
fn the_reference_on_the_page_is_in_the_log_and_no_secret_is() {
    let idp = Idp::start("hostile.js");
    with_app(async |app| {
        let settings = [&idp.settings()[..], &[("DATABASE_URL", &app.database_url)]].concat();
        let mut process = Process::serve(&settings);
        let origin = process.origin();
        let eve = Person::visiting(&origin);
        idp.tell(json!({ "be": { "claims": { "nonce": "x", "email": "who@example.test" } } }));
        let there = leave(&eve, "example", &[]).await;
        let on = Person::visiting(&idp.issuer).get(there.strip_prefix(&idp.issuer).unwrap()).await;
        let answer = eve.get(on.location.strip_prefix(&origin).unwrap()).await;
        is_refused(&answer, 403, "tell us the reference");
        let (_, rest) = answer.body.split_once("Reference: <code>").unwrap();
        let line = process.wait_for(rest.split('<').next().unwrap());
        assert!(line.contains("the token's nonce") && line.contains("Example"), "{line}");
        process.signal("TERM");
        let end = process.end();
        let code = parameter(&on.location, "code").unwrap();
        let state = parameter(&on.location, "state").unwrap();
        for secret in [&*code, &state, "who@example.test", "odd + characters", "an-access-token"] {
            assert!(
                !end.err.contains(secret) && !end.out.contains(secret),
                "{secret} is in the log"
            );
        }
        assert!(end.out.contains("/api/oauth/{provider}/callback"), "{}", end.out);
    });
}

#[test]
fn the_doctor_says_who_is_there_and_what_is_missing() {
    let idp = Idp::start("hostile.js");
    with_app(async |app| {
        let doctor = |settings: &[(&str, &str)]| {
            let environment = [settings, &[("DATABASE_URL", &app.database_url)]].concat();
            let shell = Shell::run(&["doctor", "--json"], "", &environment);
            let findings = shell.json();
            let found = findings.as_array().unwrap().iter().find(|finding| {
                finding["what"].as_str().unwrap().starts_with("identity providers")
            });
            let detail = found.unwrap()["detail"].as_str().unwrap().to_owned();
            (shell.code, detail)
        };
        assert_eq!(doctor(&[]), (0, "off".to_owned()));
        assert_eq!(doctor(&idp.settings()), (0, "Example is here".to_owned()));
        let half = [("GITHUB_CLIENT_ID", "x"), ("OIDC_X_ISSUER", "https://a.test")];
        let missing = "OIDC_X_CLIENT_ID is not set; GITHUB_CLIENT_SECRET is not set";
        assert_eq!(doctor(&half), (1, missing.to_owned()));
        idp.tell(json!({ "be": { "metadata": { "issuer": "https://other.test" } } }));
        let lying = (1, "Example: discovery names another issuer".to_owned());
        assert_eq!(doctor(&idp.settings()), lying);
    });
}
