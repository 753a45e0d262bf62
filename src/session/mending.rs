//! What failures have left that can be mended from here: the same for every loop.

use crate::domain::mend::Mend;
use crate::domain::untrusted::Untrusted;
use crate::tools::mark;

use super::facts::Facts;

/// Returns what can be mended, each with what it is, the first what is to be mended first.
#[must_use]
pub fn left(facts: &Facts) -> Vec<(Mend, String)> {
    let slow = facts.slow.value();
    let invalid = slow.map(|slow| slow.invalid_indexes.as_slice()).unwrap_or_default();
    let index = |one: &crate::domain::counters::InvalidIndex| {
        let (name, table) = (one.name.one_line(), one.table.one_line());
        (Mend::Index { oid: one.oid }, format!("index {name} on {table} is INVALID"))
    };
    let mut left: Vec<(Mend, String)> = invalid.iter().map(index).collect();
    let project = facts.project.value().map(|known| &known.project);
    let mark = project.and_then(|project| mark::of(project, "its table"));
    left.extend(mark.map(|mark| (Mend::Mark, Untrusted::from(mark.says).one_line())));
    left
}

/// Returns what mending it does, in a few words.
#[must_use]
pub fn deed(what: &Mend) -> &'static str {
    match what {
        Mend::Index { .. } => "drops it",
        Mend::Mark => "clears that mark",
    }
}
