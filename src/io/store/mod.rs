//! Where backups are kept: an inventory of directories, and proofs up to L3.

mod base;
#[cfg(feature = "cloud")]
mod cloud;
mod disk;
pub mod held;
mod kept;
mod manifest;
pub mod outside;
pub mod own;
mod patience;
mod proof;
mod tend;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::Access;

use super::config::Loaded;
use crate::domain::backup::manifest::SUFFIX;
use crate::domain::backup::{Backup, Inventory, Kind, Manifest, by_worth, object, retention};
use crate::domain::config::Backups;
use crate::domain::untrusted::Untrusted;
use crate::io::site;
use crate::tools::catalog::Told;
use crate::tools::pg_dump::{self, Depth, Found, Progress};

use disk::{Listed, Stamp};

/// Why a build without the feature `cloud` tells nothing of an object.
#[cfg(not(feature = "cloud"))]
const UNBUILT: &str =
    "this lockkeeper was built without object stores (cargo install --features cloud)";

pub(in crate::io) use kept::digest;
pub(in crate::io) use patience::{SILENT, answers};
pub use proof::{HIGHEST, Limit, record, rows_told, verify};
pub use tend::main as tend;

/// So far a backup is read unasked: 64 Ki blocks of an archive, or 256 MiB of a script.
const STEPS: u64 = 64 << 10;

/// Directories of backups, and what was read of them before.
#[derive(Debug)]
pub struct Store {
    directories: Vec<PathBuf>,
    /// True if nobody wrote the directories down: then they need not be there.
    usual: bool,
    asked: Backups,
    seen: HashMap<PathBuf, Seen>,
    /// The manifests, as they were when they looked like this.
    told: HashMap<PathBuf, (Stamp, Read)>,
    /// What others keep, as they told last.
    outside: Told,
}

/// A manifest, if there is one, or why it cannot be used.
type Read = Result<Option<Manifest>, String>;

/// What a file or directory was when it looked like this.
#[derive(Clone, Debug)]
struct Seen {
    stamp: Stamp,
    at: DateTime<Utc>,
    found: Result<Option<Found>, String>,
}

impl Store {
    /// Returns the store that the configuration names; its directories are relative to its file,
    /// or to the project if there is none. Reads nothing yet.
    #[must_use]
    pub fn of(loaded: &Loaded, project: &Path) -> Self {
        // Which table of a backup holds its revision; without a project the usual ones do.
        site::know_version_table(&loaded.config, project);
        let backups = &loaded.config.backups;
        let base = loaded.directory().unwrap_or(project);
        let directories: Vec<PathBuf> =
            backups.directories.iter().map(|directory| tidy(&base.join(directory))).collect();
        let usual = backups.directories == Backups::default().directories;
        let asked = backups.clone();
        let outside = outside::unasked(backups);
        let (seen, told) = (HashMap::new(), HashMap::new());
        Self { directories, usual, asked, seen, told, outside }
    }

    /// Takes what others keep, in the place of what they told before.
    pub fn also(&mut self, outside: Told) {
        self.outside = outside;
    }

    /// Reads the inventory at `now`; of what has not changed since it was read, nothing.
    pub fn read(&mut self, now: DateTime<Utc>) -> Inventory {
        let asked = &self.asked;
        let mut inventory = Inventory::empty(asked.required_level, asked.max_age);
        inventory.read_at = Some(now);
        let mut listed = Listed::default();
        for directory in &self.directories {
            if !answers(directory) {
                let what = format!("{}: {SILENT}: nothing is known of it", directory.display());
                inventory.problems.push(shown(&what));
                continue;
            }
            let missing = disk::list(directory, &mut listed);
            inventory
                .problems
                .extend(missing.filter(|missing| !self.usual || !missing.is_gone).map(|m| m.what));
        }
        inventory.problems.append(&mut listed.problems);
        self.seen.retain(|path, _| listed.places.contains_key(path));
        self.told.retain(|path, _| listed.places.contains_key(path));
        for (path, stamp) in &listed.places {
            if path.to_string_lossy().ends_with(SUFFIX) {
                inventory.problems.extend(orphan(path, &listed));
            } else {
                let manifest = self.manifest(path, &listed);
                self.add(path, *stamp, manifest, now, &mut inventory);
            }
        }
        inventory.backups.extend(outside::written_down(&self.asked));
        inventory.backups.extend(self.outside.backups.iter().cloned());
        inventory.problems.extend(self.outside.problems.iter().cloned());
        let asked = &self.asked;
        retention::mark(&mut inventory.backups, asked.keep, asked.required_level);
        by_worth(&mut inventory.backups);
        inventory
    }

    /// Returns the manifest of a backup, parsed once as long as it looks the same.
    fn manifest(&mut self, backup: &Path, listed: &Listed) -> Read {
        let place = manifest::place(backup);
        let Some(stamp) = listed.places.get(&place) else { return manifest::beside(backup) };
        if let Some((_, read)) = self.told.get(&place).filter(|(known, _)| known == stamp) {
            return read.clone();
        }
        let read = manifest::beside(backup);
        self.told.insert(place, (*stamp, read.clone()));
        read
    }

    fn add(
        &mut self,
        path: &Path,
        stamp: Stamp,
        manifest: Read,
        now: DateTime<Utc>,
        inventory: &mut Inventory,
    ) {
        let location = path.display().to_string();
        let is_partial = location.ends_with(".partial");
        let depth = if is_partial { Depth::Head } else { Depth::Steps(STEPS) };
        let known = self.seen.get(path).filter(|seen| seen.stamp == stamp);
        let seen = known.cloned().unwrap_or_else(|| Seen {
            stamp,
            at: now,
            found: look(path, depth, &mut |_| {}),
        });
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(why) => {
                inventory.problems.push(shown(&why));
                None
            }
        };
        match &seen.found {
            Ok(Some(found)) => {
                let mut backup = found.backup(&location, stamp.size, manifest.as_ref(), seen.at);
                backup.stamp = Some(stamp.text());
                if backup.kind == Kind::Base && backup.complete != Some(false) {
                    let proven = base::kept(path, &stamp.text());
                    backup.judged = proven.or(backup.judged.take());
                }
                inventory.backups.push(backup);
            }
            Ok(None) => inventory.problems.extend(not_a_backup(path, stamp, manifest.is_some())),
            Err(why) => inventory.problems.push(shown(&format!("{location}: {why}"))),
        }
        self.seen.insert(path.to_owned(), seen);
    }

    /// Takes what a proof has read of a backup, which went further than the inventory does.
    pub fn learn(&mut self, path: &Path, found: Found, at: DateTime<Utc>) {
        if let Ok(stamp) = disk::stamp(path) {
            self.seen.insert(path.to_owned(), Seen { stamp, at, found: Ok(Some(found)) });
        }
    }
}

/// Reads one backup, wherever it lies, at `now`.
///
/// # Errors
/// A sentence, if it is none or cannot be read.
pub fn single(path: &Path, now: DateTime<Utc>) -> Result<Backup, String> {
    let shown = shown(&path.display().to_string());
    let told = |why: String| format!("{shown}: {why}");
    if path.to_str().is_some_and(object::is_elsewhere) {
        return Err(told(object::FETCH.to_owned()));
    }
    let stamp = disk::stamp(path).map_err(|error| told(error.to_string()))?;
    let found = look(path, Depth::Steps(STEPS), &mut |_| {}).map_err(told)?;
    let found = found.ok_or_else(|| told(no_backup(path).to_owned()))?;
    let manifest = manifest::beside(path)?;
    Ok(found.backup(&path.display().to_string(), stamp.size, manifest.as_ref(), now))
}

/// Opens a backup's file for reading; a link or a pipe is refused.
///
/// # Errors
/// As the system says.
pub(in crate::io) fn open(path: &Path) -> std::io::Result<std::fs::File> {
    disk::open(path)
}

/// Returns a path without the steps that lead nowhere (`./`).
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Reads a file or directory; the error is a sentence.
fn look(
    path: &Path,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> Result<Option<Found>, String> {
    let mut read = || -> std::io::Result<Option<Found>> {
        let metadata = std::fs::symlink_metadata(path)?;
        if metadata.is_dir() {
            // What may not be looked into holds nothing, as far as anybody can tell.
            rustix::fs::access(path, Access::READ_OK | Access::EXEC_OK)?;
            return pg_dump::directory(&disk::Disk(path), depth, tell);
        }
        let mut file = disk::open(path)?;
        pg_dump::file(&mut file, metadata.len(), depth, tell)
    };
    read().map_err(|error| format!("it cannot be read: {error}"))
}

/// Returns why nothing that somebody has named is a backup.
fn no_backup(path: &Path) -> &'static str {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            "it is a directory that neither pg_dump nor pg_basebackup wrote: name a backup in it"
        }
        Ok(found) if found.len() == 0 => EMPTY,
        _ => FOREIGN,
    }
}

const EMPTY: &str = "it is empty: a dump that failed leaves such a file";
const FOREIGN: &str = "its bytes are not those of a backup";

/// Returns why something that should be a backup is none, if it should.
fn not_a_backup(path: &Path, stamp: Stamp, registered: bool) -> Option<String> {
    let why = not_a_backup_named(&path.file_name()?.to_string_lossy(), stamp.size, registered)?;
    Some(shown(&format!("{}: {why}", path.display())))
}

/// Returns the same of something of that name and size.
fn not_a_backup_named(name: &str, size: u64, registered: bool) -> Option<&'static str> {
    let name = name.to_lowercase();
    let looks = [".dump", ".backup", ".pgdump", ".partial", ".sql.gz", ".sql.zst", ".sql.lz4"];
    let is_named = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    // Many a script is no dump, but an empty one is a failure.
    let is_meant = is_named(&looks) || (size == 0 && is_named(&[".sql"]));
    if !registered && !is_meant {
        return None;
    }
    Some(match size {
        0 => EMPTY,
        _ => FOREIGN,
    })
}

/// Returns what is wrong with a manifest that no backup is beside of.
fn orphan(path: &Path, listed: &Listed) -> Option<String> {
    let name = path.to_string_lossy();
    let backup = Path::new(name.strip_suffix(SUFFIX)?);
    (!listed.places.contains_key(backup))
        .then(|| shown(&format!("{name}: the backup that it tells of is gone")))
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
