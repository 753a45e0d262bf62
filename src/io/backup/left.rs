//! What is on the disk of a backup whose end nobody saw.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::WRITES;
use crate::domain::backup::name::PARTIAL;
use crate::domain::backup::{Manifest, manifest};
use crate::io::journal::file;

/// How far into a job's output the name is looked for: it is in the first lines.
const HEAD: u64 = 64 << 10;

/// What is left of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The file with its manifest.
    Whole,
    /// A file without one: nothing of worth.
    Partial,
    /// No file.
    Nothing,
}

/// Returns the name of the file that a job's output tells; `None` if it came to none.
///
/// # Errors
/// When the output is there and cannot be read.
pub fn named_in(out: &Path) -> io::Result<Option<String>> {
    let file = match file::read_from(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    let named = head.lines().find_map(|line| line.strip_prefix(WRITES));
    // A name that leads elsewhere is none of ours.
    Ok(named.filter(|name| !name.contains('/') && !name.is_empty()).map(str::to_owned))
}

/// Looks for the backup of that name.
///
/// # Errors
/// When the directory cannot be read.
pub fn left(directory: &Path, name: &str) -> io::Result<Left> {
    let path = directory.join(name);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() && has_manifest(directory, name, found.len()) => {
            Ok(Left::Whole)
        }
        Ok(_) => Ok(Left::Partial),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let partial = directory.join(format!("{name}{PARTIAL}"));
            let exists = fs::symlink_metadata(partial).is_ok();
            Ok(if exists { Left::Partial } else { Left::Nothing })
        }
        Err(error) => Err(error),
    }
}

fn has_manifest(directory: &Path, name: &str, size: u64) -> bool {
    let read = |mut file: File| {
        let mut text = String::new();
        file.read_to_string(&mut text).map(|_| text)
    };
    let text = file::read_from(&directory.join(manifest::name_for(name))).and_then(read);
    let manifest = text.ok().and_then(|text| Manifest::read(&text).ok());
    manifest.is_some_and(|manifest| manifest.id == name && manifest.size == size)
}
