//! Leads: handed in by five doors, worked on by two.

use super::super::support::with_settings;
use super::doors::{Form, Operator, Program, Proof};
use super::{CONTROL, Case, Fields, Operation, but, wrong_lines};

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
const HERE: &str = "insert into leads (id, name, email, message, status, source, fingerprint) values
    ('01890000-0000-7000-8000-000000000001', 'Ann', 'ann@example.test', 'Words.', 'new', 'cli', sha256('1'))";
const STATUS: &str = "Choose one of the statuses in the list.";
const DONE: &str = "select concat_ws('|', leads.status, from_status, to_status, note)
                      from lead_history join leads on leads.id = lead_id";
const UNDONE: &str = "delete from leads";

#[test]
fn a_lead_is_worked_on_by_staff_as_by_the_operator() {
    with_settings(&[BEHIND_A_PROXY], async |app| {
        let ada = app.ada().await;
        let (status, notes) =
            (format!("/admin/leads/{A_LEAD}/status"), format!("/admin/leads/{A_LEAD}/notes"));
        let base: Fields = vec![("status", "won".to_owned()), ("seen", "new".to_owned())];
        let stale = "Someone has set it to new since you looked. Send it again to replace that.";
        let setting = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, &status, 120)),
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
        let base: Fields = vec![("note", "Rang.".to_owned())];
        let length = "Write a note of at most 5,000 characters.";
        let noting = Operation {
            app,
            doors: vec![
                Box::new(Form::of(&ada, app, &notes, 120)),
                Box::new(Operator::at(app, &["lead", "note", A_LEAD])),
            ],
            cases: vec![
                but(&base, "note", "", Some(("note", length))),
                but(&base, "note", "x".repeat(5001), Some(("note", length))),
                but(&base, "note", "Rang\u{7}.", Some(("note", CONTROL))),
            ],
            before: HERE,
            effect: DONE,
            undo: UNDONE,
        };
        // A note that is added twice on the shell is two notes: only a form says that it is the same one.
        noting.compare().await;
        setting.guard().await;
    });
}
