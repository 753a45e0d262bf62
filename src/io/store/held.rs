//! Which backups a run that is not over still needs.

use std::collections::BTreeSet;
use std::path::Path;

use crate::domain::journal::{Kind, Record};
use crate::io::journal;

/// Returns the names of the runs in `runs` that are not closed, and every place of a backup
/// that their plans name.
///
/// # Errors
/// When a journal cannot be read: then nobody knows what it needs.
pub fn by_runs(runs: &Path) -> Result<BTreeSet<String>, String> {
    let mut held = BTreeSet::new();
    for run in journal::list(runs).map_err(|error| error.to_string())? {
        let reading = run.reading.map_err(|error| error.to_string())?;
        if reading.records.last().is_some_and(|last| last.kind == Kind::Closed) {
            continue;
        }
        held.insert(run.id);
        held.extend(reading.records.iter().flat_map(named));
    }
    Ok(held)
}

/// A proof names its file, a restore the backup that it is to lead to, and a program of ours,
/// as the one that stages a table, the file that it reads.
fn named(record: &Record) -> Vec<String> {
    let action = &record.data["plan"]["action"];
    let program = &record.data["plan"]["command"]["argv"];
    let words = program.as_array().filter(|_| action["kind"] == "command");
    let places = [&action["file"], &action["goal"]["backup"]].into_iter();
    let named = places.chain(words.into_iter().flatten());
    named.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}
