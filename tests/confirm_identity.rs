//! What matters most asks for a proof of the last ten minutes, and whoever gives it loses nothing on the way.

use super::accounts::{BOB, mailed, sign_up};
use super::sign_in::{cookie, is_sent_to_sign_in, sign_in};
use super::support::{ADA, Answer, TestApp, with_app, with_settings};
use frontdesk::routes;
use reqwest::Method;

const ANN: &str = "ann@example.test";

/// Everybody proved who they are eleven minutes ago.
pub async fn later(app: &TestApp) {
    app.psql("update sessions set proven_at = now() - interval '11 minutes'").await;
}

/// What stands in the fields of the form of a page that posts to `action`.
pub fn fields(answer: &Answer, action: &str) -> Vec<(String, String)> {
    let start = format!(r#"action="{action}""#);
    let (_, form) = answer.body.split_once(&start).unwrap_or_else(|| panic!("{}", answer.body));
    let form = form.split("</form>").next().unwrap();
    let plain = |text: &str| {
        let pairs = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let value = |tag: &str, name: &str| {
        tag.split_once(&format!(" {name}=\""))
            .map(|(_, rest)| plain(rest.split('"').next().unwrap()))
    };
    let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    let inputs =
        inputs.map(|tag| (value(tag, "name").unwrap(), value(tag, "value").unwrap_or_default()));
    let areas = form.split("<textarea").skip(1).map(|rest| {
        let (tag, rest) = rest.split_once('>').unwrap();
        (
            value(tag, "name").unwrap(),
            plain(rest.split("</textarea>").next().unwrap()).trim_start().to_owned(),
        )
    });
    inputs.chain(areas).collect()
}

pub fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The fields with another value in one of them.
fn with<'a>(
    fields: &'a [(String, String)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut pairs = pairs(fields);
    pairs.retain(|(known, _)| *known != name);
    pairs.push((name, value));
    pairs
}

#[test]
fn these_doors_ask_for_a_proof_of_the_last_ten_minutes() {
    let table = routes::table();
    let recent: Vec<String> = table
        .iter()
        .filter(|route| route.proof.ends_with(", proven lately"))
        .map(|route| format!("{} {}: {}", route.method, route.path, route.proof))
        .collect();
    let owner = "an owner, proven lately";
    let mut expected = [
        "GET /admin/people/{email}/export",
        "POST /admin/people/erase",
        "GET /admin/audit.csv",
        "POST /admin/invites",
        "POST /admin/invites/{id}/again",
        "POST /admin/invites/{id}/end",
        "POST /admin/staff/{id}/role",
        "POST /admin/staff/{id}/deactivate",
        "POST /admin/staff/{id}/activate",
    ]
    .map(|route| format!("{route}: {owner}"))
    .to_vec();
    expected.push("GET /admin/subscribers.csv: staff, proven lately".to_owned());
    expected.push("POST /account/identities/remove: a member, proven lately".to_owned());
    for route in &expected {
        assert!(
            recent.contains(route),
            "{route} is open to whoever finds a screen unlocked: {recent:?}"
        );
    }
    // Whatever is typed there fits into what is carried along, however it is written.
    let carried =
        table.iter().find(|route| route.path == "/confirm-identity" && route.method == "POST");
    let carried = carried.and_then(|route| route.body).unwrap();
    for route in table.iter().filter(|route| route.proof.ends_with(", proven lately")) {
        assert!(route.body.unwrap_or_default() * 10 <= carried, "{}", route.path);
    }
}

#[test]
fn each_of_them_asks_and_does_nothing_until_then() {
    with_app(async |app| {
        let ada = app.ada().await;
        later(app).await;
        let before = app.ask("select count(*) from audit").await;
        let id = app.ask("select id from staff").await.remove(0);
        for route in routes::table() {
            if !route.proof.ends_with(", proven lately") {
                continue;
            }
            let path = route.path.replace("{email}", ANN).replace("{id}", &id);
            if route.method == "GET" {
                let answer = ada.get(&path).await;
                let whereto = format!(
                    "/confirm-identity?next={}",
                    path.replace('/', "%2F").replace('@', "%40")
                );
                assert_eq!((answer.status, answer.location), (303, whereto));
            } else {
                let answer = ada.post(&path, &[("role", "editor"), ("email", ANN)]).await;
                answer.is_page(403);
                assert!(answer.body.contains("Is it you?"), "{path}: {}", answer.body);
            }
        }
        assert_eq!(app.ask("select count(*) from audit").await, before);
        assert_eq!(ada.get("/admin/staff").await.status, 200, "to look at it is nothing");
    });
}

#[test]
fn whoever_wanted_to_look_goes_on_there_with_a_new_session_id() {
    with_app(async |app| {
        let ada = app.eve();
        let before = cookie(&sign_in(&ada, ADA.0, ADA.1).await, "sid").unwrap().0;
        later(app).await;
        let row = app.ask("select id::text || expires_at from sessions").await;
        let answer = ada.get("/admin/subscribers.csv").await;
        let page = ada.get(&answer.location).await;
        page.is_page(200);
        let form = fields(&page, "/confirm-identity");
        assert!(pairs(&form).contains(&("next", "/admin/subscribers.csv")), "{form:?}");
        assert!(!page.body.contains("held"));
        let wrong = ada.post("/confirm-identity", &with(&form, "password", "wrong")).await;
        assert!(wrong.status == 422 && wrong.body.contains("password-error"), "{}", wrong.body);
        assert!(!wrong.body.contains(r#"value="wrong""#));
        let form = fields(&wrong, "/confirm-identity");
        let right = ada.post("/confirm-identity", &with(&form, "password", ADA.1)).await;
        assert_eq!((right.status, right.location.as_str()), (303, "/admin/subscribers.csv"));
        let (after, attributes) = cookie(&right, "sid").unwrap();
        assert_ne!(before, after);
        let lasts: i64 = attributes
            .split("Max-Age=")
            .nth(1)
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!((604_700..=604_800).contains(&lasts), "{lasts}");
        assert_eq!(
            app.ask("select id::text || expires_at from sessions").await,
            row,
            "the same session"
        );
        assert_eq!(ada.get(&right.location).await.status, 200);
        let eve = app.eve();
        let stolen = eve.request(Method::GET, "/admin").header("cookie", format!("sid={before}"));
        is_sent_to_sign_in(&eve.send(stolen).await);
        let acts = "select act from audit where act like 'identity%' order by act";
        app.comes_to(acts, "identity-confirmed|identity-not-confirmed").await;
    });
}

#[test]
fn what_was_typed_is_shown_again_and_sent_once() {
    with_app(async |app| {
        let ada = app.ada().await;
        app.psql(
            "insert into leads (id, name, email, message, status, source, fingerprint)
             values (gen_random_uuid(), 'Ann', 'ann@example.test', 'Words.', 'new', 'cli', sha256('1'))",
        )
        .await;
        later(app).await;
        let note = "Two\nlines & \"quotes\" <b>";
        let typed = [
            ("email", ANN),
            ("confirmation", ANN),
            ("note", note),
            ("password", "hunter2"),
            ("submission", "01890000-0000-7000-8000-000000000001"),
        ];
        let asked = ada.post("/admin/people/erase", &typed).await;
        asked.is_page(403);
        assert!(!asked.body.contains("hunter2"), "{}", asked.body);
        let form = fields(&asked, "/confirm-identity");
        // Wrong once, nothing is lost; too long, nothing either.
        let wrong = ada.post("/confirm-identity", &with(&form, "password", "wrong")).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        let kept = fields(&wrong, "/confirm-identity");
        for name in ["held-to", "held:note", "held:submission"] {
            let of = |form: &[(String, String)]| {
                form.iter().find(|pair| pair.0 == name).cloned().unwrap()
            };
            assert_eq!(of(&kept), of(&form));
        }
        let right = ada.post("/confirm-identity", &with(&kept, "password", ADA.1)).await;
        right.is_page(200);
        assert!(cookie(&right, "sid").is_some());
        let again = fields(&right, "/admin/people/erase");
        assert_eq!(app.ask("select count(*) from leads").await, ["1"], "nothing has happened yet");
        for (name, value) in typed {
            let expected = if name == "password" { "" } else { value };
            assert!(pairs(&again).contains(&(name, expected)), "{name}: {again:?}");
        }
        for _ in 0..2 {
            let done = ada.post("/admin/people/erase", &pairs(&again)).await;
            assert_eq!(
                (done.status, done.location.as_str()),
                (303, "/admin/people"),
                "{}",
                done.body
            );
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
        assert_eq!(app.ask("select count(*) from audit where act = 'person-erased'").await, ["1"]);
        assert_eq!(app.tables_with(ANN).await, [""; 0]);
    });
}

#[test]
fn a_button_without_fields_comes_back_too() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(
            app.cli(&["user", "add", "--email", "bea@example.test", "--name", "Bea"], "").code,
            0
        );
        let bea = app.ask("select id from accounts where name = 'Bea'").await.remove(0);
        let path = format!("/admin/staff/{bea}/deactivate");
        later(app).await;
        let form = fields(&ada.post(&path, &[]).await, "/confirm-identity");
        let right = ada.post("/confirm-identity", &with(&form, "password", ADA.1)).await;
        right.is_page(200);
        assert_eq!(fields(&right, &path), []);
        assert_eq!(ada.post(&path, &[]).await.status, 303);
    });
}

#[test]
fn whoever_has_no_password_proves_it_by_mail() {
    with_app(async |app| {
        let ada = app.ada().await;
        app.psql("update accounts set password_hash = null").await;
        later(app).await;
        let typed = [("email", "bea@example.test"), ("role", "editor")];
        let asked = ada.post("/admin/invites", &typed).await;
        let form = fields(&asked, "/confirm-identity");
        let none = ada.post("/confirm-identity", &with(&form, "password", "anything")).await;
        assert!(none.status == 422 && none.body.contains("You have no password."), "{}", none.body);
        let by_mail = fields(&none, "/confirm-identity/link");
        let waiting = ada.post("/confirm-identity/link", &pairs(&by_mail)).await;
        waiting.is_page(200);
        let again = fields(&waiting, "/admin/invites");
        assert_eq!(pairs(&again), typed);
        // Too early.
        ada.post("/admin/invites", &pairs(&again)).await.is_page(403);
        let link = mailed(app, ADA.0, "/sign-in/link/").await;
        assert_eq!(ada.post(&link, &[]).await.location, "/admin");
        assert_eq!(app.ask("select count(*) from sessions").await, ["1"], "the one before is over");
        assert_eq!(ada.post("/admin/invites", &pairs(&again)).await.location, "/admin/staff");

        later(app).await;
        let page = ada.get(&ada.get("/admin/audit.csv").await.location).await;
        let form = fields(&page, "/confirm-identity/link");
        assert_eq!(
            ada.post("/confirm-identity/link", &pairs(&form)).await.location,
            "/check-your-mail"
        );
        let link = mailed(app, ADA.0, "/sign-in/link/").await;
        assert_eq!(ada.post(&link, &[]).await.location, "/admin/audit.csv");
        assert_eq!(ada.get("/admin/audit.csv").await.status, 200);
    });
}

#[test]
fn guesses_are_counted_like_those_at_sign_in() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let ada = app.ada().await;
        later(app).await;
        let form =
            [("held-to", "/admin/invites"), ("held:email", "a@b.example"), ("password", "wrong")];
        let mut guesses = 0;
        let refused = loop {
            let guesser = ada.coming_from(&format!("198.51.100.{guesses}"));
            let answer = guesser.post("/confirm-identity", &form).await;
            if answer.status != 422 {
                break answer;
            }
            guesses += 1;
            assert!(guesses < 60, "nobody stops her");
        };
        assert!((18..=20).contains(&guesses), "{guesses}");
        refused.is_page(429);
        assert!(refused.body.contains(r#"type="hidden" name="held:email" value="a@b.example""#));
        // The same guesses are none left for the other door of this account.
        let current = [("current_password", "wrong"), ("password", "another sentence altogether")];
        ada.coming_from("203.0.113.9").post("/account/password", &current).await.is_page(429);
    });
}

#[test]
fn a_first_password_is_chosen_by_whoever_has_just_proven_who_they_are() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, "").await;
        later(app).await;
        let form = [("password", BOB.1)];
        let asked = bob.post("/account/password", &form).await;
        asked.is_page(403);
        assert!(!asked.body.contains(BOB.1));
        assert_eq!(app.ask("select password_hash from accounts where name = 'Bob'").await, [""]);
        let form_by_mail = fields(&asked, "/confirm-identity/link");
        bob.post("/confirm-identity/link", &pairs(&form_by_mail)).await.is_page(200);
        bob.post(&mailed(app, BOB.0, "/sign-in/link/").await, &[]).await;
        assert_eq!(bob.post("/account/password", &form).await.location, "/account");
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.status, 303);
    });
}

#[test]
fn nobody_is_sent_on_to_another_site_and_nothing_from_there_is_shown() {
    with_app(async |app| {
        let ada = app.ada().await;
        for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example", "x", ""] {
            let form = [("next", elsewhere), ("password", ADA.1)];
            assert_eq!(
                ada.post("/confirm-identity", &form).await.location,
                "/account",
                "{elsewhere:?}"
            );
            let form = [("held-to", elsewhere), ("held:a", "b"), ("password", ADA.1)];
            assert_eq!(ada.post("/confirm-identity", &form).await.location, "/account");
        }
        let page =
            ada.get("/confirm-identity?next=/admin&held-to=/admin/invites&held:email=evil").await;
        assert!(page.status == 200 && !page.body.contains("held"), "{}", page.body);
        let form = [("held-to", "/admin/invites"), ("held:email", "a@b"), ("password", ADA.1)];
        let foreign = ada.request(Method::POST, "/confirm-identity").form(&form);
        let answer = ada.send(foreign.header("origin", "https://evil.example")).await;
        answer.is_page(403);
    });
}

#[test]
fn a_link_that_nobody_carries_is_read_by_an_owner_who_has_just_proven_who_they_are() {
    with_app(async |app| {
        let ada = app.ada().await;
        app.eve().post("/forgot-password", &[("email", ADA.0)]).await;
        mailed(app, ADA.0, "/forgot-password/").await;
        let entry = format!("/admin/outbox/{}", app.ask("select id from outbox").await[0]);
        later(app).await;
        let asked = ada.get(&entry).await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        assert!(asked.location.starts_with("/confirm-identity?next="));
        let form = [("next", entry.as_str()), ("password", ADA.1)];
        assert_eq!(ada.post("/confirm-identity", &form).await.location, entry);
        assert!(ada.get(&entry).await.body.contains("/forgot-password/"));
    });
}
