//! Leads: handed in by five doors, worked on by three.

use super::super::support::{TestApp, with_settings};
use super::doors::{Editor, Form, Operator, Program, Proof, Seen};
use super::{CONTROL, Case, Fields, Operation, Outcome, Sent, but, wrong_lines};
use std::cell::RefCell;

const SHOP: &str = "https://shop.example";
const BEHIND_A_PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

const NAME: &str = "Enter your name, 2 to 100 characters.";
const EMAIL: &str = "Enter an email address like name@example.com.";
const MESSAGE: &str = "Write a message of 10 to 2,000 characters.";
const COMPANY: &str = "Shorten the company to at most 200 characters.";
const PHONE: &str = "Shorten the phone number to at most 50 characters.";

fn ann() -> Fields {
    [
        ("name", "Ann Li"),
        ("email", "Ann@example.test"),
        ("company", "Li & Co"),
        ("phone", "+44 20 7946 0000"),
        ("message", "Could you paint our boat?"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn cases() -> Vec<Case> {
    let base = ann();
    let mut cases = vec![but(&base, "phone", "123", None)];
    for (field, most, length) in
        [("name", 100, NAME), ("company", 200, COMPANY), ("phone", 50, PHONE)]
    {
        cases.extend(wrong_lines(&base, field, most, length));
        cases.push(but(&base, field, "é".repeat(most), None));
    }
    for name in ["", "A", "  A\u{feff} ", "\n"] {
        cases.push(but(&base, "name", name, Some(("name", NAME))));
    }
    for email in ["", "nowhere", "a@b", "a b@example.com", "a@example..com", "ann@example.com\nx"] {
        cases.push(but(&base, "email", email, Some(("email", EMAIL))));
    }
    for message in ["".to_owned(), "Too short".to_owned(), "x".repeat(2001), " x ".repeat(3)] {
        cases.push(but(&base, "message", message, Some(("message", MESSAGE))));
    }
    for message in ["Hello there\u{0}.", "Hello\u{1b}[31m there."] {
        cases.push(but(&base, "message", message, Some(("message", CONTROL))));
    }
    // What all take, and how they keep it.
    for message in ["\r\n Two lines,\r\nof this.\r\n", "Grüße — 你好, 👩‍👩‍👧!", "' or 1=1; -- <b>&amp;"]
    {
        cases.push(but(&base, "message", message, None));
    }
    cases.push(but(&base, "company", "  ", None));
    cases.push(but(&base, "email", " ann@example.test ", None));
    cases
}

#[test]
fn a_lead_is_the_same_lead_by_every_door() {
    with_settings(&[("CORS_ORIGINS", SHOP), BEHIND_A_PROXY], async |app| {
        let key = app.key("leads:write").await;
        let other = app.key("posts:write").await;
        let program =
            |path, proof, limit| Program { path, who: app.eve(), proof, limit, lists: &[] };
        let leads = Operation {
            app,
            doors: vec![
                Box::new(Form::open(app, "/contact", 20)),
                Box::new(Form::open(app, "/api/contact", 20)),
                Box::new(program("/api/contact", Proof::Site(SHOP), 20)),
                Box::new(program("/api/v1/leads", Proof::Key(key, other), 600)),
                Box::new(Operator::at(app, &["lead", "add"])),
            ],
            cases: cases(),
            before: "",
            effect: "select concat_ws('|', name, email, coalesce(company, '-'), coalesce(phone, '-'), message, status, test,
                            (select count(*) from outbox where cause = 'lead:' || leads.id)) from leads",
            undo: "delete from leads; delete from outbox",
        };
        leads.compare().await;
        leads.guard().await;
    });
}

const A_LEAD: &str = "01890000-0000-7000-8000-000000000001";
/// Handed in with the key that may say how far it is.
const HERE: &str = "insert into leads (id, name, email, message, status, source, fingerprint, api_key_id) values
    ('01890000-0000-7000-8000-000000000001', 'Ann', 'ann@example.test', 'Words.', 'new', 'partner-api', sha256('1'),
     (select id from api_keys where 'leads:status' = any(scopes)))";
const STATUS: &str = "Choose one of the statuses in the list.";
const DONE: &str = "select concat_ws('|', leads.status, from_status, to_status, note)
                      from lead_history join leads on leads.id = lead_id";
const UNDONE: &str = "delete from leads";

/// The program that has handed it in.
async fn its_partner<'a>(app: &'a TestApp, path: &'a str) -> Editor<'a> {
    let scopes = ["--scope", "leads:write", "--scope", "leads:status"];
    let named = ["key", "create", "--name", "CRM", "--json"];
    let shown = app.cli(&[&named[..], &scopes].concat(), "").json();
    Editor {
        app,
        path,
        source: path,
        keys: [shown["key"].as_str().unwrap().to_owned(), app.key("leads:write").await],
        limit: 300,
        besides: &[],
        seen: None,
        tags: RefCell::default(),
    }
}

#[test]
fn how_far_a_lead_is_can_be_said_by_staff_as_by_its_partner_and_the_operator() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let ada = app.ada().await;
        let (form, path) =
            (format!("/admin/leads/{A_LEAD}/status"), format!("/api/v1/leads/{A_LEAD}"));
        let base: Fields = vec![("status", "won".to_owned()), ("seen", "new".to_owned())];
        let stale = "Someone has set it to new since you looked. Send it again to replace that.";
        let seen = Seen {
            field: "seen",
            states: &["new", "lost"],
            brought_about: |status| {
                format!(
                    "set session_replication_role = replica; update leads set status = '{status}'"
                )
            },
            stale,
        };
        let setting = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, &form, 120)),
                Box::new(Editor { seen: Some(seen), ..its_partner(app, &path).await }),
                Box::new(Operator {
                    places: &["status"],
                    ..Operator::at(app, &["lead", "status", A_LEAD])
                }),
            ],
            cases: vec![
                but(&base, "status", "won", None),
                but(&base, "status", " spam ", None),
                but(&base, "status", "king", Some(("status", STATUS))),
                but(&base, "status", "", Some(("status", STATUS))),
                but(&base, "status", "WON", Some(("status", STATUS))),
                but(&base, "seen", "king", Some(("seen", STATUS))),
                but(&base, "seen", "lost", Some(("seen", stale))),
            ],
            before: HERE,
            effect: DONE,
            undo: UNDONE,
        };
        setting.compare().await;
        setting.is_so_already(&but(&base, "status", "new", None).fields).await;
        setting.guard().await;
    });
}

#[test]
fn a_note_on_a_lead_is_the_same_note_by_every_door_and_one_note_if_it_is_sent_twice() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let ada = app.ada().await;
        let (form, path) =
            (format!("/admin/leads/{A_LEAD}/notes"), format!("/api/v1/leads/{A_LEAD}"));
        let base: Fields = vec![("note", "Rang.".to_owned())];
        let length = "Write a note of at most 5,000 characters.";
        let noting = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, &form, 120)),
                Box::new(Editor { besides: &[("status", "new")], ..its_partner(app, &path).await }),
                Box::new(Operator::at(app, &["lead", "note", A_LEAD])),
            ],
            cases: vec![
                but(&base, "note", "Rang.", None),
                but(&base, "note", " Rang:\r\n“Grüße” ", None),
                but(&base, "note", "", Some(("note", length))),
                but(&base, "note", "x".repeat(5001), Some(("note", length))),
                but(&base, "note", "Rang\u{7}.", Some(("note", CONTROL))),
            ],
            before: HERE,
            effect: DONE,
            undo: UNDONE,
        };
        noting.compare().await;
        noting.guard().await;
        // Who sends it by two forms means it twice. A program without an id for it, and the operator, do not.
        app.psql(HERE).await;
        for door in &noting.doors {
            for from in ["10.203.0.1", "10.203.0.2"] {
                let submission = app.state.clock.id().to_string();
                let sent = Sent { fields: &base, from, submission: &submission };
                assert!(matches!(door.send(sent).await, Outcome::Accepted(_)), "{}", door.name());
            }
        }
        let notes =
            "select concat_ws(' ', count(staff_id), count(api_key_id), count(*)) from lead_history";
        assert_eq!(app.ask(notes).await, ["2 1 4"], "by staff, by the partner, in all");
        let noted = "select door || ' ' || count(*) from audit where act = 'lead-noted' group by door order by door";
        assert_eq!(
            app.ask(noted).await,
            ["api 3", "shell 3", "web 4"],
            "as often as there were new ones"
        );
    });
}
