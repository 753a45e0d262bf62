//! What went wrong, as far as a program's words tell, and the next right step: what an
//! operator is told beside what was left in the database.

use serde::{Deserialize, Serialize};

use super::outcome::Ending;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// A lock was not granted in time.
    LockQueue,
    /// A statement took longer than allowed.
    StatementTimeout,
    /// Somebody cancelled it.
    Cancelled,
    /// Its session was ended, or the server went down.
    ServerLost,
    /// A deadlock was resolved against it.
    Deadlock,
    /// Rows do not fit what is asked of them.
    Data,
    /// Other objects depend on what is dropped.
    Dependents,
    /// The role may not do this.
    Permission,
    /// The SQL is wrong, or names what is not there.
    Sql,
    /// It cannot run inside of a transaction.
    InTransaction,
    /// A migration that ran has no file any more.
    FileMissing,
    /// A migration was changed after it ran.
    FileChanged,
    /// The tool's own record says that an earlier run did not end.
    ToolDirty,
    /// The database was not where it was expected.
    Moved,
    /// The migration itself refused.
    Raised,
    /// The database could not be reached.
    Unreachable,
    /// It reported success, and nothing of the schema has changed.
    NothingChanged,
    /// More would be lost than was shown, or nobody can tell any more: it is shown again.
    Worsened,
}

impl Scenario {
    /// Returns what to do about the cause, once it is clear what was left.
    #[must_use]
    pub fn next(self) -> &'static str {
        match self {
            Self::LockQueue => {
                "see who holds the lock (Locks); end or wait for it, then run it again"
            }
            Self::StatementTimeout => {
                "it needs more time than statement_timeout gives: rehearse it for its duration, \
                 split it, or raise policy.statement_timeout"
            }
            Self::Cancelled => "find out who cancelled it and why before it runs again",
            Self::ServerLost => "wait until the server is back and stable, then look again",
            Self::Deadlock => {
                "another session takes the same locks in another order: see which, and run it \
                 when that one is done"
            }
            Self::Data => {
                "rows do not fit: count and mend them (the loss probe names them), or change the \
                 migration"
            }
            Self::Dependents => {
                "drop or change what depends on it first, in the migration; CASCADE would drop \
                 it unseen"
            }
            Self::Permission => "run it as the owner, or have the right granted",
            Self::Sql => "correct the migration; rehearse it before it runs again",
            Self::InTransaction => {
                "run that statement outside of a transaction, in a migration of its own"
            }
            Self::FileMissing => {
                "bring the migration's file back from version control before anything runs"
            }
            Self::FileChanged => {
                "restore the file as it ran, and put the change into a new migration"
            }
            Self::ToolDirty => {
                "look at what the earlier run left and mend it before the tool's mark is cleared"
            }
            Self::Moved => "somebody else moved the database: look at the migrations again",
            Self::Raised => "the migration itself refuses: read its words; go another way",
            Self::Unreachable => {
                "find out why the tool cannot reach the database ([project] environment), then \
                 run it again"
            }
            Self::NothingChanged => {
                "look whether the migration does anything: an empty way down \"succeeds\" too"
            }
            Self::Worsened => "look at the plan again: it says what is there now",
        }
    }
}

/// Returns the next right step after an act: what was left comes first, then the cause. Of
/// what may have left something, the same act is never what is next.
#[must_use]
pub fn next(ending: Ending, scenario: Option<Scenario>) -> Option<String> {
    let cause = scenario.map(Scenario::next);
    let first = match ending {
        Ending::Done => return cause.map(str::to_owned),
        Ending::Rehearsed => return None,
        Ending::NotRun | Ending::LockTimeout | Ending::RolledBack => {
            return Some(match cause {
                Some(cause) => format!("nothing of it was kept; next: {cause}"),
                None => "nothing of it was kept".to_owned(),
            });
        }
        Ending::Partial => {
            "do not run it again; complete or take back by hand what stays, \
             or restore (the tab Rollback leads through it)"
        }
        Ending::Failed | Ending::Stopped => {
            "what it left behind is not proven: look at the schema and at the rows it touches \
             before anything runs again"
        }
        Ending::RanElsewhere => "it ran elsewhere: look for where, and correct its configuration",
        Ending::Unknown => {
            "it may have run: look at the database; `lockkeeper resume` asks for your verdict"
        }
    };
    Some(match (ending, scenario) {
        // What the cause asks for may be to run it again.
        (Ending::Partial | Ending::Failed, Some(scenario)) => {
            format!("{first}. The cause: {}", scenario.cause())
        }
        _ => first.to_owned(),
    })
}

impl Scenario {
    /// Returns the cause in a few words.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::LockQueue => "a lock was not granted in time",
            Self::StatementTimeout => "a statement took longer than statement_timeout",
            Self::Cancelled => "somebody cancelled it",
            Self::ServerLost => "its session was ended, or the server went down",
            Self::Deadlock => "a deadlock was resolved against it",
            Self::Data => "rows do not fit what is asked of them",
            Self::Dependents => "other objects depend on what is dropped",
            Self::Permission => "the role may not do this",
            Self::Sql => "the SQL is wrong, or names what is not there",
            Self::InTransaction => "it cannot run inside of a transaction",
            Self::FileMissing => "a migration that ran has no file any more",
            Self::FileChanged => "a migration was changed after it ran",
            Self::ToolDirty => "an earlier run did not end",
            Self::Moved => "the database was not where it was expected",
            Self::Raised => "the migration itself refused",
            Self::Unreachable => "the database could not be reached",
            Self::NothingChanged => "nothing of the schema has changed",
            Self::Worsened => "it is worse now than it was shown",
        }
    }
}
