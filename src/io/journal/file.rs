//! How the files of a run are made: nobody else's to read, never through a link.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Creates a file that does not exist yet, 0600.
pub(in crate::io) fn create(path: &Path) -> io::Result<File> {
    options().read(true).append(true).create_new(true).open(path)
}

/// Opens a file that exists, for reading and for appending.
pub(in crate::io) fn append_to(path: &Path) -> io::Result<File> {
    options().read(true).append(true).open(path)
}

/// Opens a file that exists, for reading.
pub(in crate::io) fn read_from(path: &Path) -> io::Result<File> {
    options().read(true).open(path)
}

/// Brings a directory's entries to the disk.
pub(in crate::io) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}
