//! Removes the throwaway servers that dead owners left.

use std::path::{Path, PathBuf};

use super::record::{self, Record};
use super::{Account, Error, Programs, directory};

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many servers went.
    pub removed: usize,
    /// The directories of those that were left because an act on them has no outcome yet:
    /// somebody has to be told.
    pub needed: Vec<PathBuf>,
}

/// What became of one abandoned server.
enum Released {
    Removed,
    /// A journal has an open intent on it.
    Needed,
    /// It was to be kept, and runs.
    Kept,
}

/// Stops and removes the servers registered below `state` whose owner is dead and
/// on whose system identifier no journal has an open intent.
/// A kept server goes only after somebody stopped it.
///
/// `has_open_intent` gets a system identifier. What cannot be removed stays
/// registered, for the next sweep.
pub fn sweep(state: &Path, has_open_intent: &dyn Fn(&str) -> bool) -> Swept {
    let mut swept = Swept::default();
    for directory in record::registered(state) {
        if !directory.exists() {
            record::forget(state, &directory);
        } else if is_abandoned(&directory) {
            match look(&directory, has_open_intent) {
                Ok(Some(Released::Removed)) => swept.removed += 1,
                Ok(Some(Released::Needed)) => swept.needed.push(directory),
                Ok(Some(Released::Kept) | None) | Err(_) => {}
            }
        }
    }
    swept
}

fn is_abandoned(directory: &Path) -> bool {
    Record::read(directory).is_some_and(|record| !record.owner.is_alive())
}

/// Removes the server in `directory`, whose owner is gone, if nobody else needs it.
pub(super) fn release(
    directory: &Path,
    has_open_intent: &dyn Fn(&str) -> bool,
) -> Result<(), Error> {
    if Record::read(directory).is_none() {
        // Its owner ended before it was written: nothing else lies here.
        let _ = std::fs::remove_file(directory.join("owner.json.new"));
        let _ = std::fs::remove_dir(directory);
    }
    look(directory, has_open_intent).map(drop)
}

/// Does the same and returns what became of it; `None`: it bears no record.
fn look(
    directory: &Path,
    has_open_intent: &dyn Fn(&str) -> bool,
) -> Result<Option<Released>, Error> {
    let Some(record) = Record::read(directory) else { return Ok(None) };
    if record.kept {
        if directory::is_running(directory) {
            return Ok(Some(Released::Kept));
        }
    } else if record.system_identifier.as_deref().is_some_and(has_open_intent) {
        return Ok(Some(Released::Needed));
    }
    let account = Account::choose()?;
    directory::remove(account, &Programs::at(record.programs), directory)?;
    if let Some(state) = &record.state {
        record::forget(state, directory);
    }
    Ok(Some(Released::Removed))
}
