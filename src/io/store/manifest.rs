//! Manifests beside backups: read, and written anew in one step.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::domain::backup::Manifest;
use crate::domain::backup::manifest::{Evidence, SUFFIX};

use super::disk;

/// A longer manifest was not written by us (16 MiB).
const LONGEST: u64 = 16 << 20;

/// Returns where the manifest of a backup lies.
pub(super) fn place(backup: &Path) -> PathBuf {
    let mut name = OsString::from(backup.as_os_str());
    name.push(SUFFIX);
    name.into()
}

/// Returns the manifest of a backup, if it has one.
///
/// # Errors
/// A sentence, if there is one that cannot be used.
pub(super) fn beside(backup: &Path) -> Result<Option<Manifest>, String> {
    let path = place(backup);
    let text = match text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let read = Manifest::read(&text);
    read.map(Some).map_err(|refused| format!("{}: {refused}", path.display()))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    disk::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Appends evidence to the manifest of a backup, if it has one. It is read anew for that:
/// somebody else may have proven something meanwhile.
///
/// # Errors
/// A sentence, if it cannot be read or written; then the old one is still whole.
pub(super) fn append(backup: &Path, evidence: Vec<Evidence>) -> Result<(), String> {
    change(backup, |manifest| manifest.verified.extend(evidence)).map(drop)
}

/// Changes the manifest of a backup, read anew for that; returns false if it has none.
///
/// # Errors
/// A sentence, if it cannot be read or written; then the old one is still whole.
pub(super) fn change(backup: &Path, how: impl FnOnce(&mut Manifest)) -> Result<bool, String> {
    let Some(mut manifest) = beside(backup)? else { return Ok(false) };
    how(&mut manifest);
    let path = place(backup);
    write(&path, &manifest.text())
        .map_err(|error| format!("{}: it cannot be written: {error}", path.display()))?;
    Ok(true)
}

/// Removes the manifest of a backup that is gone.
pub(super) fn remove(backup: &Path) -> io::Result<()> {
    fs::remove_file(place(backup))
}

/// Writes beside, syncs, and puts it in its place.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = OsString::from(path.as_os_str());
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&beside)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    })();
    if written.is_err() {
        // The temporary file is of no use; that it stays is no further harm.
        let _ = fs::remove_file(&beside);
    }
    written
}
