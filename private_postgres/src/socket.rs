//! Where the server's socket lies. A socket's path must fit into a fixed field of about a hundred
//! bytes, which the folder of a deep checkout does not.

use crate::{
    Error,
    error::Attempt,
    folder::{Folder, remove_file},
};
use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
};

/// Part of the socket's name. There is no TCP port that it could collide with.
pub const PORT: u16 = 5432;

/// The longest path of a socket, without the final NUL.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The folder that the socket is in. Nobody but the server's user gets in.
#[derive(Debug)]
pub struct SocketFolder {
    path: PathBuf,
    /// Where the path is noted down, if it is elsewhere.
    record: Option<PathBuf>,
}

impl SocketFolder {
    /// Makes the folder, or takes the one of last time.
    ///
    /// `owner` is the user that the server runs as, when it is another one than this process's.
    pub fn prepare(folder: &Folder, owner: Option<(u32, u32)>, user: u32) -> Result<Self, Error> {
        let inside = folder.join("socket");
        let chosen = if fits(&inside) {
            match make(&inside, owner) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    restrict(&inside, owner)
                }
                other => other,
            }
            .attempt(|| format!("make the folder {}", inside.display()))?;
            Self { path: inside, record: None }
        } else {
            Self::elsewhere(folder, owner, user)?
        };
        chosen.clear()?;
        Ok(chosen)
    }

    fn elsewhere(folder: &Folder, owner: Option<(u32, u32)>, user: u32) -> Result<Self, Error> {
        let record = folder.join("socket.path");
        // A killed server leaves its folder behind: it is used again rather than one more left
        // lying about.
        if let Ok(bytes) = fs::read(&record) {
            let path = PathBuf::from(OsStr::from_bytes(&bytes));
            if path.is_absolute() && fits(&path) && is_private(&path, user) {
                return Ok(Self { path, record: Some(record) });
            }
        }
        // /tmp before XDG_RUNTIME_DIR: the latter vanishes when its user logs out, and a server may
        // stay longer.
        let parents =
            [Some(PathBuf::from("/tmp")), env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)];
        for parent in
            parents.into_iter().flatten().filter(|parent| parent.is_absolute() && is_safe(parent))
        {
            let path = parent
                .join(format!("postgres-{:016x}", RandomState::new().build_hasher().finish()));
            if !fits(&path) || make(&path, owner).is_err() {
                continue;
            }
            let draft = folder.join("socket.path.new");
            remove_file(&draft)?;
            File::create_new(&draft)
                .and_then(|mut file| file.write_all(path.as_os_str().as_bytes()))
                .and_then(|()| fs::rename(&draft, &record))
                .attempt(|| format!("write {}", record.display()))?;
            return Ok(Self { path, record: Some(record) });
        }
        Err(Error::NoSocketFolder { folder: folder.path().to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the socket of a server that did not shut down. Its lock file names a process that
    /// may be some other program by now, which Postgres would take for a server.
    fn clear(&self) -> Result<(), Error> {
        remove_file(&socket_in(&self.path))?;
        remove_file(&self.path.join(format!(".s.PGSQL.{PORT}.lock")))
    }

    /// Removes the folder if it is outside the cluster's own.
    pub fn dismantle(&self) {
        if let Some(record) = &self.record {
            // What stays is used or replaced at the next start.
            let _ = fs::remove_dir(&self.path).and_then(|()| fs::remove_file(record));
        }
    }
}

/// The socket in a folder.
pub fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// The address of a database behind a socket.
pub fn url(socket_folder: &Path, user: &str, database: &str) -> String {
    // The port is part of the socket's name; without it a PGPORT in the environment would decide.
    format!(
        "postgres://{user}@localhost:{PORT}/{}?host={}&sslmode=disable",
        percent_encoded(database.as_bytes()),
        percent_encoded(socket_folder.as_os_str().as_bytes()),
    )
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(*byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Whether a socket in this folder can be reached: its path is short enough, it is text, and it has
/// no comma, which both the server and its clients would take for the end of the path and the
/// beginning of a second one.
fn fits(folder: &Path) -> bool {
    socket_in(folder).as_os_str().len() <= LONGEST
        && folder.to_str().is_some_and(|path| !path.contains(','))
}

/// Fails if there is anything of that name, so that no one else can have put it there.
fn make(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)?;
    restrict(path, owner)
}

/// Opens a folder to its user alone, whatever the process's umask is and whoever it belonged to.
fn restrict(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(0o700))?;
    match owner {
        Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

fn is_private(path: &Path, user: u32) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

/// Whether others cannot replace what we put there.
fn is_safe(parent: &Path) -> bool {
    fs::metadata(parent).is_ok_and(|found| {
        found.is_dir() && (found.mode() & 0o1000 != 0 || found.mode() & 0o022 == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_carries_any_path_and_any_name() {
        assert_eq!(
            url(Path::new("/srv/my site/ünï+1"), "frontdesk", "a/b?c"),
            "postgres://frontdesk@localhost:5432/a%2Fb%3Fc?host=%2Fsrv%2Fmy%20site%2F%C3%BCn%C3%AF%2B1&sslmode=disable"
        );
    }

    #[test]
    fn a_path_that_is_one_byte_too_long_or_looks_like_two_does_not_fit() {
        let room = LONGEST - "/.s.PGSQL.5432".len();
        let path = |length: usize| PathBuf::from(format!("/{}", "d".repeat(length - 1)));
        assert!(fits(&path(room)));
        assert!(!fits(&path(room + 1)));
        assert!(!fits(Path::new("/one,two")));
    }
}
