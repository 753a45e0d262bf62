//! The monitoring connection: one look at a server at a time, with statements that
//! cannot stand in a lock queue.

use std::collections::{BTreeSet, HashSet};

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::names::Cache;
use super::snapshot::{Capabilities, Placed, Sorter};
use super::surroundings;
use crate::domain::counters::Surroundings;
use crate::domain::identity::Identity;
use crate::domain::locks::{Graph, Names, Reported};
use crate::domain::progress::Estimator;
use crate::domain::snapshot::{Reading, Snapshot};

/// The beginning of the `application_name` of every session of ours.
pub const OURS: &str = "lockkeeper";

/// At most so many waiters are asked of `pg_blocking_pids` in one refresh: its cost
/// grows with the square of the queue.
const ASKED: usize = 64;

const NAMES_AND_BLOCKERS: &str = include_str!("../../../assets/sql/names_and_blockers.sql");

/// The one warm connection that looks.
///
/// The caller puts `lock_timeout` and `statement_timeout` into the connection's options,
/// and a timeout around each call: a dropped future does not stop the server's work.
#[derive(Debug)]
pub struct Monitor {
    connection: PgConnection,
    server: Identity,
    capabilities: Capabilities,
    snapshot_sql: String,
    slow_sql: String,
    ours: HashSet<i32>,
    names: Cache,
    estimator: Estimator,
    /// How many sessions and locks there were the last time.
    counted: (usize, usize),
    warm: bool,
}

/// The answers to the second statement of a refresh.
#[derive(Debug, Default)]
struct Second {
    reported: Reported,
    failed: bool,
}

impl Monitor {
    /// Takes a connection to `server` for itself and probes what the server has.
    ///
    /// # Errors
    /// When the probe fails or the connection is lost.
    pub async fn new(mut connection: PgConnection, server: Identity) -> Result<Self, sqlx::Error> {
        let capabilities = Capabilities::probe(&mut connection).await?;
        Ok(Self {
            connection,
            server,
            capabilities,
            snapshot_sql: capabilities.snapshot_sql(),
            slow_sql: capabilities.slow_sql(),
            ours: HashSet::new(),
            names: Cache::default(),
            estimator: Estimator::default(),
            counted: (0, 0),
            warm: false,
        })
    }

    /// Counts the backend `pid` as ours too: a child's, whose tool gives itself another
    /// `application_name`.
    pub fn adopt(&mut self, pid: i32) {
        self.ours.insert(pid);
    }

    /// Looks once: one statement, and a second one only when a relation has no name yet
    /// or the server has to be asked who blocks whom.
    ///
    /// A second statement that fails, for example behind a lock on `pg_class`, costs
    /// names and certainty, never the snapshot.
    ///
    /// # Errors
    /// When the statement fails or the connection is lost.
    pub async fn refresh(&mut self) -> Result<Snapshot, sqlx::Error> {
        let (mut reading, placed) = self.first().await?;
        let graph = reading.graph(&Reported::new());
        let (asked, too_many) = questions(&graph);
        let unnamed = self.unnamed(&reading, &placed);
        let second = match Names::are_locked(&reading.locks, self.database()) {
            // Not even for a lock_timeout; the names are asked for again when it is free.
            true => Second { failed: true, ..Second::default() },
            false => self.second(unnamed, &asked).await?,
        };
        let graph = if asked.is_empty() {
            graph
        } else {
            drop(graph);
            reading.graph(&second.reported)
        };
        self.estimator.estimate(&mut reading.progress, reading.counters.at);
        self.name_progress(&mut reading, &placed);
        let partial = too_many || (second.failed && !asked.is_empty());
        let names = Names::new(self.database(), self.names.known(), &reading.locks);
        let mut snapshot = Snapshot::new(reading, graph, &names, &self.server, partial);
        snapshot.limits = self.capabilities.limits(&self.server.role);
        Ok(snapshot)
    }

    /// Reads what moves slowly; for every ten seconds or more.
    ///
    /// # Errors
    /// When the statement fails or the connection is lost.
    pub async fn slow(&mut self) -> Result<Surroundings, sqlx::Error> {
        let sql = AssertSqlSafe(self.slow_sql.clone());
        let rows = sqlx::query(sql).fetch_all(&mut self.connection).await?;
        surroundings::read(&rows)
    }

    /// Gives the connection back, for closing.
    #[must_use]
    pub fn into_connection(self) -> PgConnection {
        self.connection
    }

    async fn first(&mut self) -> Result<(Reading, Vec<Placed>), sqlx::Error> {
        let Self { connection, ours, snapshot_sql, counted, .. } = self;
        let ours = |pid: i32, name: &str| name.starts_with(OURS) || ours.contains(&pid);
        let mut rows = sqlx::query(AssertSqlSafe(snapshot_sql.clone())).fetch(connection);
        let mut sorter = Sorter::sized(counted.0, counted.1);
        while let Some(row) = rows.try_next().await? {
            sorter.take(&row, &ours)?;
        }
        let (reading, placed) = sorter.sorted();
        *counted = (reading.backends.len(), reading.locks.len());
        Ok((reading, placed))
    }

    fn database(&self) -> u32 {
        self.capabilities.database_oid
    }

    /// Returns the relations that are to be named anew.
    fn unnamed(&self, reading: &Reading, placed: &[Placed]) -> Vec<u32> {
        let mut wanted = Names::relations_in(&reading.locks, self.database());
        let here = placed.iter().flatten().filter(|(database, _)| *database == self.database());
        wanted.extend(here.map(|(_, relation)| *relation));
        self.names.missing(&wanted)
    }

    /// Asks the second statement, if there is anything to ask; the first time anyway, so
    /// that it is prepared when a lock on the catalog would keep it from being planned.
    async fn second(&mut self, unnamed: Vec<u32>, asked: &[i32]) -> Result<Second, sqlx::Error> {
        if self.warm && unnamed.is_empty() && asked.is_empty() {
            return Ok(Second::default());
        }
        self.warm = true;
        match self.ask(&unnamed, asked).await {
            Ok(reported) => Ok(Second { reported, failed: false }),
            Err(sqlx::Error::Database(_)) => {
                self.names.give_up_for_now(&unnamed);
                Ok(Second { failed: true, ..Second::default() })
            }
            Err(lost) => Err(lost),
        }
    }

    async fn ask(&mut self, unnamed: &[u32], asked: &[i32]) -> Result<Reported, sqlx::Error> {
        let oids: Vec<i64> = unnamed.iter().map(|oid| i64::from(*oid)).collect();
        let query = sqlx::query(NAMES_AND_BLOCKERS).bind(oids).bind(asked);
        let rows = query.fetch_all(&mut self.connection).await?;
        let mut reported = Reported::new();
        let mut named = Vec::new();
        for row in rows {
            let id: i64 = row.try_get(1)?;
            match row.try_get::<Option<Vec<i32>>, _>(3)? {
                Some(pids) => drop(reported.insert(narrow(id), deduplicated(pids))),
                None => named.push((u32::try_from(id).unwrap_or_default(), row.try_get(2)?)),
            }
        }
        self.names.learn(unnamed, named);
        Ok(reported)
    }

    fn name_progress(&self, reading: &mut Reading, placed: &[Placed]) {
        for (progress, place) in reading.progress.iter_mut().zip(placed) {
            let here = place.filter(|(database, _)| *database == self.database());
            progress.relation = here.and_then(|(_, oid)| self.names.get(oid)).cloned();
        }
    }
}

/// Returns the pids that the server is to be asked about, and whether there are more
/// than it is asked: members of cycles first, then waiters whose place is not known.
fn questions(graph: &Graph) -> (Vec<i32>, bool) {
    let cycles = graph.cycles().into_iter().flatten();
    let vertices = cycles.chain(graph.doubtful());
    let mut seen = HashSet::new();
    let pids = vertices.filter_map(|vertex| graph.vertices().get(vertex)?.pid());
    let mut pids: Vec<i32> = pids.filter(|pid| seen.insert(*pid)).collect();
    let too_many = pids.len() > ASKED;
    pids.truncate(ASKED);
    (pids, too_many)
}

/// Returns the pids once each, without the 0 that stands for a prepared transaction.
fn deduplicated(pids: Vec<i32>) -> BTreeSet<i32> {
    pids.into_iter().filter(|pid| *pid != 0).collect()
}

fn narrow(id: i64) -> i32 {
    i32::try_from(id).unwrap_or_default()
}
