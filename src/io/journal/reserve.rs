//! Space set aside, so that a full disk still takes the outcome of what already runs.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::file;

/// Enough for an outcome with its message, several times.
const BYTES: usize = 64 * 1024;

/// Sets the space aside beside the journal, unless that is done already.
pub(super) fn ensure(dir: &Path) -> io::Result<()> {
    let path = dir.join("reserve");
    if fs::symlink_metadata(&path).is_ok_and(|found| found.len() == BYTES as u64) {
        return Ok(());
    }
    release(dir)?;
    let filled = file::create(&path).and_then(|mut reserve| {
        // Not zeros and not a hole: the blocks have to be taken.
        reserve.write_all(&vec![b'.'; BYTES])?;
        reserve.sync_all()
    });
    if filled.is_err() {
        release(dir)?;
    }
    filled
}

/// Gives the space back to the disk.
pub(super) fn release(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join("reserve")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
