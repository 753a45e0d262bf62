//! Files and directories of backups: listed within bounds, links not followed, pipes not opened.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::domain::backup::manifest::BESIDE;
use crate::domain::untrusted::Untrusted;
use crate::tools::pg_dump::{Bytes, Folder};

/// So deep below a configured directory backups are looked for.
const DEPTH: usize = 3;
/// More entries than this in all directories are not looked at.
const MOST: usize = 10_000;

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Bytes; of a directory, of all its files.
    pub size: u64,
    /// Seconds and nanoseconds of the last change; of a directory, the latest of its files.
    changed: (i64, i64),
    files: usize,
    /// Device and number of the file, or of the directory.
    place: (u64, u64),
}

/// What may be a backup, or a manifest.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Files, and directories that are one backup each.
    pub places: BTreeMap<PathBuf, Stamp>,
    /// What could not be listed.
    pub problems: Vec<String>,
    entries: usize,
}

/// A configured directory that cannot be listed.
pub(super) struct Missing {
    /// In a sentence.
    pub what: String,
    /// True if there is no such directory.
    pub is_gone: bool,
}

/// Lists a configured directory, which may itself be a link.
pub(super) fn list(directory: &Path, listed: &mut Listed) -> impl Iterator<Item = Missing> {
    walk(directory, DEPTH, listed)
        .err()
        .map(|error| Missing {
            is_gone: error.kind() == io::ErrorKind::NotFound,
            what: shown(directory, &error),
        })
        .into_iter()
}

fn walk(directory: &Path, depth: usize, listed: &mut Listed) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        listed.entries += 1;
        if listed.entries == MOST {
            let text =
                format!("{}: more than {MOST} entries: the rest is left out", directory.display());
            listed.problems.push(Untrusted::from(text).one_line());
        }
        if listed.entries >= MOST {
            return Ok(());
        }
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_file() {
            // One that has gone meanwhile is no problem.
            if let Ok(metadata) = entry.metadata() {
                listed.places.insert(path, Stamp::of(&metadata));
            }
        } else if kind.is_dir() {
            below(&path, depth, listed);
        }
    }
    Ok(())
}

/// A directory is one backup, or holds others.
fn below(path: &Path, depth: usize, listed: &mut Listed) {
    let is_one = ["toc.dat", "backup_manifest"].iter().any(|name| Disk(path).size(name).is_some());
    // `pg_dump -Fd` writes the contents last: until then there are only data files.
    let is_begun = path.to_string_lossy().ends_with(".partial");
    let read = match () {
        // What lies there belongs to a backup, and is none.
        () if path.to_string_lossy().ends_with(BESIDE) => Ok(()),
        () if is_one || is_begun => stamp(path).map(|stamp| {
            listed.places.insert(path.to_owned(), stamp);
        }),
        () if depth > 0 => walk(path, depth - 1, listed),
        () => Ok(()),
    };
    if let Err(error) = read {
        listed.problems.push(shown(path, &error));
    }
}

fn shown(path: &Path, error: &io::Error) -> String {
    Untrusted::from(format!("{} cannot be read: {error}", path.display())).one_line()
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        let place = (metadata.dev(), metadata.ino());
        Self { size: metadata.len(), changed, files: 1, place }
    }

    /// Returns it as a text that is only compared.
    pub fn text(&self) -> String {
        let Self { size, changed: (s, ns), files, place: (device, inode) } = self;
        format!("{device}.{inode}-{size}-{files}-{s}.{ns}")
    }
}

/// Returns the stamp of a file, or of all files of a directory.
pub(super) fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::symlink_metadata(path)?;
    let mut stamp = Stamp::of(&metadata);
    if metadata.is_dir() {
        (stamp.size, stamp.files) = (0, 0);
        for file in files(path)? {
            let of = Stamp::of(&fs::symlink_metadata(path.join(file))?);
            stamp.size += of.size;
            stamp.files += 1;
            stamp.changed = stamp.changed.max(of.changed);
        }
    }
    Ok(stamp)
}

/// Returns the names of the files of a directory, sorted.
pub(super) fn files(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

const LINK: &str = "it is a symbolic link, and none is followed: name what it leads to";

/// Opens a regular file for reading; a link or a pipe is refused.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => io::Error::other(LINK),
        _ => error,
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// A directory of files on disk.
pub(super) struct Disk<'a>(pub &'a Path);

impl Folder for Disk<'_> {
    fn size(&self, name: &str) -> Option<u64> {
        let metadata = fs::symlink_metadata(self.0.join(name)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Bytes + '_>> {
        Ok(Box::new(open(&self.0.join(name))?))
    }
}
