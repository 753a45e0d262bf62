//! Walking a runbook: which step is the current one, what is possible on it, and what
//! follows from what happened.
//!
//! A pure machine. Three properties are its reason to be, and are tested as such: no act is
//! asked for before its gates allowed it, a skip starts nothing, and after the end nothing
//! happens at all.

mod answers;
mod approve;
mod call;
mod enter;
mod follow;
mod gates;
mod known;
mod leave;
mod moves;
mod path;
mod record;
mod results;
mod resume;
mod sent;
mod status;
mod undo;
mod waive;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::approval::{Approval, Awaited, Executor};
use crate::domain::baseline::Baseline;
use crate::domain::config::Tool;
use crate::domain::evidence::{Probe, Reading, Value};
use crate::domain::identity::Class;
use crate::domain::journal::Entry;
use crate::domain::runbook::{Runbook, Section, Step};

use super::effect::{Request, Tone};

use call::Frame;
use gates::Ruled;
use resume::Left;
pub use status::{End, Evidence, Means, Phase, Purpose, Status};
pub use undo::Due;
pub use watch::{Armed, Watching};

/// What the operator does in a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Goes on: a notice was read.
    Continue,
    /// Starts the act, or reads the probes again.
    Run,
    /// Answers a question. Against the suggestion, a reason is needed.
    Choose {
        /// The answer's id; [`CANNOT_TELL`] is always one.
        answer: String,
        /// Why, if it goes against the suggestion.
        reason: Option<String>,
    },
    /// Leaves the step out.
    Skip(String),
    /// Overrides a gate.
    Override(String),
    /// Writes a note into the record.
    Note(String),
    /// Pauses, or goes on.
    Pause,
    /// Pauses when this step is over; the same again takes it back.
    StopAfter,
    /// Goes to a section that a failure or a trigger offers.
    Take(String),
    /// Gives the value that is asked for: of a manual item, or of a variable.
    Give(String),
    /// Approves, under the name that the approver typed.
    Approve(String),
    /// Asks the question before anew.
    Back,
    /// Hands the run over to somebody, with a note for them; it pauses.
    Handover {
        /// Who goes on.
        to: String,
        /// What they have to know.
        note: String,
    },
    /// Ends the run here and hands it to a person.
    Escalate(String),
    /// Leaves the run.
    Abandon(String),
}

/// The answer that every question has.
pub const CANNOT_TELL: &str = "cannot_tell";

/// The offer that leads to a person.
pub const ESCALATE: &str = "escalate";

/// What a walk wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// Read these.
    Probe(Vec<Probe>),
    /// Plan this.
    Preview {
        /// The step that it belongs to.
        step: String,
        /// What is to be planned.
        request: Request,
    },
    /// Plan this for a second person to see; nothing is confirmed by it.
    Sketch(Request),
    /// Begin what was confirmed: its gates allow it at the yes.
    Perform,
    /// Record this.
    Record(Entry),
    /// Close the run with this.
    Close(Entry),
    /// Tell the operator.
    Say(Tone, String),
}

/// Where we are: what decides whether a step applies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The target's class.
    pub class: Class,
    /// The migration tool.
    pub tool: Option<Tool>,
    /// The configuration's policy, by the names that runbooks write.
    pub policy: BTreeMap<String, Value>,
    /// Who walks.
    pub executor: String,
    /// The role that logs in to the target.
    pub login: String,
    /// Whom to call, as the configuration says, a line each.
    pub contacts: Vec<String>,
    /// The configuration's commands, by name.
    pub commands: BTreeMap<String, Vec<String>>,
    /// The names of the configuration's probes.
    pub probes: BTreeSet<String>,
    /// The configuration's dashboards and documents: title to address.
    pub links: BTreeMap<String, String>,
    /// The configuration's contacts by name, a line each.
    pub people: BTreeMap<String, String>,
    /// Why the configuration lets checks of the first section be, by their ids.
    pub waived: BTreeMap<String, String>,
}

/// An answer that was given on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The question's step.
    pub step: String,
    /// The question.
    pub question: String,
    /// The answer's label.
    pub answer: String,
    /// How many calls deep the question was asked.
    depth: usize,
}

/// A runbook that is being walked.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    book: Runbook,
    place: Place,
    /// Who walks, and who has walked before.
    executor: Executor,
    section: usize,
    step: usize,
    phase: Phase,
    statuses: BTreeMap<String, Status>,
    evidence: Vec<Evidence>,
    asked: Vec<String>,
    readings: BTreeMap<String, Reading>,
    vars: BTreeMap<String, Value>,
    approvals: Vec<Approval>,
    /// What waits for a second person, as it was recorded last.
    awaited: Option<Awaited>,
    /// The plan that they see is being made.
    sketching: bool,
    /// The role whose approval the current act misses.
    missing: Option<String>,
    /// The steps whose act a typed reason has let through without an approval.
    waived: BTreeSet<String>,
    /// What the gates have denied last, as it was shown.
    denied: Vec<Ruled>,
    /// What of it a typed reason has let through for the act that is planned.
    overridden: Vec<Ruled>,
    reached: Option<String>,
    now: Option<DateTime<Utc>>,
    began: Option<DateTime<Utc>>,
    entered: Option<DateTime<Utc>>,
    path: Vec<Answered>,
    /// The hashes of the plans of the current step's acts that are done.
    done: Vec<String>,
    attempts: u32,
    /// The value that a manual item was given, until what it verifies is read.
    given: Option<String>,
    watching: Option<Watching>,
    /// How things were before the first migration of the run.
    baseline: Option<Baseline>,
    /// What the triggers that compare have read before the first act of the run.
    before: BTreeMap<String, Value>,
    /// The runbooks that can be called, frozen with the run.
    library: BTreeMap<String, Runbook>,
    callers: Vec<Frame>,
    /// How many calls deep the records are that are recalled.
    depth: usize,
    /// Who the run was handed over to, if it was.
    handed: Option<Handed>,
    paused: bool,
    stop_after: bool,
    /// What is next after the last failure of an act.
    advice: Option<String>,
    end: Option<End>,
    /// What was opened by acts that were done, and is not undone yet.
    due: Vec<Due>,
    /// What was left as it is instead of being undone, each with its reason.
    left_open: Vec<String>,
    /// How the run ends once nothing is due.
    ending: Option<End>,
    left: Option<Box<Left>>,
    /// The run's name; none while nothing was opened.
    run: Option<String>,
    /// How often each step has ended.
    rounds: BTreeMap<String, u32>,
}

/// A run that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// By whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What they have to know.
    pub note: String,
}

impl Walk {
    /// Returns a walk before its first step; [`Walk::begin`] takes it.
    #[must_use]
    pub fn new(book: Runbook, place: Place) -> Self {
        let section = path::entry(&book);
        let (role, login) = (place.login.clone(), place.login.clone());
        let executor = Executor { role, login, people: vec![place.executor.clone()] };
        Self {
            book,
            place,
            executor,
            section,
            step: 0,
            phase: Phase::Held,
            statuses: BTreeMap::new(),
            evidence: Vec::new(),
            asked: Vec::new(),
            readings: BTreeMap::new(),
            vars: BTreeMap::new(),
            approvals: Vec::new(),
            awaited: None,
            sketching: false,
            missing: None,
            waived: BTreeSet::new(),
            denied: Vec::new(),
            overridden: Vec::new(),
            reached: None,
            now: None,
            began: None,
            entered: None,
            path: Vec::new(),
            done: Vec::new(),
            attempts: 0,
            given: None,
            watching: None,
            baseline: None,
            before: BTreeMap::new(),
            library: BTreeMap::new(),
            callers: Vec::new(),
            depth: 0,
            handed: None,
            paused: false,
            stop_after: false,
            advice: None,
            end: None,
            due: Vec::new(),
            left_open: Vec::new(),
            ending: None,
            left: None,
            run: None,
            rounds: BTreeMap::new(),
        }
    }

    /// Takes the name of the run that was opened for it.
    pub(super) fn opened(&mut self, run: &str) {
        self.run = Some(run.to_owned());
    }

    /// Lets the walk call these runbooks, by their names.
    #[must_use]
    pub fn calling(mut self, library: BTreeMap<String, Runbook>) -> Self {
        self.library = library;
        self
    }

    /// Returns the runbook that is walked now: the one that was begun, or the one it calls.
    #[must_use]
    pub fn book(&self) -> &Runbook {
        &self.book
    }

    /// Returns where the walk is, for `when`.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the section that is walked.
    #[must_use]
    pub fn section(&self) -> &Section {
        &self.book.sections[self.section]
    }

    /// Returns the current step.
    #[must_use]
    pub fn current(&self) -> &Step {
        &self.section().steps[self.step]
    }

    /// Returns where the current step stands.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Returns what became of a step of the runbook that is walked now; `None`: it was not
    /// reached, or is the current one.
    #[must_use]
    pub fn status(&self, step: &str) -> Option<&Status> {
        self.statuses.get(&self.qualified(step))
    }

    /// Returns the values of the variables that were given.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<String, Value> {
        &self.vars
    }

    /// Returns the approvals that were given.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Returns who the run was handed over to last, if it was.
    #[must_use]
    pub fn handed(&self) -> Option<&Handed> {
        self.handed.as_ref()
    }

    /// Returns the value that a manual item was given and that is not proven yet.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// Returns what was read for the current step.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Returns the answers given so far.
    #[must_use]
    pub fn path(&self) -> &[Answered] {
        &self.path
    }

    /// Returns how many acts of the current step are done.
    #[must_use]
    pub fn acts_done(&self) -> usize {
        self.done.len()
    }

    /// Returns how many steps of the run were done by acts, over all that it has called.
    #[must_use]
    pub fn steps_acted(&self) -> usize {
        let acted = |status: &&Status| matches!(status, Status::Passed { means: Means::Acted, .. });
        self.statuses.values().filter(acted).count()
    }

    /// Takes how things were before the first migration of the run.
    pub(super) fn measured(&mut self, baseline: Baseline) {
        self.baseline = Some(baseline);
    }

    /// Returns true while it is paused: nothing is started.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Returns true if it pauses when the current step is over.
    #[must_use]
    pub fn stops_after(&self) -> bool {
        self.stop_after
    }

    /// Returns the last reading of a probe, e.g. for what an answered question stood on.
    #[must_use]
    pub fn reading_of(&self, probe: &str) -> Option<&Reading> {
        self.readings.get(probe)
    }

    /// Returns how it ended; `None`: it has not.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Returns which step of the runbook the current one is, from 1, and how many there are.
    #[must_use]
    pub fn place_of_current(&self) -> (usize, usize) {
        let id = &self.current().id;
        let at = self.book.steps().position(|step| step.id == *id).unwrap_or(0);
        (at + 1, self.book.steps().count())
    }

    /// Returns when the walk began.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.began
    }

    /// Returns when the current step was reached.
    #[must_use]
    pub fn step_since(&self) -> Option<DateTime<Utc>> {
        self.entered
    }

    /// Tells the time, by which gates judge the age of what they read.
    pub fn clock(&mut self, now: Option<DateTime<Utc>>) {
        self.now = now;
    }

    /// Takes the first step, or goes on where the run was left.
    pub fn begin(&mut self) -> Vec<Want> {
        if let Some(left) = self.left.take() {
            return self.goes_on(*left);
        }
        self.began = self.now;
        self.enter()
    }

    /// Takes readings that were asked for.
    pub fn probed(&mut self, readings: Vec<Reading>) -> Vec<Want> {
        match self.phase {
            _ if self.end.is_some() => Vec::new(),
            Phase::Probing(purpose) => self.read(purpose, readings),
            Phase::Watching => self.watched(readings),
            _ => Vec::new(),
        }
    }

    /// Notes that time has passed: a live view reads its probes again by it.
    pub fn ticked(&mut self) -> Vec<Want> {
        match self.phase {
            Phase::Watching if self.end.is_none() && !self.paused => self.watch_on(),
            _ => Vec::new(),
        }
    }
}
