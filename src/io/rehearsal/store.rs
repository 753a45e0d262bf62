//! The evidence of the last rehearsal of each target, below the state directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::identity::Identity;
use crate::domain::plan::sha256_hex;
use crate::domain::rehearsal::Evidence;
use crate::io::output;
use crate::io::paths::create_private;

fn path(state: &Path, system_identifier: &str, database: &str) -> PathBuf {
    // A database may be called anything.
    let name = sha256_hex(format!("{system_identifier}\0{database}").as_bytes());
    state.join("rehearsals").join(format!("{}.json", &name[..24]))
}

/// Writes the evidence over that of an earlier rehearsal.
///
/// # Errors
/// When it cannot be written, with the path.
pub(super) fn write(state: &Path, evidence: &Evidence) -> Result<(), String> {
    let path = path(state, &evidence.system_identifier, &evidence.database);
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    create_private(&state.join("rehearsals")).map_err(cannot)?;
    let text = serde_json::to_string_pretty(evidence).map_err(|error| error.to_string())?;
    output::replace(&path, &text).map_err(cannot)
}

/// Returns the evidence of the last rehearsal of a target, if there is one that is whole.
#[must_use]
pub fn read(state: &Path, identity: &Identity) -> Option<Evidence> {
    let path = path(state, &identity.system_identifier, &identity.database);
    let evidence: Evidence = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    evidence.is_whole().then_some(evidence)
}
