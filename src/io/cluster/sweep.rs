//! Removes the throwaway servers that dead owners left.

use std::path::Path;

use super::record::{self, Record};
use super::{Account, Error, Programs, directory};

/// Stops and removes the servers registered below `state` whose owner is dead and
/// on whose system identifier no journal has an open intent; returns how many went.
/// A kept server goes only after somebody stopped it.
///
/// `has_open_intent` gets a system identifier. What cannot be removed stays
/// registered, for the next sweep.
pub fn sweep(state: &Path, has_open_intent: &dyn Fn(&str) -> bool) -> usize {
    let mut swept = 0;
    for directory in record::registered(state) {
        if !directory.exists() {
            record::forget(state, &directory);
        } else if is_abandoned(&directory) {
            swept += usize::from(matches!(release(&directory, has_open_intent), Ok(true)));
        }
    }
    swept
}

fn is_abandoned(directory: &Path) -> bool {
    Record::read(directory).is_some_and(|record| !record.owner.is_alive())
}

/// Removes the server in `directory`, whose owner is gone, if nobody else needs it;
/// returns whether it went.
pub(super) fn release(
    directory: &Path,
    has_open_intent: &dyn Fn(&str) -> bool,
) -> Result<bool, Error> {
    let Some(record) = Record::read(directory) else { return Ok(false) };
    let programs = Programs::at(record.programs);
    let account = Account::choose()?;
    let needed = if record.kept {
        directory::is_running(directory)
    } else {
        record.system_identifier.as_deref().is_some_and(has_open_intent)
    };
    if needed {
        return Ok(false);
    }
    directory::remove(account, &programs, directory)?;
    if let Some(state) = &record.state {
        record::forget(state, directory);
    }
    Ok(true)
}
