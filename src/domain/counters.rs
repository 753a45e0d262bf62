//! The numbers of a server at one moment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::age;
use super::untrusted::Untrusted;

/// What a refresh counts. Sums only ever grow; two readings give a rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// The server's time.
    pub at: DateTime<Utc>,
    /// Transactions of this database that ended, committed or rolled back.
    pub transactions: Option<i64>,
    /// Of those, the ones rolled back.
    pub rollbacks: Option<i64>,
    /// The position in the WAL in bytes: written on a primary, replayed on a replica.
    pub wal: Option<i64>,
    /// Client connections in use.
    pub connections: i64,
    /// `max_connections`.
    pub max_connections: i64,
    /// The server is a replica now.
    pub in_recovery: bool,
    /// Who holds vacuum back the furthest.
    pub oldest_xmin: Option<XminHolder>,
    /// Replicas that stream from here.
    pub replicas: Vec<Replica>,
}

/// Who keeps dead rows from being removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XminHolder {
    /// The session, or the prepared transaction.
    pub who: Who,
    /// How many transactions ago its snapshot is from.
    pub age: i64,
}

/// A session or a prepared transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A session, by pid; a walsender holds for its replica.
    Session(i32),
    /// A prepared transaction, by gid.
    Prepared(Untrusted),
}

/// A row of `pg_stat_replication`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// `application_name` of the standby.
    pub name: Untrusted,
    /// `streaming`, `catchup`…; `None` if the role may not see it.
    pub state: Option<String>,
    /// `sync`, `async`, `quorum`, `potential`.
    pub sync: Option<String>,
    /// Bytes that it has not replayed yet. The *time* lag of the view reads next to
    /// nothing while replay is stalled, so it is not used.
    pub lag_bytes: Option<i64>,
}

/// What happened per second between two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Transactions per second.
    pub transactions: Option<f64>,
    /// WAL bytes per second.
    pub wal: Option<f64>,
}

impl Counters {
    /// Returns the rates since `earlier`; unknown over no time, and where a counter ran
    /// backwards because statistics were reset or the server came back from a crash.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Rates {
        let seconds = age::seconds(earlier.at, self.at);
        Rates {
            transactions: rate(earlier.transactions, self.transactions, seconds),
            wal: rate(earlier.wal, self.wal, seconds),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn rate(before: Option<i64>, after: Option<i64>, seconds: f64) -> Option<f64> {
    let grown = after? - before?;
    (seconds > 0.0 && grown >= 0).then(|| grown as f64 / seconds)
}

/// A prepared transaction: it holds its locks without any session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Transaction id.
    pub xid: u32,
    /// Its name, for `COMMIT PREPARED` and `ROLLBACK PREPARED`.
    pub gid: Untrusted,
    /// When it was prepared.
    pub prepared: Option<DateTime<Utc>>,
    /// Who prepared it.
    pub owner: Option<Untrusted>,
    /// Its database.
    pub database: Option<Untrusted>,
    /// How many transactions ago it began.
    pub xid_age: Option<i64>,
}

/// Facts that move slowly or cost more: read every ten seconds or so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// Size of this database in bytes; `None` if the role may not ask.
    pub database_bytes: Option<i64>,
    /// Replication slots.
    pub slots: Vec<Slot>,
    /// Archiving of the WAL, if it is in trouble.
    pub archiver: Option<Archiver>,
    /// Indexes that a failed `CREATE INDEX CONCURRENTLY` or `REINDEX` left; not those that
    /// are being built right now.
    pub invalid_indexes: Vec<InvalidIndex>,
    /// Estimated rows of the largest tables, by `schema.table`: what the statistics counted.
    pub rows: BTreeMap<String, i64>,
    /// How those came about, by the same names.
    pub counts: BTreeMap<String, Count>,
    /// The database whose transaction ids are the oldest.
    pub wraparound: Option<Wraparound>,
    /// Rows inserted, updated and deleted so far, by table; the most written ones.
    pub written: BTreeMap<String, i64>,
}

/// What stands behind an estimate of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Rows that were deleted so far, those of transactions that were rolled back included.
    pub deleted: i64,
    /// When `VACUUM` or `ANALYZE` last counted anew, in microseconds since 1970; `None`: never.
    pub anew: Option<i64>,
    /// Rows that were inserted so far.
    #[serde(default)]
    pub inserted: i64,
    /// The table's OID: one that was dropped and made anew has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<u32>,
}

impl Count {
    /// Returns true if the same table was counted anew since `then`, and at least some of its
    /// `rows` are the same: as many as were inserted since then may have come after a `TRUNCATE`,
    /// which counts no row as deleted. Of a table whose OID is not known nothing says so.
    #[must_use]
    pub fn recounts(&self, then: &Self, rows: i64) -> bool {
        let is_same = self.oid.is_some() && self.oid == then.oid;
        is_same
            && self.anew > then.anew
            && self.deleted >= then.deleted
            && self.inserted - then.inserted < rows
    }
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: Untrusted,
    /// Bytes of WAL that it keeps.
    pub retained_bytes: Option<i64>,
    /// How many transactions it holds vacuum back.
    pub xmin_age: Option<i64>,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// Somebody uses it.
    pub active: bool,
}

/// `pg_stat_archiver`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archiver {
    /// Failures since the statistics were reset.
    pub failures: i64,
    /// The file that failed last.
    pub last_failed: Option<Untrusted>,
    /// The last attempt failed.
    pub failing: bool,
}

/// An index that no query uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidIndex {
    /// Its OID.
    pub oid: i64,
    /// `schema.index`.
    pub name: Untrusted,
    /// `schema.table`.
    pub table: Untrusted,
    /// Writes maintain it nevertheless.
    pub maintained: bool,
}

/// How near transaction ids are to wrapping around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wraparound {
    /// The database.
    pub database: Untrusted,
    /// `age(datfrozenxid)`, in transactions.
    pub age: i64,
    /// `autovacuum_freeze_max_age`, at which an aggressive vacuum begins.
    pub freeze_max_age: i64,
}
