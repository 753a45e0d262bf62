//! What a failed run says, whichever tool ran.

use crate::domain::scenario::Scenario;

/// Why a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A lock was not granted in time: nothing ran, or all was rolled back.
    LockTimeout,
    /// The statement took longer than allowed.
    StatementTimeout,
    /// Somebody cancelled it.
    Cancelled,
    /// Its session was ended, or the server went down.
    Terminated,
    /// A deadlock was resolved against it.
    Deadlock,
    /// Rows do not satisfy what is asked: a NULL, a duplicate, a value too long.
    Data,
    /// Other objects depend on what is dropped.
    Dependents,
    /// The role may not do this.
    Permission,
    /// The SQL is wrong, or names what is not there.
    Sql,
    /// It cannot run inside a transaction.
    InTransaction,
    /// A migration that ran has no file any more.
    MissingFile,
    /// A migration was changed after it ran.
    Changed,
    /// The tool's record says that an earlier run did not end.
    Dirty,
    /// The state was not the expected one: nothing ran.
    Moved,
    /// The migration's own code raised an error.
    Raised,
    /// The database could not be reached: nothing ran.
    Connection,
    /// None of these.
    Other,
}

/// What a tool says, with what it means.
pub(super) type Words<'a> = &'a [(&'a str, FailureKind)];
impl FailureKind {
    /// Returns what a person is told to do about it; `None`: nothing can be told.
    #[must_use]
    pub fn scenario(self) -> Option<Scenario> {
        Some(match self {
            Self::LockTimeout => Scenario::LockQueue,
            Self::StatementTimeout => Scenario::StatementTimeout,
            Self::Cancelled => Scenario::Cancelled,
            Self::Terminated => Scenario::ServerLost,
            Self::Deadlock => Scenario::Deadlock,
            Self::Data => Scenario::Data,
            Self::Dependents => Scenario::Dependents,
            Self::Permission => Scenario::Permission,
            Self::Sql => Scenario::Sql,
            Self::InTransaction => Scenario::InTransaction,
            Self::MissingFile => Scenario::FileMissing,
            Self::Changed => Scenario::FileChanged,
            Self::Dirty => Scenario::ToolDirty,
            Self::Moved => Scenario::Moved,
            Self::Raised => Scenario::Raised,
            Self::Connection => Scenario::Unreachable,
            Self::Other => return None,
        })
    }
}

/// What is known of a failure from its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub kind: FailureKind,
    /// The SQLSTATE, if one was printed.
    pub sqlstate: Option<String>,
    /// The line that says it, as it was printed.
    pub line: String,
}

impl Failure {
    /// Reads an output: what the tool itself says, by its own words, before what the server does.
    #[must_use]
    pub(super) fn of(output: &str, own: Words) -> Self {
        Self::said(output, own).unwrap_or_else(|| Self::of_server(output))
    }

    /// Reads the output of our own child, as [`Failure::of`] does; its exit code 2 means that
    /// nothing ran.
    #[must_use]
    pub(super) fn of_child(output: &str, exit: Option<i32>, own: Words) -> Self {
        let failure = Self::of(output, own);
        match (exit, failure.kind) {
            (Some(2), FailureKind::Other) => Self { kind: FailureKind::Moved, ..failure },
            _ => failure,
        }
    }

    /// Returns the last line that holds the first of these words that stand in the output.
    #[must_use]
    pub(super) fn said(output: &str, own: Words) -> Option<Self> {
        own.iter().find_map(|(words, kind)| {
            let line = output.lines().rev().find(|line| line.contains(words))?;
            Some(Self { kind: *kind, sqlstate: None, line: line.trim().to_owned() })
        })
    }

    /// Reads PostgreSQL's part of an output: SQLSTATE, or the message's words.
    #[must_use]
    pub fn of_server(output: &str) -> Self {
        let line = |needle: &str| output.lines().rev().find(|line| line.contains(needle));
        let sqlstate = sqlstate(output);
        if let Some(state) = &sqlstate
            && let Some(kind) = of_state(state)
        {
            let said = line(state).unwrap_or_default().to_owned();
            return Self { kind, sqlstate, line: said };
        }
        let found = WORDS.iter().find_map(|(words, kind)| Some((line(words)?, *kind)));
        let (said, kind) = found.unwrap_or_else(|| {
            let last = output.lines().rev().find(|line| !line.trim().is_empty());
            (last.unwrap_or_default(), FailureKind::Other)
        });
        Self { kind, sqlstate, line: said.to_owned() }
    }
}

/// Returns what stands after the last `SQLSTATE `.
fn sqlstate(output: &str) -> Option<String> {
    let (_, after) = output.rsplit_once("SQLSTATE ")?;
    let state: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    (state.len() == 5).then_some(state)
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_state(state: &str) -> Option<FailureKind> {
    Some(match state {
        "55P03" => FailureKind::LockTimeout,
        "57014" => return None, // statement timeout or cancel: the words tell
        "57P01" | "57P02" | "57P03" => FailureKind::Terminated,
        "40P01" => FailureKind::Deadlock,
        "2BP01" => FailureKind::Dependents,
        "42501" => FailureKind::Permission,
        "25001" => FailureKind::InTransaction,
        "P0001" => FailureKind::Raised,
        _ => match &state[..2] {
            "22" | "23" => FailureKind::Data,
            "42" => FailureKind::Sql,
            "08" | "28" | "3D" => FailureKind::Connection,
            _ => return None,
        },
    })
}

/// Messages of the server, for tools that print no SQLSTATE.
const WORDS: Words = &[
    ("canceling statement due to lock timeout", FailureKind::LockTimeout),
    ("canceling statement due to statement timeout", FailureKind::StatementTimeout),
    ("canceling statement due to user request", FailureKind::Cancelled),
    ("terminating connection due to", FailureKind::Terminated),
    ("server closed the connection unexpectedly", FailureKind::Terminated),
    ("deadlock detected", FailureKind::Deadlock),
    ("because other objects depend on it", FailureKind::Dependents),
    ("value too long for type", FailureKind::Data),
    ("contains null values", FailureKind::Data),
    ("violates ", FailureKind::Data),
    ("could not create unique index", FailureKind::Data),
    ("permission denied", FailureKind::Permission),
    ("must be owner of", FailureKind::Permission),
    ("cannot run inside a transaction block", FailureKind::InTransaction),
    ("cannot be executed within a pipeline", FailureKind::InTransaction),
    ("connection refused", FailureKind::Connection),
    ("could not connect", FailureKind::Connection),
    ("connection to server ", FailureKind::Connection),
];
