//! What became of an act: from its exit and the revisions, or, after a crash, from
//! the evidence that is left. Nothing here ever starts an act again.

mod exit;

pub use exit::{After, Exit, Failure, classify};

use super::outcome::{Ending, Outcome};

/// What is left of an act's job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Nobody had claimed it, and we have now: it can never start any more.
    Unclaimed,
    /// Its process, or the program that this one left behind, lives.
    Running {
        /// The process to look at.
        pid: u32,
    },
    /// Its end was written down.
    Exited(Exit),
    /// It was claimed, its process is gone, and it wrote no end.
    Dead,
    /// The act runs in this program itself and has no job: a signal.
    InProcess,
    /// The job's files cannot be read.
    Unreadable(String),
}

/// What the server says about backends with the act's `application_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// One is there: the server still works on it.
    Present {
        /// Its pid on the server.
        pid: i32,
    },
    /// None is there.
    Gone,
    /// The server cannot be asked, or the tool does not pass the name on.
    CannotTell,
}

/// What the database says about the act's postcondition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postcondition {
    /// It holds.
    Holds,
    /// The revision *and* the schema's fingerprint are those from before.
    Untouched,
    /// The revision is the one from before; the schema was not compared. A tool that
    /// commits on the way leaves objects behind an old revision.
    RevisionUnmoved,
    /// The revision is the one from before, and the schema is not.
    SchemaMoved,
    /// Neither.
    Neither,
    /// A backup's file is there, but not whole: nothing of worth.
    OnlyPartial,
    /// Nothing of a backup is there.
    NoFile,
    /// The name belongs to the database that was to take it.
    Swapped,
    /// Everything has the name that it had before.
    NotSwapped,
    /// A new database is there, and not whole; the live one was not touched.
    HalfMade,
    /// Nothing of it is on the server.
    NothingLeft,
    /// It could not be read, or the act has none.
    CannotTell,
}

/// Everything that is left of an act, in the order in which it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The job's files and processes.
    pub job: Job,
    /// What the server still does.
    pub backend: Backend,
    /// What the database holds.
    pub postcondition: Postcondition,
    /// What the operator says, who was shown all the rest.
    pub verdict: Option<Ending>,
    /// What is known beside an exit.
    pub after: After,
}

/// What an intent without outcome is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Certain: the program did not and will not start.
    NeverStarted,
    /// It runs: look, wait, or stop it.
    StillRunning {
        /// How that is known.
        why: String,
    },
    /// It ended.
    Ended(Outcome),
    /// Nobody can tell; a person must look, and says what is true.
    Unknown {
        /// What is missing.
        why: String,
    },
}

impl Resolution {
    /// Returns the outcome to record, or `None` while there is none.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::NeverStarted => Some(Outcome::new(Ending::NotRun, "it was never started")),
            Self::Ended(outcome) => Some(outcome.clone()),
            Self::StillRunning { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// Resolves an intent without outcome: exit file, then live process, then tagged
/// backend, then postcondition, then the operator's verdict.
#[must_use]
pub fn resolve(evidence: &Evidence) -> Resolution {
    match &evidence.job {
        Job::Unclaimed => Resolution::NeverStarted,
        Job::Exited(exit) if exit.not_started.is_some() => Resolution::NeverStarted,
        Job::Running { pid } => {
            Resolution::StillRunning { why: format!("its process {pid} is alive") }
        }
        Job::Exited(exit) => exited(exit, evidence),
        Job::Dead => unseen("its process ended without writing how", evidence),
        Job::InProcess => unseen("the console ended in the middle of it", evidence),
        Job::Unreadable(why) => unseen(why, evidence),
    }
}

/// Returns the resolution of a program that ended; its statement may go on without it.
fn exited(exit: &Exit, evidence: &Evidence) -> Resolution {
    if let (Backend::Present { pid }, false) = (evidence.backend, exit.code == Some(0)) {
        return working(pid);
    }
    let outcome = classify(exit, &evidence.after);
    match (outcome.ending, evidence.verdict) {
        (Ending::Unknown, Some(verdict)) => Resolution::Ended(judged(verdict)),
        (Ending::Unknown, None) => Resolution::Unknown { why: outcome.message.one_line() },
        _ => Resolution::Ended(outcome),
    }
}

/// Returns the resolution of an act whose end nobody saw.
fn unseen(what: &str, evidence: &Evidence) -> Resolution {
    if let Backend::Present { pid } = evidence.backend {
        return working(pid);
    }
    if let (Backend::Gone, Some(outcome)) = (evidence.backend, settled(evidence)) {
        return Resolution::Ended(outcome);
    }
    match evidence.verdict {
        Some(verdict) => Resolution::Ended(judged(verdict)),
        None => Resolution::Unknown { why: format!("{what}; {}", missing(evidence)) },
    }
}

fn working(pid: i32) -> Resolution {
    Resolution::StillRunning { why: format!("the server still works on it in backend {pid}") }
}

/// Returns the outcome that the postcondition proves.
fn settled(evidence: &Evidence) -> Option<Outcome> {
    let (ending, message) = match evidence.postcondition {
        Postcondition::Holds => (Ending::Done, "its postcondition holds"),
        Postcondition::Untouched => {
            (Ending::RolledBack, "revision and schema are those from before it")
        }
        Postcondition::SchemaMoved => {
            (Ending::Partial, "the revision is the one from before it, and the schema is not")
        }
        Postcondition::OnlyPartial => {
            (Ending::Failed, "what is left of its file is not whole: nothing of worth")
        }
        Postcondition::NoFile => (Ending::NotRun, "no file of it is there"),
        Postcondition::Swapped => {
            (Ending::Done, "the names were swapped: under the name answers the NEW database")
        }
        Postcondition::NotSwapped => (
            Ending::RolledBack,
            "nothing was swapped or dropped: under the name answers the OLD database",
        ),
        Postcondition::HalfMade => (
            Ending::Partial,
            "a new database is left over, half made; under the name answers the OLD database, untouched",
        ),
        Postcondition::NothingLeft => (
            Ending::RolledBack,
            "nothing of it is on the server; under the name answers the OLD database",
        ),
        _ => return None,
    };
    let revision_after = evidence.after.revision.clone();
    let schema = evidence.after.schema.clone();
    Some(Outcome { revision_after, schema, ..Outcome::new(ending, message) })
}

fn judged(verdict: Ending) -> Outcome {
    Outcome::new(verdict, "by the operator's verdict")
}

/// Returns what would have to be known.
fn missing(evidence: &Evidence) -> &'static str {
    if evidence.after.failure == Some(Failure::Unanswered) {
        return "no answer to its request was read: ask the service whether it has arrived";
    }
    match (evidence.backend, evidence.postcondition) {
        (Backend::CannotTell, _) => "whether the server still works on it cannot be told",
        (_, Postcondition::RevisionUnmoved) => {
            "the revision did not move, but whether anything else of it stayed cannot be told: \
             look at the schema and at the rows it touches"
        }
        (_, Postcondition::Neither) => {
            "the database is neither as before it nor as it should be after it"
        }
        _ => "the database cannot be read for it",
    }
}
