//! What became of an act whose program ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Compared;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::scenario::Scenario;
use crate::domain::untrusted::Untrusted;

use super::Postcondition;

/// How the program of an act ended, as the process that waited for it wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// Why it could not be started; then nothing of it ran.
    pub not_started: Option<String>,
    /// True if it was asked to stop before it ended.
    pub stopped: bool,
    /// When it started, UTC.
    pub started_at: DateTime<Utc>,
    /// When it ended, UTC.
    pub ended_at: DateTime<Utc>,
    /// From start to end by the monotonic clock, in milliseconds.
    pub took_ms: u64,
}

impl Exit {
    /// Returns the end in a few words, e.g. `exit code 1`.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.not_started, self.code, self.signal) {
            (Some(why), _, _) => format!("not started: {why}"),
            (_, Some(code), _) => format!("exit code {code}"),
            (_, _, Some(signal)) => format!("ended by signal {signal}"),
            _ => "ended".to_owned(),
        }
    }
}

/// What a tool's output says about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// SQLSTATE 55P03, and the transaction was rolled back.
    LockTimeout,
    /// An error inside of one transaction, which took everything with it.
    RolledBack,
    /// An error after something was committed.
    Partial,
    /// Nothing of a request was sent.
    NotSent,
    /// A request was sent, or some of it, and no answer was read.
    Unanswered,
}

/// What is known beside the exit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// What the tool's output says, where it is understood.
    pub failure: Option<Failure>,
    /// The revisions before the act.
    pub before: Vec<String>,
    /// The revisions that it leads to; `None`: it is no migration.
    pub expected: Option<Vec<String>>,
    /// The revisions that were read after it; `None`: they could not be read.
    pub revision: Option<Vec<String>>,
    /// What it said last.
    pub message: Untrusted,
    /// The schema after it against the schema before it.
    pub schema: Compared,
    /// Whether it may have changed rows that its schema does not show, outside of one
    /// transaction.
    pub rows: bool,
    /// Whether it was to change the schema at all.
    pub alters: bool,
    /// What went wrong, as far as its words tell.
    pub scenario: Option<Scenario>,
}

/// Where the revision stands after an act.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The act has no revision.
    Unasked,
    NotRead,
    AsExpected,
    Unmoved,
    Elsewhere,
}

impl After {
    /// Takes that its statement was cancelled because it waited too long for a lock: the same
    /// as a lock timeout, where it was rolled back.
    #[must_use]
    pub fn waited(self, how: &str) -> Self {
        let failure = match self.failure {
            Some(Failure::RolledBack) => Some(Failure::LockTimeout),
            failure => failure,
        };
        let message = match self.message.raw() {
            "" => how.into(),
            theirs => format!("{how}\n{theirs}").into(),
        };
        Self { failure, message, scenario: Some(Scenario::LockQueue), ..self }
    }

    /// Returns what revision and schema prove of an act whose end nobody saw. `whole`: all that
    /// it does is one transaction.
    ///
    /// A revision that did not move proves nothing by itself: whether the act was one
    /// transaction is read from its files, which may not be what ran. Only a schema that was
    /// read before and after it, and is the same, is evidence.
    #[must_use]
    pub fn postcondition(&self, whole: bool) -> Postcondition {
        match (self.stands(), &self.schema) {
            (Stands::Unasked | Stands::NotRead, _) => Postcondition::CannotTell,
            (Stands::AsExpected, _) => Postcondition::Holds,
            (Stands::Elsewhere, _) => Postcondition::Neither,
            (Stands::Unmoved, Compared::Moved { .. }) => Postcondition::SchemaMoved,
            (Stands::Unmoved, Compared::Same { .. }) if whole || !self.rows => {
                Postcondition::Untouched
            }
            (Stands::Unmoved, _) => Postcondition::RevisionUnmoved,
        }
    }

    fn stands(&self) -> Stands {
        match (&self.expected, &self.revision) {
            (None, _) => Stands::Unasked,
            (_, None) => Stands::NotRead,
            (Some(expected), Some(found)) if same(expected, found) => Stands::AsExpected,
            (_, Some(found)) if same(&self.before, found) => Stands::Unmoved,
            _ => Stands::Elsewhere,
        }
    }
}

/// Returns true if both hold the same revisions, in whatever order.
fn same(one: &[String], other: &[String]) -> bool {
    let sorted = |revisions: &[String]| {
        let mut all = revisions.to_vec();
        all.sort_unstable();
        all.dedup();
        all
    };
    sorted(one) == sorted(other)
}

/// Returns what became of an act whose program ended.
///
/// Success needs both: exit code 0 and the revision that was expected. A failure counts as
/// rolled back only if neither the revision nor the schema moved, both were read, and either
/// the tool says so or nothing but the schema could have stayed.
#[must_use]
pub fn classify(exit: &Exit, after: &After) -> Outcome {
    let stands = after.stands();
    let ending = match (exit.not_started.is_some(), exit.code) {
        (true, _) => Ending::NotRun,
        (_, Some(0)) => succeeded(stands, &after.schema),
        _ => failed(exit.stopped, stands, after),
    };
    Outcome {
        ending,
        message: said(exit, after, ending),
        exit_code: exit.code,
        took_ms: Some(exit.took_ms),
        revision_after: after.revision.clone(),
        schema: after.schema.clone(),
        scenario: scenario(ending, after),
    }
}

/// Returns the scenario: of a success only that the schema shows nothing of it.
fn scenario(ending: Ending, after: &After) -> Option<Scenario> {
    let idle = after.alters && matches!(after.schema, Compared::Same { .. });
    match ending {
        Ending::Done => idle.then_some(Scenario::NothingChanged),
        _ => after.scenario,
    }
}

fn succeeded(stands: Stands, schema: &Compared) -> Ending {
    match stands {
        Stands::Unasked | Stands::AsExpected => Ending::Done,
        Stands::Unmoved if matches!(schema, Compared::Moved { .. }) => Ending::Partial,
        Stands::Unmoved => Ending::RanElsewhere,
        Stands::NotRead => Ending::Unknown,
        Stands::Elsewhere => Ending::Failed,
    }
}

fn failed(stopped: bool, stands: Stands, after: &After) -> Ending {
    match after.failure {
        Some(Failure::NotSent) => return Ending::NotRun,
        // Also if it was stopped: what has left this machine does not come back.
        Some(Failure::Unanswered) => return Ending::Unknown,
        _ => {}
    }
    match (stands, &after.schema) {
        (Stands::AsExpected | Stands::Elsewhere, _) | (_, Compared::Moved { .. }) => {
            Ending::Partial
        }
        _ if stopped => Ending::Stopped,
        (Stands::NotRead, _) | (_, Compared::Unknown) => Ending::Failed,
        (_, Compared::Same { .. }) => match after.failure {
            Some(Failure::LockTimeout) => Ending::LockTimeout,
            Some(Failure::RolledBack) => Ending::RolledBack,
            // What was committed on the way is not the schema: if no row was either, nothing.
            Some(Failure::Partial) | None if !after.rows => Ending::RolledBack,
            Some(Failure::Partial) => Ending::Partial,
            _ => Ending::Failed,
        },
    }
}

/// Returns the message: what the program said, after what the exit code does not tell.
fn said(exit: &Exit, after: &After, ending: Ending) -> Untrusted {
    let said = words(exit, after, ending);
    match after.schema.told().filter(|_| ending != Ending::Done) {
        Some(moved) => format!("{}\nsince before it: {moved}", said.raw()).into(),
        None => said,
    }
}

fn words(exit: &Exit, after: &After, ending: Ending) -> Untrusted {
    let ours = match (exit.code, ending) {
        (Some(0), Ending::RanElsewhere) => {
            "exit code 0, but the target's revision did not move: it ran elsewhere"
        }
        (Some(0), Ending::Unknown) => "exit code 0, but the target's revision cannot be read",
        (Some(0), Ending::Failed) => "exit code 0, but the revision is not the expected one",
        (Some(0), Ending::Partial) => {
            "exit code 0, but the revision did not move, and the schema did"
        }
        (_, Ending::NotRun) if exit.not_started.is_some() => return exit.words().into(),
        _ if after.message.is_empty() => return exit.words().into(),
        _ => return after.message.clone(),
    };
    match after.message.raw() {
        "" => ours.into(),
        theirs => format!("{ours}\n{theirs}").into(),
    }
}
