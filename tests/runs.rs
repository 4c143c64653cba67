//! Runs by the other doors: the scheduler of the site itself, the shell, and staff who ask for one.

use super::cron::{BOTH, HOUR, MINUTE, NEW, cron, done, into_the_next_hour};
use super::support::{Process, with_app, with_settings};
use frontdesk::jobs::{scheduler, worker};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn two_instances_with_schedulers_run_each_task_once() {
    with_app(async |app| {
        let other = app.second_instance().await;
        for instance in [app, &other] {
            into_the_next_hour(instance, 5 * MINUTE);
        }
        let (here, there) =
            tokio::join!(scheduler::look(&app.state), scheduler::look(&other.state));
        assert_eq!(here + there, 3, "cleanup, digest and retention");
        assert_eq!(scheduler::look(&app.state).await, 0);
        let runs = app.ask("select task || ' ' || trigger || ' ' || state from runs order by task");
        assert_eq!(
            runs.await,
            ["cleanup scheduler done", "digest scheduler done", "retention scheduler done"]
        );
        other.close().await;
    });
}

#[test]
fn days_without_a_scheduler_are_made_up_for_by_one_run() {
    with_app(async |app| {
        into_the_next_hour(app, 5 * MINUTE);
        scheduler::look(&app.state).await;
        app.state.clock.advance(72 * HOUR + 45 * MINUTE);
        let slots = "select count(*) from runs where task = 'retention'";
        assert_eq!(scheduler::look(&app.state).await, 3);
        assert_eq!(app.ask(slots).await, ["2"], "one for the three days");
    });
}

#[test]
fn the_shell_runs_the_same_tasks_in_the_same_slots() {
    with_settings(&[BOTH], async |app| {
        let list = app.cli(&["run", "--list", "--json"], "").json();
        assert_eq!(list[0]["task"], "cleanup");
        assert_eq!(list[0]["last_done_at"], Value::Null);
        assert_eq!(list[3]["off"], "SYNC_FOLDER is not set.");
        let shell = app.cli(&["run", "retention", "--json"], "");
        assert_eq!((shell.code, &shell.json()["ran"]), (0, &json!(true)), "{}", shell.err);
        let again = app.cli(&["run", "retention"], "");
        assert_eq!((again.code, again.out.as_str()), (0, "It was done for this slot before.\n"));
        let by_cron = cron(&app.eve(), Method::POST, "retention", NEW).await;
        assert_eq!(
            (&done(&by_cron)["ran"], &by_cron.json()["trigger"]),
            (&json!(false), &json!("shell"))
        );
        let list = app.cli(&["run", "--list"], "");
        assert!(list.out.contains("cleanup       done never  due "), "{}", list.out);
        app.psql("alter table sessions rename to hidden").await;
        let failed = app.cli(&["run", "cleanup"], "");
        assert!(failed.code == 1 && failed.err.contains("sessions"), "{}", failed.err);
        for wrong in [&["run"][..], &["run", "nonsense"], &["run", "cleanup", "--list"]] {
            assert_eq!(app.cli(wrong, "").code, 2, "{wrong:?}");
        }
        let off = app.cli(&["run", "sync"], "");
        assert_eq!(
            (off.code, off.err.as_str()),
            (1, "frontdesk: This is off: SYNC_FOLDER is not set.\n")
        );
    });
}

#[test]
fn staff_see_every_run_what_is_silent_and_have_one_run_out_of_turn() {
    with_settings(&[BOTH], async |app| {
        let ada = app.ada().await;
        let silent = "has not come to its end for too long";
        let page = ada.get("/admin/runs").await;
        page.is_page(200);
        assert_eq!(page.body.matches(silent).count(), 3, "nothing was ever run: {}", page.body);
        let alarm = "<strong>3</strong><span>Tasks that do not run</span>";
        assert!(ada.get("/admin").await.body.contains(alarm));
        into_the_next_hour(app, 5 * MINUTE);
        scheduler::look(&app.state).await;
        assert!(!ada.get("/admin").await.body.contains("Tasks that do not run"));
        let page = ada.get("/admin/runs").await;
        assert!(!page.body.contains(silent) && page.body.contains("badge-done"), "{}", page.body);
        assert!(page.body.contains("SYNC_FOLDER is not set."));

        let asked = ada.post("/admin/runs/cleanup/now", &[]).await;
        assert_eq!((asked.status, asked.location.as_str()), (303, "/admin/runs"));
        assert_eq!(worker::work_off(&app.state).await.unwrap(), 1);
        let runs = "select trigger || ' ' || state from runs where task = 'cleanup' order by slot";
        assert_eq!(app.ask(runs).await, ["scheduler done", "staff done"]);
        ada.post("/admin/runs/nonsense/now", &[]).await.is_page(404);
        ada.post("/admin/runs/sync/now", &[]).await.is_page(503);

        // Three hours later: what is due each hour is missed, what is due each day is not.
        app.psql("update runs set ended_at = ended_at - interval '3 hours'").await;
        assert_eq!(ada.get("/admin/runs").await.body.matches(silent).count(), 2);
    });
}

#[test]
fn many_runs_are_read_page_by_page() {
    with_app(async |app| {
        app.psql(
            "insert into runs (id, task, slot, trigger, state, ended_at)
                 select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'cleanup',
                        now() - make_interval(hours => 200 - n), 'cron', 'done', now() from generate_series(1, 60) n",
        )
        .await;
        let ada = app.ada().await;
        let first = ada.get("/admin/runs").await.body;
        assert_eq!(first.matches("badge-done").count(), 50);
        let older = "/admin/runs?before=01890000-0000-7000-8000-000000000011";
        assert!(first.contains(older));
        let rest = ada.get(older).await.body;
        assert_eq!(rest.matches("badge-done").count(), 10);
    });
}

#[test]
fn a_site_that_is_left_alone_runs_its_tasks_by_itself_unless_it_is_told_not_to() {
    with_app(async |app| {
        let settings = [("DATABASE_URL", app.database_url.as_str()), ("DEMO_CONTENT", "off")];
        let mut told_not_to = Process::serve(&[&settings[..], &[("SCHEDULER", "off")]].concat());
        told_not_to.origin();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(app.ask("select count(*) from runs").await, ["0"]);
        told_not_to.signal("TERM");
        assert_eq!(told_not_to.end().code, 0);

        let mut site = Process::serve(&settings);
        site.origin();
        let both =
            "select task from runs where trigger = 'scheduler' and state = 'done' order by task";
        while app.ask(both).await != ["cleanup", "digest", "retention"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        site.signal("TERM");
        assert_eq!(site.end().code, 0);
    });
}
