//! The whole site, walked: every link answers, every page keeps the content security policy.

use super::accounts::{BOB, links_in_mails, sign_up};
use super::contact::ANN;
use super::doors::{
    A_SUBSCRIBER, A_WEBHOOK, AN_EVENT, AN_IMPORT, AN_ISSUE, AN_ORDER, BROUGHT, links_of, order_link,
};
use super::passkeys::questions;
use super::second_factor::{turn_on, type_code};
use super::sign_in::sign_in;
use super::support::{ADA, Answer, Person, TestApp, with_settings};
use super::tokens::asks_for_consent;
use frontdesk::routes;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use templates::paths as paths_of;

/// The tags of a page, without the brackets.
fn tags(body: &str) -> impl Iterator<Item = &str> {
    body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap())
}

/// The paths of this site that stand in one of these attributes.
fn paths(body: &str, attributes: &[&str]) -> Vec<String> {
    let value = |tag: &str, attribute: &str| {
        let (_, rest) = tag.split_once(&format!(" {attribute}=\""))?;
        Some(rest.split('"').next()?.replace("&amp;", "&")).filter(|value| value.starts_with('/'))
    };
    tags(body).flat_map(|tag| attributes.iter().filter_map(move |name| value(tag, name))).collect()
}

/// Asserts that a page holds nothing the policy forbids: styles, scripts and handlers stand in files of their own.
fn nothing_inline(path: &str, body: &str) {
    for tag in tags(body) {
        // Values may say what they like; names may not.
        let names: String = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        let mut words =
            names.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
        let element = words.next().unwrap_or_default();
        assert_ne!(element, "style", "{path} holds <{tag}>");
        assert!(element != "script" || tag.contains(" src=\"/static/"), "{path} holds <{tag}>");
        for attribute in words {
            assert_ne!(attribute, "style", "{path} holds <{tag}>");
            assert!(!attribute.starts_with("on"), "{path} holds <{tag}>");
        }
        for scheme in ["\"javascript:", "\"data:", "\"vbscript:", "\"//"] {
            assert!(!tag.contains(scheme), "{path} holds <{tag}>");
        }
    }
}

/// Where the forms of a page lead: those that are posted, and those that ask.
fn forms_on(path: &str, body: &str) -> (Vec<String>, Vec<String>) {
    let forms = tags(body).filter(|tag| tag.starts_with("form "));
    let (posted, asked): (Vec<_>, Vec<_>) = forms
        .map(|form| {
            // One that does not say where to goes to where it stands.
            let action =
                form.split_once(" action=\"").map(|(_, rest)| rest.split('"').next().unwrap());
            (form.contains(" method=\"post\""), action.unwrap_or(path).to_owned())
        })
        .partition(|(posted, _)| *posted);
    let actions = |forms: Vec<(bool, String)>| forms.into_iter().map(|(_, to)| to).collect();
    (actions(posted), actions(asked))
}

/// Goes wherever links lead, and returns what was there.
async fn walk(who: &Person<'_>, from: &[String]) -> (BTreeMap<String, Answer>, BTreeSet<String>) {
    let (mut seen, mut forms) = (BTreeMap::new(), BTreeSet::new());
    let mut ahead: Vec<String> = from.to_vec();
    while let Some(path) = ahead.pop() {
        let path = path.split('#').next().unwrap().to_owned();
        if path.is_empty() || seen.contains_key(&path) {
            continue;
        }
        // More pages than one address may ask for in a minute.
        let who = who.coming_from(&format!("10.1.{}.1", seen.len() / 20));
        let answer = who.get(&path).await;
        if answer.header("content-type").starts_with("text/html") {
            // A mail has its looks in it, and a policy of its own (`issue_editor`).
            if !is_at("/admin/issues/{id}/mail", &path) {
                nothing_inline(&path, &answer.body);
            }
            ahead.extend(paths(&answer.body, &["href", "src"]));
            let (posted, asked) = forms_on(&path, &answer.body);
            forms.extend(posted);
            ahead.extend(asked);
        }
        ahead.extend(Some(answer.location.clone()).filter(|to| to.starts_with('/')));
        seen.insert(path, answer);
    }
    (seen, forms)
}

fn is_at(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (pattern, path): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, part)| {
            match pattern.strip_prefix('{').and_then(|hole| hole.split_once('}')) {
                Some((_, ending)) => part.ends_with(ending),
                None => pattern == part,
            }
        })
}

/// Where the forms lead that only somebody sees who is not the last owner.
async fn forms_of_others(app: &TestApp) -> Vec<String> {
    let bob = sign_up(app, BOB.0, BOB.1).await;
    let mut forms = paths(&bob.get("/account/delete").await.body, &["action"]);
    // A post for those who pay, which may be read for free.
    app.psql(
        "insert into settings (name, value) values ('free-posts', '3');
         update posts set audience = 'paid' where id = (select min(id::text)::uuid from posts where status = 'published')",
    )
    .await;
    super::cache::confirmed(app).await;
    let paid = app.ask("select '/posts/' || slug from posts where audience = 'paid'").await;
    let page = bob.get(&paid[0]).await.body;
    nothing_inline(&paid[0], &page);
    forms.extend(paths(&page, &["action"]));
    app.psql(&format!(
        "insert into plans (id, slug, name) values (gen_random_uuid(), 'friend', 'Friend');
         insert into plan_prices (id, plan_id, period, amount, currency, stripe_price)
           select gen_random_uuid(), id, 'monthly', 900, 'eur', 'price_1' from plans;
         insert into stripe_customers (account_id, customer) select id, 'cus_1' from accounts where email = '{0}';
         insert into subscriptions (id, account_id, customer, status, created_at, read)
           select 'sub_1', id, 'cus_1', 'active', now(), 0 from accounts where email = '{0}'",
        BOB.0
    ))
    .await;
    super::cache::confirmed(app).await;
    for path in ["/membership", "/account/membership"] {
        forms.extend(paths(&bob.get(path).await.body, &["action"]));
    }
    app.psql("update subscriptions set cancel_at_period_end = true").await;
    forms.extend(paths(&bob.get("/account/membership").await.body, &["action"]));
    // A cart with something in it, and an order that is not paid for yet.
    bob.post("/shop/tide-table/add", &[("quantity", "1")]).await;
    app.psql("update orders set status = 'pending-payment'").await;
    let order = app.ask("select id from orders").await.remove(0);
    for path in ["/cart".to_owned(), paths_of::order(&order_link(app, &order))] {
        forms.extend(paths(&bob.get(&path).await.body, &["action"]));
    }
    forms
}

/// The paths without parameters in `templates::paths`.
fn fixed_paths() -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/paths.rs");
    let source = fs::read_to_string(file).unwrap();
    let functions =
        source.split("pub fn ").skip(1).filter_map(|rest| rest.split_once("() -> String {"));
    let paths = functions.map(|(_, body)| body.split('"').nth(1).unwrap().to_owned());
    let paths: Vec<String> = paths.collect();
    assert!(paths.len() > 8 && paths.iter().all(|path| path.starts_with('/')), "{paths:?}");
    paths
}

#[test]
fn every_link_on_the_site_answers_and_no_page_holds_style_or_script() {
    let settings = [
        ("STRIPE_SECRET_KEY", "sk_test_of_nobody"),
        ("DEMO_CONTENT", "on"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    with_settings(&settings, async |app| {
        assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
        let ada = app.ada().await;
        // Whoever brings nothing from elsewhere is not let in there.
        let mut table = routes::table();
        let brought: Vec<_> =
            table.extract_if(.., |route| BROUGHT.contains(&route.proof)).collect();
        // An issue in each state has its own buttons, and so has a closed account of staff; links in mails lead to pages that nothing else leads to.
        app.psql(&format!(
            "{AN_ISSUE} {A_SUBSCRIBER}
             insert into issues (id, slug, subject, body, status, scheduled_at, started_at)
             values (gen_random_uuid(), 'later', 'Later', 'Words.', 'scheduled', '2199-01-01Z', null),
                    (gen_random_uuid(), 'halfway', 'Halfway', 'Words.', 'paused', now(), now());
             insert into identities (issuer, subject, account_id, provider) select 'https://id.example', '1', id, 'x' from staff;
             insert into subscribers (id, email, status, source, consent, consent_at)
             values (gen_random_uuid(), 'bob@example.test', 'pending', 'cli', 'none yet', now());
             {AN_IMPORT} {AN_EVENT} {AN_ORDER} {A_WEBHOOK}
             insert into webhooks (id, name, url, types, state)
             values (gen_random_uuid(), 'Shop', 'https://example.com/', '{{post.updated}}', 'paused');
             insert into api_keys (id, name, prefix, hash, scopes)
             values (gen_random_uuid(), 'Partner', 'fd_live_aaaa', sha256('a'), '{{leads:write}}');
             with closed as (insert into accounts (id, email, name, active)
                 values (gen_random_uuid(), 'bea@example.test', 'Bea', false) returning id)
             insert into staff (id, role) select id, 'editor' from closed"
        ))
        .await;
        let ids = app.ask("select id from subscribers order by email").await; // Ann, who gets it, and Bob
        let ((_, manage), (confirm, _)) = (links_of(app, &ids[0]), links_of(app, &ids[1]));
        let order = app.ask("select id from orders").await.remove(0);
        let mut starts = fixed_paths();
        starts.retain(|path| !brought.iter().any(|route| is_at(route.path, path)));
        starts.extend([
            paths_of::newsletter_confirm(&confirm),
            paths_of::newsletter_preferences(&manage),
            paths_of::order(&order_link(app, &order)),
            paths_of::indexnow_key(&app.state.secrets.indexnow()),
        ]);
        starts.extend(links_in_mails(app).await.into_values());
        starts.push(asks_for_consent(app).await);
        // A second factor has a page for each step on the way to it, and one on the way in.
        let off = ada.get("/account/two-factor").await;
        starts.extend(questions(app, &ada).await.into_values());
        let (_, codes) = turn_on(app, &ada).await;
        ada.post("/account/two-factor/begin", &[]).await;
        let half = app.eve();
        sign_in(&half, ADA.0, ADA.1).await;
        let asked = half.get("/sign-in/code").await;
        type_code(&half, &codes[0]).await; // so that there is another session to end
        let posted_only = |path: &String| {
            !table.iter().any(|route| route.method == "GET" && is_at(route.path, path))
        };
        let buttons: Vec<String> =
            starts.iter().filter(|path| posted_only(path)).cloned().collect();
        starts.retain(|path| !buttons.contains(path));
        let open = table.iter().filter(|route| route.method == "GET" && !route.path.contains('{'));
        let open = open.filter(|route| {
            !route.path.starts_with("/api/v1/") || route.proof.starts_with("anyone") // others are for programs with a key
        });
        starts.extend(open.map(|route| route.path.to_owned()));
        starts.retain(|path| path != "/sign-in/code");

        let (by_eve, forms) = walk(&app.eve(), &starts).await;
        let (mut by_ada, mut more_forms) = walk(&ada.coming_from("10.0.0.2"), &starts).await;
        more_forms.extend(forms_of_others(app).await);
        for (path, page) in [("/account/two-factor", off), ("/sign-in/code", asked)] {
            nothing_inline(path, &page.body);
            more_forms.extend(forms_on(path, &page.body).0);
            by_ada.insert(path.to_owned(), page);
        }
        for (path, answer) in by_eve.iter().chain(&by_ada) {
            assert!(matches!(answer.status, 200 | 303), "{path}: {}", answer.status);
        }
        for (path, answer) in &by_ada {
            assert_eq!(answer.status, 200, "{path} is closed to Ada: {}", answer.location);
        }
        assert!(by_eve.len() > 30, "only {} pages are linked", by_eve.len());
        let machines = |path: &str| path.starts_with("/api/");
        for route in table.iter().filter(|route| !machines(route.path)) {
            let reached = match route.method {
                "GET" => by_ada.keys().any(|path| is_at(route.path, path)),
                _ => forms.iter().chain(&more_forms).any(|path| is_at(route.path, path)),
            };
            assert!(reached, "nothing leads to {} {}", route.method, route.path);
        }
        for path in forms.iter().chain(&more_forms).chain(&buttons) {
            let posted = |route: &&routes::Entry| route.method == "POST" && is_at(route.path, path);
            assert!(table.iter().any(|route| posted(&route)), "no form can be sent to {path}");
        }
    });
}

#[test]
fn pages_that_refuse_keep_the_policy_too() {
    with_settings(&[("DEMO_CONTENT", "on")], async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let hostile = "\"><script>alert(1)</script><p style=\"x\" onclick='y'>";
        let fields =
            [("name", hostile), ("email", hostile), ("message", hostile), ("title", hostile)];
        for path in ["/contact", "/sign-in", "/admin/posts/new"] {
            let answer = ada.post(path, &fields).await;
            assert_eq!(answer.status, 422, "{path}");
            nothing_inline(path, &answer.body);
            let foreign = ada.request(reqwest::Method::POST, path).form(&fields);
            let refused = ada.send(foreign.header("origin", "https://evil.example")).await;
            assert_eq!(refused.status, 403, "{path}");
            nothing_inline(path, &refused.body);
            let unsure = ada.send(ada.request(reqwest::Method::POST, path).form(&fields)).await;
            assert_eq!(unsure.status, 403, "{path}");
            nothing_inline(path, &unsure.body);
        }
        for path in ["/nowhere/\"><script>", "/posts?page=<script>", "/posts/%3Cscript%3E", "/%00"]
        {
            let answer = eve.get(path).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
            nothing_inline(path, &answer.body);
        }
    });
}
