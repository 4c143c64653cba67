//! Did this form come from our own pages? Asked of every form, and answered without a token in any page.

use super::contact::{ANN, ann_but};
use super::support::{ADA, Answer, Person, TestApp, with_app, with_settings};
use reqwest::Method;
use std::time::Duration;

const EVIL: &str = "https://evil.example";

/// Sends a form with these headers and no others that tell where it comes from.
async fn send(
    person: &Person<'_>,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(String, String)],
) -> Answer {
    let request = person.request(Method::POST, path).form(fields);
    person
        .send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the form on the page would send if its button were pressed: its inputs, in their order.
fn inputs(page: &Answer) -> Vec<(String, String)> {
    let main = page.body.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
        let text = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        Some(text.replace("&amp;", "&"))
    };
    let tags = main.split("<input").skip(1).map(|tag| tag.split_once('>').unwrap().0);
    tags.filter_map(|tag| {
        Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
    })
    .collect()
}

/// Asserts that the visitor is asked whether this was meant, and gives what the button would send.
fn asks(answer: &Answer) -> Vec<(String, String)> {
    answer.is_page(403);
    assert!(answer.body.contains("Please confirm"), "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let fields = inputs(answer);
    assert!(fields.iter().any(|(name, value)| name == "confirm" && value.len() > 64), "{fields:?}");
    fields
}

async fn leads(app: &TestApp) -> String {
    app.ask("select count(*) from leads").await.remove(0)
}

#[test]
fn a_form_from_another_site_stores_nothing_and_loses_nothing() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let typed = owned(&ann_but(&[("company", "\"Li\" & <Co>"), ("utm_source", "mail")]));
        let same = ("sec-fetch-site", "same-origin");
        let cross = ("sec-fetch-site", "cross-site");
        for headers in [
            &[cross, ("origin", EVIL)][..],
            &[cross],
            &[("origin", EVIL)],
            &[("origin", "null")],
            &[("origin", "")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://blog.127.0.0.1")],
            &[("sec-fetch-site", "none"), ("origin", EVIL)],
            &[cross, ("origin", &app.origin)],
            &[same, cross],
            &[("origin", &app.origin), ("origin", &app.origin)],
            &[("origin", &app.origin.to_uppercase())],
            &[("origin", &format!("{}.evil.example", app.origin))],
            &[("referer", "https://evil.example/contact")],
            &[("referer", &format!("https://evil.example/{}/contact", app.origin))],
            &[("referer", "nonsense")],
        ] {
            let answer = send(&ada, "/contact", headers, &typed).await;
            answer.is_page(403);
            assert!(answer.body.contains(r#"method="post" action="/contact""#), "{}", answer.body);
            assert_eq!(inputs(&answer), typed, "{headers:?}");
        }
        assert_eq!(leads(app).await, "0");
        // It is still in hand, and sent from our page now.
        let shown = inputs(&send(&eve, "/contact", &[("origin", EVIL)], &typed).await);
        let answer = send(&eve, "/contact", &[("origin", &app.origin), same], &shown).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        assert_eq!(app.ask("select company || utm_source from leads").await, ["\"Li\" & <Co>mail"]);
    });
}

#[test]
fn a_form_from_one_of_our_own_pages_needs_no_more() {
    let settings = [("TRUSTED_ORIGINS", "https://friend.example")];
    with_settings(&settings, async |app| {
        let ada = app.ada().await;
        let page = format!("{}/contact?utm_source=mail", app.origin);
        let localhost = app.origin.replace("127.0.0.1", "localhost");
        for (number, headers) in [
            &[("sec-fetch-site", "same-origin"), ("origin", app.origin.as_str())][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("origin", &app.origin)],
            &[("origin", &localhost)],
            &[("referer", &page)],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://friend.example")],
            &[("origin", "https://friend.example")],
        ]
        .into_iter()
        .enumerate()
        {
            let typed = owned(&ann_but(&[("name", &format!("Ann {number}"))]));
            let answer = send(&ada, "/contact", headers, &typed).await;
            assert_eq!(answer.status, 303, "{headers:?}");
            assert_eq!(leads(app).await, (number + 1).to_string(), "{headers:?}");
        }
    });
}

#[test]
fn who_says_nothing_and_is_nobody_may_write_to_us() {
    with_app(async |app| {
        assert_eq!(send(&app.eve(), "/contact", &[], &owned(&ANN)).await.status, 303);
        assert_eq!(leads(app).await, "1");
    });
}

#[test]
fn who_says_nothing_and_is_signed_in_is_asked_once() {
    with_app(async |app| {
        let ada = app.ada().await;
        let message = "Two\r\nlines, \"quoted\" & <b>.";
        let typed = owned(&ann_but(&[("message", message), ("submission", "x")]));
        let fields = asks(&send(&ada, "/contact", &[], &typed).await);
        assert_eq!(fields[..fields.len() - 1], typed, "and the token last");
        assert_eq!(leads(app).await, "0");
        // As browsers send it, with another kind of line end in between.
        let sent: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("\r\n", "\n")))
            .collect();
        for _ in 0..2 {
            let answer = send(&ada, "/contact", &[], &sent).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        }
        assert_eq!(app.ask("select message from leads").await, ["Two\nlines, \"quoted\" & <b>."]);
    });
}

#[test]
fn a_confirmation_is_for_this_form_here_by_this_person_and_not_for_long() {
    with_app(async |app| {
        let lead = [
            "lead",
            "add",
            "--name",
            "Ann",
            "--email",
            "ann@example.test",
            "--message",
            "Hello there.",
        ];
        assert_eq!(app.cli(&lead, "").code, 0);
        let (ada, also_ada) = (app.ada().await, app.ada().await);
        let id = app.ask("select id from leads").await.remove(0);
        let notes = format!("/admin/leads/{id}/notes");
        let typed =
            owned(&[("note", "Rang."), ("submission", "01890000-0000-7000-8000-000000000000")]);
        let fields = asks(&send(&ada, &notes, &[], &typed).await);
        let changed = |name: &str, value: &str| {
            let change = |(field, old): &(String, String)| {
                (field.clone(), if field == name { value.to_owned() } else { old.clone() })
            };
            fields.iter().map(change).collect::<Vec<_>>()
        };
        let token = fields.last().unwrap().1.clone();
        let (expires, signature) = token.split_once('.').unwrap();
        let later = format!("{}.{signature}", expires.parse::<i64>().unwrap() + 60);
        for wrong in [
            changed("note", "Rang twice."),
            changed("submission", "01890000-0000-7000-8000-000000000001"),
            changed("confirm", ""),
            changed("confirm", "x.y"),
            changed("confirm", &later),
            changed("confirm", expires),
            changed("confirm", &format!("{expires}.")),
            changed("confirm", &token[..token.len() - 2]),
            [&fields[..], &owned(&[("extra", "field")])].concat(),
            fields[..fields.len() - 1].to_vec(),
        ] {
            asks(&send(&ada, &notes, &[], &wrong).await);
        }
        asks(&send(&also_ada, &notes, &[], &fields).await);
        asks(&send(&ada, &format!("{notes}?x=y"), &[], &fields).await);
        asks(&send(&ada, &format!("/admin/leads/{id}/status"), &[], &fields).await);
        send(&ada, &notes, &[("origin", EVIL)], &fields).await.is_page(403);
        assert_eq!(app.ask("select count(*) from lead_history").await, ["0"]);

        app.state.clock.advance(Duration::from_secs(595));
        for _ in 0..2 {
            assert_eq!(send(&ada, &notes, &[], &fields).await.status, 303);
            assert_eq!(app.ask("select note from lead_history").await, ["Rang."], "once");
        }
        let fields = asks(&send(&ada, &notes, &[], &owned(&[("note", "Rang again.")])).await);
        app.state.clock.advance(Duration::from_secs(602));
        asks(&send(&ada, &notes, &[], &fields).await);
        assert_eq!(app.ask("select count(*) from lead_history").await, ["1"]);
    });
}

#[test]
fn a_text_browser_signs_in_with_one_more_click() {
    with_app(async |app| {
        let ada = app.eve();
        let typed = owned(&[("email", ADA.0), ("password", ADA.1), ("next", "/admin/leads")]);
        let page = send(&ada, "/sign-in", &[], &typed).await;
        let mut fields = asks(&page);
        assert!(!page.body.contains(ADA.1) && page.body.contains(ADA.0), "{}", page.body);
        assert!(!page.headers.contains_key("set-cookie"));
        let password =
            fields.iter_mut().find(|(name, _)| name == "password").expect("asked for again");
        assert_eq!(password.1, "");
        ADA.1.clone_into(&mut password.1);
        let answer = send(&ada, "/sign-in", &[], &fields).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (303, "/admin/leads"),
            "{}",
            answer.body
        );
        assert_eq!(ada.get("/admin/leads").await.status, 200);
        // Nobody is signed in, or out, by a form that says nothing about where it comes from.
        asks(&send(&ada, "/sign-out", &[], &[]).await);
        assert_eq!(ada.get("/admin").await.status, 200);
    });
}

#[test]
fn a_password_from_another_site_is_not_shown_to_anyone() {
    with_app(async |app| {
        let typed = owned(&[("email", ADA.0), ("password", ADA.1)]);
        let answer = send(&app.eve(), "/sign-in", &[("origin", EVIL)], &typed).await;
        answer.is_page(403);
        assert!(answer.body.contains(ADA.0) && !answer.body.contains(ADA.1), "{}", answer.body);
        assert_eq!(app.ask("select count(*) from sessions").await, ["0"]);
    });
}

#[test]
fn a_multipart_form_that_says_nothing_can_be_confirmed_as_well() {
    with_app(async |app| {
        let ada = app.ada().await;
        let form = ANN
            .into_iter()
            .fold(reqwest::multipart::Form::new(), |form, (name, text)| form.text(name, text));
        let fields = asks(&ada.send(ada.request(Method::POST, "/contact").multipart(form)).await);
        assert_eq!(leads(app).await, "0");
        assert_eq!(send(&ada, "/contact", &[], &fields).await.status, 303);
        assert_eq!(leads(app).await, "1");
    });
}
