//! Everything that one refresh brought, of one moment.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::activity::Backend;
use super::counters::{Counters, Prepared, Who, XminHolder};
use super::identity::Identity;
use super::locks::{Forest, Graph, Groups, Holder, Names, Reported, Row, Telling};
use super::progress::Progress;
use super::untrusted::Untrusted;

pub mod document;

/// What a statement read, before anything is concluded from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The backends.
    pub backends: Vec<Backend>,
    /// The rows of `pg_locks` on objects that somebody waits for, and tuple locks.
    pub locks: Vec<Row>,
    /// Prepared transactions.
    pub prepared: Vec<Prepared>,
    /// Running commands that report progress.
    pub progress: Vec<Progress>,
    /// The numbers.
    pub counters: Counters,
}

impl Reading {
    /// Builds the lock graph, with what `pg_blocking_pids` said for some waiters.
    #[must_use]
    pub fn graph(&self, reported: &Reported) -> Graph {
        Graph::new(&self.locks, &Groups::of(&self.backends), reported)
    }

    /// Fills in what only the whole reading tells: when each backend began to wait,
    /// connections in use and the oldest snapshot.
    #[must_use]
    pub fn completed(mut self) -> Self {
        let waits = self.locks.iter().filter(|row| !row.granted);
        let since: HashMap<i32, DateTime<Utc>> =
            waits.filter_map(|row| Some((row.holder.pid()?, row.waitstart?))).collect();
        for backend in &mut self.backends {
            backend.wait_start = since.get(&backend.pid).copied();
        }
        self.counters.connections = connections(&self.backends);
        self.counters.oldest_xmin = oldest_xmin(&self.backends, &self.prepared);
        self
    }
}

/// Counts client connections. Of other roles' sessions the kind may be hidden, the role
/// is not, and background processes have none or are of a visible kind.
fn connections(backends: &[Backend]) -> i64 {
    let client = |b: &&Backend| match b.backend_type.as_str() {
        "client backend" => true,
        "" => b.user.is_some(),
        _ => false,
    };
    i64::try_from(backends.iter().filter(client).count()).unwrap_or(i64::MAX)
}

fn oldest_xmin(backends: &[Backend], prepared: &[Prepared]) -> Option<XminHolder> {
    let sessions = backends
        .iter()
        .filter_map(|b| Some(XminHolder { who: Who::Session(b.pid), age: b.xmin_age? }));
    let gids = prepared
        .iter()
        .filter_map(|p| Some(XminHolder { who: Who::Prepared(p.gid.clone()), age: p.xid_age? }));
    sessions.chain(gids).max_by_key(|holder| holder.age)
}

/// One look at a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The server's time of it.
    pub taken_at: DateTime<Utc>,
    /// Which server; `primary` as of this moment.
    pub server: Identity,
    /// The backends.
    pub backends: Vec<Backend>,
    /// Prepared transactions.
    pub prepared: Vec<Prepared>,
    /// Who waits for whom.
    pub graph: Graph,
    /// The same as trees.
    pub forest: Forest,
    /// Running commands that report progress.
    pub progress: Vec<Progress>,
    /// The numbers.
    pub counters: Counters,
    /// What the role cannot see or what could not be asked, as plain sentences.
    pub limits: Vec<String>,
    groups: Groups,
}

impl Snapshot {
    /// Concludes the snapshot from a completed reading and its graph. `partial` says
    /// that the server could not be asked about some of the edges.
    #[must_use]
    pub fn new(
        mut reading: Reading,
        graph: Graph,
        names: &Names,
        server: &Identity,
        partial: bool,
    ) -> Self {
        // The graph has all that they tell, and with the forest they would be the most that a
        // refresh ever needs.
        reading.locks = Vec::new();
        let now = reading.counters.at;
        let gids = reading.prepared.iter().map(|p| (p.xid, p.gid.clone())).collect();
        let mut forest = Forest::new(&graph, Telling { gids: &gids, names, now });
        forest.partial = partial;
        Self {
            taken_at: now,
            server: Identity { primary: !reading.counters.in_recovery, ..server.clone() },
            groups: Groups::of(&reading.backends),
            backends: reading.backends,
            prepared: reading.prepared,
            graph,
            forest,
            progress: reading.progress,
            counters: reading.counters,
            limits: Vec::new(),
        }
    }

    /// Returns the backend with this pid.
    #[must_use]
    pub fn backend(&self, pid: i32) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.pid == pid)
    }

    /// Returns everybody whom the session `pid`, with its lock group, waits for.
    pub fn blocked_by(&self, pid: i32) -> impl Iterator<Item = Holder> {
        self.graph.blocked_by(Holder::Session(self.groups.leader(pid)))
    }

    /// Returns the pids whom `pid` waits for, ascending; never 0.
    #[must_use]
    pub fn blocking_pids(&self, pid: i32) -> Vec<i32> {
        self.blocked_by(pid).filter_map(Holder::pid).collect()
    }

    /// Returns the gids of the prepared transactions that `pid` waits for.
    #[must_use]
    pub fn blocking_gids(&self, pid: i32) -> Vec<&Untrusted> {
        let holders = self.blocked_by(pid);
        holders.filter_map(|holder| self.gid(holder)).collect()
    }

    fn gid(&self, holder: Holder) -> Option<&Untrusted> {
        let Holder::Prepared(xid) = holder else { return None };
        self.prepared.iter().find(|p| p.xid == xid).map(|p| &p.gid)
    }

    /// Returns true if the session `pid`, with its lock group, waits for a lock.
    #[must_use]
    pub fn waits(&self, pid: i32) -> bool {
        let vertex = self.graph.vertex(Holder::Session(self.groups.leader(pid)));
        vertex.is_some_and(|vertex| self.graph.waits(vertex))
    }
}
