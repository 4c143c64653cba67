//! Spam is kept and never told so; and how a visitor came here is kept with what they wrote.

use super::contact::{ANN, ann_but};
use super::support::{Answer, Person, TestApp, with_app};
use reqwest::Method;

/// Sends `ANN` with these changes, and gives the status of the lead it became.
async fn judged(eve: &Person<'_>, app: &TestApp, changes: &[(&str, &str)]) -> String {
    let answer = eve.post("/contact", &ann_but(changes)).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/contact/thanks"), "{changes:?}");
    app.ask("select status from leads order by id desc limit 1").await.remove(0)
}

/// What a sender can see of an answer.
fn seen(answer: &Answer) -> (u16, String, Vec<String>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    (answer.status, answer.body.clone(), headers.map(|header| format!("{header:?}")).collect())
}

#[test]
fn whoever_fills_in_the_hidden_field_is_kept_as_spam_and_thanked_like_everyone() {
    with_app(async |app| {
        let eve = app.eve();
        let person = eve.post("/contact", &ANN).await;
        let program = eve.post("/contact", &ann_but(&[("website", "https://pills.example")])).await;
        assert_eq!(seen(&person), seen(&program));
        assert_eq!(
            app.ask("select status from leads order by id").await,
            ["new"],
            "the same words"
        );
        let program = eve.post("/contact", &ann_but(&[("website", "x"), ("name", "Bot")])).await;
        assert_eq!(seen(&person), seen(&program));
        assert_eq!(app.ask("select status from leads order by id").await, ["new", "spam"]);
        let id = app.ask("select id from leads where status = 'spam'").await.remove(0);
        let shown = app.ada().await.get(&format!("/admin/leads/{id}")).await;
        assert!(shown.body.contains("the hidden field was filled in"), "{}", shown.body);
    });
}

#[test]
fn links_count_and_one_is_no_crime() {
    with_app(async |app| {
        let eve = app.eve();
        let one = "Our shop is at https://shop.example, could you make its sign?";
        let four = "http://a.example www.b.example https://www.c.example HTTPS://D.EXAMPLE";
        for (changes, status) in [
            (&[("message", one)][..], "new"),
            (&[("message", four), ("email", "b@example.test")], "spam"),
            (&[("name", "Win at www.a.example"), ("email", "c@example.test")], "new"),
            (
                &[
                    ("name", "Win at www.a.example"),
                    ("email", "d@example.test"),
                    ("message", "Go to http://b.example now, right now."),
                ],
                "spam",
            ),
        ] {
            assert_eq!(judged(&eve, app, changes).await, status, "{changes:?}");
        }
    });
}

#[test]
fn the_fifth_message_from_one_sender_within_the_hour_is_spam() {
    with_app(async |app| {
        let eve = app.eve();
        for (number, status) in ["new", "new", "new", "new", "spam"].into_iter().enumerate() {
            let message = format!("Message number {number}, please answer.");
            let email = if number % 2 == 0 { "ann@example.test" } else { "ANN@example.test" };
            let changes = [("message", message.as_str()), ("email", email)];
            assert_eq!(judged(&eve, app, &changes).await, status, "{number}");
        }
        app.psql("update leads set created_at = now() - interval '61 minutes'").await;
        assert_eq!(judged(&eve, app, &[("message", "An hour later, again.")]).await, "new");
    });
}

#[test]
fn the_same_words_from_a_third_sender_are_spam() {
    with_app(async |app| {
        let eve = app.eve();
        for (email, status) in
            [("a@example.test", "new"), ("b@example.test", "new"), ("c@example.test", "spam")]
        {
            assert_eq!(judged(&eve, app, &[("email", email)]).await, status, "{email}");
        }
    });
}

#[test]
fn haste_is_a_sign_and_no_proof() {
    with_app(async |app| {
        let eve = app.eve();
        let links = "See https://a.example and https://b.example for what I mean.";
        for (number, (elapsed, message, status)) in [
            ("300", "Quick as I am, I only ask.", "new"),
            ("300", links, "spam"),
            ("2000", "See https://c.example and https://d.example for what I mean.", "new"),
            ("soon", "See https://e.example and https://f.example for what I mean.", "new"),
            ("-1", "See https://g.example and https://h.example for what I mean.", "new"),
            ("99999999999999999999999", "See https://i.example and https://j.example.", "new"),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("{number}@example.test");
            let changes =
                [("elapsed_ms", elapsed), ("message", message), ("email", email.as_str())];
            assert_eq!(judged(&eve, app, &changes).await, status, "{elapsed}: {message}");
        }
    });
}

/// The columns that say how a visitor came here.
const CAMPAIGN: &str = "concat_ws('|', utm_source, utm_medium, utm_campaign, utm_term, utm_content, referrer, landing_page)";

#[test]
fn what_the_script_remembered_is_kept_with_the_lead() {
    with_app(async |app| {
        let remembered = [
            ("utm_source", "newsletter"),
            ("utm_medium", "mail"),
            ("utm_campaign", "spring & boats"),
            ("utm_term", "gilding"),
            ("utm_content", "footer"),
            ("referrer", "https://search.example/?q=signs"),
            ("landing_page", "/posts/a-wall"),
        ];
        assert_eq!(app.eve().post("/contact", &ann_but(&remembered)).await.status, 303);
        assert_eq!(
            app.ask(&format!("select {CAMPAIGN} from leads")).await,
            [
                "newsletter|mail|spring & boats|gilding|footer|https://search.example/?q=signs|/posts/a-wall"
            ],
        );
        let id = app.ask("select id from leads").await.remove(0);
        let shown = app.ada().await.get(&format!("/admin/leads/{id}")).await;
        for (_, value) in remembered {
            assert!(shown.body.contains(&value.replace('&', "&amp;")), "{value}: {}", shown.body);
        }
        assert!(!shown.body.contains(r#"href="https://search.example"#), "{}", shown.body);
    });
}

#[test]
fn without_a_script_the_address_and_the_browser_tell() {
    with_app(async |app| {
        let eve = app.eve();
        let fields = ann_but(&[("utm_source", ""), ("utm_medium", "typed"), ("landing_page", "")]);
        let to = "/contact?utm_source=news%20letter&utm_medium=mail&utm_term=a&utm_term=b&name=Bob";
        let request = eve.request(Method::POST, to).form(&fields);
        let page = format!("{}/contact?utm_source=news%20letter", app.origin);
        let answer = eve.send(request.header("referer", page)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(
            app.ask(&format!("select name || '|' || {CAMPAIGN} from leads")).await,
            ["Ann Li|news letter|typed|a|/contact"]
        );
    });
}

#[test]
fn what_is_strange_about_the_way_here_is_left_out_and_the_message_kept() {
    with_app(async |app| {
        let long = "é".repeat(600);
        let fields = ann_but(&[("utm_source", "a\u{1}b"), ("utm_medium", &long)]);
        let to = "/contact?utm_campaign=%ff&utm_term=a%0Ab";
        assert_eq!(app.eve().post(to, &fields).await.status, 303);
        let kept = "select concat_ws('|', utm_source, utm_medium, utm_term) from leads";
        assert_eq!(app.ask(kept).await, ["é".repeat(500)]);
    });
}
