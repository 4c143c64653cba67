//! The contact form: what it takes, what it says, what it keeps.

use super::support::{Answer, Person, with_app, with_settings};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

/// A form as people fill it in.
pub const ANN: [(&str, &str); 3] = [
    ("name", "Ann Li"),
    ("email", "ann@example.test"),
    ("message", "Could you paint our boat's name?"),
];

/// The same, with other words in some fields.
pub fn ann_but<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = ANN.into_iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    kept.chain(changes.iter().copied()).collect()
}

#[test]
fn a_visitor_becomes_a_lead_and_is_thanked() {
    with_app(async |app| {
        let eve = app.eve();
        let answer = eve.post("/contact", &ANN).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        assert_eq!(eve.get("/contact/thanks").await.status, 200);
        assert_eq!(
            app.ask("select concat_ws('|', name, email, message, source, status) from leads").await,
            ["Ann Li|ann@example.test|Could you paint our boat's name?|website-form|new"],
        );
    });
}

#[test]
fn what_is_wrong_is_said_and_what_was_typed_stays() {
    with_app(async |app| {
        let typed = [
            ("name", "A"),
            ("email", "nowhere"),
            ("message", "Too short"),
            ("company", "Fish & Co"),
        ];
        let answer = app.eve().post("/contact", &typed).await;
        assert_eq!(answer.status, 422);
        for expected in [
            r##"<a href="#name">Enter your name, 2 to 100 characters.</a>"##,
            r#"id="email-error""#,
            r#"aria-describedby="#,
            r#"aria-invalid="true""#,
            r#"value="nowhere""#,
            "Too short</textarea>",
            "Fish &amp; Co",
            r#"id="error-summary""#,
            "autofocus",
        ] {
            assert!(answer.body.contains(expected), "{expected} is missing:\n{}", answer.body);
        }
        assert_eq!(app.ask("select id from leads").await.len(), 0);
    });
}

#[test]
fn five_wrong_fields_get_one_message_each() {
    with_app(async |app| {
        let (company, phone) = ("c".repeat(201), "5".repeat(51));
        let typed = [
            ("name", "\u{1}"),
            ("email", "no\u{1}where"),
            ("company", &company),
            ("phone", &phone),
            ("message", "\u{1}"),
        ];
        let answer = app.eve().post("/contact", &typed).await;
        answer.is_page(422);
        for (name, _) in typed {
            let (before, after) =
                answer.body.split_once(&format!(r#"id="{name}-error""#)).expect(name);
            assert!(!after.contains(&format!(r#"id="{name}-error""#)), "{name} twice");
            let messages = after.split("</p>").next().unwrap();
            assert_eq!(messages.matches("<span").count(), 1, "{name}: {messages}");
            assert_eq!(before.matches(&format!(r##"<a href="#{name}""##)).count(), 1, "{name}");
        }
        assert_eq!(answer.body.matches(r#" aria-invalid="true""#).count(), 5);
    });
}

#[test]
fn a_form_sent_as_multipart_is_read_the_same() {
    with_app(async |app| {
        let eve = app.eve();
        let filled =
            || ANN.into_iter().fold(Form::new(), |form, (name, text)| form.text(name, text));
        let send = async |form: Form| {
            let request = eve.request(Method::POST, "/contact").multipart(form);
            eve.send(request.header("origin", &app.origin)).await
        };
        let left_empty = Part::bytes(Vec::new()).file_name("");
        let answer = send(filled().text("company", "Łódź \"&\" 船").part("file", left_empty)).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        assert_eq!(
            app.ask("select concat_ws('|', name, company, message) from leads").await,
            ["Ann Li|Łódź \"&\" 船|Could you paint our boat's name?"],
        );
        let answer = send(Form::new().text("name", "Ann Li")).await;
        answer.is_page(422);
        assert!(answer.body.contains(r#"value="Ann Li""#), "{}", answer.body);
        send(filled().part("file", Part::bytes(vec![1]).file_name("boat.png"))).await.is_page(415);
        assert_eq!(app.ask("select count(*) from leads").await, ["1"]);
    });
}

#[test]
fn control_characters_are_an_error_of_their_field() {
    with_app(async |app| {
        let eve = app.eve();
        for control in ["\0", "\u{1}", "\u{1b}", "\u{7f}", "\u{85}x"] {
            let text = format!("Ann{control}@example.test writes");
            let fields = ["name", "email", "company", "phone", "message"];
            let answer = eve.post("/contact", &fields.map(|name| (name, text.as_str()))).await;
            answer.is_page(422);
            for name in fields {
                let error = format!(r#"id="{name}-error""#);
                assert!(answer.body.contains(&error), "{control:?} in {name} was let through");
            }
        }
        for name in ["name", "company", "phone"] {
            let two_lines = eve.post("/contact", &ann_but(&[(name, "Ann\r\nBcc: all")])).await;
            two_lines.is_page(422);
            assert!(two_lines.body.contains(&format!(r#"id="{name}-error""#)), "{name}");
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
        // Nobody typed these. They must not stand in the way of a message.
        let strange = [
            ("utm_source", "a\0b"),
            ("referrer", "\u{1}"),
            ("elapsed_ms", "\0"),
            ("unknown", "\0"),
            ("\0", "\0"),
            ("message", "Tabs\tand\r\nlines are text."),
        ];
        assert_eq!(eve.post("/contact", &ann_but(&strange)).await.status, 303);
        assert_eq!(
            app.ask("select concat_ws('|', utm_source, referrer, message) from leads").await,
            ["Tabs\tand\nlines are text."]
        );
    });
}

#[test]
fn every_script_of_the_world_is_kept_as_it_was_typed() {
    with_app(async |app| {
        let name = "Zoë e\u{301} Ñ 李小龍 ก็ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👩🏽‍🚒";
        let message = "שלום, אפשר לצבוע סירה? 'quoted' \"twice\" <b>&amp;</b> \u{202e}x \u{10ffff} \\ % _ ; --";
        let typed = ann_but(&[("name", name), ("message", message), ("company", "ОАО «Лодка»")]);
        assert_eq!(app.eve().post("/contact", &typed).await.status, 303);
        let kept = app.ask("select concat_ws('|', name, message, company) from leads").await;
        assert_eq!(kept, [format!("{name}|{message}|ОАО «Лодка»")]);
    });
}

#[test]
fn lengths_are_counted_in_characters_of_the_trimmed_text() {
    with_app(async |app| {
        let eve = app.eve();
        let padded = |text: String| format!(" \t\r\n\u{2003}{text}\u{2003} \r\n");
        // A line's end counts once, though browsers send two characters for it.
        let lines = |characters: usize| {
            let lines = (characters - 1) / 2;
            padded("🎨\r\n".repeat(lines) + &"é".repeat(characters - 2 * lines))
        };
        for (field, text, fits) in [
            ("name", padded("🎨".repeat(100)), true),
            ("name", padded("🎨".repeat(101)), false),
            ("name", padded("李明".into()), true),
            ("name", padded("李".into()), false),
            ("message", lines(2000), true),
            ("message", lines(2001), false),
            ("message", padded("0123456789".into()), true),
            ("message", padded("012345678".into()), false),
            ("company", padded("ß".repeat(200)), true),
            ("company", padded("ß".repeat(201)), false),
            ("phone", padded("٣".repeat(50)), true),
            ("phone", padded("٣".repeat(51)), false),
            ("company", padded(String::new()), true),
        ] {
            let answer = eve.post("/contact", &ann_but(&[(field, &text)])).await;
            let length = text.chars().count();
            assert_eq!(answer.status == 303, fits, "{field} of {length}: {}", answer.status);
            assert_eq!(answer.body.contains(&format!(r#"id="{field}-error""#)), !fits, "{field}");
        }
        assert_eq!(
            app.ask("select max(length(name)) || ' ' || max(length(message)) from leads").await,
            ["100 2000"]
        );
        assert_eq!(app.ask("select count(*) from leads where company = ''").await, ["0"]);
    });
}

#[test]
fn the_same_submission_twice_is_one_lead() {
    with_app(async |app| {
        let eve: Vec<Person<'_>> = (0..8).map(|_| app.eve()).collect();
        let sent = eve.iter().map(|eve| eve.post("/contact", &ANN));
        for answer in futures_util::future::join_all(sent).await {
            assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"));
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["1"]);
    });
}

#[test]
fn a_day_later_the_same_words_are_a_new_lead() {
    with_app(async |app| {
        let eve = app.eve();
        let age = async |interval: &str| {
            app.psql(&format!("update leads set created_at = now() - interval '{interval}'")).await;
            assert_eq!(eve.post("/contact", &ANN).await.status, 303);
            app.ask("select count(*) from leads").await
        };
        assert_eq!(eve.post("/contact", &ANN).await.status, 303);
        assert_eq!(age("23 hours 59 minutes").await, ["1"]);
        assert_eq!(age("24 hours 1 second").await, ["2"]);
    });
}

#[test]
fn other_words_are_another_lead_and_other_spaces_are_not() {
    with_app(async |app| {
        let eve = app.eve();
        let spaced = ann_but(&[
            ("email", " ANN@example.test"),
            ("message", "  Could you paint our boat's name?\r\n"),
        ]);
        for (fields, leads) in [
            (ANN.to_vec(), "1"),
            (spaced, "1"),
            (ann_but(&[("company", "")]), "1"),
            (ann_but(&[("company", "Li & Co")]), "2"),
            (ann_but(&[("message", "Could you paint our boat's name!")]), "3"),
            (ann_but(&[("utm_source", "mail")]), "3"),
        ] {
            assert_eq!(eve.post("/contact", &fields).await.status, 303);
            assert_eq!(app.ask("select count(*) from leads").await, [leads], "{fields:?}");
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused_with_a_page() {
    with_app(async |app| {
        let eve = app.eve();
        let send = async |kind: &str, body: Vec<u8>| -> Answer {
            let request = eve.request(Method::POST, "/contact").header("origin", &app.origin);
            eve.send(request.header("content-type", kind).body(body)).await
        };
        let form = "application/x-www-form-urlencoded";
        let parts = "multipart/form-data; boundary=b";
        let full = |bytes: usize| [b"message=".to_vec(), vec![b'x'; bytes - 8]].concat();
        for (kind, body, status) in [
            (form, full(64 * 1024), 422),
            (form, full(64 * 1024 + 1), 413),
            (form, full(1024 * 1024), 413),
            (form, b"name=%ff%fe".to_vec(), 400),
            (form, b"name=\xff\xfe".to_vec(), 400),
            (form, b"%c3=x".to_vec(), 400),
            (form, Vec::new(), 422),
            (form, b"=&&=&%=%".to_vec(), 422),
            ("application/x-www-form-urlencoded; charset=UTF-8", b"name=A".to_vec(), 422),
            (
                parts,
                b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAnn".to_vec(),
                400,
            ),
            (
                parts,
                b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\xff\r\n--b--"
                    .to_vec(),
                400,
            ),
            (parts, b"nothing of the kind".to_vec(), 400),
            (parts, Vec::new(), 400),
            ("multipart/form-data", b"--b--".to_vec(), 400),
            ("text/plain", b"name=Ann".to_vec(), 415),
            ("application/json", b"{}".to_vec(), 415),
            ("", b"name=Ann".to_vec(), 415),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let answer = send(kind, body).await;
            assert_eq!(answer.status, status, "{kind}: {shown}");
            answer.is_page(status);
        }
        assert_eq!(app.ask("select count(*) from leads").await, ["0"]);
    });
}

#[test]
fn the_empty_form_is_kept_and_the_same_for_everyone() {
    with_app(async |app| {
        let (eve, bob) = (app.eve(), app.eve());
        let first = eve.get("/contact").await;
        first.is_page(200);
        let second = bob.get("/contact?utm_source=mail").await;
        assert_eq!(first.body, second.body);
        assert_eq!(first.header("etag"), second.header("etag"));
        assert_eq!(second.header("cache-status"), "frontdesk; hit");
        for answer in [&first, &second] {
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
        let known =
            eve.request(Method::GET, "/contact").header("if-none-match", first.header("etag"));
        let answer = eve.send(known).await;
        assert_eq!((answer.status, answer.body.as_str()), (304, ""));
    });
}

#[test]
fn who_writes_too_often_is_told_when_to_come_back_and_loses_no_word() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let eve = app.eve().coming_from("203.0.113.7");
        let mut accepted = 0;
        let refused = loop {
            let answer = eve.post("/contact", &ANN).await;
            match answer.status {
                303 => accepted += 1,
                _ => break answer,
            }
        };
        // One comes back every three seconds, and this may have taken a few.
        assert!((20..25).contains(&accepted), "{accepted}");
        refused.is_page(429);
        assert!(
            refused.header("retry-after").parse::<u64>().is_ok_and(|wait| (1..=60).contains(&wait))
        );
        for typed in ["Ann Li", "ann@example.test", "Could you paint our boat's name?"] {
            assert!(refused.body.contains(typed), "{typed}: {}", refused.body);
        }
        assert!(refused.body.contains(r#"method="post" action="/contact""#), "{}", refused.body);
        let neighbour = app.eve().coming_from("203.0.113.8");
        assert_eq!(neighbour.post("/contact", &ANN).await.status, 303);
    });
}
