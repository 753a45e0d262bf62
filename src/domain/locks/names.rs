//! What to call the objects of a lock graph.

use std::collections::{BTreeSet, HashMap};

use super::{Mode, Object, Row};
use crate::domain::untrusted::Untrusted;

/// Relation names by OID, as far as they are known, and which row a waiter is after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    database: u32,
    relations: HashMap<u32, Untrusted>,
    rows: HashMap<i32, Object>,
}

/// The OIDs of `pg_class` and `pg_namespace`, the same in every database
/// (`src/include/catalog` of PostgreSQL 13–18).
const CATALOGS: [u32; 2] = [1259, 2615];

impl Names {
    /// Makes the names of one reading of `pg_locks`, taken in the database with the OID
    /// `database`; `relations` holds `schema.relation` by OID.
    ///
    /// Who waits for another transaction because of a row holds that row's tuple lock
    /// meanwhile; so the rows tell which table the wait is about.
    #[must_use]
    pub fn new(database: u32, relations: HashMap<u32, Untrusted>, rows: &[Row]) -> Self {
        let tuples = rows.iter().filter(|row| row.granted && row.object.locktype == "tuple");
        let rows = tuples.filter_map(|row| Some((row.holder.pid()?, row.object.clone()))).collect();
        Self { database, relations, rows }
    }

    /// Returns the words for `object`; `None` if it lies in another database.
    #[must_use]
    pub fn describe(&self, object: &Object) -> Option<Untrusted> {
        let name = object.relation.and_then(|oid| self.relations.get(&oid));
        (!object.is_elsewhere(self.database)).then(|| object.describe(name))
    }

    /// Returns the words for what the backend `pid` waits for: a transaction together
    /// with the row, where that is known.
    #[must_use]
    pub fn describe_wait(&self, object: &Object, pid: i32) -> Option<Untrusted> {
        let words = self.describe(object)?;
        let row = self.rows.get(&pid).filter(|_| object.locktype == "transactionid");
        let Some(row) = row.and_then(|row| self.describe(row)) else { return Some(words) };
        Some(Untrusted::new(format!("{} ({})", words.raw(), row.raw())))
    }

    /// Returns the relations of this database that `rows` speak of, and shared ones.
    #[must_use]
    pub fn relations_in(rows: &[Row], database: u32) -> BTreeSet<u32> {
        let here = rows.iter().filter(|row| !row.object.is_elsewhere(database));
        here.filter_map(|row| row.object.relation).collect()
    }

    /// Returns true if whoever asks `database` for the names of relations would stand in a
    /// queue now: somebody holds or awaits ACCESS EXCLUSIVE on `pg_class` or `pg_namespace`.
    #[must_use]
    pub fn are_locked(rows: &[Row], database: u32) -> bool {
        rows.iter().any(|row| {
            row.mode == Mode::AccessExclusive
                && !row.object.is_elsewhere(database)
                && row.object.relation.is_some_and(|relation| CATALOGS.contains(&relation))
        })
    }
}
