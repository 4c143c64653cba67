//! Tasks that are asked for by schedulers outside: one run per slot, on however many instances.

use super::support::{Answer, Person, TestApp, with_app, with_settings};
use frontdesk::jobs::scheduler;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::time::Duration;
use time::OffsetDateTime;

const OLD: &str = "the-old-secret-of-the-scheduler";
pub const NEW: &str = "the-new-secret-of-the-scheduler";
pub const BOTH: (&str, &str) =
    ("CRON_SECRET", "the-old-secret-of-the-scheduler, the-new-secret-of-the-scheduler");
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

/// Asks for a run with a secret.
pub async fn cron(person: &Person<'_>, method: Method, task: &str, secret: &str) -> Answer {
    let request = person.request(method, &format!("/api/cron/{task}"));
    person.send(request.bearer_auth(secret)).await
}

async fn cleanup(person: &Person<'_>) -> Answer {
    cron(person, Method::POST, "cleanup", NEW).await
}

/// What a run that was not refused says.
pub fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Moves the clock on to `after` the beginning of the next hour, so that no slot ends within a test.
pub fn into_the_next_hour(app: &TestApp, after: Duration) {
    let second = app.state.clock.now().unix_timestamp().rem_euclid(3600).unsigned_abs();
    app.state.clock.advance(HOUR - Duration::from_secs(second) + after);
}

/// Nobody can touch the sessions until it is let go.
async fn holding_the_sessions(app: &TestApp) -> PgConnection {
    let mut held = PgConnection::connect(&app.database_url).await.unwrap();
    held.execute("begin; lock table sessions in access exclusive mode").await.unwrap();
    held
}

/// Waits until a statement of ours waits for the sessions: the database's own housekeeping may wait for them too.
async fn until_it_waits(app: &TestApp, how_many: usize) {
    let waiting = "select pid from pg_locks join pg_stat_activity using (pid)
                    where relation = 'sessions'::regclass and not granted and application_name = 'frontdesk'";
    while app.ask(waiting).await.len() < how_many {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const OLD_SESSIONS: &str = "insert into sessions (token_hash, account_id, expires_at)
    select sha256(n::text::bytea), (select id from staff limit 1), now() - interval '1 second' from generate_series(1, 2500) n";

#[test]
fn nobody_without_one_of_the_secrets_has_anything_run() {
    with_settings(&[BOTH], async |app| {
        let eve = app.eve();
        let ask = |authorization: &str| {
            let request = eve.request(Method::POST, "/api/cron/cleanup");
            eve.send(request.header("authorization", authorization))
        };
        for wrong in [
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            "Bearer nonsense".to_owned(),
            format!("Basic {NEW}"),
            format!("Bearer {OLD}, {NEW}"),
            format!("Bearer {}", &NEW[1..]),
            format!("Bearer {NEW}x"),
        ] {
            let answer = ask(&wrong).await;
            answer.is_problem(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"frontdesk\"", "{wrong}");
        }
        eve.send(eve.request(Method::POST, "/api/cron/cleanup")).await.is_problem(401);
        let as_key = eve.request(Method::POST, "/api/cron/cleanup").header("x-api-key", NEW);
        eve.send(as_key).await.is_problem(401);
        app.ada().await.get("/api/cron/cleanup").await.is_problem(401);
        assert_eq!(app.ask("select count(*) from runs").await, ["0"]);

        assert_eq!(done(&ask(&format!("Bearer {OLD}")).await)["ran"], true);
        assert_eq!(done(&ask(&format!("bearer {NEW}")).await)["ran"], false);
        cron(&eve, Method::POST, "nonsense", NEW).await.is_problem(404);
        let off = cron(&eve, Method::POST, "sync", NEW).await;
        assert_eq!(off.is_problem(503)["detail"], "This is off: SYNC_FOLDER is not set.");
    });
}

#[test]
fn without_a_secret_the_door_is_off_and_says_so() {
    with_app(async |app| {
        for method in [Method::GET, Method::POST] {
            let answer = cron(&app.eve(), method, "cleanup", "").await;
            assert_eq!(answer.is_problem(503)["detail"], "This is off: CRON_SECRET is not set.");
        }
        let doctor = app.cli(&["doctor"], "");
        assert!(doctor.out.contains("(CRON_SECRET): off"), "{}", doctor.out);
        assert!(doctor.out.contains("(SCHEDULER): on"), "{}", doctor.out);
    });
}

#[test]
fn a_slot_that_a_hundred_ask_for_on_three_instances_is_run_once() {
    with_settings(&[BOTH], async |app| {
        app.psql(OLD_SESSIONS).await;
        let others = [app.second_instance().await, app.second_instance().await];
        for instance in [app, &others[0], &others[1]] {
            into_the_next_hour(instance, 5 * MINUTE);
        }
        let ask = async |number: usize| {
            let eve = [app, &others[0], &others[1]][number % 3].eve().asking_for(&app.origin);
            let method = if number.is_multiple_of(2) { Method::GET } else { Method::POST };
            loop {
                let secret = if number.is_multiple_of(5) { OLD } else { NEW };
                let answer = cron(&eve, method.clone(), "cleanup", secret).await;
                if answer.status != 503 {
                    return answer; // a busy machine may have no connection for everyone at once
                }
            }
        };
        let answers = futures_util::future::join_all((0..100).map(ask)).await;
        let mut ran = 0;
        for answer in &answers {
            match answer.status {
                200 => ran += usize::from(answer.json()["ran"] == true),
                status => assert_eq!(status, 409, "{}", answer.body),
            }
        }
        assert_eq!(ran, 1);
        assert_eq!(app.ask("select count(*) from runs").await, ["1"]);
        let run = app.ask("select state || ' ' || (output->>'sessions') from runs");
        assert_eq!(run.await, ["done 2500"]);
        assert_eq!(done(&cleanup(&app.eve()).await)["ran"], false);
        for other in others {
            other.close().await;
        }
    });
}

#[test]
fn a_get_does_what_a_post_does_and_nothing_twice() {
    with_settings(&[BOTH], async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        let eve = app.eve();
        let first = done(&cron(&eve, Method::GET, "cleanup", NEW).await);
        assert_eq!((&first["ran"], &first["state"]), (&json!(true), &json!("done")));
        assert_eq!((&first["task"], &first["trigger"]), (&json!("cleanup"), &json!("cron")));
        for member in ["run", "slot", "started_at", "ended_at"] {
            assert!(first[member].is_string(), "{first}");
        }
        for method in [Method::GET, Method::POST] {
            let again = done(&cron(&eve, method, "cleanup", NEW).await);
            assert_eq!((&again["ran"], &again["run"]), (&json!(false), &first["run"]));
        }
        into_the_next_hour(app, 5 * MINUTE);
        let next = done(&cleanup(&eve).await);
        assert_eq!(next["ran"], true);
        assert_ne!((&next["run"], &next["slot"]), (&first["run"], &first["slot"]));
    });
}

#[test]
fn a_task_under_way_is_not_begun_a_second_time() {
    with_settings(&[BOTH], async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        let eve = app.eve();
        let mut held = holding_the_sessions(app).await;
        let meanwhile = async {
            until_it_waits(app, 1).await;
            let refused = cleanup(&eve).await;
            refused.is_problem(409);
            assert!(refused.header("retry-after").parse::<u64>().is_ok());
            let shell = app.cli(&["run", "cleanup"], "");
            assert_eq!(shell.code, 1, "{}", shell.out);
            into_the_next_hour(app, 5 * MINUTE); // another slot, and the last is not over with
            cleanup(&eve).await.is_problem(409);
            assert_eq!(
                scheduler::look(&app.state).await,
                2,
                "digest and retention are not hindered by cleanup"
            );
            held.execute("commit").await.unwrap();
        };
        let (first, ()) = tokio::join!(cleanup(&eve), meanwhile);
        assert_eq!(done(&first)["ran"], true);
        assert_eq!(done(&cleanup(&eve).await)["ran"], true);
        let runs = "select state from runs where task = 'cleanup'";
        assert_eq!(app.ask(runs).await, ["done", "done"]);
    });
}

#[test]
fn a_run_that_was_frozen_past_its_lease_changes_nothing_any_more() {
    with_settings(&[BOTH], async |app| {
        app.psql(OLD_SESSIONS).await;
        let other = app.second_instance().await;
        for instance in [app, &other] {
            into_the_next_hour(instance, 5 * MINUTE);
        }
        let (eve, bob) = (app.eve(), other.eve().asking_for(&app.origin));
        let mut held = holding_the_sessions(app).await;
        let taken_over = async {
            until_it_waits(app, 1).await;
            app.psql("update runs set lease_until = now() - interval '1 second'").await;
            let second = async {
                until_it_waits(app, 2).await;
                held.execute("commit").await.unwrap();
            };
            tokio::join!(cleanup(&bob), second).0
        };
        let (frozen, quick) = tokio::join!(cleanup(&eve), taken_over);
        frozen.is_problem(409);
        let quick = done(&quick);
        assert_eq!((&quick["ran"], &quick["attempts"]), (&json!(true), &json!(2)));
        assert_eq!(quick["output"]["sessions"], 2500, "nothing that the frozen one did was kept");
        let runs = app.ask("select state || ' ' || attempts || coalesce(remark, '') from runs");
        assert_eq!(runs.await, ["done 2"]);
        other.close().await;
    });
}

#[test]
fn what_fails_is_noted_told_and_tried_again_in_the_same_slot() {
    with_settings(&[BOTH], async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        app.psql("alter table sessions rename to hidden").await;
        let eve = app.eve();
        cleanup(&eve).await.is_problem(500);
        assert_eq!(app.ask("select state from runs").await, ["failed"]);
        assert!(app.ask("select remark from runs").await[0].contains("sessions"));
        cleanup(&eve).await.is_problem(500);
        app.psql("alter table hidden rename to sessions").await;
        let now = app.state.clock.now().unix_timestamp();
        app.psql(&format!("update runs set ended_at = to_timestamp({now})")).await;
        assert_eq!(
            scheduler::look(&app.state).await,
            2,
            "digest and retention; for this one it is too early"
        );
        app.state.clock.advance(5 * MINUTE);
        assert_eq!(scheduler::look(&app.state).await, 1);
        let run = app.ask("select state || ' ' || attempts from runs where task = 'cleanup'").await;
        assert_eq!(run, ["done 3"]);
    });
}

#[test]
fn a_run_whose_time_is_up_goes_on_where_it_stopped() {
    with_settings(&[BOTH], async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        app.psql(OLD_SESSIONS).await;
        let eve = app.eve();
        let mut held = holding_the_sessions(app).await;
        let time_passes = async {
            until_it_waits(app, 1).await;
            app.state.clock.advance(MINUTE);
            held.execute("commit").await.unwrap();
        };
        let first = done(&tokio::join!(cleanup(&eve), time_passes).0);
        assert_eq!((&first["state"], &first["continues"]), (&json!("unfinished"), &json!(true)));
        assert_eq!(first["output"]["sessions"], 1000);
        let rest = done(&cleanup(&eve).await);
        assert_eq!((&rest["state"], &rest["continues"]), (&json!("done"), &json!(false)));
        assert_eq!((&rest["run"], &rest["attempts"]), (&first["run"], &json!(2)));
        assert_eq!(rest["output"]["sessions"], 2500, "both turns together");
    });
}

#[test]
fn cleaning_up_takes_what_is_old_and_nothing_else() {
    with_settings(&[BOTH], async |app| {
        let ada = app.ada().await;
        app.psql(
            "insert into sessions (token_hash, account_id, created_at, expires_at)
                 select sha256('old'), id, now() - interval '9 days', now() - interval '1 minute' from staff;
             insert into mailed_links (id, email, mailbox, at_home, intent, expires_at)
                 select gen_random_uuid(), 'ann@example.test', 'ann@example.test', false, '{}', now() - make_interval(days => n)
                   from generate_series(6, 8, 2) n;
             insert into email_changes (id, account_id, email, with_newsletter, expires_at)
                 select gen_random_uuid(), id, 'new@example.test', false, now() - interval '1 minute' from accounts;
             insert into app_tokens (hash, session_id, kind, expires_at, used_at, salt)
                 select sha256(label::bytea), sessions.id, kind, now() + make_interval(secs => rest), now() - make_interval(days => days),
                        case when days is not null then sha256('salt') end
                   from sessions, (values ('a', 'access', -60, null), ('b', 'refresh', 9000, 8), ('c', 'refresh', 9000, 6),
                                          ('d', 'access', 60, null)) as tokens (label, kind, rest, days)
                  where sessions.expires_at > now();
             insert into apps (id, name, redirect_uris) values (gen_random_uuid(), 'An app', array['com.example.app:/in']);
             insert into app_codes (hash, app_id, redirect_uri, challenge, expires_at)
                 select sha256(n::text::bytea), id, 'x', 'x', now() - make_interval(hours => n) from apps, generate_series(1, 25, 24) n;
             insert into half_sign_ins (token_hash, account_id, proof, next, expires_at)
                 select sha256(n::text::bytea), id, 'mail', '', now() + make_interval(mins => n) from staff, generate_series(-1, 1, 2) n;
             insert into code_tries (id, account_id, device, at)
                 select gen_random_uuid(), id, '', now() - make_interval(hours => n) from staff, generate_series(23, 25, 2) n;
             insert into passkey_challenges (id, note, options, state, expires_at)
                 select gen_random_uuid(), '', '{}', '{}', now() + make_interval(mins => n) from generate_series(-1, 1, 2) n;
             insert into identity_errands (state_hash, browser_hash, provider, nonce, verifier, next, expires_at)
                 select sha256(n::text::bytea), sha256('x'), 'x', 'x', 'x', '', now() + make_interval(mins => n)
                   from generate_series(-1, 1, 2) n;
             insert into identity_arrivals (browser_hash, issuer, subject, provider, expires_at)
                 select sha256(n::text::bytea), 'x', 'x', 'x', now() + make_interval(mins => n)
                   from generate_series(-1, 1, 2) n;
             insert into submissions (id, location, at) values
                 (gen_random_uuid(), '/old', now() - interval '8 days'), (gen_random_uuid(), '/new', now() - interval '6 days');
             insert into outbox (id, kind, job, cause, recipient, state, ended_at)
                 select gen_random_uuid(), 'x', '{}', what, recipient, state, at from (values
                     ('old', null, 'done', now() - interval '31 days'), ('new', null, 'done', now() - interval '29 days'),
                     ('dead', null, 'dead', now() - interval '31 days'), ('waiting', null, 'waiting', null),
                     ('mail', 'ann@example.test', 'done', now() - interval '31 days'))
                 as jobs (what, recipient, state, at);
             insert into leads (id, name, email, message, status, source, test, fingerprint, created_at)
                 select gen_random_uuid(), 'Ann', 'ann@example.test', 'Words.', 'new', 'cli', test, sha256('1'), now() - interval '31 days'
                   from unnest(array[true, false]) as test;
             insert into api_keys (id, name, prefix, hash, scopes) values (gen_random_uuid(), 'P', 'fd_live_aaaa', sha256('a'), '{}');
             insert into api_key_old_secrets (hash, key_id, prefix, good_until)
                 select sha256(n::text::bytea), id, 'fd_live_aaaa', now() - make_interval(days => n) from api_keys, generate_series(29, 31, 2) n;
             insert into inbox (id, source, event_id, type, payload, state, received_at)
                 select gen_random_uuid(), 'x', days, 'x', case when days < 90 then ''::bytea end, 'done', now() - make_interval(days => days)
                   from unnest(array[29, 31, 91]) as days;
             insert into webhooks (id, name, url, types) values (gen_random_uuid(), 'W', 'https://example.com', '{x}');
             insert into webhook_secrets (id, webhook_id, sealed, good_until)
                 select gen_random_uuid(), id, '', now() + make_interval(hours => n) from webhooks, generate_series(-1, 1, 2) n;
             insert into webhook_deliveries (webhook_id, message, object, sequence, state, ended_at)
                 select id, gen_random_uuid(), gen_random_uuid(), n, 'delivered', now() - make_interval(days => n)
                   from webhooks, generate_series(29, 31, 2) n;
             insert into events (type, object, sequence, confined, at)
                 select 'y', gen_random_uuid(), n, false, now() - make_interval(days => n) from generate_series(89, 91, 2) n;
             insert into stripe_calls (id, purpose, path, body, state, ended_at)
                 select gen_random_uuid(), n::text, '/x', '', 'answered', now() - make_interval(days => n) from generate_series(89, 91, 2) n;
             insert into carts (id, token_hash, updated_at)
                 select gen_random_uuid(), sha256(n::text::bytea), now() - make_interval(days => n) from generate_series(89, 91, 2) n;
             insert into topics (slug, name) values ('x', 'X');
             insert into posts (id, slug, title, body, topic, status) values (gen_random_uuid(), 'x', 'X', 'x', 'x', 'draft');
             insert into opened_posts (account_id, month, post_id)
                 select staff.id, date_trunc('month', now() - make_interval(days => n)), posts.id from staff, posts, unnest(array[0, 30, 95]) n
                 on conflict do nothing;
             insert into shared_limits (bucket, full_at) select sha256(n::text::bytea), now() + make_interval(mins => n)
                   from generate_series(-1, 1, 2) n;
             insert into idempotency_keys (caller, key, fingerprint, at)
                 select gen_random_uuid(), 'x', sha256(''), now() - make_interval(days => n) from generate_series(6, 8, 2) n;
             insert into runs (id, task, slot, trigger, state, ended_at) values
                 (gen_random_uuid(), 'x', now() - interval '91 days', 'cron', 'done', now() - interval '91 days'),
                 (gen_random_uuid(), 'x', now() - interval '89 days', 'cron', 'done', now() - interval '89 days')",
        )
        .await;
        let foreseen = app.cli(&["run", "cleanup", "--dry-run", "--json"], "").json();
        let counts = json!({
            "app codes": 1, "app tokens": 2, "email changes": 1, "events": 1, "half sign-ins": 1, "idempotency keys": 1, "jobs": 1, "limits": 1, "mailed links": 1,
            "passkey challenges": 1, "payloads of events": 1, "replaced keys": 1, "runs": 1, "sessions": 1, "submissions": 1,
            "test leads": 1, "wrong codes": 1, "errands to identity providers": 1, "arrivals from identity providers": 1,
            "deliveries to webhooks": 1, "happenings": 1, "replaced secrets of webhooks": 1,
            "calls to Stripe": 1, "carts": 1, "opened posts": 1,
        });
        assert_eq!(foreseen["output"], counts);
        assert_eq!(app.ask("select count(*) from sessions").await, ["2"], "that was only said");
        assert_eq!(done(&cleanup(&app.eve()).await)["output"], counts);
        let kept = "select encode(hash, 'hex') = encode(sha256(label::bytea), 'hex') from app_tokens join (values ('c'), ('d'))
                    as kept (label) on hash = sha256(label::bytea)";
        assert_eq!(app.ask(kept).await, ["true", "true"]);
        assert_eq!(
            app.ask("select location from submissions where location like '/%w'").await,
            ["/new"]
        );
        assert_eq!(
            app.ask("select cause from outbox where kind = 'x' order by cause").await,
            ["dead", "mail", "new", "waiting"]
        );
        assert_eq!(app.ask("select count(*) from runs where task = 'x'").await, ["1"]);
        assert_eq!(ada.get("/admin").await.status, 200, "she is still signed in");
    });
}

#[test]
fn what_was_left_half_done_is_given_up_for_the_next_slot() {
    with_settings(&[BOTH], async |app| {
        app.psql(
            "insert into runs (id, task, slot, trigger, state, lease, lease_until) values
                 (gen_random_uuid(), 'cleanup', now() - interval '3 hours', 'cron', 'running', gen_random_uuid(),
                  now() - interval '2 hours')",
        )
        .await;
        assert_eq!(done(&cleanup(&app.eve()).await)["ran"], true);
        assert_eq!(app.ask("select state from runs order by slot").await, ["failed", "done"]);
    });
}

#[test]
fn a_run_says_which_hour_it_is_for() {
    with_settings(&[BOTH], async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        let run = done(&cleanup(&app.eve()).await);
        let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:00:00Z");
        let hour: OffsetDateTime = app.state.clock.now();
        assert_eq!(run["slot"], hour.format(format).unwrap());
    });
}
