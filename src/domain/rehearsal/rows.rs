//! The rows of every table at one moment, as counts and digests.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::untrusted::Untrusted;

/// One column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// How many of its values are not NULL.
    pub filled: u64,
    /// A digest of them, whatever the order of the rows.
    pub digest: String,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// How many rows it holds.
    pub rows: u64,
    /// A digest of its rows, whatever their order and that of the columns.
    pub digest: String,
    /// Its columns.
    pub columns: BTreeMap<String, Column>,
}

/// All tables, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(pub BTreeMap<String, Table>);

impl Rows {
    /// Returns how many rows each table has more or fewer in `later`, where that is not none.
    #[must_use]
    pub fn counted(&self, later: &Self) -> BTreeMap<String, i64> {
        let names: BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let count = |rows: &Self, name: &String| {
            let rows = rows.0.get(name).map_or(0, |table| table.rows);
            i64::try_from(rows).unwrap_or(i64::MAX)
        };
        let difference = |name: &String| count(later, name).saturating_sub(count(self, name));
        let each = names.into_iter().map(|name| (name.clone(), difference(name)));
        each.filter(|(_, difference)| *difference != 0).collect()
    }

    /// Returns what is no longer what it was in `later`, in words, a line each.
    #[must_use]
    pub fn lost(&self, later: &Self) -> Vec<Untrusted> {
        let mut lines = Vec::new();
        for (name, before) in &self.0 {
            match later.0.get(name) {
                None if before.rows > 0 => {
                    lines.push(format!("{name} is gone with {}", rows(before.rows)));
                }
                Some(after) if after != before => differs(name, before, after, &mut lines),
                _ => {}
            }
        }
        for (name, after) in later.0.iter().filter(|(name, _)| !self.0.contains_key(*name)) {
            if after.rows > 0 {
                lines.push(format!("{name} is left with {}", rows(after.rows)));
            }
        }
        lines.into_iter().map(Untrusted::from).collect()
    }
}

fn differs(name: &str, before: &Table, after: &Table, lines: &mut Vec<String>) {
    if after.rows != before.rows {
        let (more, word) = match after.rows.checked_sub(before.rows) {
            Some(more) => (more, "more"),
            None => (before.rows - after.rows, "fewer"),
        };
        lines.push(format!("{name}: {} {word} than before", rows(more)));
        return;
    }
    let columns = before.columns.iter().filter_map(|(column, was)| {
        let is = after.columns.get(column)?;
        (is != was).then(|| value_words(&format!("{name}.{column}"), was, is))
    });
    let told = lines.len();
    lines.extend(columns);
    if lines.len() == told {
        lines.push(format!("{name}: its values are put together in another way than before"));
    }
}

fn value_words(column: &str, was: &Column, is: &Column) -> String {
    match was.filled.checked_sub(is.filled) {
        Some(0) => format!("{column}: values are not what they were"),
        Some(lost) => format!("{column}: {lost} of {} values are gone", was.filled),
        None => format!("{column}: {} values more than before", is.filled - was.filled),
    }
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
