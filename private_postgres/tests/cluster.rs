//! Clusters in temporary folders, with the Postgres that is installed. Owners that get killed are
//! processes of their own: the example `hold`.

use private_postgres::{Cluster, Durability, Error, url_of_running};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A folder that other users may pass through: where tests run as root, the server may be one of
/// them.
fn temporary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

/// `kill` as the shell has it: the program of that name is not installed everywhere.
fn kill_hard(pid: &str) {
    assert!(
        Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", pid]).status().unwrap().success()
    );
}

fn psql(url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", statement])
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn sql(url: &str, statement: &str) -> String {
    psql(url, statement).unwrap()
}

/// The one data folder, whatever version is installed.
fn data(folder: &Path) -> PathBuf {
    let is_data = |path: &PathBuf| path.join("PG_VERSION").exists();
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_data).unwrap()
}

fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(5));
    }
    started.elapsed()
}

/// Every process that works in the folder. A server and all of its helpers do.
#[cfg(target_os = "linux")]
fn processes_in(folder: &Path) -> Vec<PathBuf> {
    let folder = fs::canonicalize(folder).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes
        .filter(|process| {
            fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        })
        .collect()
}

/// Elsewhere there is no such list: the number that the server has noted must be free.
#[cfg(not(target_os = "linux"))]
fn processes_in(folder: &Path) -> Vec<PathBuf> {
    let noted = fs::read_to_string(data(folder).join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = noted.lines().next() else { return Vec::new() };
    let exists = Command::new("kill").args(["-0", pid]).status().unwrap().success();
    if exists { vec![PathBuf::from(pid)] } else { Vec::new() }
}

/// Another process that owns a cluster.
struct Owner {
    process: Child,
    _stdin: ChildStdin,
}

impl Owner {
    fn start(folder: &Path) -> Self {
        let tests = std::env::current_exe().unwrap();
        let hold = tests.ancestors().nth(2).unwrap().join("examples").join("hold");
        assert!(hold.exists(), "cargo build --example hold, first");
        let mut process = Command::new(hold)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let _stdin = process.stdin.take().unwrap();
        Self { process, _stdin }
    }

    fn wait_until_ready(&mut self) -> (u32, String) {
        let mut lines = BufReader::new(self.process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("the owner has ended").unwrap();
        (line().parse().unwrap(), line())
    }

    /// Kills it with the signal that cannot be caught.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    for durability in [Durability::Durable, Durability::Throwaway] {
        let folder = temporary();
        let cluster = Cluster::start(folder.path(), durability).unwrap();
        sql(&cluster.url("postgres"), "create table kept as select 'Grüße' as text");
        cluster.stop().unwrap();
        assert!(processes_in(folder.path()).is_empty());

        let started = Instant::now();
        let cluster = Cluster::start(folder.path(), durability).unwrap();
        println!("{durability:?}: started again in {:?}", started.elapsed());
        assert_eq!(sql(&cluster.url("postgres"), "select text from kept"), "Grüße");
        drop(cluster);
        assert!(processes_in(folder.path()).is_empty());
    }
}

#[test]
fn a_real_site_is_durable_and_unreachable_from_outside() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    let show = |setting: &str| sql(&cluster.url("postgres"), &format!("show {setting}"));
    for on in ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"] {
        assert_eq!(show(on), "on", "{on}");
    }
    assert_eq!(show("listen_addresses"), "");
    assert_eq!(show("max_connections"), "100");
    assert_eq!(show("timezone"), "UTC");
    assert_eq!(show("server_encoding"), "UTF8");
    let socket = show("unix_socket_directories");
    let socket = fs::metadata(socket.trim_matches('"')).unwrap();
    assert_eq!(socket.mode() & 0o7777, 0o700);
    cluster.stop().unwrap();
}

#[test]
fn throwaway_data_is_never_waited_for() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Throwaway).unwrap();
    for off in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(sql(&cluster.url("postgres"), &format!("show {off}")), "off", "{off}");
    }
    assert_eq!(sql(&cluster.url("postgres"), "show max_connections"), "200");
}

#[test]
fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Throwaway).unwrap();
    let refused = Cluster::start(folder.path(), Durability::Throwaway).unwrap_err();
    assert!(
        matches!(refused, Error::InUse { owner: Some(pid), .. } if pid == std::process::id()),
        "{refused}"
    );
    assert_eq!(
        sql(&cluster.url("postgres"), "select 1"),
        "1",
        "the first is none the worse for it"
    );
    cluster.stop().unwrap();
    Cluster::start(folder.path(), Durability::Throwaway).unwrap().stop().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn an_owner_that_is_killed_leaves_no_process_and_no_damage() {
    let folder = temporary();
    let mut owner = Owner::start(folder.path());
    let (pid, url) = owner.wait_until_ready();
    sql(&url, "create table kept as select 7 as number");
    assert!(processes_in(folder.path()).iter().any(|process| process.ends_with(pid.to_string())));
    owner.kill();
    let took = wait_until("the server is gone", Duration::from_secs(10), || {
        processes_in(folder.path()).is_empty()
    });
    println!("gone after {took:?}");

    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    assert_eq!(sql(&cluster.url("postgres"), "select number from kept"), "7");
    let log = fs::read_to_string(folder.path().join("postgres.log")).unwrap();
    assert!(!log.contains("not properly shut down"), "{log}");
    cluster.stop().unwrap();
}

#[test]
fn the_next_owner_waits_for_the_server_of_one_that_was_killed() {
    let folder = temporary();
    let mut owner = Owner::start(folder.path());
    let (_, url) = owner.wait_until_ready();
    // Something to write at shutdown, and a session to be ended.
    sql(
        &url,
        "create table kept as select n, repeat('x', 500) as text from generate_series(1, 50000) n",
    );
    let mut session = Command::new("psql")
        .args(["-Xq", &url, "-c", "select pg_sleep(60)"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    owner.kill();
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    assert_eq!(sql(&cluster.url("postgres"), "select count(*) from kept"), "50000");
    cluster.stop().unwrap();
    session.wait().unwrap();
}

#[test]
fn an_owner_that_is_killed_during_the_first_start_leaves_nothing_half_made() {
    // At several moments: when initdb has just begun, and when it is well under way.
    for delay in [0, 100, 400] {
        let folder = temporary();
        let owner = Owner::start(folder.path());
        let draft = || {
            fs::read_dir(folder.path())
                .unwrap()
                .flatten()
                .any(|e| e.path().extension().is_some_and(|e| e == "new"))
        };
        wait_until("initdb has begun", Duration::from_secs(10), draft);
        thread::sleep(Duration::from_millis(delay));
        owner.kill();
        let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
        assert_eq!(sql(&cluster.url("postgres"), "select 1"), "1");
        assert!(!draft());
        cluster.stop().unwrap();
    }
}

#[test]
fn owners_that_are_killed_at_any_moment_of_their_start_do_no_harm() {
    let folder = temporary();
    Cluster::start(folder.path(), Durability::Durable).unwrap().stop().unwrap();
    for delay in (0..60).step_by(6) {
        let owner = Owner::start(folder.path());
        thread::sleep(Duration::from_millis(delay));
        owner.kill();
    }
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    assert_eq!(sql(&cluster.url("postgres"), "select 1"), "1");
    cluster.stop().unwrap();
    wait_until("nothing is left", Duration::from_secs(10), || {
        processes_in(folder.path()).is_empty()
    });
}

#[test]
fn what_a_killed_server_has_left_does_not_keep_the_next_one_from_starting() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    sql(&cluster.url("postgres"), "create table kept as select 7 as number");
    let data = data(folder.path());
    let note = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    cluster.stop().unwrap();

    // As after a restart of a container: the number now belongs to a program that has nothing to do
    // with it.
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    let (_, rest) = note.split_once('\n').unwrap();
    let note = format!("{}\n{rest}", stranger.id());
    fs::write(data.join("postmaster.pid"), &note).unwrap();
    fs::write(folder.path().join("socket/.s.PGSQL.5432.lock"), &note).unwrap();
    fs::write(folder.path().join("socket/.s.PGSQL.5432"), "").unwrap();

    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    assert_eq!(sql(&cluster.url("postgres"), "select number from kept"), "7");
    cluster.stop().unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was hit");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_dies_is_noticed_and_can_be_started_again() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    sql(&cluster.url("postgres"), "create table kept as select 7 as number");
    let (send, receive) = mpsc::channel();
    cluster.on_unexpected_end(move |error| send.send(error).unwrap());
    assert!(cluster.is_running());
    kill_hard(&cluster.pid().to_string());
    let error = receive.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(!cluster.is_running());
    assert!(matches!(cluster.stop(), Err(Error::Ended { .. })));

    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    assert_eq!(sql(&cluster.url("postgres"), "select number from kept"), "7");
    cluster.stop().unwrap();
}

#[test]
fn an_end_that_was_asked_for_is_not_reported() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Throwaway).unwrap();
    let (send, receive) = mpsc::channel();
    cluster.on_unexpected_end(move |error| send.send(error).unwrap());
    cluster.stop().unwrap();
    assert!(receive.recv_timeout(Duration::from_secs(5)).is_err());
}

#[test]
fn a_cluster_outlives_the_thread_that_started_it() {
    let folder = temporary();
    let path = folder.path().to_owned();
    let cluster = thread::spawn(move || Cluster::start(&path, Durability::Throwaway).unwrap())
        .join()
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(sql(&cluster.url("postgres"), "select 1"), "1");
}

#[test]
fn a_deep_folder_gets_its_socket_elsewhere_and_leaves_nothing_there() {
    let above = temporary();
    let folder = above.path().join("a deep, \"deep\" folder with ünïcödé/".repeat(8));
    let cluster = Cluster::start(&folder, Durability::Throwaway).unwrap();
    let url = cluster.url("postgres");
    assert_eq!(sql(&url, "select 1"), "1");
    assert_eq!(url_of_running(&folder, "postgres").unwrap(), url);
    let socket = PathBuf::from(fs::read_to_string(folder.join("socket.path")).unwrap());
    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o7777, 0o700);
    cluster.stop().unwrap();
    assert!(!socket.exists());
    assert!(!folder.join("socket.path").exists());
}

#[test]
fn a_folder_with_difficult_characters_works() {
    for name in ["\"b\" 'c' %41+ü?&#", "one,two"] {
        let above = temporary();
        let folder = above.path().join(name);
        let cluster = Cluster::start(&folder, Durability::Throwaway).unwrap();
        assert_eq!(sql(&cluster.url("postgres"), "select 1"), "1");
        assert_eq!(url_of_running(&folder, "postgres").unwrap(), cluster.url("postgres"));
    }
}

#[test]
fn the_socket_of_a_deep_folder_is_found_again_after_a_kill() {
    let above = temporary();
    let folder = above.path().join("deep/".repeat(30));
    let mut owner = Owner::start(&folder);
    let (_, url) = owner.wait_until_ready();
    owner.kill();
    let cluster = Cluster::start(&folder, Durability::Throwaway).unwrap();
    assert_eq!(cluster.url("postgres"), url, "no second folder");
    assert_eq!(sql(&url, "select 1"), "1");
}

#[test]
fn another_process_finds_the_cluster_even_while_it_is_being_set_up() {
    let folder = temporary();
    assert!(matches!(url_of_running(folder.path(), "postgres"), Err(Error::NotRunning { .. })));
    let mut owner = Owner::start(folder.path());
    wait_until("it is owned", Duration::from_secs(10), || {
        folder.path().join("server.lock").exists()
    });
    let url = url_of_running(folder.path(), "postgres").unwrap();
    assert_eq!(sql(&url, "select 1"), "1");
    assert_eq!(owner.wait_until_ready().1, url);
    owner.kill();
    let gone = url_of_running(folder.path(), "postgres").unwrap_err();
    assert!(matches!(gone, Error::NotRunning { .. }), "{gone}");
}

#[test]
fn looking_for_a_cluster_never_keeps_an_owner_out() {
    let folder = temporary();
    Cluster::start(folder.path(), Durability::Throwaway).unwrap().stop().unwrap();
    let (stop, stopped) = mpsc::channel::<()>();
    let path = folder.path().to_owned();
    let looking = thread::spawn(move || {
        while matches!(stopped.try_recv(), Err(mpsc::TryRecvError::Empty)) {
            let _ = url_of_running(&path, "postgres");
        }
    });
    for _ in 0..5 {
        Cluster::start(folder.path(), Durability::Throwaway).unwrap().stop().unwrap();
    }
    drop(stop);
    looking.join().unwrap();
}

#[test]
fn nothing_that_people_sent_in_reaches_the_log() {
    let folder = temporary();
    let cluster = Cluster::start(folder.path(), Durability::Durable).unwrap();
    let url = cluster.url("postgres");
    sql(&url, "create table letters (id int primary key, text text check (length(text) < 99))");
    for statement in [
        "select 'the-secret'::int",
        "insert into letters values (1, 'the-secret'), (1, 'the-secret')",
        "insert into letters select 2, repeat('the-secret', 10)",
        "select the-secret from",
        "do $$ begin raise warning 'the-secret'; raise exception 'the-secret'; end $$",
        "select 'the-secret', pg_terminate_backend(pg_backend_pid())",
    ] {
        assert!(psql(&url, statement).is_err(), "{statement}");
    }
    // A crash is noted together with what was being run.
    let crash = "select 'the-secret', pg_sleep(60)";
    let mut session = Command::new("psql")
        .args(["-Xq", &url, "-c", crash])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    wait_until("the statement runs", Duration::from_secs(10), || {
        pid = sql(&url, "select pid from pg_stat_activity where query like '%pg_sl' || 'eep(60)%'");
        !pid.is_empty()
    });
    kill_hard(&pid);
    session.wait().unwrap();
    wait_until("it has recovered", Duration::from_secs(10), || psql(&url, "select 1").is_ok());
    cluster.stop().unwrap();
    let log = fs::read_to_string(folder.path().join("postgres.log")).unwrap();
    assert!(log.contains("was terminated by signal 9"), "{log}");
    assert!(!log.contains("the-secret"), "{log}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = temporary();
    Cluster::start(folder.path(), Durability::Throwaway).unwrap().stop().unwrap();
    let settings = data(folder.path()).join("postgresql.conf");
    fs::write(&settings, "shared_preload_libraries = 'no_such_library'\n").unwrap();
    let error = Cluster::start(folder.path(), Durability::Throwaway).unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_library"), "{error}");
}

#[test]
fn data_of_a_version_that_is_not_installed_is_not_touched() {
    let folder = temporary();
    let data = folder.path().join("99");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "99\n").unwrap();
    let error = Cluster::start(folder.path(), Durability::Durable).unwrap_err();
    assert!(matches!(error, Error::MajorMissing { major: 99, .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
}

#[test]
fn a_long_log_is_put_aside() {
    let folder = temporary();
    let log = folder.path().join("postgres.log");
    fs::write(&log, vec![b'x'; (10 << 20) + 1]).unwrap();
    Cluster::start(folder.path(), Durability::Throwaway).unwrap().stop().unwrap();
    assert!(fs::metadata(&log).unwrap().len() < 10_000);
    assert!(folder.path().join("postgres.log.1").exists());
}
