//! The incident report of a run: what its journal proves, and what only a person can say.

mod acts;
mod gather;
mod measured;
mod page;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::rehearsal::Mark;

pub use gather::{Ground, told};
pub use page::markdown;

/// What only a person can say. It is asked, recorded in the run, and never made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Why it was rolled back, or what happened.
    Reason,
    /// Who and what was affected.
    Impact,
    /// What caused it.
    Cause,
    /// What keeps it from happening again.
    Prevention,
}

impl Part {
    /// Every part, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Reason, Self::Impact, Self::Cause, Self::Prevention];

    /// Returns the word that records hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Impact => "impact",
            Self::Cause => "cause",
            Self::Prevention => "prevention",
        }
    }

    /// Returns the part of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// Returns the part that is asked for after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|part| *part > self)
    }

    /// Returns the question to the person.
    #[must_use]
    pub fn question(self) -> &'static str {
        match self {
            Self::Reason => "Report: what happened, and why was it done?",
            Self::Impact => "Report: who and what was affected, how many users?",
            Self::Cause => "Report: what caused it, as far as it is known?",
            Self::Prevention => "Report: what keeps it from happening again?",
        }
    }
}

/// The report, as `--json` gives it too.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always 1.
    pub schema: u32,
    /// The run.
    pub run: String,
    /// What the run was rehearsed on; `None`: it was no rehearsal.
    pub rehearsal: Option<Mark>,
    /// What was walked.
    pub title: String,
    /// When the report was written.
    pub generated_at: DateTime<Utc>,
    /// Whether the journal's chain holds to its end.
    pub intact: bool,
    /// What is wrong with the journal: everything here is from before that place.
    pub damage: Option<String>,
    /// The hash of the last record that it stands on.
    pub anchor: String,
    /// Where.
    pub environment: Environment,
    /// Everybody who executed it, in their order.
    pub executed_by: Vec<String>,
    /// When it began; `None`: there is no record.
    pub began_at: Option<DateTime<Utc>>,
    /// When it was closed; of an open one, when its last record was written.
    pub ended_at: Option<DateTime<Utc>>,
    /// From the first record to that one.
    pub duration_s: Option<f64>,
    /// How it ended; `None`: it is open.
    pub end: Option<String>,
    /// The migrations that were run, each with how it ended.
    pub migrations: Vec<Migration>,
    /// Every attempt of every act.
    pub actions: Vec<Action>,
    /// Acts of which nobody knows what became of them.
    pub unknown: Vec<String>,
    /// Error texts.
    pub errors: Vec<Said>,
    /// The last lines of what acts printed, redacted.
    pub outputs: Vec<Output>,
    /// Backups that were made, proven or restored.
    pub backups: Vec<Backup>,
    /// Time out of service.
    pub downtime: Measured,
    /// Rows lost.
    pub data_loss: Measured,
    /// Who approved.
    pub approvals: Vec<Approved>,
    /// Gates and approvals that a typed reason stood in for.
    pub overrides: Vec<Overridden>,
    /// Steps that were left out.
    pub skipped: Vec<Overridden>,
    /// What the run has opened and somebody has left as it is, with the reason.
    pub left_open: Vec<Said>,
    /// Triggers that fired.
    pub triggers: Vec<Said>,
    /// What happened when.
    pub timeline: Vec<Line>,
    /// What only a person can say, by its part; `None`: to be filled in.
    pub told: Told,
}

/// Where the run was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Environment {
    /// `PRODUCTION`, `STAGING`…
    pub class: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// Host and port.
    pub host: Option<String>,
    /// The role that acted.
    pub role: Option<String>,
    /// The server's version.
    pub server: Option<String>,
    /// The cluster.
    pub system_identifier: Option<String>,
    /// The program's version.
    pub lockkeeper: Option<String>,
}

/// A migration that was run.
#[derive(Clone, Debug, Serialize)]
pub struct Migration {
    /// Its id.
    pub id: String,
    /// `up` or `down`.
    pub direction: String,
    /// The tool.
    pub tool: String,
    /// When the attempt was recorded.
    pub at: DateTime<Utc>,
    /// How it ended; `None`: nobody knows.
    pub ending: Option<String>,
    /// Where the database was before.
    pub revision_before: Vec<String>,
    /// Where it is afterwards, if that was read.
    pub revision_after: Option<Vec<String>>,
}

/// One attempt of an act.
#[derive(Clone, Debug, Serialize)]
pub struct Action {
    /// Its name in the run.
    pub act: String,
    /// Which attempt.
    pub attempt: u32,
    /// The step.
    pub step: Option<String>,
    /// When it was recorded, before it began.
    pub at: DateTime<Utc>,
    /// What it is.
    pub title: String,
    /// The program that ran.
    pub command: Option<String>,
    /// What could be lost by it.
    pub risk: Option<String>,
    /// Who confirmed it.
    pub by: String,
    /// How it ended; `None`: nobody knows.
    pub ending: Option<String>,
    /// What was said last.
    pub message: Option<String>,
    /// How long it took, where both ends are known.
    pub took_s: Option<f64>,
    /// The plan's hash.
    pub plan: Option<String>,
}

/// Something that was said at a time.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

/// What an act printed.
#[derive(Clone, Debug, Serialize)]
pub struct Output {
    /// The act.
    pub act: String,
    /// Which attempt.
    pub attempt: u32,
    /// The last lines, redacted.
    pub lines: Vec<String>,
    /// Whether there were more before them.
    pub is_cut: bool,
}

/// A backup of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Backup {
    /// When.
    pub at: DateTime<Utc>,
    /// `made`, `proven` or `restored`.
    pub what: String,
    /// Where it lies.
    pub location: String,
    /// The level that was asked for, of a proof.
    pub level: Option<String>,
    /// How that ended; `None`: nobody knows.
    pub ending: Option<String>,
}

/// What was measured of something, each piece with what it is measured by.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Whether anything was measured.
    pub is_measured: bool,
    /// Each piece in words.
    pub pieces: Vec<String>,
    /// What was not, or how far the pieces reach.
    pub limits: Vec<String>,
}

/// An approval.
#[derive(Clone, Debug, Serialize)]
pub struct Approved {
    /// When.
    pub at: DateTime<Utc>,
    /// In which role.
    pub role: String,
    /// Who.
    pub by: String,
    /// By a login of their own.
    pub verified: bool,
    /// Why it is not verified.
    pub why: Option<String>,
    /// The operating system's account.
    pub account: String,
    /// The account is one of the executor's.
    pub same_account: bool,
    /// The plan's hash.
    pub plan: Option<String>,
}

/// Something that a reason was typed for.
#[derive(Clone, Debug, Serialize)]
pub struct Overridden {
    /// When.
    pub at: DateTime<Utc>,
    /// The step.
    pub step: Option<String>,
    /// Who.
    pub by: String,
    /// The reason.
    pub reason: String,
    /// What stood against it.
    pub against: Vec<String>,
}

/// A line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// What the record is about.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// Who.
    pub by: String,
    /// It is shown strongly: an override, a skip, an unverified approval, a failure.
    pub marked: bool,
}

/// What a person told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    /// [`Part::Reason`].
    pub reason: Option<String>,
    /// [`Part::Impact`].
    pub impact: Option<String>,
    /// [`Part::Cause`].
    pub cause: Option<String>,
    /// [`Part::Prevention`].
    pub prevention: Option<String>,
}

impl Told {
    /// Returns what was told of a part.
    #[must_use]
    pub fn of(&self, part: Part) -> Option<&str> {
        let text = match part {
            Part::Reason => &self.reason,
            Part::Impact => &self.impact,
            Part::Cause => &self.cause,
            Part::Prevention => &self.prevention,
        };
        text.as_deref()
    }

    /// Takes what is told of a part; an empty text leaves what was told before.
    pub fn tell(&mut self, part: Part, text: &str) {
        let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let place = match part {
            Part::Reason => &mut self.reason,
            Part::Impact => &mut self.impact,
            Part::Cause => &mut self.cause,
            Part::Prevention => &mut self.prevention,
        };
        *place = text.or_else(|| place.take());
    }
}
