//! A database per test: copied from a template that was migrated once, in a cluster on a memory file system.

use frontdesk::db::Db;
use private_postgres::{Cluster, Durability};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database of one test. Dropped with it.
pub struct Database {
    /// Where it is.
    pub url: String,
    name: String,
}

/// The server of this run. It ends with the process: the operating system sees to that.
struct Server {
    _cluster: Option<Cluster>,
    admin: String,
    at: Box<dyn Fn(&str) -> String + Send + Sync>,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::find();
    on_runtime(async || {
        server.admin(format!("create database {}", template())).await;
        Db::new(&(server.at)(&template())).unwrap().migrate().await.unwrap();
    });
    server
});

fn template() -> String {
    format!("frontdesk_template_{}", std::process::id())
}

impl Server {
    /// `TEST_DATABASE_URL`, whose last part names a database to connect to, or a cluster of our own.
    #[allow(clippy::disallowed_methods)] // the tests' own setting, not the application's
    fn find() -> Self {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            let at = {
                let url = url.clone();
                move |name: &str| {
                    let (server, options) = url.split_once('?').unwrap_or((&url, ""));
                    let server = server.rsplit_once('/').expect("a URL with a database").0;
                    format!("{server}/{name}?{options}")
                }
            };
            return Self { _cluster: None, admin: url, at: Box::new(at) };
        }
        let cluster = Cluster::start(&folder_of_its_own(), Durability::Throwaway).unwrap();
        let (admin, pattern) = (cluster.url("postgres"), cluster.url("%NAME%"));
        let at = move |name: &str| pattern.replace("%NAME%", name).replace("%25NAME%25", name);
        Self { _cluster: Some(cluster), admin, at: Box::new(at) }
    }

    async fn admin(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.admin).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

const FOLDER: &str = "frontdesk-test-";

/// A name for a folder that nobody else has, in memory where that can be had. It is swept away by a later run at the
/// latest.
pub fn folder_of_its_own() -> PathBuf {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        sweep(&root);
        root
    });
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    ROOT.join(format!("{FOLDER}{}-{number}", std::process::id()))
}

/// Removes what runs before this one have left: a process cannot tidy up after itself once it is gone.
fn sweep(root: &Path) {
    let entries = std::fs::read_dir(root).unwrap().flatten();
    let left: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let mine = name.strip_prefix(FOLDER).and_then(|rest| rest.split('-').next());
            let pid = mine.and_then(|pid| pid.parse::<u32>().ok());
            pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
        })
        .map(|entry| entry.path())
        .collect();
    for folder in left {
        let _ = std::fs::remove_dir_all(folder);
    }
}

impl Database {
    /// A fresh one.
    pub fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("frontdesk_test_{}_{number}", std::process::id());
        let server = &*SERVER;
        on_runtime(async || {
            server.admin(format!("create database {name} template {}", template())).await
        });
        Self { url: (server.at)(&name), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return; // the test has failed; a second panic would take all others with it
        }
        on_runtime(async || {
            SERVER.admin(format!("drop database {} with (force)", self.name)).await
        });
    }
}

/// Runs `work` to its end on a thread of its own, whatever runtime the caller has.
fn on_runtime(work: impl AsyncFnOnce() + Send) {
    std::thread::scope(|scope| {
        let run = || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work());
        };
        scope.spawn(run).join().unwrap();
    });
}
