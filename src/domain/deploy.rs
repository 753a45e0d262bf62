//! What a migration was applied to: by it is told whether anything was written since.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// A migration that was applied, with what its tables had counted by then.
///
/// The counters are those of `pg_stat_user_tables` (rows inserted, updated and deleted). A
/// session hands its own in at the end of its transaction and at most once a second, so
/// writes from right before may count as after: never the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    /// The migration.
    pub migration: String,
    /// When its act had ended.
    pub at: DateTime<Utc>,
    /// The server.
    pub system_identifier: String,
    /// The database.
    pub database_oid: u32,
    /// Rows written so far, by table; of all tables where the migration's are not known.
    pub written: BTreeMap<String, i64>,
}

impl Deploy {
    /// Returns the deploy of `migration`, from all counters; only those of the relations that
    /// it `touches` are kept, where any of them is known.
    #[must_use]
    pub fn new(
        migration: &str,
        target: &Identity,
        at: DateTime<Utc>,
        all: &BTreeMap<String, i64>,
        touches: &[String],
    ) -> Self {
        let touched = |table: &&String| {
            touches.iter().any(|name| *table == name || table.ends_with(&format!(".{name}")))
        };
        let names: Vec<&String> = all.keys().filter(touched).collect();
        let kept = |table: &String| names.is_empty() || names.contains(&table);
        Self {
            migration: migration.to_owned(),
            at,
            system_identifier: target.system_identifier.clone(),
            database_oid: target.database_oid,
            written: all.iter().filter(|(t, _)| kept(t)).map(|(t, n)| (t.clone(), *n)).collect(),
        }
    }

    /// Returns true if it was applied to this database.
    #[must_use]
    pub fn is_of(&self, target: &Identity) -> bool {
        self.system_identifier == target.system_identifier
            && self.database_oid == target.database_oid
    }

    /// Returns how many rows were written since, and to which tables.
    ///
    /// # Errors
    /// Why it cannot be told: no counter was known then, or one is gone or ran backwards.
    pub fn written_since(
        &self,
        now: &BTreeMap<String, i64>,
    ) -> Result<(i64, Vec<String>), &'static str> {
        if self.written.is_empty() {
            return Err(NO_BASELINE);
        }
        let (mut sum, mut tables) = (0, Vec::new());
        for (table, before) in &self.written {
            let more = now.get(table).ok_or(RESET)? - before;
            match more {
                ..0 => return Err(RESET),
                0 => {}
                1.. => tables.push(table.clone()),
            }
            sum += more;
        }
        Ok((sum, tables))
    }
}

/// Why nobody can tell what was written since a migration whose act we have not seen.
pub const NO_BASELINE: &str = "no baseline was taken when the last migration was applied";

/// Why nobody can tell it from these counters.
const RESET: &str = "the counters were reset since, or a table of then is gone";

/// Why nobody can tell it yet.
pub const NOT_READ: &str = "the counters were not read yet";
