//! Whatever comes back that this provider would not have sent to this browser: refused, and nothing is made of it.
//!
//! Each case is one lie. The provider is the same as that of the last line of each test, where it tells the truth and
//! somebody gets in: it is the lie that is refused.

use super::*;
use serde_json::Value;

/// A site that knows one that lies as `example`, and another of its kind as `other`.
pub fn with_liar(test: impl AsyncFnOnce(&TestApp, &Idp, &Idp)) {
    let (liar, other) = (Idp::start("hostile.js"), Idp::start("hostile.js"));
    let names = ["OIDC_OTHER_ISSUER", "OIDC_OTHER_CLIENT_ID", "OIDC_OTHER_CLIENT_SECRET"];
    let proxies = [("TRUSTED_PROXIES", "127.0.0.1")];
    let settings = [&liar.settings()[..], &other.settings_as(names), &proxies].concat();
    with_settings(&settings, async |app| test(app, &liar, &other).await);
}

/// Goes where a liar has been reached by `location`, and gives where the browser is sent back to.
pub async fn lie(idp: &Idp, location: &str) -> String {
    let path = location.strip_prefix(&idp.issuer).unwrap();
    let answer = Person::visiting(&idp.issuer).get(path).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location
}

/// What the liar was asked since it was told how to be.
pub fn seen(idp: &Idp) -> Vec<String> {
    serde_json::from_value(idp.tell(json!({ "ask": "seen" }))["seen"].take()).unwrap()
}

/// Somebody at an address of their own, so that they do not use up each other's limits.
pub fn somebody<'a>(app: &'a TestApp, number: usize) -> Person<'a> {
    app.eve().coming_from(&format!("198.51.100.{number}"))
}

pub const UNTRUSTED: (u16, &str) = (403, "not what it would send to us");
pub const AWAY: (u16, &str) = (502, "does not answer as it should");
const UNEXPECTED: (u16, &str) = (400, "Nobody was expected here");

/// Has the provider be like this, goes the whole way, and asserts that it leads nowhere.
pub async fn leads_nowhere(
    app: &TestApp,
    liar: &Idp,
    number: usize,
    what: &str,
    be: &Value,
    (status, words): (u16, &str),
) {
    let (before, eve) = (made(app).await, somebody(app, number));
    // What it says about itself is known by now, and is the truth.
    let location = leave(&eve, "example", &[]).await;
    liar.tell(json!({ "be": be }));
    let answer = come_back(&eve, app, &lie(liar, &location).await).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    is_refused(&answer, status, words);
    assert_eq!(made(app).await, before, "{what}");
    assert_eq!(eve.get("/account").await.status, 303, "{what}: somebody is signed in");
}

/// The truth, told to somebody new: they get in.
pub async fn the_truth_leads_in(app: &TestApp, liar: &Idp) {
    liar.tell(json!({ "be": {} }));
    let eve = somebody(app, 254);
    let location = leave(&eve, "example", &[]).await;
    is_in(&come_back(&eve, app, &lie(liar, &location).await).await, "/account");
}

#[test]
fn a_token_that_lies_is_not_believed() {
    with_liar(async |app, liar, other| {
        let foreign = other.issuer.as_str();
        let slash = format!("{}/", liar.issuer);
        let cases = [
            ("another nonce", json!({ "claims": { "nonce": "0".repeat(64) } })),
            ("no nonce", json!({ "claims": { "nonce": null } })),
            ("another issuer", json!({ "claims": { "iss": foreign } })),
            ("nearly the issuer", json!({ "claims": { "iss": slash } })),
            ("another audience", json!({ "claims": { "aud": "somebody-else" } })),
            ("an audience besides", json!({ "claims": { "aud": ["frontdesk", "somebody-else"] } })),
            ("no audience", json!({ "claims": { "aud": [] } })),
            ("another party", json!({ "claims": { "azp": "somebody-else" } })),
            ("over", json!({ "times": { "exp": -61 } })),
            ("not begun", json!({ "times": { "nbf": 90 } })),
            ("of the future", json!({ "times": { "iat": 90 } })),
            ("a subject that is empty", json!({ "claims": { "sub": "" } })),
            ("a subject of 256 letters", json!({ "claims": { "sub": "x".repeat(256) } })),
            ("a subject with a NUL", json!({ "claims": { "sub": "mal\0lory" } })),
            ("not signed", json!({ "sign": "none" })),
            ("signed with nothing", json!({ "sign": "unsigned" })),
            ("signed with the public key", json!({ "sign": "public" })),
            ("signed with our secret", json!({ "sign": "secret" })),
            ("signed with another key", json!({ "sign": "foreign" })),
            ("another text signed", json!({ "sign": "broken" })),
            ("a key nobody knows", json!({ "header": { "kid": "key-of-mine" } })),
            (
                "a key that is named by address",
                json!({ "sign": "foreign", "header":
                { "jku": format!("{foreign}/jwks"), "kid": "key-of-mine" } }),
            ),
            ("an algorithm not agreed on", json!({ "header": { "alg": "RS512" } })),
            ("an algorithm of another kind of key", json!({ "header": { "alg": "ES256" } })),
            ("a token of another kind", json!({ "header": { "typ": "at+jwt" } })),
            ("critical words nobody knows", json!({ "header": { "crit": ["b64"], "b64": false } })),
            ("another access token", json!({ "claims": { "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" } })),
        ];
        for (number, (what, be)) in cases.iter().enumerate() {
            leads_nowhere(app, liar, number, what, be, UNTRUSTED).await;
            assert_eq!(seen(liar)[..2], ["/auth", "/token"], "{what}");
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn a_token_that_cannot_be_read_is_none() {
    with_liar(async |app, liar, _| {
        let cases = [
            ("no token", json!({ "token": { "id_token": null } }), UNTRUSTED),
            ("no subject", json!({ "claims": { "sub": null } }), AWAY),
            ("a number as the subject", json!({ "claims": { "sub": 7 } }), AWAY),
            ("no end", json!({ "claims": { "exp": null } }), AWAY),
            ("nonsense", json!({ "token": { "id_token": "a.b.c" } }), AWAY),
            ("two parts", json!({ "token": { "id_token": "e30.e30" } }), AWAY),
            ("a list", json!({ "token": { "id_token": ["e30.e30.e30"] } }), AWAY),
            ("no access token", json!({ "token": { "access_token": null } }), AWAY),
            ("no kind", json!({ "token": { "token_type": null } }), AWAY),
        ];
        for (number, (what, be, refusal)) in cases.iter().enumerate() {
            leads_nowhere(app, liar, number, what, be, *refusal).await;
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn an_answer_from_another_issuer_gets_no_code_out_of_us() {
    with_liar(async |app, liar, other| {
        for (number, (what, answer)) in [
            ("another issuer", json!({ "iss": other.issuer })),
            ("no issuer, where it has said that it says so", json!({ "iss": null })),
            ("an empty issuer", json!({ "iss": "" })),
            (
                "another issuer that says no",
                json!({ "iss": other.issuer, "code": null, "error": "access_denied" }),
            ),
        ]
        .iter()
        .enumerate()
        {
            leads_nowhere(app, liar, number, what, &json!({ "answer": answer }), UNTRUSTED).await;
            assert_eq!(seen(liar), ["/auth"], "{what}: the code was shown");
        }
        for (number, (what, answer, refusal)) in [
            ("no code", json!({ "code": null }), UNTRUSTED),
            ("a code it never gave", json!({ "code": "made-up" }), UNTRUSTED),
            ("an error", json!({ "code": null, "error": "server_error" }), AWAY),
            ("an error that is none", json!({ "code": null, "error": "<script>" }), AWAY),
            ("a code and an error", json!({ "error": "server_error" }), AWAY),
        ]
        .iter()
        .enumerate()
        {
            let be = json!({ "answer": answer });
            leads_nowhere(app, liar, 50 + number, what, &be, *refusal).await;
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn a_code_of_one_provider_is_never_shown_to_another() {
    with_liar(async |app, liar, other| {
        let eve = app.eve();
        the_truth_leads_in(app, liar).await;
        let before = made(app).await;
        // She leaves for one, and comes back as if from the other.
        let location = leave(&eve, "example", &[]).await;
        let back = lie(liar, &location).await;
        other.tell(json!({ "be": {} }));
        let swapped = back.replace("/example/callback", "/other/callback");
        is_refused(&come_back(&eve, app, &swapped).await, 403, UNTRUSTED.1);
        assert!(!seen(other).contains(&"/token".to_owned()));
        is_refused(&come_back(&eve, app, &back).await, 400, UNEXPECTED.1);

        // The other one sends her, with its own code and her state, to where she is expected from the first.
        let location = leave(&eve, "example", &[]).await;
        let state = parameter(&location, "state");
        let theirs = lie(other, &location.replace(&liar.issuer, &other.issuer)).await;
        assert_eq!(parameter(&theirs, "state"), state);
        liar.tell(json!({ "be": {} }));
        is_refused(&come_back(&eve, app, &theirs).await, 403, UNTRUSTED.1);
        assert!(!seen(liar).contains(&"/token".to_owned()));
        assert_eq!(made(app).await, before);
        eve.get("/api/oauth/nobody/callback").await.is_page(404);
        eve.post("/api/oauth/nobody/start", &[]).await.is_page(404);
    });
}

#[test]
fn nor_where_providers_do_not_say_who_they_are() {
    with_liar(async |app, liar, other| {
        let be = json!({ "answer": { "iss": null },
            "metadata": { "authorization_response_iss_parameter_supported": null } });
        liar.tell(json!({ "be": be }));
        other.tell(json!({ "be": be }));
        let eve = app.eve();
        for id in ["example", "other"] {
            leave(&eve, id, &[]).await; // so that it is known what they are
        }
        let back = lie(liar, &leave(&eve, "example", &[]).await).await;
        let swapped = back.replace("/example/callback", "/other/callback");
        is_refused(&come_back(&eve, app, &swapped).await, 403, UNTRUSTED.1);
        assert!(!seen(other).contains(&"/token".to_owned()), "it was shown the code");
        assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        let back = lie(liar, &leave(&eve, "example", &[]).await).await;
        is_in(&come_back(&eve, app, &back).await, "/account");
    });
}

#[test]
fn an_address_that_is_none_is_not_taken_for_one() {
    with_liar(async |app, liar, _| {
        for (number, email) in
            ["", "no", "a@b", "a@b.test\r\nBcc: c@d.test", "<a@b.test>"].into_iter().enumerate()
        {
            liar.tell(json!({ "be": { "claims": { "email": email } } }));
            let eve = somebody(app, number);
            let location = leave(&eve, "example", &[]).await;
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in/address"));
            let form = eve.get("/sign-in/address").await;
            assert!(form.body.contains(r#"name="email" dir="auto" value="""#), "{}", form.body);
        }
        assert_eq!(made(app).await, ["1", "0", "0", "5"]);
        for (number, verified) in [json!(null), json!(false), json!("false")].iter().enumerate() {
            liar.tell(json!({ "be": { "claims": { "email_verified": verified } } }));
            let eve = somebody(app, 50 + number);
            let location = leave(&eve, "example", &[]).await;
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            assert_eq!(answer.location, "/sign-in/address", "{verified}");
        }
        assert_eq!(made(app).await, ["1", "0", "0", "8"]);
    });
}

#[test]
fn a_code_of_somebody_elses_is_worth_nothing_even_where_the_provider_does_not_mind() {
    with_liar(async |app, liar, _| {
        for (number, be) in [json!({}), json!({ "lenient": true })].into_iter().enumerate() {
            liar.tell(json!({ "be": be }));
            let mallory = somebody(app, 10 + number);
            let theirs = lie(liar, &leave(&mallory, "example", &[]).await).await;
            let code = parameter(&theirs, "code");
            // Mallory has the victim come back with her code, and so to her account.
            let victim = somebody(app, 20 + number);
            let own = lie(liar, &leave(&victim, "example", &[]).await).await;
            let injected = with(&own, "code", code.as_deref());
            is_refused(&come_back(&victim, app, &injected).await, 403, UNTRUSTED.1);
            assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        }
        // A code that has been used, where it may be used again.
        liar.tell(json!({ "be": { "lenient": true } }));
        let ann = somebody(app, 30);
        let first = lie(liar, &leave(&ann, "example", &[]).await).await;
        is_in(&come_back(&ann, app, &first).await, "/account");
        let before = made(app).await;
        let second = lie(liar, &leave(&ann, "example", &[]).await).await;
        let used = parameter(&first, "code");
        let again = come_back(&ann, app, &with(&second, "code", used.as_deref())).await;
        is_refused(&again, 403, UNTRUSTED.1);
        assert_eq!(made(app).await, before);
    });
}

#[test]
fn a_clock_may_be_wrong_by_a_minute() {
    with_liar(async |app, liar, _| {
        for (number, times) in
            [json!({ "exp": -30 }), json!({ "iat": 30 }), json!({ "nbf": 30 })].iter().enumerate()
        {
            liar.tell(json!({ "be": { "times": times } }));
            let eve = somebody(app, number);
            let back = lie(liar, &leave(&eve, "example", &[]).await).await;
            is_in(&come_back(&eve, app, &back).await, "/account");
        }
    });
}
