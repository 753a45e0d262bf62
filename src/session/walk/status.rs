//! What became of a step, and where the current one stands.

use serde::{Deserialize, Serialize};

use crate::domain::evidence::Reading;

/// How a step passed: what a machine sensed looks different from what a person vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A probe found what was expected.
    Sensed,
    /// A person read it, or answered.
    Vouched,
    /// An act was done, and its checks held.
    Acted,
    /// Nobody approved, and a typed reason stands in for it.
    Overridden,
    /// It is not as it should be, and the configuration lets it be, for a reason.
    Waived,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It passed.
    Passed {
        /// How.
        means: Means,
        /// The value that was found, given or chosen.
        value: String,
    },
    /// It was left out, and why.
    Skipped {
        /// The operator's reason.
        reason: String,
    },
    /// It failed, and the walk went on where the failure offered to.
    Failed {
        /// What happened.
        why: String,
    },
    /// Its `when` does not hold here.
    NotHere,
}

/// Where the current step stands: what is possible now follows from it alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The run is paused before this step: nothing of it is read or asked for yet.
    Held,
    /// A text to read; goes on when it was read.
    Notice,
    /// Probes are being read, for this.
    Probing(Purpose),
    /// A check did not find what it expected.
    CheckFailed {
        /// It could not be read at all: cannot tell.
        unknown: bool,
        /// What was found instead.
        why: String,
    },
    /// An act that can be planned.
    Ready,
    /// A gate denies the act.
    Denied {
        /// What does not hold, a line each.
        reasons: Vec<String>,
        /// A typed reason can override all of them.
        overridable: bool,
    },
    /// The act is being planned, shown or run.
    Acting,
    /// The act failed, or its checks did not hold.
    Failed {
        /// What happened.
        why: String,
        /// It may be tried again.
        may_retry: bool,
    },
    /// The act is done, and what must hold afterwards does not, or cannot be told.
    Unproven {
        /// Nothing speaks against it, but it cannot be told.
        unknown: bool,
        /// What was found instead.
        why: String,
    },
    /// A question, with its evidence read.
    Deciding,
    /// Something that a person does, and vouches for with a value.
    Doing,
    /// A variable that a person gives a value.
    Asking,
    /// Somebody other than the executor has to approve.
    Approving,
    /// A live view; it ends by itself.
    Watching,
    /// The run is about to end, and something that it has opened is to be undone first; what
    /// went wrong with that, if something did.
    Undo(Option<String>),
    /// Something that cannot be walked here, and why: a kind of act that this version does
    /// not have, a runbook that calls itself.
    Refused(String),
}

/// What probes are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The check itself.
    Check,
    /// The gates before an act.
    Gates,
    /// The gates once more, at the yes to its plan.
    Yes,
    /// The checks after an act.
    Verify,
    /// Whether the act of a step that was left before it began is done already.
    Already,
    /// The evidence of a question.
    Evidence,
    /// What shows that a person did what they vouch for.
    Vouched,
}

/// A line of evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What was read.
    pub label: String,
    /// What it said.
    pub reading: Reading,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// Every step that applies passed or was skipped.
    Completed,
    /// The operator left it, and why.
    Abandoned {
        /// The operator's reason.
        reason: String,
    },
    /// Nobody could tell: it goes to the next level of escalation.
    Escalated {
        /// The question that could not be answered.
        question: String,
    },
}
