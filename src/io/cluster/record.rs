//! The owner file of a throwaway server, and the register that leads to it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::io::paths::create_private;
use crate::io::process::Identity;

/// Whose a throwaway server is; lies in its directory as `owner.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The process that started it.
    pub owner: Identity,
    /// The server's system identifier, as `pg_control_system()` shows it; `None`
    /// while the server is being made.
    pub system_identifier: Option<String>,
    /// Where its programs are.
    pub programs: PathBuf,
    /// The state directory in which it is registered.
    pub state: Option<PathBuf>,
    /// Whether it outlives its owner, until somebody stops it.
    pub kept: bool,
}

impl Record {
    /// Returns the record in `directory`, if a whole one is there.
    #[must_use]
    pub fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file(directory)).ok()?).ok()
    }

    /// Writes the record into `directory`, whole or not at all, over an older one.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        let path = file(directory);
        let temporary = directory.join("owner.json.new");
        let written = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .and_then(|text| create(&temporary)?.write_all(&text))
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|source| Error::file("write", &path, source))
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("owner.json")
}

fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Enters `directory` into the register below `state`, so that a later start finds it.
///
/// # Errors
/// When the register cannot be written.
pub fn register(state: &Path, directory: &Path) -> Result<(), Error> {
    let register = state.join("clusters");
    create_private(&register)
        .and_then(|()| symlink(directory, register.join(name(directory))))
        .map_err(|source| Error::file("register in", &register, source))
}

/// Returns the directories that are registered below `state`.
#[must_use]
pub fn registered(state: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state.join("clusters")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

/// Removes `directory` from the register below `state`.
pub fn forget(state: &Path, directory: &Path) {
    // Somebody who swept at the same time has removed it already.
    let _ = fs::remove_file(state.join("clusters").join(name(directory)));
}

fn name(directory: &Path) -> &std::ffi::OsStr {
    directory.file_name().unwrap_or_default()
}
