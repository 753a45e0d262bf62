//! One line of the lock forest.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Holder, Mode};
use crate::domain::untrusted::Untrusted;

/// The name of a node, which stays the same from refresh to refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// A lock group, by its leader's pid.
    Session(i32),
    /// A prepared transaction, by its gid.
    Prepared(Untrusted),
    /// A cycle, by the lowest pid in it.
    Cycle(i32),
}

impl Id {
    /// Returns the name of the contract, e.g. `s:7`, `p:GID`, `c:511`, with a gid exactly
    /// as it is: for data, not for a screen.
    #[must_use]
    pub fn raw(&self) -> String {
        match self {
            Self::Session(pid) => format!("s:{pid}"),
            Self::Prepared(gid) => format!("p:{}", gid.raw()),
            Self::Cycle(pid) => format!("c:{pid}"),
        }
    }
}

/// For people: the gid is made visible.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared(gid) => write!(f, "p:{}", gid.one_line()),
            other => f.write_str(&other.raw()),
        }
    }
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A session, with its parallel workers.
    Session,
    /// A prepared transaction: ended only by `COMMIT PREPARED` or `ROLLBACK PREPARED`.
    Prepared,
    /// Sessions that wait for each other.
    Cycle,
}

/// How a parent blocks its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// It holds what the child wants.
    Hard,
    /// It asked earlier for what excludes the child.
    Soft,
}

/// The edge from a node to its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Hard or soft.
    pub kind: EdgeKind,
    /// The mode that the parent holds; if soft, the one that it asked for.
    pub held: Mode,
    /// On what; `None` if that lies in another database.
    pub object: Option<Untrusted>,
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// The mode.
    pub mode: Mode,
    /// On what; `None` if that lies in another database.
    pub object: Option<Untrusted>,
}

/// A waiter, a blocker, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: Id,
    /// What it stands for.
    pub kind: Kind,
    /// The pids of a cycle's members; empty for the other kinds.
    pub members: Vec<i32>,
    /// The node above it; `None` for a root.
    pub parent: Option<Id>,
    /// How many nodes stand above it.
    pub depth: usize,
    /// Its place in the queue, from 1; `None` if it does not wait, or if the order of
    /// the queue is not known.
    pub queue_position: Option<usize>,
    /// How its parent blocks it.
    pub edge: Option<Edge>,
    /// What it waits for; `None` for a blocker that does not wait, and for a cycle.
    pub wants: Option<Wants>,
    /// When its longest wait began, if known.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Distinct sessions that wait for it, directly or not. Never to be summed.
    pub victims: usize,
    /// Sessions under it in the tree.
    pub below: usize,
    /// Waiters that ending it would release at once.
    pub frees: usize,
    /// False for a cycle that `pg_blocking_pids` has not confirmed: it is only possible.
    pub confirmed: bool,
    /// Its component in the condensed graph.
    pub component: usize,
}

impl Node {
    /// Returns the pid of a session; `None` for the other kinds.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        match self.id {
            Id::Session(pid) => Some(pid),
            _ => None,
        }
    }

    /// Returns the gid of a prepared transaction; `None` for the other kinds.
    #[must_use]
    pub fn gid(&self) -> Option<&Untrusted> {
        match &self.id {
            Id::Prepared(gid) => Some(gid),
            _ => None,
        }
    }

    /// Returns how long it has waited at `now`, in seconds; `None` if it does not wait
    /// or the server does not say.
    #[must_use]
    pub fn wait_age(&self, now: DateTime<Utc>) -> Option<f64> {
        self.waiting_since.map(|since| crate::domain::age::seconds(since, now))
    }
}

/// Returns the kind of a vertex that stands alone.
pub(super) fn kind(holder: Holder) -> Kind {
    match holder {
        Holder::Session(_) => Kind::Session,
        Holder::Prepared(_) => Kind::Prepared,
    }
}
