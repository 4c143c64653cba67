//! An app asks its member in their browser, and changes the code it is handed into tokens: by hand, and as a standard client.

use super::accounts::{BOB, sign_up};
use super::newsletter::{mails_to, work_off};
use super::second_factor::{turn_on, type_code};
use super::support::{Answer, Person, TestApp, with_app};
use super::tokens::{ask, by_password, by_refresh, is_refused, me, registered, tokens};
use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RevocationUrl, StandardRevocableToken,
    TokenResponse, TokenUrl,
};
use std::collections::HashMap;
use url::Url;

// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const OWN_SCHEME: &str = "com.example.app:/in";

/// What an app asks for.
fn asked<'a>(client: &'a str, redirect_uri: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect_uri),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "a&b=c"),
    ]
}

fn address(fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("/oauth/authorize?{query}")
}

/// Says yes, in the member's browser.
async fn agree(person: &Person<'_>, fields: &[(&str, &str)]) -> Answer {
    person.post("/oauth/authorize", &[fields, &[("answer", "yes")]].concat()).await
}

/// What stands in the address that an app is led back to.
fn led_back(answer: &Answer, start: &str) -> HashMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.location.starts_with(start), "{}", answer.location);
    Url::parse(&answer.location).unwrap().query_pairs().into_owned().collect()
}

/// Brings a code, to have it changed into tokens.
pub async fn bring(program: &Person<'_>, client: &str, code: &str, verifier: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", OWN_SCHEME),
        ("code_verifier", verifier),
    ];
    ask(program, &fields).await
}

/// An app that somebody has let in: its client_id, its two tokens, and a code that it has not used yet.
pub async fn let_in(app: &TestApp, person: &Person<'_>) -> (String, (String, String), String) {
    let client = registered(app, &[OWN_SCHEME]).await;
    let used = code(person, &client).await;
    let pair = tokens(&bring(&app.eve(), &client, &used, VERIFIER).await);
    let unused = code(person, &client).await;
    (client, pair, unused)
}

/// A code for Bob's app.
async fn code(bob: &Person<'_>, client: &str) -> String {
    led_back(&agree(bob, &asked(client, OWN_SCHEME)).await, OWN_SCHEME).remove("code").unwrap()
}

#[test]
fn a_member_is_asked_and_the_app_gets_tokens_for_the_code() {
    with_app(async |app| {
        let (bob, phone) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let client = registered(app, &[OWN_SCHEME]).await;
        let fields = asked(&client, OWN_SCHEME);
        let page = bob.get(&address(&fields)).await;
        page.is_page(200);
        assert!(page.body.contains("Oakum &lt;mobile&gt;") && page.body.contains("Bob"));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("form-action 'self' com.example.app:;"), "{policy}");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert_eq!(
            app.ask("select count(*) from app_codes").await,
            ["0"],
            "that was only looked at"
        );

        let back = led_back(&agree(&bob, &fields).await, "com.example.app:/in?");
        assert_eq!((back["state"].as_str(), back["iss"].as_str()), ("a&b=c", app.origin.as_str()));
        assert!(back["code"].starts_with("fd_ac_") && back.len() == 3);
        assert_eq!(app.tables_with(&back["code"]).await, [""; 0]);
        let (access, refresh) = tokens(&bring(&phone, &client, &back["code"], VERIFIER).await);
        assert_eq!(me(&phone, &access).await.json()["name"], "Bob");
        assert!(bob.get("/account").await.body.contains("Oakum &lt;mobile&gt;"));
        let mut again = by_refresh(&refresh).to_vec();
        again.push(("client_id", &client));
        tokens(&ask(&phone, &again).await);
        work_off(app).await;
        let told = mails_to(app, BOB.0).await.remove(0).mail;
        assert!(
            told.subject == "An app may use your account at Frontdesk"
                && told.text().contains("Oakum")
        );

        let no = bob.post("/oauth/authorize", &[&fields[..], &[("answer", "no")]].concat()).await;
        let back = led_back(&no, OWN_SCHEME);
        assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "a&b=c"));
        assert!(!back.contains_key("code"));
    });
}

#[test]
fn whoever_has_a_second_factor_shows_it_in_the_browser_and_to_no_app() {
    with_app(async |app| {
        let (bob, phone) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let (_, codes) = turn_on(app, &bob).await;
        let sessions = app.ask("select count(*) from sessions").await;
        let refused = ask(&phone, &by_password(BOB.0, BOB.1)).await;
        let problem = is_refused(&refused, 403, "second-factor-required");
        assert_eq!(problem["type"], "/problems/second-factor-required");
        assert!(problem["detail"].as_str().unwrap().contains("/oauth/authorize"), "{problem}");
        // Whoever guesses learns nothing of it.
        is_refused(&ask(&phone, &by_password(BOB.0, "wrong")).await, 400, "invalid_grant");
        assert_eq!(app.ask("select count(*) from sessions").await, sessions);
        assert_eq!(app.ask("select count(*) from half_sign_ins").await, ["0"]);

        let client = registered(app, &[OWN_SCHEME]).await;
        let (browser, fields) = (app.eve(), asked(&client, OWN_SCHEME));
        let next = address(&fields);
        assert!(
            browser.get(&next).await.location.starts_with("/sign-in?next=%2Foauth%2Fauthorize")
        );
        let typed = [("email", BOB.0), ("password", BOB.1), ("next", &next)];
        assert_eq!(browser.post("/sign-in", &typed).await.location, "/sign-in/code");
        assert!(browser.get(&next).await.location.starts_with("/sign-in?"), "half is not enough");
        assert_eq!(type_code(&browser, &codes[0]).await.location, next);
        let code = led_back(&agree(&browser, &fields).await, OWN_SCHEME).remove("code").unwrap();
        let (access, _) = tokens(&bring(&phone, &client, &code, VERIFIER).await);
        assert_eq!(me(&phone, &access).await.json()["email"], BOB.0);
    });
}

#[test]
fn whoever_is_not_signed_in_does_that_first_and_is_asked_then() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        let (browser, client) = (app.eve(), registered(app, &[OWN_SCHEME]).await);
        let path = address(&asked(&client, OWN_SCHEME));
        let first = browser.get(&path).await;
        assert_eq!(first.status, 303);
        let next = Url::parse(&format!("http://x{}", first.location)).unwrap();
        let next = next.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
        assert_eq!(next, path);
        let form = [("email", BOB.0), ("password", BOB.1), ("next", next.as_str())];
        assert_eq!(browser.post("/sign-in", &form).await.location, path);
        browser.get(&path).await.is_page(200);
        // Whose session has run out while they thought about it is asked once more, on the page that may lead to the app.
        app.psql("delete from sessions").await;
        let answer = agree(&browser, &asked(&client, OWN_SCHEME)).await;
        assert_eq!((answer.status, answer.location), (303, first.location));
        assert_eq!(app.ask("select count(*) from app_codes").await, ["0"]);
        assert_eq!(browser.post("/sign-in", &form).await.location, path);
        // Whoever comes by themselves is told what this is.
        let alone = browser.get("/oauth/authorize").await;
        assert!(alone.status == 200 && alone.body.contains("Apps send you here"));
    });
}

#[test]
fn nobody_is_led_anywhere_that_was_not_registered() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let client =
            registered(app, &[OWN_SCHEME, "http://127.0.0.1/in", "https://a.example/in"]).await;
        let with = |name: &str, value: &'static str| {
            let mut fields = asked(&client, OWN_SCHEME);
            fields.retain(|(known, _)| *known != name);
            fields.push((
                [
                    "response_type",
                    "client_id",
                    "redirect_uri",
                    "code_challenge",
                    "code_challenge_method",
                ]
                .into_iter()
                .find(|known| *known == name)
                .unwrap(),
                value,
            ));
            fields
        };
        let hostile = [
            with("client_id", ""),
            with("client_id", "nonsense"),
            with("client_id", "01890000-0000-7000-8000-000000000000"),
            with("redirect_uri", ""),
            with("redirect_uri", "com.example.app:/in/"),
            with("redirect_uri", "com.example.app:/in?x=y"),
            with("redirect_uri", "com.example.evil:/in"),
            with("redirect_uri", "https://evil.example/in"),
            with("redirect_uri", "https://a.example.evil.example/in"),
            with("redirect_uri", "https://a.example/in#x"),
            with("redirect_uri", "https://a.example:443/in"),
            with("redirect_uri", "http://127.0.0.1.evil.example/in"),
            with("redirect_uri", "http://localhost:4711/in"),
            with("redirect_uri", "javascript:alert(1)"),
            with("response_type", "token"),
            with("response_type", ""),
            with("code_challenge", ""),
            with("code_challenge", "short"),
            with("code_challenge_method", "plain"),
            with("code_challenge_method", ""),
        ];
        for fields in &hostile {
            let page = bob.get(&address(fields)).await;
            page.is_page(400);
            assert!(!page.body.contains("evil"), "{}", page.body);
            let answer = agree(&bob, fields).await;
            assert_eq!((answer.status, answer.location.as_str()), (400, ""), "{fields:?}");
        }
        let mut twice = asked(&client, OWN_SCHEME);
        twice.push(("redirect_uri", "https://evil.example/"));
        bob.get(&address(&twice)).await.is_page(400);
        assert_eq!(agree(&bob, &twice).await.location, "");
        assert_eq!(app.ask("select count(*) from app_codes").await, ["0"]);
        // On the device itself any port will do.
        for good in ["http://127.0.0.1:4711/in", "https://a.example/in"] {
            bob.get(&address(&asked(&client, good))).await.is_page(200);
            led_back(&agree(&bob, &asked(&client, good)).await, good);
        }
        // Another site cannot say yes for Bob.
        let request = bob.request(reqwest::Method::POST, "/oauth/authorize");
        let fields = [&asked(&client, OWN_SCHEME)[..], &[("answer", "yes")]].concat();
        let foreign = request.form(&fields).header("origin", "https://evil.example");
        bob.send(foreign).await.is_page(403);
        assert_eq!(app.cli(&["app", "revoke", &client], "").code, 0);
        bob.get(&address(&asked(&client, OWN_SCHEME))).await.is_page(400);
    });
}

#[test]
fn a_code_is_good_once_for_a_minute_and_for_the_app_it_was_made_for() {
    with_app(async |app| {
        let (bob, phone) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let client = registered(app, &[OWN_SCHEME]).await;
        let others = registered(app, &[OWN_SCHEME]).await;
        let refused = |answer: &Answer| drop(is_refused(answer, 400, "invalid_grant"));
        // Whoever has the code alone burns it.
        let other_half = "a".repeat(43);
        for wrong in [CHALLENGE, other_half.as_str(), "short"] {
            let code = code(&bob, &client).await;
            refused(&bring(&phone, &client, &code, wrong).await);
            refused(&bring(&phone, &client, &code, VERIFIER).await);
        }
        let stolen = code(&bob, &client).await;
        refused(&bring(&phone, &others, &stolen, VERIFIER).await);
        let late = code(&bob, &client).await;
        let lasts =
            "select distinct (expires_at <= now() + interval '60 seconds')::text from app_codes";
        assert_eq!(app.ask(lasts).await, ["true"]);
        app.psql("update app_codes set expires_at = now() - interval '1 second'").await;
        refused(&bring(&phone, &client, &late, VERIFIER).await);
        for nonsense in ["x", "fd_ac_", &format!("fd_ac_{}", "0".repeat(64))] {
            refused(&bring(&phone, &client, nonsense, VERIFIER).await);
        }
        let elsewhere = code(&bob, &client).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", &elsewhere),
            ("redirect_uri", "com.example.app:/other"),
            ("code_verifier", VERIFIER),
        ];
        refused(&ask(&phone, &fields).await);
        is_refused(&ask(&phone, &fields[..3]).await, 400, "invalid_request");

        // The second who brings a code ends what the first got for it.
        let copied = code(&bob, &client).await;
        let (access, refresh) = tokens(&bring(&phone, &client, &copied, VERIFIER).await);
        assert_eq!(me(&phone, &access).await.status, 200);
        refused(&bring(&app.eve(), &client, &copied, VERIFIER).await);
        assert_eq!(me(&phone, &access).await.status, 401);
        refused(
            &ask(
                &phone,
                &[by_refresh(&refresh)[0], by_refresh(&refresh)[1], ("client_id", &client)],
            )
            .await,
        );

        // Of several at once one wins, and then all have lost.
        let raced = code(&bob, &client).await;
        let answers = futures_util::future::join_all(
            (0..5).map(|_| bring(&phone, &client, &raced, VERIFIER)),
        )
        .await;
        assert!(answers.iter().filter(|answer| answer.status == 200).count() <= 1);

        // A session that has ended has agreed to nothing.
        let unused = code(&bob, &client).await;
        bob.post("/sign-out", &[]).await;
        refused(&bring(&phone, &client, &unused, VERIFIER).await);
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

async fn standard(app: &TestApp, bob: &Person<'_>) {
    let program = oauth2::reqwest::Client::builder().no_proxy().build().unwrap();
    // It insists on https where it gives a token back.
    let carry = |mut request: oauth2::HttpRequest| {
        *request.uri_mut() = format!("{}{}", app.origin, request.uri().path()).parse().unwrap();
        program.call(request)
    };
    let redirect = "http://127.0.0.1:4711/in";
    let id = registered(app, &["http://127.0.0.1/in"]).await;
    let at = |path: &str| format!("{}{path}", app.origin);
    let client = BasicClient::new(ClientId::new(id))
        .set_auth_uri(AuthUrl::new(at("/oauth/authorize")).unwrap())
        .set_token_uri(TokenUrl::new(at("/api/v1/tokens")).unwrap())
        .set_revocation_url(
            RevocationUrl::new("https://desk.example/api/v1/tokens/revoke".to_owned()).unwrap(),
        )
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) =
        client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    let path = &url[url::Position::BeforePath..];
    bob.get(path).await.is_page(200);
    let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let back = led_back(&agree(bob, &fields).await, redirect);
    assert_eq!(&back["state"], state.secret());

    let code = || AuthorizationCode::new(back["code"].clone());
    let issued = client.exchange_code(code()).set_pkce_verifier(verifier);
    let issued = issued.request_async(&carry).await.unwrap();
    assert_eq!(issued.expires_in().unwrap().as_secs(), 900);
    let eve = app.eve();
    assert_eq!(me(&eve, issued.access_token().secret()).await.json()["email"], BOB.0);
    let refresh = issued.refresh_token().unwrap();
    let next = client.exchange_refresh_token(refresh).request_async(&carry).await.unwrap();
    assert_eq!(me(&eve, next.access_token().secret()).await.status, 200);
    let token: StandardRevocableToken = next.refresh_token().unwrap().into();
    client.revoke_token(token).unwrap().request_async(&carry).await.unwrap();
    assert_eq!(me(&eve, next.access_token().secret()).await.status, 401);

    // And it understands a refusal.
    let again = client
        .exchange_code(code())
        .set_pkce_verifier(PkceCodeVerifier::new("a".repeat(43)))
        .request_async(&carry)
        .await;
    let oauth2::RequestTokenError::ServerResponse(refused) = again.unwrap_err() else { panic!() };
    assert_eq!(refused.error(), &oauth2::basic::BasicErrorResponseType::InvalidGrant);
    let gone = RefreshToken::new(refresh.secret().clone());
    assert!(client.exchange_refresh_token(&gone).request_async(&carry).await.is_err());
}

#[test]
fn a_standard_client_gets_along_with_it() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        standard(app, &bob).await;
    });
}
