//! What the machine is told, and what it wants done: plain values, so that every effect
//! can be compared in a test, shown and journaled.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::activity::BackendKey;
use crate::domain::backup::{Scope, Tending};
use crate::domain::baseline::Baseline;
use crate::domain::evidence::{Level, Probe, Reading};
use crate::domain::journal::{Entry, Record};
use crate::domain::mend::Mend;
use crate::domain::outcome::Outcome;
use crate::domain::plan::{Answer, Bind, Confirmed, Direction, Plan, Risk, Signal};
use crate::domain::rehearsal::Material;
use crate::domain::restore::Order;

use super::making::Parts;
use super::sending;
use super::tables;
use super::vitals::Fired;
use super::walk::Move;

/// Something that a person, or a step, wants to be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A signal to a backend.
    Signal {
        /// Who is meant.
        backend: BackendKey,
        /// What is sent.
        signal: Signal,
    },
    /// The next migration on the way to a goal.
    Migrate {
        /// Which way.
        direction: Direction,
        /// How far.
        goal: Goal,
        /// What is declared of it; the plan's risk is the worse of this and what is computed.
        risk: Risk,
    },
    /// SQL of a step.
    Sql {
        /// The statements.
        text: String,
        /// What the step declares.
        risk: Risk,
    },
    /// SQL of a step, one statement, with the values of its `$1`, `$2`…
    Bound {
        /// The statement.
        text: String,
        /// The values.
        binds: Vec<Bind>,
        /// What the step declares.
        risk: Risk,
    },
    /// An HTTP request of a step.
    Http {
        /// What is sent.
        job: Box<sending::Job>,
        /// What the step declares.
        risk: Risk,
    },
    /// Mending what a failure has left.
    Mend(Mend),
    /// A command of a step.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// What the step declares.
        risk: Risk,
    },
    /// A backup of the target.
    Backup {
        /// How much of it: [`Scope::Full`] or [`Scope::Schema`].
        scope: Scope,
        /// The directory that it goes to; `None`: the first of the configuration.
        to: Option<String>,
    },
    /// A backup of some tables, or with tables beside it.
    BackupOf(Parts),
    /// A proof of a backup.
    VerifyBackup {
        /// Where it lies, or `newest`.
        backup: String,
        /// The level to prove.
        level: Level,
    },
    /// A rehearsal of all that is pending, on a copy made of this.
    Rehearse(Material),
    /// Something to be done to backups that are there.
    Tend {
        /// What.
        tending: Tending,
        /// Where the one lies that is meant; none for [`Tending::Prune`], which means all
        /// that may go.
        backup: Option<String>,
    },
    /// The next act of a full restore.
    Restore(Order),
    /// The next act of bringing rows of tables back.
    Tables(tables::Order),
}

/// How far a procedure of migrations goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// One migration.
    One,
    /// Up to the heads, or down to nothing.
    End,
    /// To this revision.
    Revision(String),
    /// Exactly this migration, and no other one on the way.
    Only(String),
}

/// What came of planning a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Previewed {
    /// The plan of the next act.
    Plan(Box<Plan>),
    /// There is nothing left to do: the goal is reached.
    Nothing(String),
    /// It cannot be planned, and why.
    Impossible(String),
}

/// Names one request, so that a late answer to an older one is dropped.
pub type Ticket = u64;

/// How a running act is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Cancel its statement on the server; the tool sees an error and ends.
    Cancel,
    /// The same, and end the tool's process group, harder by and by.
    Kill,
}

/// Something that happened.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A person asked for an act.
    Asked(Request),
    /// A request was planned.
    Previewed(Ticket, Previewed),
    /// The shown plan was answered.
    Answered(Answer),
    /// The shown plan was left.
    Dismissed,
    /// An act ended. The ticket that it ran on comes back for the attempts that are left.
    Performed {
        /// The act.
        act: String,
        /// How it ended.
        outcome: Outcome,
        /// The confirmation that it ran under; none for an act that an earlier session started.
        confirmed: Option<Confirmed>,
    },
    /// A running act is to be stopped.
    StopAsked(How),
    /// The operator moves in the runbook.
    Moved(Move),
    /// The journal of the run was opened (its id), or could not be.
    Opened(Result<String, String>),
    /// Probes of a step were read, in the order in which they were asked for.
    Probed(Ticket, Vec<Reading>),
    /// The act that waits for a second person goes on without one, for this reason.
    Alone(String),
    /// Another process has recorded an approval in a run of ours.
    Approved(Box<Record>),
    /// The time before the run was measured: it has to be recorded.
    Measured(Box<Baseline>),
    /// Triggers have begun to fire: the way back is offered.
    Fired(Vec<Fired>),
    /// The run was let go of: whoever takes it up next is its one writer.
    Released(String),
    /// The file that the run was begun with holds something else now.
    Edited(String),
    /// The offer of the triggers that fire is put aside.
    PutAside {
        /// The names of those that are measured of the run; the walk knows its own.
        triggers: Vec<String>,
        /// Why.
        reason: String,
    },
    /// A record could not be written.
    RecordFailed(String),
    /// Time passed.
    Ticked(DateTime<Utc>),
}

/// Something that the machine wants done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Plan a request with fresh facts.
    Preview(Ticket, Request),
    /// Plan a request for a second person to look at: nothing can be confirmed by it.
    Sketch(Ticket, Request),
    /// Run a confirmed act: the only effect that changes anything.
    Perform {
        /// The act's name in its run.
        act: String,
        /// The runbook's step, if it is one's.
        step: Option<String>,
        /// The confirmation.
        confirmed: Confirmed,
    },
    /// Stop the running act.
    Stop(How),
    /// Open the journal of a walk.
    Open(Value),
    /// Open the journal of a walk that was interrupted, by the run's name.
    Reopen(String),
    /// Append what waits for a second person, in the run that is open, else in one of its own.
    Await(Entry),
    /// Append to the run's journal.
    Record(Entry),
    /// Close the run's journal.
    Close(Entry),
    /// Let go of the run, which was handed over: its journal and the lease.
    Release,
    /// Read probes.
    Probe(Ticket, Vec<Probe>),
    /// Read the migrations and the activity anew: an act may have changed them.
    Refresh,
    /// Tell the person something.
    Say(Tone, String),
}

/// How something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// It went well.
    Good,
    /// It is worth knowing.
    Plain,
    /// It did not happen, or needs a look.
    Bad,
    /// It went wrong, and the way back is offered: each loop says how it is begun.
    Offer,
}
