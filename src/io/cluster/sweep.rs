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
        if directory.exists() {
            swept += usize::from(matches!(release(&directory, has_open_intent), Ok(true)));
        } else {
            record::forget(state, &directory);
        }
    }
    swept
}

/// Removes the server in `directory` if nobody needs it; returns whether it is gone.
pub(super) fn release(
    directory: &Path,
    has_open_intent: &dyn Fn(&str) -> bool,
) -> Result<bool, Error> {
    let Some(record) = Record::read(directory) else { return Ok(false) };
    let programs = Programs::find_in(vec![record.programs.clone()])?;
    let account = Account::choose()?;
    let needed = if record.kept {
        directory::is_running(directory)
    } else {
        record.owner.is_alive() || record.system_identifier.as_deref().is_some_and(has_open_intent)
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
