//! Finds PostgreSQL's server programs.

use std::env;
use std::ffi::OsString;
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
        Self::find_in(candidates(env::var_os("LOCKKEEPER_PG_BIN")))
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

fn candidates(chosen: Option<OsString>) -> Vec<PathBuf> {
    if let Some(chosen) = chosen {
        return vec![chosen.into()];
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    found.extend(pg_config());
    found.extend(VERSIONED.iter().flat_map(|(dir, prefix)| newest_first(Path::new(dir), prefix)));
    found.extend(["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
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

fn listed(paths: &[PathBuf]) -> String {
    let texts: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    texts.join(", ")
}

fn advice(install: Option<&Install>) -> String {
    match install {
        Some(install) => format!("install them: {install}"),
        None => "install PostgreSQL's server, or set LOCKKEEPER_PG_BIN to its programs".to_owned(),
    }
}
