//! Nothing typed is lost when the session has expired: sign in and the form is there again, sent once.

use super::accounts::{BOB, mailed, sign_up};
use super::doors::{filled, guarded, is_for_machines};
use super::posts::{but, editor_of, save, written};
use super::sign_in::is_sent_to_sign_in;
use super::support::{ADA, Answer, Person, TestApp, with_app, with_settings};
use reqwest::Method;

/// A form on a page: where it goes, and what it would send if its first button were pressed.
#[derive(Debug, Clone)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The forms in the main part of a page that go to `action`.
    fn to(page: &Answer, action: &str) -> Self {
        let main = page.body.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
        let forms = main.split("<form ").skip(1).map(|form| form.split("</form>").next().unwrap());
        let mut found = forms.filter(|form| attribute(form, "action").as_deref() == Some(action));
        let form = found.next().unwrap_or_else(|| panic!("no form to {action}: {}", page.body));
        Self { action: action.to_owned(), fields: controls(form) }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Types something into a field.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn signing_in(self, (email, password): (&str, &str)) -> Self {
        self.with("email", email).with("password", password)
    }

    async fn send(&self, person: &Person<'_>) -> Answer {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        person.post(&self.action, &fields).await
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next().unwrap();
    let value =
        format!(" {tag}").split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.to_owned();
    Some(unescaped(&value))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn controls(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for control in form.split('<').skip(1) {
        let Some(name) = attribute(control, "name") else { continue };
        let kind = attribute(control, "type").unwrap_or_default();
        if control.starts_with("textarea ") {
            let text = unescaped(control.split_once('>').unwrap().1);
            fields.push((name, text.strip_prefix('\n').unwrap_or(&text).to_owned()));
        } else if control.starts_with("input ") {
            let tag = control.split('>').next().unwrap();
            let ticked =
                !["radio", "checkbox"].contains(&kind.as_str()) || tag.contains(" checked");
            fields.extend(ticked.then(|| (name, attribute(control, "value").unwrap_or_default())));
        }
    }
    fields
}

async fn sessions_run_out(app: &TestApp) {
    app.psql("update sessions set expires_at = now()").await;
}

/// Fills in the editor's form and sends it when the session has run out: the page that answers.
async fn too_late<'a>(app: &'a TestApp, text: &str) -> (Person<'a>, Form, Answer) {
    let ada = app.ada().await;
    let form = Form::to(&ada.get("/admin/posts/new").await, "/admin/posts/new");
    let form = form.with("title", "A long evening's <work>").with("topic", "Craft");
    let form = form.with("body", text).with("status", "published");
    sessions_run_out(app).await;
    let answer = form.send(&ada).await;
    answer.is_page(403);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
    (ada, form, answer)
}

const TEXT: &str = "Every word of it,\n\n\"quoted\" & <b>bold</b>.\n";

#[test]
fn after_the_sign_in_the_form_is_there_again_and_sent_once() {
    with_app(async |app| {
        let (ada, typed, page) = too_late(app, TEXT).await;
        assert!(page.body.contains("Sign in</h1>") && page.body.contains("has not been sent"));
        let wrong = Form::to(&page, "/sign-in").signing_in((ADA.0, "wrong")).send(&ada).await;
        assert!(wrong.status == 422 && wrong.body.contains("Email or password is wrong."));
        let right = Form::to(&wrong, "/sign-in").signing_in(ADA).send(&ada).await;
        right.is_page(200);
        assert_eq!(app.ask("select count(*) from posts").await, ["0"], "nothing is sent by itself");
        assert_eq!(ada.get("/admin").await.status, 200, "she is signed in");

        let again = Form::to(&right, "/admin/posts/new");
        let mut was = typed.fields.clone();
        let mut is = again.fields.clone();
        was.sort();
        is.sort();
        assert_eq!(is, was, "each word, and the same submission");
        for _ in 0..2 {
            let sent = again.send(&ada).await;
            assert_eq!(
                (sent.status, sent.location.as_str()),
                (303, "/posts/a-long-evening-s-work")
            );
        }
        let stored = app.ask("select title || '|' || body from posts").await;
        assert_eq!(stored, [format!("A long evening's <work>|{}", TEXT.trim())], "once");
    });
}

#[test]
fn it_can_be_looked_at_in_its_own_form_first() {
    with_app(async |app| {
        let (ada, typed, page) = too_late(app, TEXT).await;
        let page = Form::to(&page, "/sign-in").signing_in(ADA).send(&ada).await;
        let again = Form::to(&page, "/admin/posts/new").with("held-show", "on");
        let shown = again.send(&ada).await;
        shown.is_page(200);
        assert!(shown.body.contains("value=\"published\" checked"), "{}", shown.body);
        assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
        let form = Form::to(&shown, "/admin/posts/new");
        assert_eq!(form.value("submission"), typed.value("submission"));
        assert_eq!(form.value("body"), Some(TEXT));
        assert_eq!(form.send(&ada).await.status, 303);
        assert_eq!(form.send(&ada).await.status, 303);
        assert_eq!(app.ask("select count(*) from posts").await, ["1"]);
    });
}

#[test]
fn whoever_signs_in_by_a_mailed_link_comes_back_to_the_page_and_sends_it_from_there() {
    with_app(async |app| {
        let (ada, _, page) = too_late(app, TEXT).await;
        assert!(page.body.contains("formaction=\"/sign-in/link\""));
        let asks = Form { action: "/sign-in/link".into(), ..Form::to(&page, "/sign-in") };
        let without = asks.send(&ada).await;
        assert!(without.status == 422 && without.body.contains("email-error"), "{}", without.body);
        let asked = Form::to(&without, "/sign-in/link").with("email", ADA.0).send(&ada).await;
        asked.is_page(200);
        assert!(
            asked.body.contains("href=\"/check-your-mail\" target=\"_blank\""),
            "{}",
            asked.body
        );
        let form = Form::to(&asked, "/admin/posts/new");
        // Too early: it is only asked for again.
        assert_eq!(form.send(&ada).await.status, 403);
        let link = mailed(app, ADA.0, "/sign-in/link/").await;
        assert_eq!(ada.post(&link, &[]).await.location, "/admin");
        assert_eq!(form.send(&ada).await.status, 303);
        // Whatever the way in was, so could the first page have been.
        let first = Form::to(&page, "/admin/posts/new");
        assert_eq!(first.send(&ada).await.location, "/posts/a-long-evening-s-work");
        assert_eq!(app.ask("select count(*) from posts").await, ["1"]);
    });
}

#[test]
fn every_form_behind_a_sign_in_is_held_and_none_of_them_is_held_without_a_word_in_it() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        // The steps of a sign-in are none of them: what has come to nothing there is begun anew. Nor is what an app asks, or which
        // plan was chosen, as nothing is typed there: it is asked again (`tests/tokens_by_code.rs`, `tests/payments`).
        let forms = guarded().into_iter().filter(|route| route.method == "POST");
        let forms = forms.filter(|route| !route.path.starts_with("/sign-in"));
        let forms =
            forms.filter(|route| !["/oauth/authorize", "/membership"].contains(&route.path));
        let mut seen = 0;
        for route in forms.filter(|route| !is_for_machines(route.path)) {
            let (eve, path) = (app.eve(), filled(route.path));
            let held = eve.post(&path, &[("note", "Two \"words\"."), ("submission", "x")]).await;
            held.is_page(403);
            let sign_in = Form::to(&held, "/sign-in");
            assert_eq!(sign_in.value("held:note"), Some("Two \"words\"."), "{path}");
            assert_eq!(sign_in.value("held-to"), Some(path.as_str()));
            let empty = eve.post(&path, &[("note", ""), ("submission", "x")]).await;
            assert_eq!((empty.status, empty.location.as_str()), (303, "/sign-in"), "{path}");
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    });
}

#[test]
fn a_member_is_led_back_to_their_own_form_and_a_button_to_their_own_page() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let form = Form::to(&bob.get("/account/profile").await, "/account/profile");
        sessions_run_out(app).await;
        let page = form.with("name", "Robert").send(&bob).await;
        let page = Form::to(&page, "/sign-in").signing_in(BOB).send(&bob).await;
        let sent = Form::to(&page, "/account/profile").send(&bob).await;
        assert_eq!((sent.status, sent.location.as_str()), (303, "/account"), "{}", sent.body);
        assert_eq!(app.ask("select name from accounts where email like 'bob@%'").await, ["Robert"]);
        sessions_run_out(app).await;
        let pressed = bob.post("/account/sessions/end", &[]).await;
        assert_eq!((pressed.status, pressed.location.as_str()), (303, "/sign-in"));
        let form = Form::to(&bob.get("/sign-in").await, "/sign-in").signing_in(BOB);
        assert_eq!(form.send(&bob).await.location, "/account");
        // Where the browser says on which page it stood, they are led back there; another site's page is none of ours.
        sessions_run_out(app).await;
        let press = async |page: String| {
            let request =
                bob.request(Method::POST, "/account/sessions/end").header("referer", page);
            let request = request.header("origin", bob.origin());
            bob.send(request.header("sec-fetch-site", "same-origin")).await.location
        };
        let origin = bob.origin();
        let (list, then) =
            ("/account/orders?before=x", "/sign-in?next=%2Faccount%2Forders%3Fbefore%3Dx");
        assert_eq!(press(format!("{origin}{list}")).await, then);
        for elsewhere in ["https://evil.example/account", "/account", "nonsense", ""] {
            assert_eq!(press(elsewhere.to_owned()).await, "/sign-in", "{elsewhere}");
        }
        for nowhere in ["/sign-in/code", "/account/sessions/end"] {
            assert_eq!(press(format!("{origin}{nowhere}")).await, "/sign-in", "{nowhere}");
        }
    });
}

#[test]
fn passwords_and_files_are_not_held_and_that_is_said() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        sessions_run_out(app).await;
        let new = "another sentence altogether";
        let fields = [("current_password", BOB.1), ("password", new)];
        let page = bob.post("/account/password", &fields).await;
        let again = Form::to(&page, "/sign-in").signing_in(BOB).send(&bob).await;
        for page in [&page, &again] {
            assert!(page.body.contains("Passwords are not kept"), "{}", page.body);
            assert!(!page.body.contains(new) && !page.body.contains(BOB.1), "{}", page.body);
        }
        let form = Form::to(&again, "/account/password");
        assert_eq!(form.value("password"), Some(""));
        let form = form.with("current_password", BOB.1).with("password", new);
        assert_eq!(form.send(&bob).await.location, "/account");

        let eve = app.eve();
        let file = reqwest::multipart::Part::bytes(b"PNG".to_vec()).file_name("a.png");
        let form =
            reqwest::multipart::Form::new().text("title", "With a picture").part("image", file);
        let request = eve.request(Method::POST, "/admin/posts/new").multipart(form);
        let page = eve.send(request.header("origin", &app.origin)).await;
        page.is_page(403);
        assert!(page.body.contains("Files are not kept") && !page.body.contains("PNG"));
        let again = Form::to(&page, "/sign-in").signing_in(ADA).send(&eve).await;
        assert!(again.body.contains("Files are not kept") && again.body.contains("With a picture"));
    });
}

#[test]
fn no_other_site_puts_a_form_into_anyones_hands() {
    with_app(async |app| {
        let (eve, evil) = (app.eve(), "https://evil.example");
        let planted =
            [("title", "Planted"), ("body", "x"), ("topic", "y"), ("status", "published")];
        let cross = eve.request(Method::POST, "/admin/posts/new").form(&planted);
        let refused = eve.send(cross.header("origin", evil)).await;
        refused.is_page(403);
        assert!(refused.body.contains("sent from another site") && !refused.body.contains("held"));
        // One that does not say where it comes from is not held either.
        let silent = eve.send(eve.request(Method::POST, "/admin/posts/new").form(&planted)).await;
        is_sent_to_sign_in_plainly(&silent);

        let held = [
            ("email", ADA.0),
            ("password", ADA.1),
            ("held-to", "/admin/posts/new"),
            ("held:title", "Planted"),
        ];
        let cross = eve.request(Method::POST, "/sign-in").form(&held).header("origin", evil);
        let refused = eve.send(cross).await;
        assert!(refused.status == 403 && !refused.body.contains("held"), "{}", refused.body);
        let silent = eve.send(eve.request(Method::POST, "/sign-in").form(&held)).await;
        assert!(silent.body.contains("Please confirm") && !silent.body.contains("held"));
        // Where forms of others are taken, and where nobody is asked who they are, nothing is carried along.
        let lead =
            [("name", "Ann"), ("email", "ann@example.test"), ("message", "Hello over there.")];
        let lead: Vec<_> = lead.into_iter().chain(held.into_iter().skip(2)).collect();
        assert_eq!(eve.post("/contact", &lead).await.location, "/contact/thanks");
        // Nor does it lead anywhere but to our own pages.
        for elsewhere in ["https://evil.example/", "//evil.example", "/api/v1/posts", "x", ""] {
            let form =
                held.map(|(name, value)| (name, if name == "held-to" { elsewhere } else { value }));
            let answer = app.eve().post("/sign-in", &form).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{elsewhere}");
        }
    });
}

fn is_sent_to_sign_in_plainly(answer: &Answer) {
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"), "{}", answer.body);
}

#[test]
fn what_is_too_long_to_be_carried_along_is_kept_in_its_own_window() {
    with_app(async |app| {
        let ada = app.ada().await;
        save(&ada, "/admin/posts/new", &written("A wall", "x", "published")).await;
        let editor = editor_of(app, "a-wall").await;
        sessions_run_out(app).await;
        // As multipart it is shorter than as browsers send it otherwise.
        let long = "ü".repeat(190_000);
        let form = but(written("A wall", &long, "published"), "slug", "a-wall");
        let parts = form.iter().fold(reqwest::multipart::Form::new(), |parts, (name, value)| {
            parts.text((*name).to_owned(), (*value).to_owned())
        });
        let request = ada.request(Method::POST, &editor).multipart(parts);
        let page = ada.send(request.header("origin", &app.origin)).await;
        page.is_page(403);
        assert!(
            page.body.contains("href=\"/sign-in\" target=\"_blank\"")
                && !page.body.contains("held:")
        );
        let kept = Form::to(&page, &editor);
        assert!(kept.value("body") == Some(&long), "every word of it");
        // Longer than the door takes from anyone, it is said to be so.
        let longer = "x".repeat(1_100_000);
        ada.post(&editor, &[("body", &longer)]).await.is_page(413);
        let many: Vec<(&str, &str)> = (0..500).map(|_| ("a", "b")).collect();
        is_sent_to_sign_in_plainly(&ada.post(&editor, &many).await);
        is_sent_to_sign_in(&ada.get("/admin").await);
    });
}

#[test]
fn whoever_comes_too_often_keeps_what_is_carried_along() {
    with_app(async |app| {
        let (ada, _, page) = too_late(app, TEXT).await;
        let form = Form::to(&page, "/sign-in").signing_in((ADA.0, "wrong"));
        let refused = loop {
            let answer = form.send(&ada).await;
            if answer.status != 422 {
                break answer;
            }
        };
        assert_eq!(refused.status, 429);
        let again = Form::to(&refused, "/sign-in");
        assert!(again.value("held:body") == Some(TEXT) && !refused.body.contains(">Held"));
    });
}
