//! Which databases a run may find under its target's name: its own swaps change it.

use crate::domain::journal::{Kind, Record};
use crate::domain::plan::Action;

/// Returns the OIDs of the databases that swaps of this run have put, or were to put, in the
/// place of its target.
#[must_use]
pub fn swapped_with(records: &[Record]) -> Vec<u32> {
    let intents = records.iter().filter(|record| record.kind == Kind::Intent);
    intents
        .filter_map(Record::plan)
        .filter_map(|plan| match plan.action {
            Action::Restore { act, oid, .. } if act.swaps() => oid,
            _ => None,
        })
        .collect()
}
