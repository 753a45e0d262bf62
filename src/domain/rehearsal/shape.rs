//! A schema as it reads: every part with its definition, and the order of columns apart.

use std::collections::BTreeMap;

use crate::domain::fingerprint::{Difference, Part, Schema};
use crate::domain::untrusted::Untrusted;

/// A schema at one moment. Two of them are compared by their definitions: a column that was
/// dropped and added again is the same one, at another place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The parts, each with its definition.
    pub schema: Schema,
    /// The columns of each relation, in their order.
    pub columns: BTreeMap<String, Vec<String>>,
}

/// What a definition may take on the screen.
const LONGEST: usize = 160;

impl Shape {
    /// Returns what differs from here to `later`, in words, a line each.
    #[must_use]
    pub fn changes(&self, later: &Self) -> Vec<Untrusted> {
        let differences = self.schema.differences(&later.schema);
        differences.iter().map(|difference| words(difference).into()).collect()
    }

    /// Returns true if nothing but the order of columns differs.
    #[must_use]
    pub fn is_same(&self, later: &Self) -> bool {
        self.schema == later.schema
    }

    /// Returns the relations whose columns are the same in another order, in words.
    #[must_use]
    pub fn reordered(&self, later: &Self) -> Vec<Untrusted> {
        let moved = |(relation, columns): (&String, &Vec<String>)| {
            let after = later.columns.get(relation)?;
            let mut sorted = [columns.clone(), after.clone()];
            for columns in &mut sorted {
                columns.sort_unstable();
            }
            (columns != after && sorted[0] == sorted[1]).then(|| {
                let order = after.join(", ");
                format!("the columns of {relation} are in another order now: {order}").into()
            })
        };
        self.columns.iter().filter_map(moved).collect()
    }

    /// Returns the tables that are made or altered from here to `later`.
    #[must_use]
    pub fn touched(&self, later: &Self) -> Vec<String> {
        let differences = self.schema.differences(&later.schema);
        let is_of_table = |part: &Part| {
            matches!(part.kind.as_str(), "table" | "column" | "constraint" | "trigger")
        };
        let tables = differences.iter().filter(|d| is_of_table(d.part) && !d.part.owner.is_empty());
        let mut tables: Vec<String> =
            tables.map(|d| format!("{}.{}", d.part.space, d.part.owner)).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}

fn words(difference: &Difference<'_>) -> String {
    let of = difference.part.words();
    match (difference.before, difference.after) {
        (None, Some("") | None) => format!("{of} created"),
        (None, Some(after)) => format!("{of} created: {}", short(after)),
        (Some(_), None) => format!("{of} dropped"),
        (Some(before), Some(after)) => format!("{of}: {} → {}", short(before), short(after)),
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONGEST).collect();
    format!("{begin}…")
}
