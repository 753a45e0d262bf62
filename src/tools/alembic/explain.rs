//! What Alembic and SQLAlchemy say when they fail.

use crate::tools::{Failure, FailureKind};

/// The exit code with which Alembic refuses: it prints `FAILED: …` and nothing has run.
const REFUSED: i32 = 255;

/// What Alembic says while it plans, before any revision runs.
const PLANNING: &[(&str, FailureKind)] = &[
    ("Can't locate revision identified by", FailureKind::MissingFile),
    ("No such revision or branch", FailureKind::MissingFile),
    ("Multiple head revisions are present", FailureKind::Moved),
    ("Multiple heads are present", FailureKind::Moved),
    ("Ambiguous walk", FailureKind::Moved),
    ("Ambiguous upgrade", FailureKind::Moved),
    ("Ambiguous downgrade", FailureKind::Moved),
    ("overlaps with other requested revisions", FailureKind::Moved),
    ("is not a valid upgrade target", FailureKind::Moved),
    ("is not a valid downgrade target", FailureKind::Moved),
    ("Not a valid downgrade target", FailureKind::Moved),
    ("Relative revision", FailureKind::Moved),
    ("Cycle is detected in revisions", FailureKind::Moved),
    ("Self-loop is detected in revisions", FailureKind::Moved),
    ("Multiple revisions start with", FailureKind::Moved),
    ("No 'script_location' key found", FailureKind::Moved),
    ("No config file", FailureKind::Moved),
    ("Path doesn't exist", FailureKind::Moved),
];

/// The classes under which psycopg, psycopg2 and asyncpg raise an SQLSTATE:
/// <https://www.psycopg.org/psycopg3/docs/api/errors.html>.
const CLASSES: &[(&str, FailureKind)] = &[
    ("LockNotAvailable", FailureKind::LockTimeout),
    ("DeadlockDetected", FailureKind::Deadlock),
    ("DependentObjectsStillExist", FailureKind::Dependents),
    ("InsufficientPrivilege", FailureKind::Permission),
    ("ActiveSqlTransaction", FailureKind::InTransaction),
    ("AdminShutdown", FailureKind::Terminated),
    ("CrashShutdown", FailureKind::Terminated),
    ("IdleInTransactionSessionTimeout", FailureKind::Terminated),
    ("UndefinedTable", FailureKind::Sql),
    ("UndefinedColumn", FailureKind::Sql),
    ("UndefinedObject", FailureKind::Sql),
    ("UndefinedFunction", FailureKind::Sql),
    ("DuplicateTable", FailureKind::Sql),
    ("DuplicateColumn", FailureKind::Sql),
    ("DuplicateObject", FailureKind::Sql),
    ("SyntaxError)", FailureKind::Sql),
    ("InvalidTableDefinition", FailureKind::Sql),
    ("DatatypeMismatch", FailureKind::Sql),
    ("Violation", FailureKind::Data),
    ("StringDataRightTruncation", FailureKind::Data),
    ("NumericValueOutOfRange", FailureKind::Data),
    ("InvalidTextRepresentation", FailureKind::Data),
];

/// Reads the output of a failed run.
pub(super) fn explain(output: &str, exit: Option<i32>) -> Failure {
    planning(output, exit).or_else(|| raised(output)).unwrap_or_else(|| {
        let failure = Failure { line: last(output).to_owned(), ..Failure::of_server(output) };
        match failure.kind {
            FailureKind::Other if output.contains(RUNS) => {
                Failure { kind: FailureKind::Raised, ..failure }
            }
            _ => failure,
        }
    })
}

/// Stands in a traceback below the line at which Alembic calls `upgrade` or `downgrade`.
const RUNS: &str = "step.migration_fn(";

fn planning(output: &str, exit: Option<i32>) -> Option<Failure> {
    if exit.is_some_and(|code| code != REFUSED) {
        return None;
    }
    let line = output.lines().rev().find(|line| line.contains("FAILED:"))?;
    Failure::said(line, PLANNING)
}

/// Reads the exception that the driver raised; SQLAlchemy prints it with its class in front.
fn raised(output: &str) -> Option<Failure> {
    let is_raised = |line: &&str| {
        line.starts_with("sqlalchemy.exc.")
            || line.starts_with("psycopg")
            || line.starts_with("asyncpg.")
    };
    let line = output.lines().rev().find(is_raised)?;
    let class = CLASSES.iter().find(|(class, _)| line.contains(class));
    let kind = class.map_or_else(|| Failure::of_server(output).kind, |(_, kind)| *kind);
    Some(Failure { kind, sqlstate: None, line: line.to_owned() })
}

/// Returns the exception at the end of a traceback, or the last line.
fn last(output: &str) -> &str {
    let lines = || output.lines().rev().filter(|line| !line.trim().is_empty());
    let is_exception = |line: &&str| {
        let class = line.split([':', ' ']).next().unwrap_or_default();
        !line.starts_with(' ') && (class.ends_with("Error") || class.ends_with("Exception"))
    };
    lines().find(is_exception).or_else(|| lines().next()).unwrap_or_default().trim()
}
