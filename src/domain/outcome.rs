//! How an act ended, and what is known about what it left behind.

use serde::{Deserialize, Serialize};

use super::fingerprint::Compared;
use super::scenario::{self, Scenario};
use super::untrusted::Untrusted;

/// How an act ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of it.
    pub ending: Ending,
    /// What the program or the server said last, one or few lines.
    pub message: Untrusted,
    /// The exit code, if a program ran to its end by itself.
    pub exit_code: Option<i32>,
    /// From its start to its end, in milliseconds, if both are known.
    pub took_ms: Option<u64>,
    /// The database's revisions afterwards; `None`: not read.
    pub revision_after: Option<Vec<String>>,
    /// What became of the schema, where it was compared.
    #[serde(default)]
    pub schema: Compared,
    /// What went wrong, as far as its words tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
}

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its postcondition holds.
    Done,
    /// In a rehearsal: it reaches outside of the copy, so it was shown and confirmed, and not run.
    Rehearsed,
    /// It was never started: refused, or the intent was all that happened.
    NotRun,
    /// It waited for a lock until `lock_timeout`, and was rolled back: it may be tried again.
    LockTimeout,
    /// It failed and what it did was rolled back.
    RolledBack,
    /// It failed, and some of what it did stays.
    Partial,
    /// It failed; what it left behind has to be looked at.
    Failed,
    /// It was stopped on the operator's request.
    Stopped,
    /// It reported success and the target's revision did not move: it ran elsewhere.
    RanElsewhere,
    /// Nobody can tell. It is never run again by itself.
    Unknown,
}

impl Ending {
    /// Returns the words for the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rehearsed => "rehearsed, not run",
            Self::NotRun => "not run",
            Self::LockTimeout => "lock timeout, rolled back",
            Self::RolledBack => "failed, rolled back",
            Self::Partial => "failed, part of it stays",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::RanElsewhere => "ran elsewhere",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Returns true if what follows it may begin: it is done, or as done as a rehearsal can be.
    #[must_use]
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Done | Self::Rehearsed)
    }

    /// Returns true if it is certain that the database is as it was before.
    #[must_use]
    pub fn kept_nothing(self) -> bool {
        matches!(self, Self::Rehearsed | Self::NotRun | Self::LockTimeout | Self::RolledBack)
    }

    /// Returns true if trying the same act again repeats nothing that already happened.
    #[must_use]
    pub fn may_retry(self) -> bool {
        self.kept_nothing()
    }
}

impl Outcome {
    /// Returns an outcome that has only an ending and a message.
    #[must_use]
    pub fn new(ending: Ending, message: impl Into<Untrusted>) -> Self {
        Self {
            ending,
            message: message.into(),
            exit_code: None,
            took_ms: None,
            revision_after: None,
            schema: Compared::Unknown,
            scenario: None,
        }
    }

    /// Returns the next right step; `None` if there is nothing to be told.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        scenario::next(self.ending, self.scenario)
    }
}
