//! The locks that a statement takes, and what they block.
//!
//! <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>

use serde::{Serialize, Serializer};

use crate::domain::change::Name;
use crate::domain::locks::Mode;

/// A lock that a statement takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The relation, or words for one that only the live catalog can name.
    pub relation: String,
    /// The mode.
    #[serde(serialize_with = "in_words")]
    pub mode: Mode,
    /// True if only the live catalog, or the run, can tell whether it is taken.
    pub may: bool,
    /// The relation's name; none if only the live catalog can name it.
    #[serde(skip)]
    pub name: Option<Name>,
}

/// Returns what stands still while a lock of this mode is held on a table.
#[must_use]
pub fn blocked_by(mode: Mode) -> &'static str {
    match mode {
        Mode::AccessShare | Mode::RowShare => "nothing",
        Mode::RowExclusive => "index builds and schema changes",
        Mode::ShareUpdateExclusive => "schema changes and vacuum",
        Mode::Share | Mode::ShareRowExclusive | Mode::Exclusive => "writes",
        Mode::AccessExclusive => "reads and writes",
    }
}

/// Returns true if writers wait for it.
pub(super) fn blocks_writes(mode: Mode) -> bool {
    mode.conflicts(Mode::RowExclusive)
}

/// Returns the mode of the words of `LOCK TABLE … IN … MODE`.
pub(super) fn of_words(words: &str) -> Option<Mode> {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    Mode::ALL.into_iter().find(|mode| mode.words() == words)
}

/// Writes a mode as `LOCK TABLE` words it, which is how people know it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn in_words<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mode.words())
}

/// Writes a mode in words, or null.
#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn in_words_if_any<S: Serializer>(
    mode: &Option<Mode>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    mode.map(Mode::words).serialize(serializer)
}

/// Returns the strongest lock per relation, the strongest relation first; what may be taken
/// beside it if that is stronger.
pub(super) fn merge<'a>(locks: impl Iterator<Item = &'a Held>) -> Vec<Held> {
    let mut merged: Vec<Held> = Vec::new();
    for held in locks {
        let same = |other: &&mut Held| other.relation == held.relation && other.may == held.may;
        match merged.iter_mut().find(same) {
            Some(other) => other.mode = other.mode.max(held.mode),
            None => merged.push(held.clone()),
        }
    }
    // Beside what is certain, only a stronger one that may be is worth a word.
    let sure: Vec<(String, Mode)> =
        merged.iter().filter(|held| !held.may).map(|h| (h.relation.clone(), h.mode)).collect();
    let is_covered = |held: &Held| {
        held.may && sure.iter().any(|(name, mode)| *name == held.relation && *mode >= held.mode)
    };
    merged.retain(|held| !is_covered(held));
    // Stable: among equals the relation that the statement names stays first.
    merged.sort_by_key(|held| (held.may, std::cmp::Reverse(held.mode)));
    merged
}
