//! Who gets in where: every route, knocked at by everyone there is, compared with the table in `tests/matrix.txt`.
//!
//! A route without a row fails, and so does a row that says something else than what happens. `MATRIX=write cargo test
//! --test frontdesk matrix` writes the table anew; what has changed in it is to be read before it is committed.

use super::accounts::links_in_mails;
use super::doors::{
    A_SUBSCRIBER, AN_EVENT, AN_IMPORT, AN_ISSUE, AN_ORDER, ANYWHERE, BROUGHT, NOBODYS, OPEN,
    filled, is_for_machines, links_of, order_link,
};
use super::sign_in::sign_in;
use super::support::{Answer, Person, TestApp, with_app, with_settings};
use frontdesk::routes::{self, Entry};
use frontdesk::services::enrolment::Sealer;
use frontdesk::services::keys;
use frontdesk::services::second_factors::{RecoveryCode, Secret};
use frontdesk::services::sessions::{self, SessionToken};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix.txt");

const HEAD: &str = "\
# Who gets in where. Written by tests/matrix.rs: MATRIX=write cargo test --test frontdesk matrix
#
#   in        let in: what they sent was looked at
#   sign-in   asked to sign in first
#   no        known, or from elsewhere, and refused
#   key       asked for a key, or a token
#   nothing   there is nothing here, or nothing they may know of
#   off       not configured here
#
# What an address is about is the member's own, or the lead and the post that key A has handed in. Key A has every scope, key B is good
# for leads:write. The app is the member's. The expired session was the owner's; the request from another site carries the
# owner's live one. The member's browser is on the way to, and through, a second factor, and back from an identity provider.
";

/// The member, and what is theirs where [`NOBODYS`] is something else's.
const MEMBERS: &str = "01890000-0000-7000-8000-000000000001";
/// The editor.
const EDITOR: &str = "01890000-0000-7000-8000-000000000003";

/// What the member's app has.
const TOKEN: &str = "fd_at_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Everyone there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Stranger,
    Member,
    Other,
    Editor,
    Owner,
    KeyA,
    KeyB,
    App,
    Expired,
    CrossSite,
}

const CALLERS: [(Caller, &str); 10] = [
    (Caller::Stranger, "stranger"),
    (Caller::Member, "member"),
    (Caller::Other, "other"),
    (Caller::Editor, "editor"),
    (Caller::Owner, "owner"),
    (Caller::KeyA, "key A"),
    (Caller::KeyB, "key B"),
    (Caller::App, "app"),
    (Caller::Expired, "expired"),
    (Caller::CrossSite, "cross-site"),
];

impl Caller {
    /// What their cookie holds.
    fn session(self) -> Option<String> {
        let digit = match self {
            Self::Stranger | Self::KeyA | Self::KeyB | Self::App => return None,
            Self::Member => "1",
            Self::Other => "2",
            Self::Editor => "3",
            Self::Owner | Self::CrossSite => "4",
            Self::Expired => "5",
        };
        Some(digit.repeat(64))
    }

    fn key(self) -> Option<String> {
        match self {
            Self::KeyA => Some(key("a")),
            Self::KeyB => Some(key("b")),
            _ => None,
        }
    }
}

/// A key as it would be made of nothing but this letter.
fn key(letter: &str) -> String {
    keys::Secret::new(keys::Kind::Live, &letter.repeat(30)).reveal().to_owned()
}

/// What there is: accounts, their sessions, two keys, and one of each kind of thing, all under one id.
fn fixtures() -> String {
    let account = |digit: &str, name: &str| {
        format!(
            "insert into accounts (id, email, name) values ('01890000-0000-7000-8000-00000000000{digit}', '{name}@example.test', '{name}');
             insert into sessions (token_hash, id, account_id, expires_at)
             values (sha256(decode(repeat('{digit}', 64), 'hex')), '01890000-0000-7000-8000-00000000000{digit}',
                     '01890000-0000-7000-8000-00000000000{digit}', now() + interval '1 hour');"
        )
    };
    let people = [("1", "member"), ("2", "other"), ("3", "editor"), ("4", "owner")];
    let people: String = people.into_iter().map(|(digit, name)| account(digit, name)).collect();
    let (key_a, key_b) = (key("a"), key("b"));
    format!(
        "{people} {AN_ISSUE} {A_SUBSCRIBER} {AN_IMPORT} {AN_EVENT} {AN_ORDER}
         insert into staff (id, role) values ('01890000-0000-7000-8000-000000000003', 'editor'), ('01890000-0000-7000-8000-000000000004', 'owner');
         insert into sessions (token_hash, account_id, expires_at, id)
         values (sha256(decode(repeat('5', 64), 'hex')), '01890000-0000-7000-8000-000000000004', now() - interval '1 second', gen_random_uuid()),
                (sha256('\\x06'), '01890000-0000-7000-8000-000000000001', now() + interval '1 hour', '{NOBODYS}');
         insert into half_sign_ins (token_hash, account_id, proof, next, expires_at)
         values (sha256(decode(repeat('6', 64), 'hex')), '01890000-0000-7000-8000-000000000001', 'password', '', now() + interval '10 minutes');
         insert into identity_errands (state_hash, browser_hash, provider, nonce, verifier, next, expires_at)
         values (sha256(decode(repeat('7', 64), 'hex')), sha256(decode(repeat('8', 64), 'hex')), 'github', 'n', 'v', '', now() + interval '10 minutes');
         insert into identity_arrivals (browser_hash, issuer, subject, provider, expires_at)
         values (sha256(decode(repeat('9', 64), 'hex')), 'https://github.com', '1', 'github', now() + interval '10 minutes');
         insert into passkeys (id, account_id, credential_id, credential, name)
         values ('{NOBODYS}', '01890000-0000-7000-8000-000000000001', '\\x07', '{{}}', 'Laptop');
         insert into passkey_challenges (id, account_id, note, options, state, expires_at)
         values ('{NOBODYS}', null, '', '{{}}', '{{}}', now() + interval '10 minutes'),
                ('{MEMBERS}', '{MEMBERS}', 'Phone', '{{}}', '{{}}', now() + interval '10 minutes');
         insert into api_keys (id, name, prefix, hash, scopes)
         values ('{NOBODYS}', 'A', 'fd_live_aaaa', sha256('{key_a}'), '{{leads:write,leads:status,posts:write,posts:read,orders:read,subscribers:read,subscribers:write,cache:write,events:read,webhooks:write}}'),
                (gen_random_uuid(), 'B', 'fd_live_bbbb', sha256('{key_b}'), '{{leads:write}}');
         insert into sessions (token_hash, id, account_id, expires_at, by_token)
         values (sha256('\\x08'), '01890000-0000-7000-8000-000000000009', '{MEMBERS}', now() + interval '1 hour', true);
         insert into app_tokens (hash, session_id, kind, expires_at)
         values (sha256('{TOKEN}'), '01890000-0000-7000-8000-000000000009', 'access', now() + interval '10 minutes');
         insert into leads (id, name, email, message, status, source, api_key_id, fingerprint)
         values ('{NOBODYS}', 'Ann', 'ann@example.test', 'Hello there.', 'new', 'partner-api', '{NOBODYS}', sha256(''));
         insert into webhooks (id, name, url, types, key_id)
         values ('{NOBODYS}', 'CRM', 'https://example.com/', '{{lead.created}}', '{NOBODYS}');
         insert into webhook_deliveries (id, webhook_id, message, object, sequence)
         values ('{NOBODYS}', '{NOBODYS}', '{NOBODYS}', '{NOBODYS}', 1);
         insert into topics (slug, name) values ('signs', 'Signs');
         insert into posts (id, slug, title, body, topic, status, published_at, api_key_id)
         values ('{NOBODYS}', 'a-wall', 'A wall', 'Words.', 'signs', 'published', '2026-01-01Z', '{NOBODYS}');
         insert into outbox (id, kind, job, cause, state)
         values ('{NOBODYS}', 'mail', '{{\"job\": \"mail\", \"mail\": \"test\", \"staff\": \"{NOBODYS}\"}}', 'test', 'dead');
         update issues set id = '{NOBODYS}';
         update imports set id = '{NOBODYS}';
         update inbox set id = '{NOBODYS}';
         delete from order_lines; update orders set id = '{NOBODYS}'; update products set id = '{NOBODYS}';
         insert into order_lines values ('{NOBODYS}', '{NOBODYS}', 'A wall', 2500, 1, 1);
         update subscribers set id = '{NOBODYS}'"
    )
}

/// What brings everything back to [`fixtures`]. Tables that are filled from the start are left as they are.
async fn reset(app: &TestApp) -> String {
    let tables = app
        .ask(
            "select quote_ident(tablename) from pg_tables where schemaname = 'public' and (xpath('//n/text()',
                query_to_xml(format('select count(*) as n from %I', tablename), true, true, '')))[1]::text = '0'
                and tablename not like 'cache%'",
        )
        .await;
    let deletes = tables.iter().map(|table| format!("delete from {table};")).collect::<String>();
    format!(
        "set session_replication_role = replica; {deletes} delete from staff; delete from accounts;
         set session_replication_role = origin; {}; select cache_invalidate(true, '*')",
        fixtures()
    )
}

/// What the member's browser keeps besides: half of a sign-in, a second factor that is being set up, codes, and errands.
async fn kept(app: &TestApp) -> String {
    let token = SessionToken::parse(&"1".repeat(64)).unwrap();
    let member = app.state.ask(async |db| sessions::resume(db, &token).await).await;
    let (who, state) = (member.unwrap().unwrap(), &app.state);
    let sealer = Sealer { keys: &state.secrets, who: &who, at: state.clock.now(), nonce: [0; 12] };
    let setup = sealer.setting_up(&Secret::of_bytes(&[1; 20]).unwrap());
    let codes = sealer.recovery_codes(&[RecoveryCode::new([1; 10])]);
    let [half, errand, arrival] = ["6", "8", "9"].map(|digit| digit.repeat(64));
    format!("; half={half}; setup={setup}; codes={codes}; errand={errand}; arrival={arrival}")
}

/// Has a device asked for a passkey, and what its answer is held against kept where [`fixtures`] have nothing to say about it.
async fn question(app: &TestApp) -> String {
    let member = app.eve();
    let request = member.request(Method::POST, "/account/passkeys").form(&[("name", "Phone")]);
    let request = request.header("sec-fetch-site", "same-origin").header("origin", &app.origin);
    let session = format!("sid={}", Caller::Member.session().unwrap());
    assert_eq!(member.send(request.header("cookie", session)).await.status, 303);
    let state = "select state from passkey_challenges where state <> '{}'";
    let state = app.ask(state).await.remove(0);
    format!("; update passkey_challenges set state = '{state}' where id = '{MEMBERS}'")
}

/// The site, and a way to have everything there as it was.
struct World<'a> {
    app: &'a TestApp,
    reset: String,
    kept: String,
    database: PgConnection,
}

impl World<'_> {
    async fn reset(&mut self) {
        let sql = sqlx::AssertSqlSafe(self.reset.clone());
        sqlx::raw_sql(sql).execute(&mut self.database).await.unwrap();
    }
}

/// An address at which the member, or key A, has something.
async fn address(app: &TestApp, path: &str) -> String {
    let (confirm, manage) = links_of(app, NOBODYS);
    match path {
        "/static/{hash}/{name}" => templates::assets::STYLE.url().to_owned(),
        "/{key}.txt" => templates::paths::indexnow_key(&app.state.secrets.indexnow()),
        path if path.contains("staff/{id}") => path.replace("{id}", EDITOR),
        path if path.starts_with("/orders/") => path.replace("{token}", &order_link(app, NOBODYS)),
        "/account/passkeys/new/{id}" => path.replace("{id}", MEMBERS),
        "/newsletter/confirm/{token}" => path.replace("{token}", &confirm),
        path if path.starts_with("/newsletter/") => filled(&path.replace("{token}", &manage)),
        path if path.contains("{token}") || path.contains("invites/{id}") => {
            let mailed = links_in_mails(app).await;
            mailed.get(path).cloned().unwrap_or_else(|| filled(path))
        }
        path => {
            let back = format!("/callback?state={}&error=server_error", "7".repeat(64));
            filled(&path.replace("{provider}", "github").replace("/callback", &back))
        }
    }
}

/// How they knock: a form from our own page, a document from a program, each with the proof they have.
fn knock(
    person: &Person<'_>,
    caller: Caller,
    route: &Entry,
    path: &str,
    world: &World<'_>,
) -> RequestBuilder {
    let method: Method = route.method.parse().unwrap();
    let request = person.request(method.clone(), path);
    let request = match (method, is_for_machines(route.path)) {
        (Method::GET, _) => request,
        (_, true) if route.proof != "a form of a known site" => request.json(&json!({})),
        _ => request.form(&[("", ""); 0]),
    };
    let request = match (caller, route.method) {
        (Caller::CrossSite, "GET") => request.header("sec-fetch-site", "cross-site"),
        (Caller::CrossSite, _) => {
            request.header("sec-fetch-site", "cross-site").header("origin", "https://evil.example")
        }
        (_, "GET") => request,
        _ if is_for_machines(route.path) => request, // programs have no origin
        _ => request.header("sec-fetch-site", "same-origin").header("origin", &world.app.origin),
    };
    let kept = if caller == Caller::Member { world.kept.as_str() } else { "" };
    let session = caller.session().map(|session| format!("sid={session}{kept}"));
    let request = session.into_iter().fold(request, |request, sid| request.header("cookie", sid));
    let request = match caller {
        Caller::App => request.header("authorization", format!("Bearer {TOKEN}")),
        _ => request,
    };
    // Whatever they are about, they have seen.
    let request = if route.method == "PATCH" { request.header("if-match", "*") } else { request };
    caller.key().into_iter().fold(request, |request, key| request.header("x-api-key", key))
}

/// What became of it, in a word of the table.
fn outcome(route: &Entry, answer: &Answer) -> &'static str {
    let guarded = !OPEN.contains(&route.proof);
    match answer.status {
        303 if guarded && answer.location.starts_with("/sign-in") => "sign-in",
        400 if BROUGHT.contains(&route.proof) => "no",
        200..=399 | 400 | 409 | 413 | 415 | 422 | 502 => "in", // 502: of a provider that is away
        401 => "key",
        403 => "no",
        404 | 410 => "nothing",
        503 => "off",
        other => panic!("{} {}: {other} {}", route.method, route.path, answer.body),
    }
}

type Cells = Vec<&'static str>;

/// Has everyone knock at a route.
async fn row(world: &mut World<'_>, route: &Entry, number: usize) -> Cells {
    let app = world.app;
    let known = app.eve(); // whoever sends a session along sends no other cookie
    let (mut cells, mut path) = (Cells::new(), String::new());
    for (at, (caller, _)) in CALLERS.into_iter().enumerate() {
        if at == 0 || route.method != "GET" {
            world.reset().await; // whoever was let in has changed something
            path = address(app, route.path).await;
        }
        // From an address of its own, so that nobody comes too often.
        let person = if caller.session().is_some() { known.clone() } else { app.eve() };
        let person = person.coming_from(&format!("10.2.{number}.{at}"));
        let answer = person.send(knock(&person, caller, route, &path, world)).await;
        cells.push(outcome(route, &answer));
    }
    cells
}

/// Holds whatever the table says.
fn is_sound(route: &Entry, cells: &Cells) {
    let of =
        |caller: Caller| cells[CALLERS.iter().position(|(known, _)| *known == caller).unwrap()];
    let door = format!("{} {}", route.method, route.path);
    assert_eq!(of(Caller::Expired), of(Caller::Stranger), "{door}: an expired session is none");
    if !is_for_machines(route.path) {
        for program in [Caller::KeyA, Caller::App] {
            assert_eq!(
                of(program),
                of(Caller::Stranger),
                "{door}: a key opens no page, nor does a token"
            );
        }
    }
    if route.method != "GET" && route.proof != ANYWHERE {
        assert_ne!(of(Caller::CrossSite), "in", "{door}: another site is let in");
    }
    let in_vain =
        !cells.iter().any(|cell| ["in", "off"].contains(cell)) && route.proof != "a scheduler";
    assert!(!in_vain, "{door}: nobody gets in; give it an address in tests/matrix.rs");
}

fn line(route: &Entry, cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{cell:<11}")).collect();
    let door = format!("{:<5} {}", route.method, route.path);
    format!("{door:<46} {cells}{}", route.proof)
}

fn table(rows: &[(Entry, Cells)]) -> String {
    let names: String = CALLERS.iter().map(|(_, name)| format!("{name:<11}")).collect();
    let head = format!("{:<5} {:<40} {names}proof", "", "route");
    let lines = rows.iter().map(|(route, cells)| line(route, cells));
    format!("{HEAD}\n{head}\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// What one table says and the other does not, each route's lines side by side.
fn differences(was: &str, is: &str) -> Vec<String> {
    let lines = |table: &str| -> BTreeSet<String> {
        let rows = table.lines().filter(|line| !line.starts_with('#') && line.contains(" /"));
        rows.map(str::to_owned).collect()
    };
    let (was, is) = (lines(was), lines(is));
    let mut found: Vec<(&str, &str)> =
        was.difference(&is).map(|line| (line.as_str(), "-")).collect();
    found.extend(is.difference(&was).map(|line| (line.as_str(), "+")));
    found.sort_by_key(|(line, sign)| (line.get(..46), *sign == "+"));
    found.into_iter().map(|(line, sign)| format!("{sign} {line}")).collect()
}

#[allow(clippy::disallowed_methods)] // the tests' own setting, not the application's
fn is_to_be_written() -> bool {
    std::env::var("MATRIX").is_ok_and(|how| how == "write")
}

#[test]
fn everyone_gets_in_where_the_table_says_and_nowhere_else() {
    let mut settings = vec![("TRUSTED_PROXIES", "127.0.0.1")];
    settings.extend(
        ["CRON_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"]
            .map(|name| (name, "of the tests")),
    );
    with_settings(&settings, async |app| {
        let database = PgConnection::connect(&app.database_url).await.unwrap();
        let mut world = World { app, reset: reset(app).await, kept: String::new(), database };
        world.reset().await;
        world.kept = kept(app).await;
        world.reset += &question(app).await;
        let mut rows = Vec::new();
        for (number, route) in routes::table().into_iter().enumerate() {
            let cells = row(&mut world, &route, number).await;
            is_sound(&route, &cells);
            rows.push((route, cells));
        }
        let now = table(&rows);
        if is_to_be_written() {
            std::fs::write(FILE, &now).unwrap();
        }
        let committed = std::fs::read_to_string(FILE).unwrap_or_default();
        let changed = differences(&committed, &now).join("\n");
        assert!(changed.is_empty(), "who gets in where is not what the table says:\n{changed}\n");
        assert_eq!(committed, now, "the table is to be written anew");
    });
}

/// The cells of each row of the page's table, without the markup.
fn cells_of(page: &str) -> Vec<Vec<String>> {
    let body = page.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    let bare = |html: &str| -> String {
        let parts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect()
    };
    let cells = |row: &str| -> Vec<String> {
        let cells = row.split("</t").filter(|cell| cell.contains("<t"));
        cells.map(|cell| bare(&cell[cell.rfind("<t").unwrap()..])).collect()
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

#[test]
fn an_owner_sees_the_same_table_as_the_operator_and_nobody_else_does() {
    with_app(async |app| {
        let printed = app.cli(&["routes", "--json"], "").json();
        let page = app.ada().await.get("/admin/routes").await;
        page.is_page(200);
        let cells = cells_of(&page.body);
        let routes = printed.as_array().unwrap();
        assert_eq!(cells.len(), routes.len());
        for (cells, route) in cells.iter().zip(routes) {
            let text = |name: &str| route[name].as_str().unwrap_or("-").to_owned();
            let size =
                route["body"].as_u64().map_or("-".into(), |body| format!("{} KiB", body / 1024));
            let kept = if route["cached"] == true { "kept" } else { "-" };
            let door = format!("{} {}", text("method"), text("path"));
            let expected = [door, text("proof"), text("limit"), size, kept.to_owned()];
            assert_eq!(*cells, expected);
        }
        let add = ["user", "add", "--email", "ed@example.com", "--name", "Ed", "--json"];
        let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
        let ed = app.eve();
        sign_in(&ed, "ed@example.com", &password).await;
        ed.get("/admin/routes").await.is_page(403);
        assert!(!ed.get("/admin").await.body.contains("/admin/routes"));
        assert!(app.ada().await.get("/admin").await.body.contains("href=\"/admin/routes\""));
    });
}
