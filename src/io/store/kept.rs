//! What a proof reads of a backup, wherever it lies: files here, or objects in a store.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{disk, look, manifest};
use crate::domain::backup::manifest::{Evidence, beside};
use crate::domain::backup::{Manifest, object};
use crate::tools::pg_dump::{Depth, Found, Progress};

/// A backup that is read.
pub(super) trait Kept {
    /// Reads it so deep; `None`: its bytes are not those of a backup.
    ///
    /// # Errors
    /// A sentence, if it cannot be read: this says nothing of the backup.
    fn look(&self, depth: Depth, tell: &mut dyn FnMut(Progress)) -> Result<Option<Found>, String>;

    /// Returns its manifest, if it has one.
    ///
    /// # Errors
    /// A sentence, if there is one that cannot be used.
    fn manifest(&self) -> Result<Option<Manifest>, String>;

    /// Returns its SHA-256 as manifests have it: of the bytes, or of a directory's list of files.
    ///
    /// # Errors
    /// When it cannot be read.
    fn sum(&self) -> io::Result<String>;

    /// Returns the SHA-256 of a file in the directory beside it.
    ///
    /// # Errors
    /// When it cannot be read, or is gone.
    fn side(&self, name: &str) -> io::Result<String>;

    /// Appends evidence to its manifest, if it has one.
    ///
    /// # Errors
    /// A sentence, if it cannot be read or written; then the old one is still whole.
    fn append(&self, evidence: Vec<Evidence>) -> Result<(), String>;
}

/// Returns the backup at `path`, a path or the address of an object.
///
/// # Errors
/// A sentence, if nobody can look there.
pub(super) fn at(path: &Path) -> Result<Box<dyn Kept + '_>, String> {
    match path.to_str().filter(|text| object::is_elsewhere(text)) {
        Some(address) => elsewhere(address),
        None => Ok(Box::new(Here(path))),
    }
}

#[cfg(feature = "cloud")]
fn elsewhere(address: &str) -> Result<Box<dyn Kept + '_>, String> {
    super::cloud::open(address).map(|kept| Box::new(kept) as Box<dyn Kept>)
}

#[cfg(not(feature = "cloud"))]
fn elsewhere(_: &str) -> Result<Box<dyn Kept + '_>, String> {
    Err(super::UNBUILT.to_owned())
}

/// A file or directory on this machine.
struct Here<'a>(&'a Path);

impl Kept for Here<'_> {
    fn look(&self, depth: Depth, tell: &mut dyn FnMut(Progress)) -> Result<Option<Found>, String> {
        look(self.0, depth, tell)
    }

    fn manifest(&self) -> Result<Option<Manifest>, String> {
        manifest::beside(self.0)
    }

    fn sum(&self) -> io::Result<String> {
        sum(self.0)
    }

    fn side(&self, name: &str) -> io::Result<String> {
        let backup = self.0.file_name().unwrap_or_default().to_string_lossy();
        digest(disk::open(&self.0.with_file_name(beside(&backup)).join(name))?)
    }

    fn append(&self, evidence: Vec<Evidence>) -> Result<(), String> {
        manifest::append(self.0, evidence)
    }
}

/// Returns the SHA-256 of a file, or of a directory's list of files, as manifests have it.
pub(super) fn sum(path: &Path) -> io::Result<String> {
    if !std::fs::symlink_metadata(path)?.is_dir() {
        return digest(disk::open(path)?);
    }
    let names = disk::files(path)?;
    sum_of(names.iter().map(|name| (name.as_str(), move || disk::open(&path.join(name)))))
}

/// Returns the sum of a directory, whose files are given in the order of their names.
pub(super) fn sum_of<'a, R: Read, O: FnOnce() -> io::Result<R>>(
    files: impl Iterator<Item = (&'a str, O)>,
) -> io::Result<String> {
    let mut list = String::new();
    for (name, open) in files {
        list += &digest(open()?)?;
        list += "  ";
        list += name;
        list += "\n";
    }
    digest(list.as_bytes())
}

/// Returns the SHA-256 of all that is read, in hexadecimal.
pub(in crate::io) fn digest(mut from: impl Read) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => sum.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(format!("{:x}", sum.finalize()))
}
