//! Finds PostgreSQL's server programs.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::install::Install;

const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Where PostgreSQL's packages put their versions: (directory, before and after the version).
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// A directory that holds `initdb`, `pg_ctl` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    directory: PathBuf,
}

/// No server programs: where they were looked for, and what would install them.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL's server programs (initdb, pg_ctl, postgres) were not found in {}; {}", listed(.looked), advice(.install.as_ref()))]
pub struct Missing {
    /// The directories that were looked into, in order.
    pub looked: Vec<PathBuf>,
    /// The platform's command, where it is known.
    pub install: Option<Install>,
}

impl Programs {
    /// Returns the programs in `LOCKKEEPER_PG_BIN` if it is set (and nowhere else);
    /// otherwise the first found in PATH, `pg_config --bindir`, and the directories
    /// of the packages, newest version first.
    ///
    /// # Errors
    /// When none of these directories holds all three programs.
    pub fn find() -> Result<Self, Box<Missing>> {
        match env::var_os("LOCKKEEPER_PG_BIN") {
            // Installing helps nobody whose own choice is wrong.
            Some(chosen) => Self::find_in(vec![chosen.into()])
                .map_err(|missing| Box::new(Missing { install: None, ..*missing })),
            None => Self::find_in(candidates()),
        }
    }

    /// Returns the programs that were found in `directory` earlier.
    pub(super) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the programs in the first of `directories` that holds all three.
    ///
    /// # Errors
    /// When none does.
    pub fn find_in(directories: Vec<PathBuf>) -> Result<Self, Box<Missing>> {
        match directories.iter().find(|dir| NEEDED.iter().all(|name| dir.join(name).is_file())) {
            Some(directory) => Ok(Self { directory: directory.clone() }),
            None => Err(Box::new(Missing { looked: directories, install: Install::here() })),
        }
    }

    /// Returns the directory of the programs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the full path of one program.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Returns the directories that may hold PostgreSQL's programs: `LOCKKEEPER_PG_BIN` alone if
/// it is set, else those of the PATH and of the packages.
pub(super) fn directories() -> Vec<PathBuf> {
    match env::var_os("LOCKKEEPER_PG_BIN") {
        Some(chosen) => vec![chosen.into()],
        None => candidates(),
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    found.extend(pg_config());
    found.extend(VERSIONED.iter().flat_map(|(dir, prefix)| newest_first(Path::new(dir), prefix)));
    found.extend(["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    let mut seen = HashSet::new();
    found.retain(|directory| seen.insert(directory.clone()));
    found
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}

/// Returns `PREFIXversion/bin` of every version below `dir`, the highest version first.
fn newest_first(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = version(name.to_str()?.strip_prefix(prefix)?)?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, path)| path).collect()
}

fn version(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

pub(super) fn listed(paths: &[PathBuf]) -> String {
    let texts: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    texts.join(", ")
}

fn advice(install: Option<&Install>) -> String {
    match install {
        Some(install) => format!("install them: {install}"),
        None => "set LOCKKEEPER_PG_BIN to the directory that holds them".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers_and_other_names_are_left_out() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        for name in ["pgsql-9.6", "pgsql-13", "pgsql-18", "pgsql-old", "mysql-8"] {
            fs::create_dir(dir.path().join(name)).expect("a directory can be made");
        }
        let found = newest_first(dir.path(), "pgsql-");
        let expected = ["pgsql-18/bin", "pgsql-13/bin", "pgsql-9.6/bin"];
        assert_eq!(found, expected.map(|name| dir.path().join(name)));
    }
}
