//! Files that are written for people: the old content or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes `text` and a newline to `path`, in one step: whoever reads it meanwhile, or after a
/// crash, finds what was there or all of this.
///
/// # Errors
/// When it cannot be written; then what was there is there still.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = beside(path)?;
    let written = write(&draft, text).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // What was begun is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&draft);
    }
    written?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.partial", std::process::id()));
    Ok(path.with_file_name(draft))
}

fn write(draft: &Path, text: &str) -> io::Result<()> {
    // Created, never opened: no link is followed.
    let mut file = OpenOptions::new().write(true).create_new(true).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
