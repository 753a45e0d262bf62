//! What the classifier said beside what was measured: where they differ, one of both is wrong,
//! and a person has to know.

use std::collections::BTreeMap;

use super::{Statement, Verdict};
use crate::domain::hazard::{Answer, Hazard};
use crate::domain::locks::Mode;
use crate::domain::reversal::{Kind, Reversal};

/// Returns what was predicted of a way up and measured otherwise, a line each.
#[must_use]
pub fn findings(
    hazards: &[Hazard],
    reversal: &Reversal,
    statements: &[Statement],
    verdict: Option<Verdict>,
) -> Vec<String> {
    let mut lines = Vec::new();
    // Where no statement was seen, none was otherwise.
    if !statements.is_empty() {
        locks(hazards, statements, &mut lines);
        rewrites(hazards, statements, &mut lines);
    }
    lines.extend(verdict.and_then(|verdict| back(reversal, verdict)));
    lines
}

fn locks(hazards: &[Hazard], statements: &[Statement], lines: &mut Vec<String>) {
    // What nobody could foretell is no wrong prophecy.
    let is_told = |relation: &str| {
        hazards.iter().flat_map(|hazard| &hazard.locks).any(|held| same(&held.relation, relation))
    };
    let mut measured: BTreeMap<&str, Mode> = BTreeMap::new();
    for lock in statements.iter().flat_map(|statement| &statement.locks) {
        let mode = measured.entry(&lock.relation).or_insert(lock.mode);
        *mode = (*mode).max(lock.mode);
    }
    for (relation, mode) in measured.into_iter().filter(|(relation, _)| is_told(relation)) {
        let held = hazards.iter().flat_map(|hazard| &hazard.locks);
        let told = held.filter(|held| same(&held.relation, relation)).map(|held| held.mode).max();
        if let Some(told) = told.filter(|told| *told < mode) {
            lines.push(format!(
                "{relation}: {} was held, predicted was {}",
                mode.words(),
                told.words()
            ));
        }
    }
}

fn rewrites(hazards: &[Hazard], statements: &[Statement], lines: &mut Vec<String>) {
    let rewritten: Vec<&str> =
        statements.iter().flat_map(|s| &s.rewrite).map(String::as_str).collect();
    let of = |hazard: &Hazard, relation: &str| {
        hazard.relation.as_deref().is_some_and(|named| same(named, relation))
    };
    for relation in &rewritten {
        let mut told = hazards.iter().filter(|hazard| of(hazard, relation)).peekable();
        if told.peek().is_some() && told.all(|hazard| hazard.rewrite == Answer::No) {
            lines.push(format!("{relation} was rewritten, predicted was that it is not"));
        }
    }
    for hazard in hazards.iter().filter(|hazard| hazard.rewrite == Answer::Yes) {
        let Some(relation) = hazard.relation.as_deref() else { continue };
        // Only ALTER TABLE and REFRESH tell of it; CLUSTER and TRUNCATE fire no such event.
        let tells = hazard.sql.trim_start().to_uppercase().starts_with("ALTER TABLE");
        if tells && !rewritten.iter().any(|rewritten| same(relation, rewritten)) {
            lines.push(format!("{relation} was not rewritten, predicted was that it is"));
        }
    }
}

fn back(reversal: &Reversal, verdict: Verdict) -> Option<String> {
    let agrees = match verdict {
        Verdict::Reversible => matches!(reversal.kind, Kind::Reversible | Kind::Unknown),
        Verdict::Lossy => matches!(reversal.kind, Kind::Lossy | Kind::NoOp | Kind::Unknown),
        Verdict::FalseDown => {
            matches!(reversal.kind, Kind::FalseDown | Kind::NoOp | Kind::Unknown)
        }
        Verdict::Irreversible => {
            matches!(reversal.kind, Kind::Missing | Kind::Raises | Kind::Conditional)
        }
        // What rows there are, and how a tool fails, no file tells.
        Verdict::Blocked | Verdict::Partial => true,
    };
    (!agrees).then(|| {
        format!(
            "the way back is {}, predicted was {}: {}",
            verdict.words(),
            reversal.kind.words(),
            reversal.why
        )
    })
}

/// Returns true if a relation as a migration writes it may be the one that was measured.
pub(super) fn same(written: &str, measured: &str) -> bool {
    let plain = |text: &str| text.replace('"', "");
    let (written, measured) = (plain(written), plain(measured));
    written == measured
        || (!written.contains('.')
            && measured.rsplit_once('.').is_some_and(|(_, name)| name == written))
}
