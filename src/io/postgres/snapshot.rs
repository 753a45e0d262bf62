//! The statements of a refresh, for the server at hand.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::rows::Cells;
use crate::domain::counters::Replica;
use crate::domain::snapshot::Reading;

/// What this server has and what this role may see, probed in the catalog: forks and
/// managed services differ where their version number does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `pg_locks.waitstart` (14+).
    pub waitstart: bool,
    /// `pg_stat_progress_vacuum.indexes_total` (17+).
    pub vacuum_indexes: bool,
    /// `pg_stat_progress_copy` (14+).
    pub copy: bool,
    /// The role `pg_signal_autovacuum_worker` (18+).
    pub signals_autovacuum: bool,
    /// The role sees other roles' sessions.
    pub sees_all: bool,
    /// The role may ask for the size of the database.
    pub database_size: bool,
    /// The OID of the database that we are connected to.
    pub database_oid: u32,
}

const CAPABILITIES: &str = include_str!("../../../assets/sql/capabilities.sql");
const COPY: &str = include_str!("../../../assets/sql/snapshot/progress_copy.sql");
const SLOW: &str = include_str!("../../../assets/sql/slow.sql");
const PARTS: [&str; 6] = [
    include_str!("../../../assets/sql/snapshot/activity.sql"),
    include_str!("../../../assets/sql/snapshot/locks.sql"),
    include_str!("../../../assets/sql/snapshot/prepared.sql"),
    include_str!("../../../assets/sql/snapshot/progress.sql"),
    include_str!("../../../assets/sql/snapshot/counters.sql"),
    include_str!("../../../assets/sql/snapshot/replicas.sql"),
];

impl Capabilities {
    /// Asks the server.
    ///
    /// # Errors
    /// When the statement fails or the connection is lost.
    pub async fn probe(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        // The simple protocol: one round trip, where a prepared statement takes two.
        let row = sqlx::raw_sql(CAPABILITIES).fetch_one(connection).await?;
        let oid: i64 = row.try_get("database_oid")?;
        Ok(Self {
            waitstart: row.try_get("waitstart")?,
            vacuum_indexes: row.try_get("vacuum_indexes")?,
            copy: row.try_get("copy")?,
            signals_autovacuum: row.try_get("signals_autovacuum")?,
            sees_all: row.try_get("sees_all")?,
            database_size: row.try_get("database_size")?,
            database_oid: u32::try_from(oid).unwrap_or_default(),
        })
    }

    /// Returns the one statement for all that must be of one moment.
    #[must_use]
    pub fn snapshot_sql(&self) -> String {
        let vacuum = |column| if self.vacuum_indexes { column } else { "0" };
        let signals = "pg_has_role(r.oid, 'pg_signal_autovacuum_worker', 'USAGE')";
        let waitstart = if self.waitstart { "waitstart" } else { "null::timestamptz" };
        PARTS
            .join("\nunion all\n")
            .replace("{waitstart}", waitstart)
            .replace("{indexes_processed}", vacuum("indexes_processed"))
            .replace("{indexes_total}", vacuum("indexes_total"))
            .replace("{copy}", if self.copy { COPY } else { "" })
            .replace(
                "{signals_autovacuum}",
                if self.signals_autovacuum { signals } else { "false" },
            )
    }

    /// Returns the statement for what moves slowly.
    #[must_use]
    pub fn slow_sql(&self) -> String {
        let size = "pg_database_size(current_database())";
        SLOW.replace("{database_size}", if self.database_size { size } else { "null" })
    }

    /// Returns what this server and role keep from us, as plain sentences.
    #[must_use]
    pub fn limits(&self, role: &str) -> Vec<String> {
        let role = crate::domain::untrusted::Untrusted::from(role).one_line();
        let hidden = (!self.sees_all).then(|| {
            format!(
                "{role} is no member of pg_read_all_stats: what other roles' sessions do, and \
                 which of them are parallel workers, is hidden. GRANT pg_monitor TO that role."
            )
        });
        let size = (!self.database_size)
            .then(|| format!("{role} may not ask for the size of the database."));
        let waitstart = (!self.waitstart).then(|| {
            "This server does not say how long a lock has been waited for (PostgreSQL 14 and \
             later do)."
                .to_owned()
        });
        hidden.into_iter().chain(size).chain(waitstart).collect()
    }
}

/// Sorts the rows of the statement into a reading, one by one: none is kept.
#[derive(Default)]
pub(super) struct Sorter {
    reading: Reading,
    placed: Vec<Placed>,
    senders: Vec<(i32, Replica)>,
}

impl Sorter {
    /// Returns one for about so many sessions and locks. To take the room at once leaves no
    /// holes in memory, as growing by and by does.
    pub fn sized(sessions: usize, locks: usize) -> Self {
        let mut sorter = Self::default();
        sorter.reading.backends.reserve(sessions + sessions / 16);
        sorter.reading.locks.reserve(locks + locks / 16);
        sorter
    }

    /// Takes a row.
    ///
    /// # Errors
    /// When a column is not of the type that the statement casts it to.
    pub fn take(
        &mut self,
        row: &PgRow,
        ours: &impl Fn(i32, &str) -> bool,
    ) -> Result<(), sqlx::Error> {
        let cells = Cells(row);
        let reading = &mut self.reading;
        match cells.tag()? {
            1 => reading.backends.push(cells.backend(ours)?),
            2 => reading.locks.extend(cells.lock()?),
            3 => reading.prepared.push(cells.prepared()?),
            4 => {
                self.placed.push(cells.place()?);
                reading.progress.push(cells.progress()?);
            }
            5 => cells.counters(&mut reading.counters)?,
            _ => self.senders.push(cells.replica()?),
        }
        Ok(())
    }

    /// Returns all that was taken.
    pub fn sorted(mut self) -> (Reading, Vec<Placed>) {
        let backends = &self.reading.backends;
        let named = self.senders.into_iter().map(|(pid, replica)| {
            let sender = backends.iter().find(|backend| backend.pid == pid);
            Replica { name: sender.map(|s| s.application.clone()).unwrap_or_default(), ..replica }
        });
        self.reading.counters.replicas = named.collect();
        (self.reading.completed(), self.placed)
    }
}

/// The relation that a progress report is about, if it has one: database and relation.
pub(super) type Placed = Option<(u32, u32)>;
