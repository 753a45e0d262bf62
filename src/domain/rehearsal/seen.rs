//! What was seen of one migration beside its verdict: kept with the evidence, for who reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lock, Rehearsed, Statement};

/// More lines of a kind than this are no longer read: the document of the rehearsal has all.
const MOST: usize = 60;

/// What was seen, in words that are safe to show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The seconds of the way down.
    pub down_s: Option<f64>,
    /// Those of the way up once more.
    pub again_s: Option<f64>,
    /// The statements of the way up, with the locks that they took.
    pub statements: Vec<Statement>,
    /// The locks that were seen by sampling, where statements could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Vec<Lock>>,
    /// What the way up makes of the schema.
    pub schema_diff: Vec<String>,
    /// What the way down leaves of it.
    pub left: Vec<String>,
    /// The relations whose columns are in another order after down.
    pub reordered: Vec<String>,
    /// How many rows more or fewer there are after down than before up.
    pub rows_diff: BTreeMap<String, i64>,
    /// What was there before or was written after up, and is gone after down.
    pub vanished: Vec<String>,
    /// The tables into which no row could be written, and why.
    pub unwritten: BTreeMap<String, String>,
}

impl Seen {
    /// Returns what is kept of a rehearsed migration.
    #[must_use]
    pub fn of(one: &Rehearsed) -> Self {
        Self {
            down_s: one.down_s,
            again_s: one.again_s,
            statements: one.statements.iter().take(MOST).cloned().collect(),
            sampled: one.sampled.as_ref().map(|all| all.iter().take(MOST).cloned().collect()),
            schema_diff: some(&one.schema_diff),
            left: some(&one.left),
            reordered: some(&one.reordered),
            rows_diff: one.rows_diff.clone(),
            vanished: some(&one.vanished),
            unwritten: one.unwritten.clone(),
        }
    }

    /// Returns true if nothing was seen beside the verdict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn some(lines: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = lines.iter().take(MOST).cloned().collect();
    if lines.len() > MOST {
        kept.push(format!("{} more", lines.len() - MOST));
    }
    kept
}
