//! Mail as it arrives: at a server that is not ours, read by a parser that is not ours.

use super::contact::{ANN, ann_but};
use super::support::{ADA, Mode, Received, Smtp, TestApp, with_app, with_settings};
use frontdesk::jobs::worker;
use frontdesk::mail::{Letter, Person, Trouble};
use serde_json::json;
use templates::mail::{Mail, Part};
use uuid::Uuid;

/// Does what is due.
pub async fn work(app: &TestApp) {
    worker::work_off(&app.state).await.unwrap();
}

/// The state, tries and remark of each mail, in the order they were written.
pub async fn mails(app: &TestApp) -> Vec<String> {
    app.ask(
        "select concat_ws('|', state, attempts, remark) from outbox where kind = 'mail' order by id",
    )
    .await
}

fn with_mail(mode: Mode, test: impl AsyncFnOnce(&TestApp, &Smtp)) {
    let smtp = Smtp::start(mode);
    let settings = [&smtp.settings()[..], &[("SITE_NAME", "Li & Søn, Ltd")]].concat();
    with_settings(&settings, async |app| test(app, &smtp).await);
}

const HEADERS: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "Reply-To",
    "MIME-Version",
    "Date",
    "Content-Type",
];

/// The headers that a letter has, whatever it says.
fn headers(with_reply_to: bool) -> Vec<&'static str> {
    let wanted = |name: &&str| with_reply_to || *name != "Reply-To";
    let mut headers: Vec<_> = HEADERS.into_iter().filter(wanted).collect();
    headers.sort_unstable();
    headers
}

fn sorted(mail: &Received) -> Vec<&str> {
    let mut headers = mail.headers();
    headers.sort_unstable();
    headers
}

#[test]
fn staff_hear_of_a_lead_and_the_sender_is_thanked_over_each_kind_of_connection() {
    for mode in [Mode::Plain, Mode::StartTls, Mode::Smtps] {
        with_mail(mode, async |app, smtp| {
            let said = "Could you paint <b>our</b> boat?\r\n.\r\nFrom here to there — ünd zurück.";
            let fields = ann_but(&[("name", "Zoë \"Li\", Ltd <x>"), ("message", said)]);
            assert_eq!(app.eve().post("/contact", &fields).await.status, 303);
            work(app).await;
            assert_eq!(mails(app).await, ["done|1", "done|1"]);
            let taken = smtp.mails();
            assert_eq!(taken.len(), 2);
            for mail in &taken {
                assert_eq!(mail.at("/secure"), &json!(mode != Mode::Plain));
                let user = if mode == Mode::Plain { json!(null) } else { json!("frontdesk") };
                assert_eq!((mail.at("/user"), mail.text("/hello")), (&user, "site.example"));
                assert_eq!(mail.text("/envelope/from"), "desk@site.example");
                assert_eq!(mail.header("From"), "\"Front Desk\" <desk@site.example>");
                assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
            }
            let notice = taken.iter().find(|mail| mail.to() == ADA.0).unwrap();
            assert_eq!(sorted(notice), headers(true));
            assert_eq!(notice.text("/subject"), "New lead: Zoë \"Li\", Ltd <x>");
            assert_eq!(
                notice.at("/replyTo"),
                &json!([{ "address": "ann@example.test", "name": "Zoë \"Li\", Ltd <x>" }])
            );
            let text = notice.text("/text").replace("\r\n", "\n");
            let quote =
                "> Could you paint <b>our</b> boat?\n> .\n> From here to there — ünd zurück.\n";
            assert!(text.contains(quote), "{text}");
            assert!(text.contains(&format!("{}/admin/leads/", app.origin)), "{text}");
            let html = notice.text("/html");
            assert!(html.contains("paint &lt;b&gt;our&lt;/b&gt; boat?"), "{html}");

            let thanks = taken.iter().find(|mail| mail.to() == "ann@example.test").unwrap();
            assert_eq!(sorted(thanks), headers(false));
            assert_eq!(thanks.text("/subject"), "Li & Søn, Ltd has your message");
            let whole =
                format!("{}{}{}", thanks.text("/text"), thanks.text("/html"), thanks.header("To"));
            for typed in ["Zoë", "Ltd <x>", "boat", "zurück"] {
                assert!(
                    !whole.contains(typed),
                    "{typed} stands in what goes to any address: {whole}"
                );
            }
            // The id is that of the row, so what goes out twice is known for the same mail.
            let all = smtp.mails();
            let mut ids: Vec<_> =
                all.iter().map(|mail| mail.text("/messageId").to_owned()).collect();
            ids.sort_unstable();
            let rows = app.ask(
                "select '<' || id || '@site.example>' from outbox where kind = 'mail' order by id",
            );
            assert_eq!(ids, rows.await);
        });
    }
}

fn letter(name: &str) -> Letter {
    let person = |email: &str| Person { name: name.to_owned(), email: email.to_owned() };
    Letter {
        to: person("ada@example.com"),
        reply_to: Some(person("ann@example.test")),
        unsubscribe: None,
        mail: Mail {
            subject: format!("New lead: {name}"),
            parts: vec![
                Part::Text(name.to_owned()),
                Part::Quote(name.to_owned()),
                Part::Facts(vec![("From".to_owned(), name.to_owned())]),
                Part::Footer(name.to_owned()),
            ],
        },
    }
}

#[test]
fn whatever_is_typed_no_header_is_added_lost_or_bent() {
    // What goes in, and what a reader's program is to show of it.
    let cut = |text: &str| text.chars().take(250).chain(['…']).collect::<String>();
    let long = "Ann ".repeat(500);
    let wide = "長い名前".repeat(200);
    let unbroken = "x".repeat(1500);
    let names = [
        ("Ann Li", "Ann Li"),
        ("Ann\r\nBcc: eve@evil.example", "Ann Bcc: eve@evil.example"),
        ("Ann\nX-Spam: no\n\nbody", "Ann X-Spam: no body"),
        ("Ann\rBcc: eve@evil.example", "Ann Bcc: eve@evil.example"),
        ("Ann\0Li\u{7f}\u{1b}[31m", "Ann Li [31m"),
        ("Ann\u{85}Li\u{2028}Li\u{2029}Li\u{b}Li", "Ann Li Li Li Li"),
        ("Ann\" <eve@evil.example>, \"Bob", "Ann\" <eve@evil.example>, \"Bob"),
        ("<eve@evil.example>", "<eve@evil.example>"),
        ("Ann, Bob; Cho: Dee;", "Ann, Bob; Cho: Dee;"),
        ("(comment) Ann \\ \\\" Li", "(comment) Ann \\ \\\" Li"),
        ("=?utf-8?q?Bcc=3A_eve?=", "Bcc: eve"),
        ("\u{202e}nnA\u{202c} \u{2066}Li\u{2069}", "nnA Li"),
        ("Дмитрий 🎉 Ünlü", "Дмитрий 🎉 Ünlü"),
        (&long, &cut(&long)),
        (&wide, &cut(&wide)),
        (&unbroken, &cut(&unbroken)),
        (".", "."),
    ];
    with_mail(Mode::Plain, async |app, smtp| {
        let bare = letter("Ann Li");
        for (typed, _) in names {
            let sent = app.state.postman.send(&app.state.config, Uuid::nil(), &letter(typed)).await;
            assert_eq!(sent, Ok(true), "{typed:?}");
        }
        let mails = smtp.mails();
        assert_eq!(mails.len(), names.len());
        for ((typed, shown), mail) in names.iter().zip(&mails) {
            assert_eq!(sorted(mail), headers(true), "{typed:?}");
            assert_eq!(mail.to(), "ada@example.com");
            assert_eq!(mail.text("/messageId"), format!("<{}@site.example>", Uuid::nil()));
            assert_eq!(mail.text("/from/address"), "desk@site.example");
            let raw = mail.text("/raw");
            assert!(
                !raw.contains('\0') && !raw.replace("\r\n", "").contains(['\r', '\n']),
                "{typed:?}"
            );
            assert!(raw.lines().all(|line| line.len() <= 998), "{typed:?}");
            if !typed.starts_with("=?") {
                let subject = format!("New lead: {shown}");
                let whole = subject.chars().count() <= 250;
                let subject = if whole { subject } else { cut(&subject) };
                assert_eq!(mail.text("/subject"), subject);
            }
            for (place, address) in [("/to", "ada@example.com"), ("/replyTo", "ann@example.test")] {
                assert_eq!(mail.at(place).as_array().unwrap().len(), 1, "{typed:?}");
                assert_eq!(mail.text(&format!("{place}/0/address")), address, "{typed:?}");
                if !typed.starts_with("=?") {
                    assert_eq!(mail.text(&format!("{place}/0/name")), *shown);
                }
            }
        }
        // An address is one or is not used.
        for address in
            ["ann@example.test\r\nBcc: eve@evil.example", "ann", "a@b@c", "<a@b.example>", ""]
        {
            let mut letter = bare.clone();
            letter.reply_to = Some(Person { name: "Ann".into(), email: address.into() });
            assert_eq!(
                app.state.postman.send(&app.state.config, Uuid::nil(), &letter).await,
                Ok(true)
            );
            letter.to.email = address.into();
            let sent = app.state.postman.send(&app.state.config, Uuid::nil(), &letter).await;
            assert!(matches!(sent, Err(Trouble::Refused(_))), "{address:?}: {sent:?}");
        }
        for mail in &smtp.mails()[names.len()..] {
            assert_eq!((sorted(mail), mail.to()), (headers(false), "ada@example.com"));
        }
    });
}

#[test]
fn addresses_that_only_browsers_accept_and_names_beyond_ascii_keep_no_notice_back() {
    with_mail(Mode::Plain, async |app, smtp| {
        for (number, email) in ["ann..li@example.test", "bob@bücher.example"].iter().enumerate() {
            let message = format!("Could you paint boat number {number}?");
            let fields = ann_but(&[("email", email), ("message", &message)]);
            assert_eq!(app.eve().post("/contact", &fields).await.status, 303);
        }
        work(app).await;
        let taken = smtp.mails();
        let mut reached: Vec<_> =
            taken.iter().map(|mail| (mail.to(), mail.text("/replyTo/0/address"))).collect();
        reached.sort_unstable();
        assert_eq!(
            reached,
            [(ADA.0, ""), (ADA.0, "bob@xn--bcher-kva.example"), ("bob@bücher.example", "")]
        );
        let states =
            app.ask("select recipient || ' ' || state from outbox where state <> 'done'").await;
        assert_eq!(states, ["ann..li@example.test dead"]);
    });
}

#[test]
fn a_refusal_ends_a_mail_a_delay_puts_it_off_and_no_server_costs_it_nothing() {
    with_mail(Mode::StartTls, async |app, smtp| {
        app.psql("update staff set notify_leads = false").await;
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        let again = "update outbox set due_at = now(), state = 'waiting', attempts = 0";
        let weather = [
            (json!({ "closing": true }), "waiting|0|", "421"),
            (json!({ "closing": false, "busy": 100 }), "waiting|1|", "450"),
            (json!({ "busy": 0, "unknown": ["ann@example.test"] }), "dead|1|", "550"),
            (json!({ "unknown": [], "slam": ["ann@example.test"] }), "waiting|0|", ""),
        ];
        for (weather, state, code) in weather {
            smtp.set(weather.clone());
            work(app).await;
            let [said] = mails(app).await.try_into().unwrap();
            assert!(said.starts_with(state) && said.contains(code), "{weather}: {said}");
            app.psql(again).await;
        }
        smtp.set(json!({ "slam": [] }));
        smtp.listen(false);
        work(app).await;
        assert!(mails(app).await[0].starts_with("waiting|0|"), "{:?}", mails(app).await);
        smtp.listen(true);
        assert!(smtp.mails().is_empty());
        app.psql(again).await;
        work(app).await;
        assert_eq!(mails(app).await, ["done|1"]);
        assert_eq!(smtp.mails().len(), 1);
    });
}

#[test]
fn nothing_goes_without_tls_nor_to_a_server_that_nobody_vouches_for_nor_under_a_wrong_password() {
    let (plain, tls) = (Smtp::start(Mode::Plain), Smtp::start(Mode::StartTls));
    let wrong = tls.url.replace("p%40ss", "other");
    let without_tls = plain.url.replace("smtp://", "smtp://frontdesk:secret@");
    let smtps_to_plain = plain.url.replace("smtp://", "smtps://");
    let nobody_vouches = tls.url.replace("smtp://", "smtps://");
    for (url, ca) in [
        (&wrong, tls.certificate.as_str()),
        (&without_tls, &tls.certificate),
        (&smtps_to_plain, &tls.certificate),
        (&nobody_vouches, ""),
    ] {
        let settings = [("SMTP_URL", url.as_str()), ("SMTP_CA_FILE", ca)];
        with_settings(&settings, async |app| {
            assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
            work(app).await;
            for mail in mails(app).await {
                assert!(mail.starts_with("waiting|0"), "{url}: {mail}");
            }
            assert!(app.state.postman.knock().await.is_err(), "{url}");
        });
    }
    assert_eq!((plain.handed_in(), tls.handed_in()), (0, 0));
}

#[test]
fn a_mail_that_makes_the_server_hang_up_holds_up_no_other() {
    with_mail(Mode::Plain, async |app, smtp| {
        smtp.set(json!({ "slam": ["bad@example.test"] }));
        app.psql("update staff set notify_leads = false").await;
        for number in 0..40 {
            let email = if number == 3 { "bad".to_owned() } else { format!("ann{number}") };
            put_receipt(app, number, &format!("{email}@example.test")).await;
        }
        let began = app.state.clock.moment();
        let done = "select count(*) from outbox where state = 'done'";
        while app.ask(done).await != ["39"] {
            assert!(app.state.clock.moment().since(began).as_secs() < 30, "{:?}", mails(app).await);
            work(app).await;
        }
        assert_eq!(smtp.mails().len(), 39);
    });
}

/// A mail that thanks `email`, as if someone had written.
pub async fn put_receipt(app: &TestApp, number: usize, email: &str) {
    app.psql(&format!(
        "with lead as (insert into leads (id, name, email, message, status, source, fingerprint)
            values ('01890000-0000-7000-8000-{number:012}', 'Ann', '{email}', 'Message', 'new', 'cli', sha256('{number}'))
            returning id)
         insert into outbox (id, kind, job, cause, recipient)
            select id, 'mail', jsonb_build_object('do', 'mail', 'mail', 'lead-receipt', 'lead', id), 'lead:' || id, '{email}'
              from lead"
    ))
    .await;
}

#[test]
fn without_a_server_mail_is_read_in_the_outbox() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        let once = app.cli(&["worker", "--once"], "");
        assert_eq!((once.code, once.out.as_str()), (0, "3 done\n"), "{}", once.err);
        let lines: Vec<_> =
            once.err.lines().filter(|line| line.contains("a mail to be read")).collect();
        assert_eq!(lines.len(), 2, "{}", once.err);
        assert!(!once.err.contains("ann@") && !once.err.contains("boat"), "{}", once.err);
        let list = ada.get("/admin/outbox").await;
        list.is_page(200);
        assert!(list.body.contains("SMTP_URL is not set"), "{}", list.body);
        for line in lines {
            // What the console says leads to what it says.
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let path = line["at"].as_str().unwrap().split_once("/admin").unwrap().1;
            let page = ada.get(&format!("/admin{path}")).await;
            page.is_page(200);
            assert!(page.body.contains("Not sent: SMTP_URL is not set"), "{}", page.body);
            match line["kind"] == "Notice of a lead" {
                true => {
                    assert!(page.body.contains("&gt; Could you paint our boat"), "{}", page.body);
                    assert!(page.body.contains("Ann Li &lt;ann@example.test&gt;"), "{}", page.body);
                }
                false => assert!(page.body.contains("We have your message"), "{}", page.body),
            }
            assert!(!page.body.contains("Try again now"), "it is done");
        }
        // What was sent to one person, from the page of the lead.
        let lead =
            ada.get(&format!("/admin/leads/{}", app.ask("select id from leads").await[0])).await;
        assert!(
            lead.body.contains(r#"href="/admin/outbox?to=ann%40example.test""#),
            "{}",
            lead.body
        );
        let theirs = ada.get("/admin/outbox?to=Ann@example.test").await.body;
        assert!(theirs.contains("Thanks for a message") && !theirs.contains("Notice of a lead"));

        let asked = ada.post("/admin/test-mail", &[]).await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        assert_eq!(app.cli(&["worker", "--once"], "").out, "1 done\n");
        let page = ada.get(&asked.location).await.body;
        assert!(page.contains("A test from Frontdesk") && page.contains(ADA.0), "{page}");
        assert_eq!(app.eve().get(&asked.location).await.status, 303, "for staff alone");
    });
}
