//! What root can do where the kernel refuses user namespaces. These need root and are passed over
//! without.

use super::*;
use std::{
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

/// A folder below a temporary one that everybody may enter. Nothing, where the test is not run by
/// root.
fn roots_folder() -> Option<(tempfile::TempDir, PathBuf)> {
    if sys::effective_ids().0 != 0 {
        eprintln!("passed over: it needs root");
        return None;
    }
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("postgres");
    set_mode(above.path(), 0o755);
    Some((above, folder))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn start(folder: &Path, namespaces: bool) -> Result<Cluster, Error> {
    Cluster::start_with(folder, Durability::Throwaway, namespaces)
}

fn owner_of_process(cluster: &Cluster) -> u32 {
    fs::metadata(format!("/proc/{}", cluster.pid())).unwrap().uid()
}

fn sql(cluster: &Cluster, statement: &str) -> String {
    let url = cluster.url("postgres");
    let output = Command::new("psql")
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", &url, "-c", statement])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn root_without_namespaces_runs_it_as_another_user_and_keeps_to_that() {
    let Some((_above, folder)) = roots_folder() else { return };
    let cluster = start(&folder, false).unwrap();
    let user = owner_of_process(&cluster);
    assert_ne!(user, 0);
    let folder_itself = fs::metadata(&folder).unwrap();
    assert_eq!((folder_itself.uid(), folder_itself.mode() & 0o777), (0, 0o711));
    sql(&cluster, "create table kept as select 7 as number");
    cluster.stop().unwrap();

    let cluster = start(&folder, true).unwrap();
    assert_eq!(owner_of_process(&cluster), user, "the owner of the data decides");
    assert_eq!(sql(&cluster, "select number from kept"), "7");
    cluster.stop().unwrap();
}

#[test]
fn data_made_in_a_namespace_is_given_away_when_namespaces_are_gone() {
    let Some((_above, folder)) = roots_folder() else { return };
    let cluster = start(&folder, true).unwrap();
    let in_namespace = owner_of_process(&cluster) == 0;
    sql(&cluster, "create table kept as select 7 as number");
    cluster.stop().unwrap();
    if !in_namespace {
        eprintln!("passed over: no namespaces here");
        return;
    }

    let cluster = start(&folder, false).unwrap();
    assert_ne!(owner_of_process(&cluster), 0);
    assert_eq!(sql(&cluster, "select number from kept"), "7");
    cluster.stop().unwrap();
}

#[test]
fn a_folder_closed_to_every_other_user_is_refused_in_one_line_and_left_alone() {
    let Some((above, folder)) = roots_folder() else { return };
    set_mode(above.path(), 0o700);
    let error = start(&folder, false).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    assert_eq!(fs::metadata(&folder).unwrap().uid(), 0);
}

#[test]
fn in_somebodys_closed_home_root_runs_it_as_that_person() {
    let Some((above, folder)) = roots_folder() else { return };
    let nobody = sys::user_named(c"nobody").unwrap();
    chown(above.path(), Some(nobody.uid), Some(nobody.gid)).unwrap();
    set_mode(above.path(), 0o700);
    let cluster = start(&folder, true).unwrap();
    assert_eq!(owner_of_process(&cluster), nobody.uid);
    cluster.stop().unwrap();
}
