//! The files of a project on disk.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::tools::{Entry, Tree, Unreadable};

/// A file larger than this is no migration (64 MiB).
const LARGEST: u64 = 64 << 20;

/// A directory on disk.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Returns the tree below a directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Tree for Disk {
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable> {
        let path = self.at(directory);
        let mut entries = entries(&path).map_err(|error| unreadable(&path, &error))?;
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let path = self.at(path);
        bytes(&path).map_err(|error| unreadable(&path, &error))
    }
}

fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    fs::read_dir(directory)?
        .map(|entry| {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Through a link, as the tools do; one that points nowhere is a file that fails to open.
            let links_to_dir = || fs::metadata(entry.path()).is_ok_and(|linked| linked.is_dir());
            let is_dir = kind.is_dir() || (kind.is_symlink() && links_to_dir());
            Ok(Entry { name: entry.file_name().to_string_lossy().into_owned(), is_dir })
        })
        .collect()
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    // A pipe or device would never end.
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    // With room for all of it and its end, hundreds of files take a third of the reads.
    let room = found.len().min(LARGEST) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 64 MiB, so it is no migration"));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
        missing: error.kind() == io::ErrorKind::NotFound,
    }
}
