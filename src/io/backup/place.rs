//! The directory of backups: whether one can be written there, and what lies half done in it.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, FlockOperation, access, flock, statvfs};

use super::beside;
use super::file::SUFFIX;
use crate::domain::backup::manifest;
use crate::domain::backup::name::PARTIAL;
use crate::domain::untrusted::Untrusted;
use crate::io::store;

/// What is known of a directory before a backup goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory, absolute.
    pub directory: String,
    /// Why no backup can go there.
    pub unfit: Option<String>,
    /// Names of what interrupted backups have left.
    pub stale: Vec<String>,
    /// Bytes that are free for us.
    pub free: Option<u64>,
}

/// Looks at a directory, which need not exist; changes nothing.
#[must_use]
pub fn look(directory: &Path) -> Place {
    let shown = Untrusted::from(directory.to_string_lossy().as_ref()).one_line();
    let Some(text) = directory.to_str() else {
        let unfit = Some(format!("the path of {shown} is not UTF-8: name another with --to"));
        return Place { directory: shown, unfit, stale: Vec::new(), free: None };
    };
    if !store::answers(directory) {
        let unfit = Some(format!("{shown}: {}: name another with --to", store::SILENT));
        return Place { directory: text.to_owned(), unfit, stale: Vec::new(), free: None };
    }
    // A link that leads nowhere is in the way.
    let existing = directory.ancestors().find(|ancestor| fs::symlink_metadata(ancestor).is_ok());
    let free = existing.and_then(|ancestor| statvfs(ancestor).ok());
    Place {
        directory: text.to_owned(),
        unfit: unfit(directory, existing).map(|why| format!("{shown}: {why}")),
        stale: stale(directory).into_iter().map(|(name, _)| name).collect(),
        free: free.map(|found| found.f_bavail.saturating_mul(found.f_frsize)),
    }
}

fn unfit(directory: &Path, existing: Option<&Path>) -> Option<String> {
    let existing = existing?;
    let found = match fs::metadata(existing) {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    if !found.is_dir() {
        return Some("it is no directory: name another with --to".to_owned());
    }
    if existing == directory && others_may_replace(&found) {
        return Some(
            "others may write there, and could put something else in a backup's place: chmod go-w"
                .to_owned(),
        );
    }
    access(existing, Access::WRITE_OK | Access::EXEC_OK).err().map(|error| {
        let place = Untrusted::from(existing.to_string_lossy().as_ref()).one_line();
        format!("we may not write to {place} ({error}): name another directory with --to")
    })
}

/// Returns true where others may rename what is ours: a sticky directory forbids it.
pub(super) fn others_may_replace(directory: &Metadata) -> bool {
    directory.mode() & 0o022 != 0 && directory.mode() & 0o1000 == 0
}

/// Removes what interrupted backups have left in a directory; returns their names.
pub(super) fn sweep(directory: &Path) -> Vec<String> {
    let mut swept = Vec::new();
    // The lock is held until the file is gone: nobody can begin to write to it meanwhile.
    for (name, _locked) in stale(directory) {
        if fs::remove_file(directory.join(&name)).is_ok() {
            forget_manifest(directory, &name);
            swept.push(name);
        }
    }
    swept
}

/// Removes the manifest of a file that never got its name.
fn forget_manifest(directory: &Path, partial: &str) {
    let Some(name) = partial.strip_suffix(PARTIAL) else { return };
    if fs::symlink_metadata(directory.join(name)).is_err() {
        let manifest = manifest::name_for(name);
        for name in [format!("{manifest}{PARTIAL}"), manifest] {
            // There is none, as a rule.
            let _ = fs::remove_file(directory.join(name));
        }
        beside::remove(&directory.join(manifest::beside(name)));
    }
}

/// Returns the files that a backup of ours has begun and nobody writes to any more: whoever
/// makes one holds its lock, `pg_dump` included.
fn stale(directory: &Path) -> Vec<(String, File)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found: Vec<(String, File)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| is_ours(name))?;
            let file = store::open(&entry.path()).ok()?;
            flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
            Some((name, file))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Returns true for `NAME-YYYYMMDDTHHMMSSZ….dump.partial`.
fn is_ours(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(PARTIAL).and_then(|name| name.strip_suffix(SUFFIX)) else {
        return false;
    };
    stem.split('-').nth(1).is_some_and(|stamp| {
        let stamp = stamp.split('.').next().unwrap_or_default();
        chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").is_ok()
    })
}
