//! Which servers the journals still speak of.

use std::fs;
use std::path::Path;

use crate::domain::journal;

/// Returns whether some journal `runs/RUN/journal.jsonl` below `state` has an intent
/// without outcome on the server with `system_identifier`.
///
/// A journal that cannot be read, is not intact, or whose plan is of another version
/// counts as one that has: what is not known must not be removed.
#[must_use]
pub fn has_open_intent(state: &Path, system_identifier: &str) -> bool {
    let runs = state.join("runs");
    let Ok(entries) = fs::read_dir(&runs) else { return runs.exists() };
    entries
        .flatten()
        .any(|run| speaks_of(&run.path().join(crate::io::journal::FILE), system_identifier))
}

fn speaks_of(journal: &Path, system_identifier: &str) -> bool {
    let Ok(text) = fs::read(journal) else { return journal.exists() };
    let reading = journal::read(&text);
    // What a rehearsal left open went with its copy.
    !reading.intact
        || reading.rehearsal().is_none()
            && reading.open().iter().any(|intent| {
                intent.target().is_none_or(|target| target.system_identifier == system_identifier)
            })
}
