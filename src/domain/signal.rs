//! What cancelling or terminating a backend would do, known before it is done.
//!
//! Facts are from the PostgreSQL documentation, *Server Signaling Functions* and
//! `pg_stat_activity.backend_type`, and from the sources of `autovacuum.c` and `syncrep.c`.

use super::activity::{Backend, State};
pub use super::plan::Signal as Kind;

/// What kind of process a backend is, as far as signals are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A client's session.
    Client,
    /// An autovacuum worker.
    Autovacuum {
        /// It prevents transaction id wraparound: started again at once when it is ended.
        wraparound: bool,
    },
    /// A worker of a parallel query.
    ParallelWorker {
        /// The session that runs the query.
        leader: Option<i32>,
    },
    /// Streams WAL to a replica, a backup or a logical subscriber.
    WalSender,
    /// Applies logical changes; started again by its launcher.
    LogicalWorker,
    /// A part of the server itself: checkpointer, WAL writer, launchers…
    Server,
    /// An extension's background worker, and everything of an unknown type.
    Background,
}

/// Returns what kind of process it is.
#[must_use]
pub fn nature(backend: &Backend) -> Nature {
    match backend.backend_type.as_str() {
        "client backend" => Nature::Client,
        "autovacuum worker" => {
            let wraparound = backend.query.raw().contains("(to prevent wraparound)");
            Nature::Autovacuum { wraparound }
        }
        "parallel worker" => Nature::ParallelWorker { leader: backend.leader_pid },
        "walsender" => Nature::WalSender,
        kind if kind.starts_with("logical replication") && !kind.ends_with("launcher") => {
            Nature::LogicalWorker
        }
        kind if is_server_process(kind) => Nature::Server,
        _ => Nature::Background,
    }
}

fn is_server_process(kind: &str) -> bool {
    matches!(
        kind,
        "archiver"
            | "autovacuum launcher"
            | "logical replication launcher"
            | "background writer"
            | "checkpointer"
            | "io worker"
            | "logger"
            | "slotsync worker"
            | "startup"
            | "walreceiver"
            | "walsummarizer"
            | "walwriter"
    )
}

/// Why a signal is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// One of our own monitor, control or lease connections.
    Ours,
    /// Our role may not signal it.
    NotPermitted,
    /// When it began is hidden from our role, so it cannot be named safely.
    Hidden,
    /// A part of the server itself.
    ServerProcess,
    /// A parallel worker: its leader is the one to signal.
    Worker(Option<i32>),
    /// Nothing runs in it, so there is nothing to cancel; its locks would stay.
    NothingRuns(State),
}

impl Refused {
    /// Returns the reason, and what to do instead.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Ours => "it is one of lockkeeper's own connections".into(),
            Self::NotPermitted => "our role may not signal it; that takes the same role, \
                                   pg_signal_backend, or for a superuser's session a superuser"
                .into(),
            Self::Hidden => "our role cannot see when it began, so its pid might already be \
                             another's; grant pg_monitor to our role"
                .into(),
            Self::ServerProcess => "it is a part of the server itself, not a session".into(),
            Self::Worker(Some(leader)) => format!(
                "it works for the session with pid {leader}; signal that one, and this ends too"
            ),
            Self::Worker(None) => "it works for another session; signal that one".into(),
            Self::NothingRuns(state) if state.is_idle_in_transaction() => {
                "it is idle in transaction: no statement runs, so cancelling does nothing and \
                 its locks stay; terminate ends the session and rolls its transaction back"
                    .into()
            }
            Self::NothingRuns(_) => "it is idle: no statement runs, so cancelling does nothing; \
                                     terminate ends the session and frees its advisory locks"
                .into(),
        }
    }
}

/// A consequence to know before saying yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It has written: that work is rolled back.
    RollsBack,
    /// Whether it has written cannot be seen.
    MayRollBack,
    /// The whole transaction fails, not the statement alone.
    FailsTransaction,
    /// Its COMMIT is done here and waits for a standby only.
    WaitsForStandby,
    /// Autovacuum comes back to the table later.
    VacuumReturns,
    /// An autovacuum against wraparound comes back at once.
    WraparoundReturns,
    /// A replica, backup or subscriber loses its stream.
    CutsReplication,
    /// It is started again by itself.
    Restarts,
    /// It belongs to a lockkeeper: a step that runs, or another operator's console.
    Lockkeeper,
}

impl Note {
    /// Returns the consequence as a sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RollsBack => "it has written: what its transaction wrote is rolled back",
            Self::MayRollBack => "cannot tell whether it has written; if so, that is rolled back",
            Self::FailsTransaction => {
                "the statement's transaction fails; its locks go when the client rolls back"
            }
            Self::WaitsForStandby => {
                "its COMMIT is already done on this server and only waits for a standby: ending \
                 the wait undoes nothing, and the standby may not have the data"
            }
            Self::VacuumReturns => {
                "autovacuum gives up its lock by itself when a session waits for it, and will \
                 return to the table later"
            }
            Self::WraparoundReturns => {
                "it prevents transaction id wraparound: it does not give way, and starts again \
                 at once when ended; let it finish if you can"
            }
            Self::CutsReplication => {
                "it streams WAL: a replica, a backup or a subscriber loses its connection and \
                 must catch up, and a base backup fails"
            }
            Self::Restarts => "the server starts it again by itself",
            Self::Lockkeeper => {
                "it belongs to a lockkeeper: a step that is running, or another operator's"
            }
        }
    }
}

/// What to tell before a signal is confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Whether the signal is offered at all.
    pub possible: Result<(), Refused>,
    /// The consequences, gravest first.
    pub notes: Vec<Note>,
}

/// Returns what `kind` would do to the backend.
#[must_use]
pub fn advice(backend: &Backend, kind: Kind) -> Advice {
    Advice { possible: possible(backend, kind), notes: notes(backend, kind) }
}

fn possible(backend: &Backend, kind: Kind) -> Result<(), Refused> {
    match nature(backend) {
        Nature::Server => return Err(Refused::ServerProcess),
        Nature::ParallelWorker { leader } => return Err(Refused::Worker(leader)),
        _ => {}
    }
    if is_our_instrument(backend) {
        return Err(Refused::Ours);
    }
    if !backend.can_signal {
        return Err(Refused::NotPermitted);
    }
    if backend.backend_start.is_none() {
        return Err(Refused::Hidden);
    }
    match backend.state {
        Some(state) if kind == Kind::Cancel && runs_nothing(state) => {
            Err(Refused::NothingRuns(state))
        }
        _ => Ok(()),
    }
}

/// Returns true for the connections that lockkeeper itself cannot do without; a step's own
/// session is ours too, and may be ended.
fn is_our_instrument(backend: &Backend) -> bool {
    let instruments =
        ["lockkeeper/monitor", "lockkeeper/control", "lockkeeper/lease", "lockkeeper/reader"];
    backend.ours && instruments.contains(&backend.application.raw())
}

fn runs_nothing(state: State) -> bool {
    state == State::Idle || state.is_idle_in_transaction()
}

fn notes(backend: &Backend, kind: Kind) -> Vec<Note> {
    let mut notes = Vec::new();
    let commits = backend.wait.as_deref() == Some("IPC:SyncRep");
    if commits {
        notes.push(Note::WaitsForStandby);
    }
    match nature(backend) {
        Nature::Autovacuum { wraparound: true } => notes.push(Note::WraparoundReturns),
        Nature::Autovacuum { wraparound: false } => notes.push(Note::VacuumReturns),
        Nature::WalSender => notes.push(Note::CutsReplication),
        Nature::LogicalWorker | Nature::Background => notes.push(Note::Restarts),
        Nature::Client if !commits => notes.extend(rollback(backend, kind)),
        _ => {}
    }
    if backend.application.raw().starts_with("lockkeeper/") || backend.ours {
        notes.push(Note::Lockkeeper);
    }
    notes
}

fn rollback(backend: &Backend, kind: Kind) -> Vec<Note> {
    let mut notes = match backend.has_written {
        Some(true) => vec![Note::RollsBack],
        Some(false) => vec![],
        None => vec![Note::MayRollBack],
    };
    if kind == Kind::Cancel && backend.xact_start < backend.query_start {
        notes.push(Note::FailsTransaction);
    }
    notes
}
