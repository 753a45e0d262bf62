//! All runs of this user, read without a lock and without touching them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Error, file};
use crate::domain::journal::{Open, Reading, read as read_text};

/// What a run's records and its reserve need at least, in bytes.
const NEEDED: u64 = 1 << 20;

/// One run that was found.
#[derive(Debug)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// Its journal.
    pub file: PathBuf,
    /// What the journal holds.
    pub reading: Result<Reading, Error>,
}

/// The journal's file in the directory of its run.
pub const FILE: &str = "journal.jsonl";

/// Returns where the journal of the run `run` of the directory `runs` lies.
#[must_use]
pub fn path(runs: &Path, run: &str) -> PathBuf {
    runs.join(run).join(FILE)
}

/// Returns what a journal holds; a damaged one up to its first fault.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<Reading, Error> {
    text(path).map(|text| read_text(&text))
}

/// Returns all runs in `runs`, oldest first; none if there is no such directory.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(runs: &Path) -> Result<Vec<Run>, Error> {
    Ok(names(runs)?.into_iter().map(|id| of(runs, id)).collect())
}

/// Returns the runs in `runs`, newest first, each read when its turn comes.
///
/// # Errors
/// When the directory cannot be read.
pub fn backwards(runs: &Path) -> Result<impl Iterator<Item = Run>, Error> {
    Ok(names(runs)?.into_iter().rev().map(|id| of(runs, id)))
}

fn of(runs: &Path, id: String) -> Run {
    let file = path(runs, &id);
    Run { reading: read(&file), id, file }
}

/// Returns the name of the one run that begins with `text`.
///
/// # Errors
/// When none does, or several do.
pub fn find(runs: &Path, text: &str) -> Result<String, Error> {
    let mut fitting = names(runs)?;
    fitting.retain(|name| name.starts_with(text));
    match fitting.as_slice() {
        [] => Err(Error::NoRun { run: text.to_owned(), runs: runs.to_owned() }),
        [one] => Ok(one.clone()),
        several if several.iter().any(|name| name == text) => Ok(text.to_owned()),
        several => Err(Error::Ambiguous { run: text.to_owned(), count: several.len() }),
    }
}

/// Returns the name of the newest run.
///
/// # Errors
/// When there is none.
pub fn newest(runs: &Path) -> Result<String, Error> {
    let none = || Error::NoRun { run: "at all".to_owned(), runs: runs.to_owned() };
    names(runs)?.pop().ok_or_else(none)
}

/// Returns every intent without outcome of all runs, with its run, oldest first.
///
/// # Errors
/// When the directory or a journal cannot be read: what is in it is not known.
pub fn open_intents(runs: &Path) -> Result<Vec<(String, Open)>, Error> {
    let mut all = Vec::new();
    for run in list(runs)? {
        let reading = run.reading?;
        // What a rehearsal left open went with its copy.
        let open = if reading.rehearsal().is_some() { Vec::new() } else { reading.open() };
        all.extend(open.into_iter().map(|open| (run.id.clone(), open)));
    }
    Ok(all)
}

/// Returns true if another run could be recorded in `runs`, as far as that can be told without
/// writing: the nearest directory that is there can be written, and has space.
#[must_use]
pub fn takes_more(runs: &Path) -> bool {
    use rustix::fs::{Access, access, statvfs};
    let Some(dir) = runs.ancestors().find(|dir| dir.is_dir()) else { return false };
    let space = statvfs(dir).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    access(dir, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && space.is_ok_and(|bytes| bytes >= NEEDED)
}

fn text(path: &Path) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let read = file::read_from(path).and_then(|mut file| file.read_to_end(&mut text));
    read.map_err(|e| Error::of("read", path, e))?;
    Ok(text)
}

/// Returns the names of all directories that hold a journal, sorted: by time.
fn names(runs: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::of("read", runs, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::of("read", runs, e))?;
        if entry.path().join(FILE).symlink_metadata().is_ok() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
