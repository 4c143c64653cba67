//! What staff see of leads, and what they do with them.

use super::contact::{ANN, ann_but};
use super::sign_in::is_asked_to_sign_in;
use super::support::{Answer, Person, TestApp, with_app};
use std::collections::HashSet;

/// Has leads lie there: name, email, company, message, status, source, oldest first.
async fn there_are(app: &TestApp, leads: &[[&str; 6]]) {
    for (number, lead) in leads.iter().enumerate() {
        let [name, email, company, message, status, source] =
            lead.map(|text| format!("'{}'", text.replace('\'', "''")));
        app.psql(&format!(
            "insert into leads (id, name, email, company, message, status, source, fingerprint)
             values ('{}', {name}, {email}, {company}, {message}, {status}, {source}, sha256('{number}'))",
            id(number)
        ))
        .await;
    }
}

fn id(number: usize) -> String {
    format!("01890000-0000-7000-8000-{number:012}")
}

/// The leads a page lists, in its order.
fn listed(answer: &Answer) -> Vec<String> {
    answer.is_page(200);
    let links = answer.body.split(r#"href="/admin/leads/"#).skip(1);
    links.map(|link| link[..36].to_owned()).collect()
}

/// Where a link leads.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let tag = answer.body.split("<a ").find(|tag| tag.contains(rel))?;
    let href = tag.split_once(r#"href=""#)?.1.split_once('"')?.0;
    Some(href.replace("&amp;", "&"))
}

/// The id that the forms of a page carry.
async fn submission(ada: &Person<'_>, path: &str) -> String {
    let page = ada.get(path).await.body;
    page.split_once(r#"name="submission" value=""#).expect("a form with an id").1[..36].to_owned()
}

async fn history(app: &TestApp) -> Vec<String> {
    app.ask(
        "select concat_ws('|', accounts.name, from_status, to_status, note)
           from lead_history join accounts on accounts.id = staff_id order by lead_history.id",
    )
    .await
}

const ONE: [&str; 6] =
    ["Ann <Li>", "ann@example.test", "Li & Co", "Could you paint our boat?", "new", "website-form"];

#[test]
fn paging_through_loses_and_repeats_nothing_while_more_come_in() {
    with_app(async |app| {
        app.psql(
            "insert into leads (id, name, email, message, status, source, fingerprint)
             select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Ann ' || n, 'ann@example.test',
                    'Message ' || n, 'new', 'cli', sha256(n::text::bytea) from generate_series(0, 119) n",
        )
        .await;
        let (ada, eve) = (app.ada().await, app.eve());
        let mut path = "/admin/leads".to_owned();
        let mut seen = Vec::new();
        for page in 0.. {
            let answer = ada.get(&path).await;
            seen.push(listed(&answer));
            let newest = link(&answer, r#"class="newer""#);
            assert_eq!(newest.as_deref(), (page > 0).then_some("/admin/leads"));
            let name = format!("Visitor {page}");
            assert_eq!(eve.post("/contact", &ann_but(&[("name", &name)])).await.status, 303);
            match link(&answer, r#"rel="next""#) {
                Some(older) => path = older,
                None => break,
            }
        }
        let expected: Vec<String> = (0..120).rev().map(id).collect();
        assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
        assert_eq!(seen.concat(), expected);
        let newest = ada.get("/admin/leads").await;
        let order: Vec<_> =
            (0..3).map(|page| newest.body.find(&format!("Visitor {page}")).unwrap()).collect();
        assert!(order.is_sorted_by(|older, newer| older > newer), "{order:?}");
        assert_eq!(listed(&newest)[3], id(119));
    });
}

#[test]
fn a_page_that_is_exactly_full_has_no_older_one() {
    with_app(async |app| {
        app.psql(
            "insert into leads (id, name, email, message, status, source, fingerprint)
             select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Ann', 'ann@example.test',
                    'Message', 'new', 'cli', sha256(n::text::bytea) from generate_series(1, 50) n",
        )
        .await;
        let ada = app.ada().await;
        let answer = ada.get("/admin/leads").await;
        assert_eq!((listed(&answer).len(), link(&answer, r#"rel="next""#)), (50, None));
        let past_the_end = ada.get(&format!("/admin/leads?before={}", id(1))).await;
        assert_eq!(listed(&past_the_end), [""; 0]);
    });
}

#[test]
fn the_list_is_filtered_by_status_and_source_and_words() {
    with_app(async |app| {
        there_are(
            app,
            &[
                ["Ann", "ann@one.example", "", "Boats", "new", "website-form"],
                ["Bob", "bob@two.example", "Zunft & Sohn", "Signs", "won", "website-form"],
                ["Cho", "cho@one.example", "", "100% of it_all \\o/", "new", "cli"],
                ["Дмитрий", "d@three.example", "", "x' or '1'='1", "spam", "embed"],
                ["Eve <b>", "eve@four.example", "", "1000 of its all /o/", "new", "embed"],
            ],
        )
        .await;
        let ada = app.ada().await;
        let found = async |query: &str| {
            let ids = listed(&ada.get(&format!("/admin/leads?{query}")).await);
            ids.iter().map(|id| id[35..].to_owned()).collect::<String>()
        };
        for (query, expected) in [
            ("", "43210"),
            ("status=new", "420"),
            ("source=website-form", "10"),
            ("status=new&source=website-form", "0"),
            ("status=lost", ""),
            ("status=&source=&q=", "43210"),
            ("status=king&source=nowhere&before=nonsense", "43210"),
            ("q=ONE.example", "20"),
            ("q=bob", "1"),
            ("q=zunft+%26", "1"),
            ("q=%D0%94%D0%9C%D0%98", "3"),
            ("q=++signs++", "1"),
            ("q=one.example&status=new&source=cli", "2"),
            ("q=100%25", "2"),
            ("q=it_", "2"),
            ("q=%5C", "2"),
            ("q=%25", "2"),
            ("q=%27+or+%27", "3"),
            ("q=%3Cb%3E", "4"),
            ("q=o%0Aann", ""),
            ("q=%01", ""),
            ("q=%ff", ""),
            ("unknown=x&q=boats", "0"),
        ] {
            assert_eq!(found(query).await, expected, "{query}");
        }
        let shown = ada.get("/admin/leads?q=%3Cb%3E&status=new").await.body;
        assert!(shown.contains(r#"value="&lt;b&gt;""#) && !shown.contains("Eve <b>"), "{shown}");
        assert!(shown.contains(r#"<option value="new" selected>"#), "{shown}");
        let nothing = ada.get("/admin/leads?q=nothing+like+it").await.body;
        assert!(nothing.contains("No lead matches."), "{nothing}");
        ada.get("/admin/leads?q=a&q=b").await.is_page(400);
    });
}

#[test]
fn a_change_of_status_and_a_note_are_kept_with_who_made_them() {
    with_app(async |app| {
        there_are(app, &[ONE]).await;
        let add = ["user", "add", "--email", "bob@example.com", "--name", "Bob <3", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let (ada, bob) = (app.ada().await, app.eve());
        bob.post("/sign-in", &[("email", "bob@example.com"), ("password", &password)]).await;
        let lead = format!("/admin/leads/{}", id(0));
        let back = |answer: &Answer| {
            assert_eq!(
                (answer.status, answer.location.as_str()),
                (303, lead.as_str()),
                "{}",
                answer.body
            )
        };
        let note = "Rang <twice>.\r\n\r\nWants gold.";
        back(&ada.post(&format!("{lead}/status"), &[("status", "contacted")]).await);
        back(&bob.post(&format!("{lead}/notes"), &[("note", note)]).await);
        back(&bob.post(&format!("{lead}/status"), &[("status", "won")]).await);
        back(&bob.post(&format!("{lead}/status"), &[("status", "won")]).await);
        assert_eq!(
            history(app).await,
            ["Owner|new|contacted", "Bob <3|Rang <twice>.\n\nWants gold.", "Bob <3|contacted|won"]
        );
        assert_eq!(app.ask("select status from leads").await, ["won"]);
        let page = ada.get(&lead).await;
        page.is_page(200);
        assert_eq!(page.header("cache-control"), "no-store");
        let past = page
            .body
            .split_once(r#"<ol class="history">"#)
            .unwrap()
            .1
            .split_once("</ol>")
            .unwrap()
            .0;
        let events: Vec<&str> = past.split("<li>").skip(1).collect();
        assert!(
            events[0].contains("Owner")
                && events[0].contains(">new<")
                && events[0].contains(">contacted<")
        );
        assert!(events[1].contains("Bob &lt;3") && events[1].contains("Rang &lt;twice&gt;."));
        assert!(events[2].contains("Bob &lt;3") && events[2].contains(">won<"));
        assert_eq!(events.len(), 3);
        assert!(page.body.contains("Ann &lt;Li&gt;") && page.body.contains("Li &amp; Co"));
        assert!(page.body.contains(r#"<option value="won" selected>"#), "{}", page.body);
    });
}

#[test]
fn the_same_form_sent_twice_is_one_note() {
    with_app(async |app| {
        there_are(app, &[ONE, ONE]).await;
        let ada = app.ada().await;
        let lead = format!("/admin/leads/{}", id(0));
        let (notes, form) = (format!("{lead}/notes"), submission(&ada, &lead).await);
        let fields = [("submission", form.as_str()), ("note", "Rang twice.")];
        let sent = (0..6).map(|_| ada.post(&notes, &fields));
        for answer in futures_util::future::join_all(sent).await {
            assert_eq!(
                (answer.status, answer.location.as_str()),
                (303, lead.as_str()),
                "{}",
                answer.body
            );
        }
        assert_eq!(history(app).await, ["Owner|Rang twice."]);
        // She goes back, and changes a word.
        let other = [("submission", form.as_str()), ("note", "Rang three times.")];
        assert_eq!(ada.post(&notes, &other).await.status, 303);
        assert_eq!(history(app).await, ["Owner|Rang twice.", "Owner|Rang three times."]);
        // The same words in a new form are meant.
        let new = submission(&ada, &lead).await;
        assert_ne!(new, form);
        assert_eq!(
            ada.post(&notes, &[("submission", &new), ("note", "Rang twice.")]).await.status,
            303
        );
        assert_eq!(history(app).await.len(), 3);
        // The same words and the same id, sent elsewhere: each page has one id for all of its forms.
        let elsewhere = format!("/admin/leads/{}/notes", id(1));
        assert_eq!(ada.post(&elsewhere, &fields).await.status, 303);
        assert_eq!(history(app).await.len(), 4);
    });
}

#[test]
fn a_form_that_arrives_late_once_more_undoes_nothing() {
    with_app(async |app| {
        there_are(app, &[ONE]).await;
        let ada = app.ada().await;
        let lead = format!("/admin/leads/{}", id(0));
        let (to, form) = (format!("{lead}/status"), submission(&ada, &lead).await);
        let lost = [("submission", form.as_str()), ("status", "lost")];
        assert_eq!(ada.post(&to, &lost).await.status, 303);
        assert_eq!(ada.post(&to, &[("status", "won")]).await.status, 303);
        assert_eq!(ada.post(&to, &lost).await.status, 303);
        assert_eq!(app.ask("select status from leads").await, ["won"]);
        assert_eq!(history(app).await, ["Owner|new|lost", "Owner|lost|won"]);
    });
}

#[test]
fn what_is_wrong_is_said_on_the_page_of_the_lead() {
    with_app(async |app| {
        there_are(app, &[ONE]).await;
        let ada = app.ada().await;
        let lead = format!("/admin/leads/{}", id(0));
        let long = "é".repeat(5001);
        for (form, field, text) in [
            ("status", "status", "king"),
            ("status", "status", ""),
            ("status", "status", "New"),
            ("status", "status", "\0"),
            ("notes", "note", " \r\n "),
            ("notes", "note", &long),
            ("notes", "note", "Rang\0twice."),
        ] {
            let answer = ada.post(&format!("{lead}/{form}"), &[(field, text)]).await;
            answer.is_page(422);
            let error = format!(r#"id="{field}-error""#);
            assert_eq!(answer.body.matches(&error).count(), 1, "{field}: {}", answer.body);
            assert!(answer.body.contains("Could you paint our boat?"), "{}", answer.body);
            let summary = format!(r##"<a href="#{field}">"##);
            assert_eq!(answer.body.matches(&summary).count(), 1, "{field}: {}", answer.body);
        }
        let answer = ada.post(&format!("{lead}/notes"), &[("note", "Rang <\u{1}twice>.")]).await;
        assert!(answer.body.contains("Rang &lt;\u{1}twice&gt;.</textarea>"), "{}", answer.body);
        assert_eq!(app.ask("select status from leads").await, ["new"]);
        assert_eq!(history(app).await, [""; 0]);
        let most = "é".repeat(5000);
        assert_eq!(ada.post(&format!("{lead}/notes"), &[("note", &most)]).await.status, 303);
    });
}

#[test]
fn a_lead_that_is_not_there_is_not_found() {
    with_app(async |app| {
        let ada = app.ada().await;
        for at in [id(7).as_str(), "nonsense", "%ff"] {
            ada.get(&format!("/admin/leads/{at}")).await.is_page(404);
            let status = [("status", "won")];
            ada.post(&format!("/admin/leads/{at}/status"), &status).await.is_page(404);
            ada.post(&format!("/admin/leads/{at}/notes"), &[("note", "Rang.")]).await.is_page(404);
            let wrong = [("status", "king")];
            ada.post(&format!("/admin/leads/{at}/status"), &wrong).await.is_page(404);
        }
    });
}

#[test]
fn strangers_learn_and_change_nothing() {
    with_app(async |app| {
        there_are(app, &[ONE]).await;
        let eve = app.eve();
        let mut answers = HashSet::new();
        for number in [0, 7] {
            let lead = format!("/admin/leads/{}", id(number));
            let answer = eve.get(&lead).await;
            assert_eq!(answer.location, format!("/sign-in?next={}", lead.replace('/', "%2F")));
            for (form, field) in [("status", ("status", "won")), ("notes", ("note", "Mine."))] {
                let answer = eve.post(&format!("{lead}/{form}"), &[field]).await;
                is_asked_to_sign_in(&answer);
                answers.insert(answer.body.replace(&lead, "LEAD"));
            }
        }
        assert_eq!(answers.len(), 2, "one for each form, whether there is such a lead or not");
        assert_eq!(eve.get("/admin/leads").await.location, "/sign-in?next=%2Fadmin%2Fleads");
        assert_eq!(app.ask("select status from leads").await, ["new"]);
        assert_eq!(history(app).await, [""; 0]);
    });
}

#[test]
fn a_status_that_somebody_else_has_set_is_replaced_knowingly_alone() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        assert_eq!(eve.post("/contact", &ANN).await.status, 303);
        let id = app.ask("select id from leads").await.remove(0);
        let page = format!("/admin/leads/{id}");
        let seen = |answer: &Answer| {
            let (_, rest) = answer.body.split_once(r#"name="seen" value=""#).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let opened = seen(&ada.get(&page).await);
        assert_eq!(opened, "new");
        assert_eq!(app.cli(&["lead", "status", &id, "won"], "").code, 0);
        let path = format!("{page}/status");
        let lost = |seen: &str| [("status", "lost".to_owned()), ("seen", seen.to_owned())];
        let send = async |form: [(&str, String); 2]| {
            let form = form.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
            ada.post(&path, &form).await
        };
        let told = send(lost(&opened)).await;
        told.is_page(422);
        assert!(told.body.contains("Someone has set it to won since you looked"), "{}", told.body);
        assert!(told.body.contains(r#"<option value="lost" selected"#), "{}", told.body);
        assert_eq!(app.ask("select status from leads").await, ["won"]);
        assert_eq!(send(lost(&seen(&told))).await.status, 303);
        assert_eq!(app.ask("select status from leads").await, ["lost"]);
    });
}
