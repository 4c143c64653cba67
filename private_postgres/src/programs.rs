//! Where Postgres' server programs are on this machine.

use crate::{Error, OLDEST_MAJOR};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// One version of Postgres: the folder with `initdb` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub bin: PathBuf,
    pub major: u32,
}

impl Programs {
    pub fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Finds the programs for the data in a folder.
///
/// `data` names the version that wrote the data and where it is: that version is taken whatever
/// else is installed, because another one could not read it. Without data it is the newest.
pub fn find(data: Option<(u32, &Path)>) -> Result<Programs, Error> {
    choose(installed(), data)
}

fn choose(
    installed: BTreeMap<u32, PathBuf>,
    data: Option<(u32, &Path)>,
) -> Result<Programs, Error> {
    if let Some((major, data)) = data {
        return match installed.get(&major) {
            _ if major < OLDEST_MAJOR => Err(Error::TooOld { found: major }),
            Some(bin) => Ok(Programs { bin: bin.clone(), major }),
            None => Err(Error::MajorMissing { major, data: data.to_owned() }),
        };
    }
    match installed.into_iter().next_back() {
        Some((major, bin)) if major >= OLDEST_MAJOR => Ok(Programs { bin, major }),
        Some((found, _)) => Err(Error::TooOld { found }),
        None => Err(Error::NotInstalled),
    }
}

/// Every version there is. Of two installations of one version, the one found first counts.
fn installed() -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in candidates() {
        // PATH may hold links or wrappers; the programs look for each other, and for their
        // libraries, beside themselves.
        let Ok(initdb) = fs::canonicalize(folder.join("initdb")) else { continue };
        let Some(bin) = initdb.parent().filter(|bin| bin.join("postgres").is_file()) else {
            continue;
        };
        if found.values().any(|known| known == bin) {
            continue;
        }
        if let Some(major) = major_of(&bin.join("postgres")) {
            found.entry(major).or_insert_with(|| bin.to_owned());
        }
    }
    found
}

fn candidates() -> Vec<PathBuf> {
    // Whoever sets PG_BIN wants these programs and no others.
    if let Some(folder) = env::var_os("PG_BIN").filter(|folder| !folder.is_empty()) {
        return vec![folder.into()];
    }
    let mut folders: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    // Distributions keep the server programs off PATH, because several versions may stand side by
    // side.
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),         // Debian, Ubuntu
        ("/usr", "pgsql-", "bin"), // packages of postgresql.org for Red Hat, Fedora, SUSE
        ("/usr/lib", "postgresql", "bin"), // SUSE
        ("/usr/lib64", "postgresql-", "bin"), // Gentoo
        ("/usr/libexec", "postgresql", ""), // Alpine
        ("/usr/local", "pgsql", "bin"), // built from source
        ("/opt/homebrew/opt", "postgresql", "bin"), // Homebrew on Apple silicon
        ("/usr/local/opt", "postgresql", "bin"), // Homebrew on Intel
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"), // Homebrew on Linux
        ("/opt/local/lib", "postgresql", "bin"), // MacPorts
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        folders.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path().join(below)),
        );
    }
    folders
}

fn major_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`. A test version (`18beta1`,
/// `19devel`) counts as none: no later version can read its data.
fn parse_version(line: &str) -> Option<u32> {
    let version = line.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    if !version.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_as_distributions_print_it() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 17.2\n"), Some(17));
        assert_eq!(parse_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1\n"), None);
        assert_eq!(parse_version("postgres (PostgreSQL) 19devel\n"), None);
        assert_eq!(parse_version("initdb (PostgreSQL) 15.8\n"), None);
    }

    #[test]
    fn the_newest_version_is_taken_unless_there_is_data_of_another() {
        let installed =
            BTreeMap::from([(15, PathBuf::from("/fifteen")), (17, PathBuf::from("/seventeen"))]);
        let data = Path::new("/data/15");
        assert_eq!(choose(installed.clone(), None).unwrap().major, 17);
        assert_eq!(choose(installed.clone(), Some((15, data))).unwrap().bin, Path::new("/fifteen"));
        assert!(matches!(
            choose(installed, Some((16, data))),
            Err(Error::MajorMissing { major: 16, .. })
        ));
    }

    #[test]
    fn too_old_and_not_there_are_told_apart_in_one_line() {
        let old = choose(BTreeMap::from([(13, PathBuf::from("/thirteen"))]), None).unwrap_err();
        assert!(matches!(old, Error::TooOld { found: 13 }));
        let none = choose(BTreeMap::new(), None).unwrap_err();
        assert!(matches!(none, Error::NotInstalled));
        for error in [old, none] {
            assert_eq!(error.to_string().lines().count(), 1);
            assert!(error.to_string().contains("DATABASE_URL"));
        }
    }
}
