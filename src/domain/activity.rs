//! Backends: the rows of `pg_stat_activity` that a refresh brings.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::untrusted::Untrusted;

pub mod filter;
pub mod sort;

/// `pg_stat_activity.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Executing a query.
    #[serde(rename = "active")]
    Active,
    /// Waiting for a command.
    #[serde(rename = "idle")]
    Idle,
    /// In a transaction, waiting for a command: holds its locks and its snapshot.
    #[serde(rename = "idle in transaction")]
    IdleInTransaction,
    /// The same after an error.
    #[serde(rename = "idle in transaction (aborted)")]
    IdleInTransactionAborted,
    /// Executing a fast-path function.
    #[serde(rename = "fastpath function call")]
    Fastpath,
    /// `track_activities` is off for it, or we may not see it.
    #[serde(rename = "disabled")]
    Disabled,
}

impl State {
    /// Parses the server's word; `None` for an unknown one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "active" => Self::Active,
            "idle" => Self::Idle,
            "idle in transaction" => Self::IdleInTransaction,
            "idle in transaction (aborted)" => Self::IdleInTransactionAborted,
            "fastpath function call" => Self::Fastpath,
            "disabled" => Self::Disabled,
            _ => return None,
        })
    }

    /// Returns the server's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInTransactionAborted => "idle in transaction (aborted)",
            Self::Fastpath => "fastpath function call",
            Self::Disabled => "disabled",
        }
    }

    /// Returns true for both kinds of idle in transaction: cancel does nothing for them.
    #[must_use]
    pub fn is_idle_in_transaction(self) -> bool {
        matches!(self, Self::IdleInTransaction | Self::IdleInTransactionAborted)
    }
}

/// One backend at the moment of a snapshot.
///
/// Times are the server's. A backend is named by pid *and* `backend_start`: pids are reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Process id.
    pub pid: i32,
    /// The leader of its parallel group, for parallel workers (13+).
    pub leader_pid: Option<i32>,
    /// When the process began, in microseconds: the second half of its name.
    pub backend_start: Option<DateTime<Utc>>,
    /// `client backend`, `autovacuum worker`, `parallel worker`, `walsender`…
    pub backend_type: String,
    /// Its database, if it has one.
    pub database: Option<Untrusted>,
    /// Its role.
    pub user: Option<Untrusted>,
    /// `application_name`.
    pub application: Untrusted,
    /// Client address, or `local` for a Unix socket.
    pub client: Option<Untrusted>,
    /// What it is doing; `None` for background processes and where we may not see.
    pub state: Option<State>,
    /// `wait_event_type:wait_event`, e.g. `Lock:relation`.
    pub wait: Option<String>,
    /// Start of its transaction.
    pub xact_start: Option<DateTime<Utc>>,
    /// Start of its query (the last one when idle).
    pub query_start: Option<DateTime<Utc>>,
    /// When its state changed.
    pub state_change: Option<DateTime<Utc>>,
    /// When it began to wait for its lock (`pg_locks.waitstart`, 14+).
    pub wait_start: Option<DateTime<Utc>>,
    /// It has a transaction id: ending it rolls something back. `None` if we may not see.
    pub has_written: Option<bool>,
    /// `age(backend_xmin)` in transactions: how far it holds vacuum back.
    pub xmin_age: Option<i64>,
    /// The query, cut by the server's refresh to 200 characters.
    pub query: Untrusted,
    /// One of our own connections or children.
    pub ours: bool,
    /// We may cancel and terminate it.
    pub can_signal: bool,
}

impl Backend {
    /// Returns the name that survives pid reuse.
    #[must_use]
    pub fn key(&self) -> BackendKey {
        BackendKey { pid: self.pid, backend_start: self.backend_start }
    }

    /// Returns the moment since which `age` counts, if it has begun.
    #[must_use]
    pub fn since(&self, age: Age) -> Option<DateTime<Utc>> {
        match age {
            Age::Transaction => self.xact_start,
            Age::Query => self.query_start,
            Age::State => self.state_change,
            Age::Wait => self.wait_start,
        }
    }

    /// Returns the age in seconds at `now`, by the server's clock.
    #[must_use]
    pub fn age_s(&self, age: Age, now: DateTime<Utc>) -> Option<f64> {
        self.since(age).map(|since| super::age::seconds(since, now))
    }

    /// Returns true if it waits for a heavyweight lock.
    #[must_use]
    pub fn waits_for_lock(&self) -> bool {
        self.wait.as_deref().is_some_and(|wait| wait.starts_with("Lock:"))
    }
}

/// What an age is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Age {
    /// The start of the transaction.
    Transaction,
    /// The start of the query.
    Query,
    /// The last change of state.
    State,
    /// The start of the wait for a lock.
    Wait,
}

/// A backend's name: the pid with the moment it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BackendKey {
    /// Process id.
    pub pid: i32,
    /// When the process began, to the microsecond.
    pub backend_start: Option<DateTime<Utc>>,
}

impl BackendKey {
    /// Returns true unless `other` is certainly another backend: it has another pid, or both
    /// are known to have begun at different moments. The beginning is hidden from a role that
    /// may not see the session.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        let began = self.backend_start.zip(other.backend_start);
        self.pid == other.pid && began.is_none_or(|(one, another)| one == another)
    }
}
