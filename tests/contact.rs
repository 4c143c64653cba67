//! The contact form, and its twins for other sites.

use super::support::{Person, with_app};

/// A form as people fill it in.
pub const ANN: [(&str, &str); 3] = [
    ("name", "Ann Li"),
    ("email", "ann@example.test"),
    ("message", "Could you paint our boat's name?"),
];

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
