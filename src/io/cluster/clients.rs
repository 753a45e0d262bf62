//! Finds PostgreSQL's client programs in the version that a server asks for.
//!
//! `pg_dump` refuses a server of a later major version, and one of a later version writes
//! settings that an older server does not know: the server's own major is the right one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::install::Install;
use super::programs;

/// A client program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its file.
    pub path: PathBuf,
    /// What `--version` says, e.g. `15.20`.
    pub version: String,
    /// The first number of it.
    pub major: u32,
    /// The second one; 0 for a version that is not released yet.
    pub minor: u32,
}

/// There is no client program that works with the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// None was found.
    #[error("{name} was not found in {}: install it with `{}`", programs::listed(looked), install)]
    Missing {
        /// The program.
        name: &'static str,
        /// The directories that were looked into, in order.
        looked: Vec<PathBuf>,
        /// What would install it.
        install: String,
    },
    /// Only older ones were found.
    #[error(
        "{} is of version {}, and refuses a server of version {server}: install the right one \
         with `{install}`",
        found.path.display(),
        found.version
    )]
    TooOld {
        /// The newest that was found.
        found: Client,
        /// The server's major version.
        server: u32,
        /// What would install the right one.
        install: String,
    },
}

/// Returns the client program `name` for a server of `major`: of that version, the newest
/// minor of it, else of the nearest later one.
///
/// # Errors
/// When there is none, or only older ones.
pub fn find(name: &'static str, major: u32) -> Result<Client, Unfit> {
    find_in(name, major, programs::directories())
}

/// Returns the same of the programs in `directories`.
///
/// # Errors
/// When there is none, or only older ones.
pub fn find_in(name: &'static str, major: u32, directories: Vec<PathBuf>) -> Result<Client, Unfit> {
    let install = Install::clients(major);
    let mut found: Vec<Client> =
        directories.iter().filter_map(|directory| ask(&directory.join(name))).collect();
    // Stable: among equals the first of the PATH stays first.
    found.sort_by(|a, b| a.major.cmp(&b.major).then(b.minor.cmp(&a.minor)));
    match (found.iter().find(|client| client.major >= major), found.last()) {
        (Some(fit), _) => Ok(fit.clone()),
        (None, Some(newest)) => {
            Err(Unfit::TooOld { found: newest.clone(), server: major, install })
        }
        (None, None) => Err(Unfit::Missing { name, looked: directories, install }),
    }
}

/// Asks a program for its version; `None` if it is none of PostgreSQL's, or Debian's wrapper.
#[must_use]
pub fn ask(path: &Path) -> Option<Client> {
    // Debian's wrapper chooses a version by itself: the one that was asked for its version
    // would not be the one that runs.
    let file = fs::canonicalize(path).ok().filter(|file| file.is_file())?;
    if file.file_name().is_some_and(|name| name == "pg_wrapper") {
        return None;
    }
    let output = Command::new(path)
        .arg("--version")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    told(path, &String::from_utf8(output.stdout).ok()?)
}

/// Returns the program at `path` that has told `text` when it was asked for its version.
#[must_use]
pub fn told(path: &Path, text: &str) -> Option<Client> {
    let version = text.split("(PostgreSQL) ").nth(1)?.split_whitespace().next()?;
    let mut numbers = version.split('.').map(|part| {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        part[..digits].parse::<u32>().ok()
    });
    let major = numbers.next().flatten()?;
    let minor = numbers.next().flatten().unwrap_or(0);
    Some(Client { path: path.to_owned(), version: version.to_owned(), major, minor })
}

/// The first minor versions with the mends of CVE-2025-8714 and CVE-2025-8715: before them
/// a hostile server could put commands into a dump that its restore runs.
const MENDED: [(u32, u32); 5] = [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)];

impl Client {
    /// Returns true if its `psql` knows `\\restrict` (release notes of 13.22, 14.19, 15.14, 16.10,
    /// 17.6 and 18): behind that line it takes no command of its own, however it reads a script.
    #[must_use]
    pub fn restricts(&self) -> bool {
        let first = MENDED.into_iter().find(|(major, _)| *major == self.major);
        first.map_or(self.major >= 18, |(_, first)| self.minor >= first)
    }

    /// Returns what to know of this very version, if there is anything.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (_, first) = MENDED.into_iter().find(|(major, _)| *major == self.major)?;
        (self.minor < first).then(|| {
            format!(
                "pg_dump {} is older than {}.{first}, which mends CVE-2025-8714 and -8715 \
                 (a hostile server can put commands into a dump): update it",
                self.version, self.major
            )
        })
    }
}
