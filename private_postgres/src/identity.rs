//! Who Postgres runs as. It refuses to be root, for good reasons, while on a small server or in a
//! container the application often is.

use crate::{
    Error,
    error::Attempt,
    folder::Folder,
    programs::Programs,
    sys::{self, Birth, Identity, Signal, User},
};
use std::{
    ffi::{CString, OsString},
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt, lchown},
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A version of Postgres and the user it runs as.
#[derive(Debug)]
pub struct Runner {
    programs: Programs,
    identity: Identity,
    /// The user who owns the files, as this process sees it.
    pub user: u32,
}

impl Runner {
    /// Finds a user who can work in `folder`, and gives the data to that user where it is another
    /// one.
    ///
    /// As an ordinary user: that user. As root, the first of these that works:
    ///
    /// 1. whoever owns the data, if there is data already and it is not root's;
    /// 2. root, seen as `postgres` or `nobody` inside a user namespace: files stay root's, nothing
    ///    needs to be given away, and a folder below /root is within reach. Containers mostly do
    ///    not allow it;
    /// 3. `postgres` or `nobody` for real;
    /// 4. whoever owns the folder that all of this is in: `sudo` in somebody's home, which is
    ///    closed to the others.
    ///
    /// `namespaces` is false in tests of the other ways.
    pub fn choose(
        programs: Programs,
        folder: &Folder,
        data: Option<&Path>,
        namespaces: bool,
    ) -> Result<Self, Error> {
        let (me, _) = sys::effective_ids();
        let owner = data.map(owner_of).transpose()?;
        let way = if me == 0 {
            as_root(&programs, folder, owner, namespaces)?
        } else {
            as_ordinary_user(&programs, folder, data.zip(owner), me, namespaces)?
        };
        let runner = Self {
            programs,
            identity: way,
            user: if let Identity::Other { uid, .. } = way { uid } else { me },
        };
        runner.take_over(folder, data)?;
        Ok(runner)
    }

    /// The user and the group to whom files must be given, where it is not this process's.
    pub fn other_user(&self) -> Option<(u32, u32)> {
        if let Identity::Other { uid, gid } = self.identity { Some((uid, gid)) } else { None }
    }

    /// A command for one of Postgres' programs, which holds `work` open until it has ended, and
    /// everything that it starts does as well. It gets the signal `when_orphaned` when the thread
    /// that starts it ends.
    pub fn command(&self, program: &str, work: &File, when_orphaned: Signal) -> Command {
        let mut command = bare_command(&self.programs, program);
        sys::prepare(
            &mut command,
            Birth {
                identity: self.identity,
                keep_open: Some(work.as_raw_fd()),
                when_orphaned,
                must_enter: None,
                must_write_to: None,
            },
        );
        command
    }

    /// Gives something to the user, where it is another one.
    pub fn give(&self, path: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.other_user() else { return Ok(()) };
        lchown(path, Some(uid), Some(gid))
            .attempt(|| format!("give {} to user {uid}", path.display()))
    }

    /// The folder itself is not given away, only opened for passing through: root writes to files
    /// in it, and must not be led elsewhere by links that a lesser user has put there.
    fn take_over(&self, folder: &Folder, data: Option<&Path>) -> Result<(), Error> {
        let Some((uid, _)) = self.other_user() else { return Ok(()) };
        let open = || {
            let found = fs::metadata(folder.path())?;
            let mode = if found.uid() == uid { found.mode() } else { found.mode() | 0o011 };
            fs::set_permissions(folder.path(), Permissions::from_mode(mode & 0o7777))
        };
        open().attempt(|| format!("let user {uid} into {}", folder.path().display()))?;
        data.map_or(Ok(()), |data| self.give_all(data, uid))
    }

    /// Gives a folder and everything in it to the user, the folder itself last: where this is cut
    /// short, the next start sees a folder that is not yet given away, and begins again.
    fn give_all(&self, folder: &Path, uid: u32) -> Result<(), Error> {
        if owner_of(folder)? == uid {
            return Ok(());
        }
        let entries = || -> io::Result<Vec<(PathBuf, bool)>> {
            fs::read_dir(folder)?
                .map(|entry| entry.and_then(|it| Ok((it.path(), it.file_type()?.is_dir()))))
                .collect()
        };
        let entries = entries().attempt(|| format!("look into {}", folder.display()))?;
        for (path, is_folder) in entries {
            if is_folder { self.give_all(&path, uid)? } else { self.give(&path)? }
        }
        self.give(folder)
    }
}

fn as_ordinary_user(
    programs: &Programs,
    folder: &Folder,
    data: Option<(&Path, u32)>,
    me: u32,
    namespaces: bool,
) -> Result<Identity, Error> {
    if let Some((data, owner)) = data.filter(|(_, owner)| *owner != me) {
        let owner = sys::user_numbered(owner).map_or_else(|| owner.to_string(), |user| user.name);
        return Err(Error::WrongOwner { data: data.to_owned(), owner });
    }
    // initdb asks for the name of its user. In a container that runs under a number of its own
    // there is none, and a namespace lends one.
    if data.is_none() && namespaces && sys::user_numbered(me).is_none() {
        let mapped = ordinary_users()
            .into_iter()
            .map(|user| Identity::Mapped { uid: user.uid, gid: user.gid });
        if let Some(mapped) = mapped.into_iter().find(|mapped| works(programs, *mapped, folder)) {
            return Ok(mapped);
        }
    }
    Ok(Identity::Same)
}

fn as_root(
    programs: &Programs,
    folder: &Folder,
    owner: Option<u32>,
    namespaces: bool,
) -> Result<Identity, Error> {
    let mut ways: Vec<(Identity, String)> = Vec::new();
    let other = |user: User| (Identity::Other { uid: user.uid, gid: user.gid }, user.name);
    match owner {
        Some(owner) if owner != 0 => ways.extend(user_or_number(owner, folder).map(other)),
        _ => {
            let users = ordinary_users();
            if namespaces {
                let mapped = |user: &User| {
                    (Identity::Mapped { uid: user.uid, gid: user.gid }, "root".to_owned())
                };
                ways.extend(users.first().map(mapped));
            }
            ways.extend(users.into_iter().map(other));
            ways.extend(host_of(folder).map(other));
        }
    }
    if let Some((way, _)) = ways.iter().find(|(way, _)| works(programs, *way, folder)) {
        return Ok(*way);
    }
    let mut names: Vec<String> =
        ways.into_iter().map(|(_, name)| name).filter(|name| name != "root").collect();
    names.dedup();
    let tried = if names.is_empty() {
        "no other user".to_owned()
    } else {
        format!("the user {}", names.join(" or "))
    };
    Err(Error::Unreachable { folder: folder.path().to_owned(), tried })
}

/// Users made for running services, in the order of preference.
fn ordinary_users() -> Vec<User> {
    [c"postgres", c"nobody"]
        .into_iter()
        .filter_map(sys::user_named)
        .filter(|user| user.uid != 0)
        .collect()
}

/// The owner of the data, even one that has no name here, as in a folder that a container left.
fn user_or_number(uid: u32, folder: &Folder) -> Option<User> {
    sys::user_numbered(uid).or_else(|| {
        let (_, data) = folder.data().ok()??;
        Some(User { name: uid.to_string(), uid, gid: fs::metadata(data).ok()?.gid() })
    })
}

/// The owner of the nearest folder above that is not root's.
fn host_of(folder: &Folder) -> Option<User> {
    let owners = folder
        .path()
        .ancestors()
        .skip(1)
        .filter_map(|above| fs::metadata(above).ok())
        .map(|above| above.uid());
    owners.into_iter().find(|uid| *uid != 0).and_then(sys::user_numbered)
}

/// Tries it: the rules of who may go where are the kernel's, with access lists and security
/// modules, and repeating them here would be wrong somewhere.
fn works(programs: &Programs, identity: Identity, folder: &Folder) -> bool {
    let path = |path: &Path| CString::new(path.as_os_str().as_bytes()).ok();
    let mut birth = Birth {
        identity,
        keep_open: None,
        when_orphaned: Signal::Kill,
        must_enter: None,
        must_write_to: None,
    };
    match identity {
        // The folder itself will be opened; what is above it must let the user through.
        Identity::Other { .. } => birth.must_enter = folder.path().parent().and_then(path),
        _ => birth.must_write_to = path(folder.path()),
    }
    let mut command = bare_command(programs, "postgres");
    sys::prepare(&mut command, birth);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn bare_command(programs: &Programs, program: &str) -> Command {
    let mut command = Command::new(programs.path(program));
    // The application's environment holds its secrets, and PG… variables that mean another server.
    command.env_clear();
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"] {
        command.envs(std::env::var_os(name).map(|value| (OsString::from(name), value)));
    }
    command.env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
    command
}

fn owner_of(data: &Path) -> Result<u32, Error> {
    Ok(fs::metadata(data).attempt(|| format!("look at {}", data.display()))?.uid())
}
