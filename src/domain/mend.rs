//! What a failure has left in a database that SQL of ours can mend, once a person has said yes.

use serde::{Deserialize, Serialize};

use super::change::{Change, Name, Statement};

/// What is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Mend {
    /// An index that a failed build left is dropped.
    Index {
        /// Its OID: another one of the same name is not meant.
        oid: i64,
    },
    /// The mark that a dead run of the migration tool left in its own books is cleared.
    Mark,
}

/// An index with `indisvalid` false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Its OID.
    pub oid: i64,
    /// Its name.
    pub name: Name,
    /// Its table.
    pub table: Name,
    /// Somebody builds it right now.
    pub building: bool,
    /// It belongs to a constraint or to a partitioned index: it cannot be dropped alone.
    pub bound: bool,
}

impl Invalid {
    /// Returns the statement that drops it.
    ///
    /// # Errors
    /// Why it is not to be dropped.
    pub fn drop_sql(&self) -> Result<String, String> {
        let name = self.name.quoted();
        if self.building {
            return Err(format!("{name} is being built right now: wait for its end"));
        }
        if self.bound {
            return Err(format!(
                "{name} belongs to a constraint or to a partitioned index: REINDEX INDEX \
                 CONCURRENTLY makes it valid; it cannot be dropped alone"
            ));
        }
        Ok(format!("DROP INDEX CONCURRENTLY {name}"))
    }
}

/// Returns a line for each invalid index that stands in the way of building one of its name.
#[must_use]
pub fn in_the_way(statements: &[Statement], invalid: &[Invalid]) -> Vec<String> {
    let changes = statements.iter().flat_map(|statement| &statement.changes);
    let built = changes.filter_map(|change| match change {
        Change::CreateIndex(index) => Some((index.name.as_ref()?, index)),
        _ => None,
    });
    let mut lines = Vec::new();
    for (name, index) in built {
        let fits = |one: &&Invalid| one.name.name == name.name && one.table.may_be(&index.table);
        let Some(found) = invalid.iter().find(fits) else { continue };
        let name = found.name.quoted();
        let what = match (found.building, index.if_not_exists) {
            (true, _) => "is being built right now by somebody else: wait for its end",
            (_, true) => {
                "is INVALID, left by a failed build: IF NOT EXISTS succeeds over it and builds \
                 nothing. Drop it first (lockkeeper mend, or x on Migrations)"
            }
            (_, false) => {
                "is INVALID, left by a failed build: this fails, since the name is taken. Drop it \
                 first (lockkeeper mend, or x on Migrations)"
            }
        };
        lines.push(format!("the index {name} {what}"));
    }
    lines
}
