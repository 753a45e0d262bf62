//! What a rehearsal came to: the document of `rehearse --json`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Brief, Lock, Slow, Source, Statement, Verdict, together};
use crate::domain::evidence::Verdict as Outcome;
use crate::domain::hazard::Transactions;

/// One migration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsed {
    /// The tool's own id of it.
    pub id: String,
    /// The verdict; `null`: it cannot be told.
    pub verdict: Option<Verdict>,
    /// Why, safe to show.
    pub why: String,
    /// The seconds that the way up took, with the start of the program.
    pub up_s: Option<f64>,
    /// The way down.
    pub down_s: Option<f64>,
    /// The way up once more.
    pub again_s: Option<f64>,
    /// How the statements of the way up were run.
    pub transaction: Transactions,
    /// The statements of the way up that change something.
    pub statements: Vec<Statement>,
    /// `null`: statements and locks were measured. Else they were not, for the server's log could
    /// not be read, and these are locks that were seen by sampling: never all for certain.
    pub sampled: Option<Vec<Lock>>,
    /// What the way up makes of the schema.
    pub schema_diff: Vec<String>,
    /// What the way down leaves of it, if anything.
    pub left: Vec<String>,
    /// The relations whose columns are in another order after down.
    pub reordered: Vec<String>,
    /// How many rows more or fewer there are after down than before up.
    pub rows_diff: BTreeMap<String, i64>,
    /// What was there before or was written after up, and is gone after down.
    pub vanished: Vec<String>,
    /// The tables into which no row could be written, and why.
    pub unwritten: BTreeMap<String, String>,
    /// What was measured otherwise than predicted.
    pub findings: Vec<String>,
    /// What of the way up grows with a relation.
    pub slow: Vec<Slow>,
    /// What of it does not, by each relation that it locks.
    pub brief: Vec<Brief>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of the document.
    pub schema: u32,
    /// Where the rows came from.
    pub source: Source,
    /// The backup that was the source, if one was.
    pub backup: Option<String>,
    /// The target on which a database was made for it; `None`: in a scratch server.
    pub on: Option<String>,
    /// The tables whose rows were left out.
    pub excluded: Vec<String>,
    /// `pass`, `fail` or `unknown`.
    pub verdict: Outcome,
    /// Why nothing was rehearsed, or not all.
    pub why: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub took_s: f64,
    /// The tool.
    pub tool: Option<String>,
    /// The version of the copy's server.
    pub server: Option<String>,
    /// The bytes of the copy.
    pub bytes: Option<u64>,
    /// The migrations, in the order in which they ran.
    pub migrations: Vec<Rehearsed>,
    /// Why nothing was kept as evidence, if nothing was.
    pub unkept: Option<String>,
}

impl Report {
    /// Returns the report of a rehearsal that has not begun.
    #[must_use]
    pub fn new(source: Source, started_at: DateTime<Utc>) -> Self {
        Self {
            schema: 1,
            source,
            backup: None,
            on: None,
            excluded: Vec::new(),
            verdict: Outcome::Unknown,
            why: None,
            started_at,
            took_s: 0.0,
            tool: None,
            server: None,
            bytes: None,
            migrations: Vec::new(),
            unkept: None,
        }
    }

    /// Judges all of it; where something kept it from being finished, nothing passes.
    pub fn judge(&mut self, strict: bool) {
        let verdicts: Vec<Option<Verdict>> = self.migrations.iter().map(|m| m.verdict).collect();
        let stopped = if self.why.is_some() { Outcome::Unknown } else { Outcome::Pass };
        self.verdict = together(&verdicts, strict).and(stopped);
    }

    /// Returns the exit code: 0 good, 1 bad, 2 cannot tell.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Outcome::Pass => 0,
            Outcome::Fail => 1,
            Outcome::Unknown => 2,
        }
    }
}
