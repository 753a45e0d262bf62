//! From a file that nobody takes for a backup to one that has its manifest.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::beside;
use super::place::others_may_replace;
use crate::domain::backup::name::{self, PARTIAL};
use crate::domain::backup::{Manifest, manifest};
use crate::io::failpoint;
use crate::io::journal::file::sync_directory;
use crate::io::store::digest;

/// What the names of our backups end with.
pub(super) const SUFFIX: &str = ".dump";
/// How many backups one second can name.
const NAMES: u32 = 9;

/// A backup that is being written. While this or what writes to it lives, it is locked.
#[derive(Debug)]
pub(super) struct Partial {
    directory: PathBuf,
    name: String,
    file: File,
    /// Whether it has its final name.
    is_named: bool,
}

/// Makes the directory unless it exists: 0700, nobody else's to write to.
pub(in crate::io) fn prepare(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if others_may_replace(&fs::metadata(directory)?) {
        let why = "others may write to this directory: chmod go-w, or name another with --to";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

/// Returns the name that the next file gets: `wanted`, or with a number if that is taken.
pub(super) fn free_name(directory: &Path, wanted: &str) -> io::Result<String> {
    let is_free = |name: &String| {
        [name.clone(), format!("{name}{PARTIAL}"), manifest::name_for(name), manifest::beside(name)]
            .iter()
            .all(|name| fs::symlink_metadata(directory.join(name)).is_err())
    };
    let mut names = (1..=NAMES).map(|number| name::numbered(wanted, number));
    names.find(is_free).ok_or_else(|| {
        io::Error::new(io::ErrorKind::AlreadyExists, format!("{wanted} and its like exist already"))
    })
}

impl Partial {
    /// Creates `NAME.partial`: it must not exist, not even as a link; 0600.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        let file = new_file(&directory.join(format!("{name}{PARTIAL}")))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { directory: directory.to_owned(), name: name.to_owned(), file, is_named: false })
    }

    fn path(&self) -> PathBuf {
        self.directory.join(format!("{}{PARTIAL}", self.name))
    }

    /// Returns the file as a program's standard output: seekable, and at the same lock.
    pub fn stdout(&self) -> io::Result<Stdio> {
        Ok(Stdio::from(self.file.try_clone()?))
    }

    /// Brings it to the disk.
    pub fn sync(&self) -> io::Result<()> {
        failpoint::fault("backup.sync")?;
        self.file.sync_all()
    }

    /// Returns the name that the finished backup has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns another handle of the file, to read it.
    pub fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Writes the manifest, then gives the backup its name: at no moment there is a file
    /// that looks like a backup and has no manifest.
    pub fn publish(&mut self, manifest: &Manifest) -> io::Result<PathBuf> {
        write_manifest(&self.directory, &self.name, manifest)?;
        failpoint::hit("backup.after_manifest");
        let path = self.directory.join(&self.name);
        no_replace(&self.path(), &path)?;
        self.is_named = true;
        failpoint::fault("backup.named")?;
        sync_directory(&self.directory)?;
        failpoint::hit("backup.after_rename");
        Ok(path)
    }

    /// Removes it, under whichever name, and a manifest that was written for it.
    pub fn discard(self) -> io::Result<()> {
        gone(&self.path())?;
        if self.is_named {
            gone(&self.directory.join(&self.name))?;
        }
        beside::remove(&self.directory.join(manifest::beside(&self.name)));
        gone(&self.directory.join(manifest::name_for(&self.name)))
    }
}

/// Removes a file that may not be there.
fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a manifest beside the backup `name`: temporary, synced, renamed.
pub(in crate::io) fn write_manifest(
    directory: &Path,
    name: &str,
    manifest: &Manifest,
) -> io::Result<()> {
    let path = directory.join(manifest::name_for(name));
    let draft = directory.join(format!("{}{PARTIAL}", manifest::name_for(name)));
    let mut file = new_file(&draft)?;
    let written = file.write_all(manifest.text().as_bytes()).and_then(|()| file.sync_all());
    let done = written.and_then(|()| no_replace(&draft, &path));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    done.and_then(|()| sync_directory(directory))
}

/// Gives a file its name, which must be free: not even a link there is replaced.
pub(in crate::io) fn no_replace(from: &Path, to: &Path) -> io::Result<()> {
    // A link fails if the name exists, on every file system that has links.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from).inspect_err(|_| {
            // It has one name, or none: what fails has given it none.
            let _ = fs::remove_file(to);
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(to).is_ok() => {
            Err(io::Error::from(io::ErrorKind::AlreadyExists))
        }
        Err(_) => fs::rename(from, to),
    }
}

/// Creates a file, which must not exist, for us alone; not for appending, since `pg_dump`
/// writes its table of contents a second time when it knows where the data lies.
pub(in crate::io) fn new_file(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Returns SHA-256 in hexadecimal, and the size in bytes, of a file from its beginning.
pub(super) fn sha256(file: &mut File) -> io::Result<(String, u64)> {
    file.rewind()?;
    let sum = digest(&mut *file)?;
    Ok((sum, file.stream_position()?))
}
