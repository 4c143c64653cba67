//! Signing in with an identity provider: a certified one, GitHub, and one that lies.

mod certified;
mod errands;
mod github;
mod hostile;
mod linking;
mod pages;
mod servers;
mod ways_in;

use super::support::{Answer, Idp, Person, TestApp, with_settings};
use serde_json::json;
use url::Url;

/// A site that knows a certified provider as `example`. Ann and Bob are known there; so are Cy, whose address nobody has
/// looked at, and Dee, who has none.
fn with_provider(test: impl AsyncFnOnce(&TestApp, &Idp)) {
    let idp = Idp::start("provider.js");
    let settings = [&idp.settings()[..], &[("TRUSTED_PROXIES", "127.0.0.1")]].concat();
    with_settings(&settings, async |app| {
        open(app, &idp, json!({}));
        test(app, &idp).await;
    });
}

/// Opens the certified provider for this site, with these wishes.
fn open(app: &TestApp, idp: &Idp, mut wishes: serde_json::Value) {
    wishes["redirect_uri"] = json!(format!("{}/api/oauth/example/callback", app.origin));
    idp.tell(json!({ "open": wishes, "people": {
        "ann": { "email": "ann@example.test", "email_verified": true, "name": "Ann of Cleves" },
        "bob": { "email": "Bob@Example.test", "email_verified": true },
        "cy": { "email": "cy@example.test", "email_verified": false, "name": "Cy" },
        "dee": { "name": "Dee" },
    }}));
}

/// Presses the button, and gives where the browser is sent.
async fn leave(who: &Person<'_>, provider: &str, fields: &[(&str, &str)]) -> String {
    let answer = who.post(&format!("/api/oauth/{provider}/start"), fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location
}

/// Goes where a certified provider has been reached by `location`, signs in there as `name`, agrees, and gives where the
/// browser is sent back to.
async fn agree(idp: &Idp, location: &str, name: &str) -> String {
    let there = Person::visiting(&idp.issuer);
    let mut to = location.to_owned();
    for _ in 0..10 {
        let Some(path) = to.strip_prefix(&idp.issuer) else { return to };
        let answer = there.get(path).await;
        let answer = match answer.status {
            200 if answer.body.contains("name=\"login\"") => {
                let fields = [("prompt", "login"), ("login", name), ("password", "any")];
                there.post(path, &fields).await
            }
            200 => there.post(path, &[("prompt", "consent")]).await,
            _ => answer,
        };
        assert_eq!(answer.status, 303, "{}", answer.body);
        to = match answer.location.starts_with('/') {
            true => format!("{}{}", idp.issuer, answer.location),
            false => answer.location,
        };
    }
    panic!("{name} goes round in circles");
}

/// Comes back to us, in the browser of `who`.
async fn come_back(who: &Person<'_>, app: &TestApp, location: &str) -> Answer {
    let path = location.strip_prefix(&app.origin);
    who.get(path.unwrap_or_else(|| panic!("sent to {location}"))).await
}

/// The whole way, as `name` at a certified provider.
async fn sign_in(who: &Person<'_>, app: &TestApp, idp: &Idp, name: &str) -> Answer {
    let location = leave(who, "example", &[]).await;
    come_back(who, app, &agree(idp, &location, name).await).await
}

/// A parameter of an address.
fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// The same address with another value for a parameter; without one it is taken away.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).unwrap();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != name)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.into()
}

/// Everything that signing in could have made: accounts, identities, sessions, and those who wait for a mail.
async fn made(app: &TestApp) -> [String; 4] {
    let mut counts = Vec::new();
    for table in ["accounts", "identities", "sessions", "identity_arrivals"] {
        counts.extend(app.ask(&format!("select count(*) from {table}")).await);
    }
    counts.try_into().unwrap()
}

/// Asserts that somebody was let in, and was sent to `path`.
fn is_in(answer: &Answer, path: &str) {
    assert_eq!((answer.status, answer.location.as_str()), (303, path), "{}", answer.body);
    assert!(cookie(answer, "sid").is_some_and(|sid| sid.len() > 64), "no session");
}

/// Asserts that somebody was told why they do not get in: a page, with a reference, and no session.
fn is_refused(answer: &Answer, status: u16, words: &str) {
    answer.is_page(status);
    assert!(answer.body.contains(words), "{words}: {}", answer.body);
    assert!(answer.body.contains("Reference: <code>"), "{}", answer.body);
    assert_eq!(cookie(answer, "sid"), None);
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// A cookie that was set: its value and what was said about it.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mut found = set.filter_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    found.next().map(str::to_owned)
}
