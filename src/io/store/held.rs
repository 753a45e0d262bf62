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
        held.extend(reading.records.iter().filter_map(named));
    }
    Ok(held)
}

/// A restore and a proof name their file.
fn named(record: &Record) -> Option<String> {
    let file = record.data.pointer("/plan/action/file")?;
    file.as_str().map(str::to_owned)
}
