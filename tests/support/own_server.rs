//! A database server of one test's own, for tests in which it goes away.

use super::database::folder_of_its_own;
use super::{TestApp, run};
use private_postgres::{Cluster, Durability};
use std::path::PathBuf;
use std::process::Command;

/// The server. What was committed survives its end, as on a real site.
pub struct OwnServer {
    folder: PathBuf,
    cluster: Option<Cluster>,
}

/// As [`with_app`](super::with_app), on a database server that the test may stop.
pub fn with_own_server(test: impl AsyncFnOnce(&TestApp, &mut OwnServer)) {
    let mut server = OwnServer::new();
    let url = server.start();
    let data = server.data();
    let settings = [("DATA_DIR", data.to_str().unwrap())];
    run(&url, &settings, async |app| test(app, &mut server).await);
}

impl OwnServer {
    /// One that has not been started yet.
    pub fn new() -> Self {
        Self { folder: folder_of_its_own(), cluster: None }
    }

    /// A folder beside it for whoever uses it.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts it, again at the same place.
    pub fn start(&mut self) -> String {
        let cluster = Cluster::start(&self.folder.join("postgres"), Durability::Durable).unwrap();
        let url = cluster.url("postgres");
        self.cluster = Some(cluster);
        url
    }

    /// Shuts it down in good order.
    pub fn stop(&mut self) {
        self.cluster.take().unwrap().stop().unwrap();
    }

    /// Kills it: the next start has to recover.
    pub fn crash(&mut self) {
        let cluster = self.cluster.take().unwrap();
        kill_hard(cluster.pid());
        drop(cluster); // waits until it is gone
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.cluster.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `kill -9`, as the shell has it: the program of that name is not installed everywhere.
fn kill_hard(pid: u32) {
    let kill = Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", &pid.to_string()]).status();
    assert!(kill.unwrap().success());
}
