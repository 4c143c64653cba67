//! What Resend says of our mail, and who is taken off the list for it.

use super::doors::{A_SUBSCRIBER, AN_ISSUE};
use super::inbox::{deliver, page_of, state};
use super::mail::work;
use super::support::signer::RESEND;
use super::support::{TestApp, with_settings};
use serde_json::{Value, json};

/// A mail of an issue to each of these, and its id.
async fn mailed(app: &TestApp, readers: &[&str]) -> Vec<String> {
    app.psql(AN_ISSUE).await;
    for reader in readers {
        let subscriber = A_SUBSCRIBER.replace("ann@example.test", reader);
        app.psql(&format!(
            "{subscriber}
             insert into outbox (id, kind, job, cause, recipient, state, ended_at)
             select gen_random_uuid(), 'mail', jsonb_build_object('do', 'mail', 'mail', 'issue', 'issue', issues.id,
                    'subscriber', subscribers.id), 'issue:' || issues.id, email, 'done', now()
               from issues, subscribers where email = '{reader}'"
        ))
        .await;
    }
    let mut ids = Vec::new();
    for reader in readers {
        ids.extend(app.ask(&format!("select id from outbox where recipient = '{reader}'")).await);
    }
    ids
}

/// What Resend says of a mail.
fn told(kind: &str, mail: &str) -> Value {
    json!({
        "type": format!("email.{kind}"),
        "created_at": "2026-11-22T23:41:12.126Z",
        "data": {
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "message_id": format!("<{mail}@site.example>"),
            "from": "Acme <onboarding@resend.dev>",
            "to": ["ann@example.test"],
            "subject": "A wall",
            "bounce": { "message": "550 5.1.1 no such user", "subType": "General", "type": "Permanent" },
        },
    })
}

/// How things stand with a subscriber, and what they get no more.
async fn standing(app: &TestApp, email: &str) -> Vec<String> {
    app.ask(&format!(
        "select concat_ws(' ', status, ended_at is not null, (select string_agg(purpose || '=' || reason, ',' order by purpose)
           from suppressions where suppressions.email = subscribers.email)) from subscribers where email = '{email}'"
    ))
    .await
}

#[test]
fn what_resend_says_of_a_mail_stands_on_its_page_and_takes_off_the_list_as_the_button_does() {
    with_settings(&[RESEND], async |app| {
        let readers = [
            "ann@example.test",
            "bob@example.test",
            "cat@example.test",
            "dan@example.test",
            "eve@example.test",
        ];
        let mails = mailed(app, &readers).await;
        let ada = app.ada().await;
        // Bob and Dan by the button.
        for (reader, reason) in [("bob", "bounced"), ("dan", "complained")] {
            let id = format!("select id from subscribers where email = '{reader}@example.test'");
            let path = format!("/admin/subscribers/{}/end", app.ask(&id).await[0]);
            assert_eq!(ada.post(&path, &[("reason", reason)]).await.status, 303);
        }
        for (kind, mail, id) in [
            ("delivery_delayed", 0, "e1"),
            ("bounced", 0, "e2"),
            ("delivered", 2, "e3"),
            ("complained", 2, "e4"),
            ("delivered", 4, "e5"),
            ("opened", 4, "e6"),
        ] {
            deliver(app, "resend", id, &told(kind, &mails[mail])).await;
        }
        work(app).await;
        for (event, button) in [("ann", "bob"), ("cat", "dan")] {
            let of = |name: &str| format!("{name}@example.test");
            assert_eq!(
                standing(app, &of(event)).await,
                standing(app, &of(button)).await,
                "{event}"
            );
        }
        assert_eq!(
            standing(app, "ann@example.test").await,
            ["bounced t digest=bounced,newsletter=bounced"]
        );
        assert_eq!(standing(app, "eve@example.test").await, ["confirmed f"]);
        let why = "select remark from subscribers where email = 'ann@example.test'";
        assert_eq!(app.ask(why).await, ["550 5.1.1 no such user"]);

        let page = ada.get(&format!("/admin/outbox/{}", mails[0])).await;
        page.is_page(200);
        for word in ["What became of it", ">delayed</a>", ">bounced</a>"] {
            assert!(page.body.contains(word), "{word}: {}", page.body);
        }
        assert!(
            !ada.get(&format!("/admin/outbox/{}", mails[1]))
                .await
                .body
                .contains("What became of it")
        );
        let event = ada.get(&page_of(app, "e2").await).await.body;
        for words in ["A mail came back", "A subscriber gets no more mail", &mails[0]] {
            assert!(event.contains(words), "{words}: {event}");
        }

        // Said by another event, it is not done twice: somebody who was let in again meanwhile stays.
        app.psql("delete from suppressions; update subscribers set status = 'confirmed', ended_at = null").await;
        deliver(app, "resend", "e7", &told("bounced", &mails[0])).await;
        work(app).await;
        assert_eq!(
            state(app, "e7").await,
            "done|1|Another event has said so before; nothing was done twice."
        );
        assert_eq!(standing(app, "ann@example.test").await, ["confirmed f"]);
    });
}

#[test]
fn a_mail_that_is_not_found_by_its_id_is_found_where_one_alone_fits_and_else_it_says_so() {
    with_settings(&[RESEND, ("MAIL_FROM", "Desk <desk@site.example>")], async |app| {
        mailed(app, &["ann@example.test", "bob@example.test"]).await;
        let at = app
            .ask("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
            .await
            .remove(0);
        let said = |to: &str, from: &str, bounce: &str| {
            json!({
                "type": "email.bounced",
                "data": {
                    "message_id": "<0100019@email.amazonses.com>", "from": from, "to": [to], "created_at": at,
                    "bounce": { "type": bounce, "message": "no" },
                },
            })
        };
        let ours = "Desk <desk@site.example>";
        let unknown = "ignored|1|No mail of ours has this Message-ID, and none alone fits its address and time.";
        for (id, body, expected) in [
            (
                "another-program",
                said("ann@example.test", "shop@site.example", "Permanent"),
                unknown,
            ),
            ("a-stranger", said("zoe@example.test", ours, "Permanent"), unknown),
            ("nothing", json!({ "type": "email.bounced" }), unknown),
            (
                "nonsense",
                json!({ "type": "email.bounced", "data": { "to": 7, "headers": [7], "message_id": [] } }),
                unknown,
            ),
            (
                "full",
                said("ann@example.test", ours, "Transient"),
                "done|1|It came back, and not for good: nobody was taken off the list.",
            ),
            ("gone", said("Bob@example.test", ours, "Permanent"), "done|1"),
        ] {
            deliver(app, "resend", id, &body).await;
            work(app).await;
            assert_eq!(state(app, id).await, expected, "{id}");
        }
        assert_eq!(standing(app, "ann@example.test").await, ["confirmed f"]);
        assert!(standing(app, "bob@example.test").await[0].starts_with("bounced"));
    });
}
