//! An issue while it is written: seen as the mail it will be, and by two who write it at once.

use super::doors::{everything, is_hardened};
use super::issues::{press, written};
use super::newsletter::{mails_to, subscribe, work_off};
use super::posts::{save, version};
use super::support::{Answer, with_app};

fn issue<'a>(body: &'a str, version: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("subject", "Spring letter"), ("slug", ""), ("body", body), ("version", version)]
}

/// What a mail says, without what is good for its reader alone.
fn without_tokens(text: &str) -> String {
    let mut parts = text.split("/newsletter/");
    let mut kept = parts.next().unwrap().to_owned();
    for part in parts {
        let (door, rest) = part.split_once('/').unwrap_or((part, ""));
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        kept += &format!("/newsletter/{door}/{rest}");
    }
    kept
}

#[test]
fn the_mail_of_an_issue_is_seen_before_it_is_sent_as_its_readers_get_it() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        subscribe(app, &eve, "ann@example.test", &[]).await;
        let page = written(&ada, "Spring letter").await;
        let body =
            "## Tools & <b>glue</b>\n\nSee [us](/contact).\n\n| a | b |\n|---|---|\n| 1 | 2 |";
        save(&ada, &page, &[("subject", "Spring letter"), ("body", body)]).await;
        assert!(ada.get(&page).await.body.contains(&format!("href=\"{page}/preview\"")));
        let shown = ada.get(&format!("{page}/preview")).await;
        shown.is_page(200);
        let frame = format!("<iframe class=\"mail\" src=\"{page}/mail\" sandbox=\"\"");
        assert!(shown.body.contains(&frame), "{}", shown.body);
        let mail = ada.get(&format!("{page}/mail")).await;
        assert_eq!((mail.status, mail.header("content-type")), (200, "text/html; charset=utf-8"));

        press(&ada, &page, "send").await;
        work_off(app).await;
        let letter = mails_to(app, "ann@example.test").await.remove(0).mail;
        assert_eq!(without_tokens(&mail.body), without_tokens(&letter.html()));
        assert_ne!(mail.body, letter.html(), "nobody leaves in somebody's name");
        let at_home = format!("<a href=\"{}/contact\"", app.state.config.canonical_origin());
        assert!(mail.body.contains(&at_home) && mail.body.contains("<table"), "{}", mail.body);
        assert!(!mail.body.contains("<b>") && mail.body.contains("style=\""));
        for line in letter.text().lines().filter(|line| line.starts_with("http") && line.len() < 80)
        {
            assert!(shown.body.contains(&format!("<a href=\"{line}\">")), "{line}");
        }
        assert!(shown.body.contains("## Tools &amp; &lt;b&gt;glue&lt;/b&gt;"), "{}", shown.body);
        // The links at its end are of our making and lead nowhere.
        let token = mail.body.split("/newsletter/unsubscribe/").nth(1).unwrap();
        let leave = format!("/newsletter/unsubscribe/{}", token.split('"').next().unwrap());
        eve.get(&leave).await.is_page(404);
        eve.post(&leave, &[]).await.is_page(404);
    });
}

/// The headers that say what may be framed, and where.
fn of_frames(answer: &Answer) -> (&str, &str) {
    (answer.header("content-security-policy"), answer.header("x-frame-options"))
}

#[test]
fn that_mail_alone_may_be_framed_by_the_one_page_that_frames_it() {
    with_app(async |app| {
        let ada = app.ada().await;
        let (mut pages, mut mails) = (0, 0);
        for path in everything(app, &ada).await {
            let answer = ada.get(&path).await;
            match path.rsplit('/').next() {
                Some("mail") => {
                    let policy = "default-src 'none'; style-src-attr 'unsafe-inline'; form-action 'none'; \
                                  frame-ancestors 'self'; base-uri 'none'; sandbox";
                    assert_eq!(of_frames(&answer), (policy, "SAMEORIGIN"), "{path}");
                    assert_eq!(answer.header("cross-origin-embedder-policy"), "require-corp");
                    assert_eq!(answer.header("cache-control"), "no-store");
                    mails += 1;
                }
                Some("preview") => {
                    let strict = ada.get("/admin").await;
                    let (policy, other) = of_frames(&answer);
                    assert_eq!(
                        of_frames(&strict),
                        (&*policy.replace("frame-src 'self'; ", ""), other)
                    );
                    assert!(policy.contains("; frame-src 'self'; ") && other == "DENY", "{policy}");
                    pages += 1;
                }
                // It leads to the app, and is looked at where that is asked (`tests/tokens_by_code.rs`).
                Some(asks) if asks.starts_with("authorize?") => {
                    let (policy, other) = of_frames(&answer);
                    assert_eq!(policy.matches(" com.example.app:; ").count(), 1, "{policy}");
                    let strict = ada.get("/admin").await;
                    assert_eq!(
                        of_frames(&strict),
                        (&*policy.replace(" com.example.app:", ""), other)
                    );
                }
                _ => is_hardened(&path, &answer),
            }
            // What is there for nobody is as strict as everything.
            if path.ends_with("/mail") {
                is_hardened("a stranger's", &app.eve().get(&path).await);
            }
        }
        assert_eq!((pages, mails), (1, 1));
        let nothing = "/admin/issues/01890000-0000-7000-8000-000000000000";
        for path in [format!("{nothing}/mail"), format!("{nothing}/preview")] {
            let answer = ada.get(&path).await;
            answer.is_page(404);
            is_hardened(&path, &answer);
        }
    });
}

#[test]
fn nobody_writes_over_an_issue_that_someone_else_has_changed_meanwhile_without_knowing() {
    with_app(async |app| {
        let (ada, bob) = (app.ada().await, app.ada().await);
        let page = written(&ada, "Spring letter").await;
        let kept = async || app.ask("select body from issues").await.remove(0);
        let seen = version(&ada.get(&page).await.body);
        save(&ada, &page, &issue("By Ada.", &seen)).await;
        let refused = bob.post(&page, &issue("By Bob.", &seen)).await;
        refused.is_page(422);
        assert!(refused.body.contains(r#"id="version-error""#) && refused.body.contains("By Bob."));
        assert_eq!(kept().await, "By Ada.");
        // A button that is refused beside it leaves the version as it is.
        let beside = bob.post(&format!("{page}/pause"), &[]).await;
        assert_eq!((beside.status, version(&beside.body)), (422, version(&refused.body)));
        save(&bob, &page, &issue("By Bob.", &version(&refused.body))).await;
        assert_eq!(kept().await, "By Bob.");
        // Somebody has it sent, and pauses it: that too is a change, and then what was typed is said to be in the way.
        let seen = version(&ada.get(&page).await.body);
        press(&bob, &page, "send").await;
        let refused = ada.post(&page, &issue("Too late.", &seen)).await;
        assert!(refused.status == 422 && refused.body.contains("It is being sent."));
        press(&bob, &page, "pause").await;
        let refused = ada.post(&page, &issue("Too late.", &seen)).await;
        assert!(refused.status == 422 && refused.body.contains("Someone has changed this issue"));
        save(&ada, &page, &issue("Put right.", &version(&refused.body))).await;
        assert_eq!(kept().await, "Put right.");
        assert_eq!(ada.post(&page, &issue("x", "yesterday")).await.status, 422);
    });
}
