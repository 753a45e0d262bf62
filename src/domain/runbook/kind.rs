//! What a step does.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::Act;
use super::when::When;
use crate::domain::evidence::{Claim, Probe};
use crate::domain::quantity::Period;

/// What a step does, with all that it needs and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Text to read.
    Notice {
        /// The text.
        text: String,
    },
    /// A closed-loop item: the machine senses it.
    Check(Claim),
    /// An open-loop item: a person vouches for it with a value.
    Manual(Manual),
    /// Sets a variable.
    Ask(Ask),
    /// One action, after confirmation.
    Act(Box<Act>),
    /// A live view with the triggers armed.
    Watch(Watch),
    /// A question with evidence and ways on.
    Decide(Decide),
    /// A second person, never the executor.
    Approve {
        /// The role in which they approve.
        role: String,
    },
    /// Another section or runbook, and back.
    Call {
        /// Which.
        target: Target,
    },
}

impl Kind {
    /// Returns the word that files write.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Notice { .. } => "notice",
            Self::Check(_) => "check",
            Self::Manual(_) => "manual",
            Self::Ask(_) => "ask",
            Self::Act(_) => "act",
            Self::Watch(_) => "watch",
            Self::Decide(_) => "decide",
            Self::Approve { .. } => "approve",
            Self::Call { .. } => "call",
        }
    }
}

/// An item that a person vouches for.
#[derive(Clone, Debug, PartialEq)]
pub struct Manual {
    /// What is to be done.
    pub text: String,
    /// The form of the answer.
    pub respond: Respond,
    /// What the machine senses afterwards.
    pub verify: Vec<Claim>,
}

/// The form of an answer; it states a value, never just "done".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Respond {
    /// A value as read somewhere.
    Value,
    /// A number of things.
    Count,
    /// A text.
    Text,
}

/// A step that sets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The variable, written `{var.NAME}` elsewhere.
    pub var: String,
    /// Where its value comes from.
    pub from: From,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Typed.
    Text,
    /// Typed, a number.
    Number,
    /// One of these; there are at least two.
    Choice(Vec<String>),
    /// Picked from the migrations.
    Revision,
    /// Picked from the backups.
    Backup,
    /// Picked from the tables.
    Table,
    /// Picked from the live sessions.
    Session,
}

/// A live view.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// It lasts at least so long.
    pub min_duration: Period,
    /// What is shown, by name.
    pub probes: Vec<(String, Probe)>,
    /// What must hold at its end.
    pub until: Option<Claim>,
}

/// A question with evidence and ways on; "cannot tell" is added by the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Decide {
    /// The question.
    pub question: String,
    /// What is shown before it, by name.
    pub evidence: Vec<(String, Probe)>,
    /// What the evidence speaks for; shown after it, and never preselected.
    pub suggest: Vec<Suggestion>,
    /// The answers; there are at least two.
    pub answers: Vec<Answer>,
}

/// An answer that the evidence speaks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// When it does.
    pub when: When,
    /// The id of the answer.
    pub answer: String,
}

/// An answer to a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its key; `u` is kept for "cannot tell".
    pub key: char,
    /// Unique in the decision.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Where it leads.
    pub goto: Goto,
}

/// Where an answer leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goto {
    /// To the beginning of a section.
    Section(String),
    /// To the next step.
    Next,
    /// To the end of the run.
    End,
    /// To a person.
    Escalate,
}

impl Goto {
    /// The words that lead somewhere other than to a section.
    pub const WORDS: [&'static str; 3] = ["next", "end", "escalate"];
}

impl fmt::Display for Goto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Section(id) => id,
            Self::Next => "next",
            Self::End => "end",
            Self::Escalate => "escalate",
        })
    }
}

/// What a `call` step walks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A section of this runbook.
    Section(String),
    /// Another runbook, found by the same search: all of it from its entry, or one section
    /// with what that leads to, written `NAME/SECTION`.
    Runbook {
        /// Its name.
        name: String,
        /// The section; `None`: from the entry.
        section: Option<String>,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Section(name) | Self::Runbook { name, section: None } => f.write_str(name),
            Self::Runbook { name, section: Some(section) } => write!(f, "{name}/{section}"),
        }
    }
}
