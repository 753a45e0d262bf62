//! Which run a second person means.

use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, eyre};

use super::say;
use crate::domain::identity::Identity;
use crate::domain::journal::{Reading, Record};
use crate::io::driver::target;
use crate::io::journal::{self, Run};

/// Returns the journal of the run that begins with `wanted`, or a journal's own path; else of
/// the newest run that is not over, on the database `here` if that is known.
///
/// # Errors
/// When there is no such run, or the runs cannot be read.
pub fn open(runs: &Path, wanted: Option<&str>, here: Option<&Identity>) -> Result<PathBuf> {
    if let Some(file) = named(runs, wanted)? {
        return Ok(file);
    }
    let all = journal::list(runs)?;
    let open = |run: &&Run| run.reading.as_ref().is_ok_and(goes_on);
    let mut fitting: Vec<&Run> = all.iter().filter(open).filter(|run| is_on(run, here)).collect();
    let newest = fitting.pop().ok_or_else(|| {
        eyre!("no run is open here; `lockkeeper journal list` shows those that are over: name one")
    })?;
    if !fitting.is_empty() {
        let others: Vec<&str> = fitting.iter().map(|run| run.id.as_str()).collect();
        say(&format!("also open: {}; name one to take it instead", others.join(", ")));
    }
    Ok(newest.file.clone())
}

/// Returns the journal of the named run, else of the newest one, open or over.
///
/// # Errors
/// When there is no such run, or the runs cannot be read.
pub fn newest(runs: &Path, wanted: Option<&str>) -> Result<PathBuf> {
    match named(runs, wanted)? {
        Some(file) => Ok(file),
        None => Ok(journal::path(runs, &journal::newest(runs)?)),
    }
}

fn named(runs: &Path, wanted: Option<&str>) -> Result<Option<PathBuf>> {
    let Some(wanted) = wanted else { return Ok(None) };
    if Path::new(wanted).is_file() {
        return Ok(Some(wanted.into()));
    }
    Ok(Some(journal::path(runs, &journal::find(runs, wanted)?)))
}

fn goes_on(reading: &Reading) -> bool {
    let is_left = reading.rehearsal().is_some()
        && target(&reading.records).is_none_or(|copy| !Path::new(&copy.host).exists());
    !reading.records.is_empty() && !reading.closed() && !is_left
}

/// A damaged journal is meant too: whoever asks is told that it is.
fn is_on(run: &Run, here: Option<&Identity>) -> bool {
    let Some(here) = here else { return true };
    let records = run.reading.as_ref().map(|reading| reading.records.as_slice());
    records.is_ok_and(|records| target(records).is_some_and(|found| found.same_database(here)))
}

/// Returns a run's name, as its records or its directory say it.
#[must_use]
pub fn name(file: &Path, records: &[Record]) -> String {
    let directory = || file.parent()?.file_name()?.to_str().map(str::to_owned);
    records.first().map(|record| record.run.clone()).or_else(directory).unwrap_or_default()
}
