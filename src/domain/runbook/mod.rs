//! Runbooks: sections of steps, walked by one machine; checklists and decision trees alike.
//!
//! A file is read in two moves: its written form ([`raw`]) by serde, then
//! [`Runbook::build`], which resolves every name. What is built holds no
//! contradiction: an act has one action, every reference points to something,
//! every section can be reached.

mod action;
mod build;
mod check;
mod endpoint;
mod kind;
pub mod lint;
pub mod paper;
pub mod raw;
mod when;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use action::{Act, Action, Backup, Down, Migrate, Restore, Signalled, Up, VerifyBackup};
pub use check::SHIPPED;
pub use endpoint::{Endpoint, Header, Method, Secret};
pub use kind::{Answer, Ask, Decide, From, Goto, Kind, Manual, Respond, Suggestion, Target, Watch};
pub use when::{Context, When, policy_holds};

use super::evidence::Probe;
use super::gate::Gate;
use super::trigger::Trigger;

/// A runbook whose every reference is known to point to something.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// The name that `run` takes.
    pub id: String,
    /// What it is for.
    pub title: String,
    /// The documents it stands for, e.g. `001 §6`.
    pub sources: Vec<String>,
    /// The section where a run begins.
    pub entry: String,
    /// Probes by name.
    pub probes: BTreeMap<String, Probe>,
    /// Gates by name.
    pub gates: BTreeMap<String, Gate>,
    /// Triggers by name.
    pub triggers: BTreeMap<String, Trigger>,
    /// Ways on after known errors, by name.
    pub scenarios: BTreeMap<String, Scenario>,
    /// What the report holds.
    pub report: Option<Report>,
    /// The sections, in the order in which they are walked.
    pub sections: Vec<Section>,
}

impl Runbook {
    /// Returns the section of that id.
    #[must_use]
    pub fn section(&self, id: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.id == id)
    }

    /// Returns the step of that id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|step| step.id == id)
    }

    /// Returns all steps, in the order of the file.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.sections.iter().flat_map(|section| &section.steps)
    }

    /// Returns the scenarios whose form the error text of a failed step has.
    pub fn scenarios_of<'a>(&'a self, error: &'a str) -> impl Iterator<Item = &'a Scenario> {
        self.scenarios.values().filter(move |scenario| scenario.fits(error))
    }
}

/// A part of a runbook, read and paused at as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Unique in the runbook.
    pub id: String,
    /// What it is for.
    pub title: String,
    /// How its steps are walked.
    pub mode: Mode,
    /// When it applies; else it is passed over.
    pub when: When,
    /// What is not offered while in it.
    pub never: Vec<Deed>,
    /// Its steps; there is at least one.
    pub steps: Vec<Step>,
}

/// How the steps of a section are walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// At once, from memory, in this order.
    Immediate,
    /// Each step is read, then done.
    #[default]
    ReadDo,
    /// The steps are done, then confirmed one after the other.
    DoConfirm,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique in the runbook.
    pub id: String,
    /// What is done.
    pub title: String,
    /// Why, in a sentence.
    pub why: Option<String>,
    /// When it applies; else it is passed over.
    pub when: When,
    /// Whether and how it may be skipped.
    pub skip: Skip,
    /// What is offered when it fails.
    pub on_fail: OnFail,
    /// What a resumed run does with it.
    pub resume: Resume,
    /// The document and section it stands for.
    pub source: Option<Citation>,
    /// The source's command that is not run, and why.
    pub replaced: Option<Replaced>,
    /// People of the configuration's `[contacts]`.
    pub contacts: Vec<String>,
    /// Titles of the configuration's `[links]`.
    pub links: Vec<String>,
    /// What it does.
    pub kind: Kind,
}

/// Whether and how a step may be skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// It is required.
    Never,
    /// For a typed reason, which is recorded.
    #[default]
    WithReason,
    /// Without one.
    Freely,
}

/// What is offered when a step fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnFail {
    /// How often it may be tried again; `None` leaves it to the operator.
    pub retry: Option<u32>,
    /// Where to go on.
    pub offer: Vec<Offer>,
    /// What must not be offered.
    pub never: Vec<Deed>,
}

/// A way on after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The scenarios that fit the error.
    Scenario,
    /// A person.
    Escalate,
    /// A section.
    Section(String),
}

/// A kind of deed that a step, section or scenario forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A migration upwards, and every retry of one.
    Migrate,
    /// A migration downwards.
    Rollback,
    /// A backup.
    Backup,
    /// A proof of a backup.
    VerifyBackup,
    /// A restore.
    Restore,
    /// SQL of a step.
    Sql,
    /// A command of a step.
    Command,
    /// Ending a statement or a session.
    Signal,
    /// An HTTP request.
    Http,
}

/// What a resumed run does with the step at which it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// Does it again, if it changes nothing; an act waits for the operator all the same.
    Rerun,
    /// Reads the act's `verify` first: if all of it holds, the step passes without its act.
    VerifyFirst,
    /// Waits for the operator.
    #[default]
    Ask,
}

/// Where in the source documents a step comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// The document, e.g. `001`.
    pub doc: String,
    /// Its section, e.g. `6.1`.
    pub section: String,
}

/// A command of the source that is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The source's command.
    pub instead_of: String,
    /// Why it is not run.
    pub because: String,
}

/// The way on after a known error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What has happened, in words.
    pub title: String,
    /// Forms of the error text; `*` stands for any text, and any form is enough.
    pub matches: Vec<String>,
    /// What to do, in words.
    pub text: Option<String>,
    /// Sections that are offered.
    pub offer: Vec<String>,
    /// What must not be offered.
    pub never: Vec<Deed>,
    /// The document and section it stands for.
    pub source: Option<Citation>,
}

impl Scenario {
    /// Returns true if the error text holds one of the forms, in any case of letters.
    #[must_use]
    pub fn fits(&self, error: &str) -> bool {
        let error = error.to_lowercase();
        self.matches.iter().any(|form| {
            let mut left = error.as_str();
            form.to_lowercase().split('*').all(|part| match left.split_once(part) {
                Some((_, after)) => {
                    left = after;
                    true
                }
                None => false,
            })
        })
    }
}

/// What the report holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its heading.
    pub title: String,
    /// What the journal fills in.
    pub filled: Vec<Filled>,
    /// What the operator is asked.
    pub asked: Vec<Question>,
}

/// A part of the report that the journal fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// Target, class, identity.
    Environment,
    /// Migrations and revisions.
    Revisions,
    /// What happened when.
    Timeline,
    /// What was done, by whom.
    Actions,
    /// Error texts.
    Errors,
    /// Excerpts of outputs.
    Output,
    /// Backups with place and time.
    Backups,
    /// Approvals and overrides.
    Approvals,
    /// Time out of service, as measured.
    Downtime,
    /// Rows lost, as counted.
    DataLoss,
}

/// A question that only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its key in the report.
    pub id: String,
    /// The question.
    pub ask: String,
    /// Whether the report is incomplete without an answer.
    #[serde(default)]
    pub required: bool,
}
