//! Rows of `pg_locks`, and whom they belong to.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Mode, Object};
use crate::domain::activity::Backend;

/// Who holds a lock or waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A backend, by pid; as a vertex of the graph, the leader of a lock group.
    Session(i32),
    /// A prepared transaction, by transaction id.
    Prepared(u32),
}

impl Holder {
    /// Returns the pid; `None` for a prepared transaction.
    #[must_use]
    pub fn pid(self) -> Option<i32> {
        match self {
            Self::Session(pid) => Some(pid),
            Self::Prepared(_) => None,
        }
    }
}

/// One row of `pg_locks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose it is.
    pub holder: Holder,
    /// What it is on.
    pub object: Object,
    /// The mode held, or asked for.
    pub mode: Mode,
    /// Held; otherwise waited for.
    pub granted: bool,
    /// When the wait began (14+; empty also for an instant after it began).
    pub waitstart: Option<DateTime<Utc>>,
}

/// Which backends are members of another's lock group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(HashMap<i32, i32>);

impl Groups {
    /// Reads the groups from activity.
    ///
    /// Only parallel workers share their leader's locks; a parallel apply worker of
    /// logical replication (16+) has a `leader_pid` too but is no member of a group.
    #[must_use]
    pub fn of(backends: &[Backend]) -> Self {
        let workers = backends.iter().filter(|b| b.backend_type == "parallel worker");
        Self(workers.filter_map(|b| Some((b.pid, b.leader_pid?))).collect())
    }

    /// Makes groups from pairs of worker and leader.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (i32, i32)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// Returns the leader's pid: the pid itself for everybody outside a group.
    #[must_use]
    pub fn leader(&self, pid: i32) -> i32 {
        self.0.get(&pid).copied().unwrap_or(pid)
    }

    /// Returns the vertex that `holder` belongs to.
    #[must_use]
    pub fn vertex(&self, holder: Holder) -> Holder {
        match holder {
            Holder::Session(pid) => Holder::Session(self.leader(pid)),
            prepared @ Holder::Prepared(_) => prepared,
        }
    }
}
