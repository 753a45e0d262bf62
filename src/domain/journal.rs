//! The record of a run: one JSON object a line, each bound to the one before.
//!
//! The chain shows edits, not a cut tail: it is tamper-evident where somebody keeps
//! the last hash elsewhere, and no more than that.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identity::Identity;
use super::outcome::Outcome;
use super::plan::{Confirmed, Plan, sha256_hex};
use super::rehearsal::Mark;

/// The version of the record's format that this program writes.
pub const VERSION: u32 = 1;

/// The `prev` of a run's first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The run began: target, runbook and its hash.
    Opened,
    /// A session of this program took the run up again.
    Resumed,
    /// A step became the current one.
    Step,
    /// A probe was read for a step.
    Probe,
    /// A step ended: passed, failed, skipped.
    Ended,
    /// A question was answered.
    Answer,
    /// A step was skipped; `data.reason` says why.
    Skip,
    /// A gate was overridden; `data.reason` says why.
    Override,
    /// A note of the operator.
    Note,
    /// A plan was shown and confirmed.
    Confirmed,
    /// An act is about to start. Synced before anything starts.
    Intent,
    /// How things were before the first act of the run: what it is held against.
    Baseline,
    /// The schema's fingerprint right before an act: what its failure is held against.
    Schema,
    /// How it ended.
    Outcome,
    /// The operator's verdict over an intent without outcome.
    Resolved,
    /// The run was paused, or goes on.
    Pause,
    /// A running act was asked to stop.
    Stop,
    /// The lease was taken, lost or handed over.
    Lease,
    /// A trigger fired: the way back was offered, and nothing was done.
    Trigger,
    /// What waits for a second person: the step, the plan, what was read.
    Awaits,
    /// A second person approved.
    Approved,
    /// What only a person can say of an incident: reason, impact, cause, prevention.
    Report,
    /// The run ended.
    Closed,
}

impl Kind {
    /// Returns true if the record must be on the disk before anything goes on. A sync
    /// costs 4 to 5 ms, so what can be read again (probes, the current step) has none.
    #[must_use]
    pub fn is_decision(self) -> bool {
        !matches!(self, Self::Step | Self::Probe | Self::Resumed | Self::Baseline)
    }

    /// Returns true for what may use the space that is reserved for a full disk: the
    /// end of what already runs.
    #[must_use]
    pub fn ends_something(self) -> bool {
        matches!(self, Self::Outcome | Self::Resolved | Self::Stop | Self::Closed)
    }
}

/// What the session asks to be recorded; the journal adds the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub kind: Kind,
    /// The runbook's step.
    pub step: Option<String>,
    /// The act, numbered within its run.
    pub act: Option<String>,
    /// Which attempt of the act.
    pub attempt: Option<u32>,
    /// The hash of the plan.
    pub plan: Option<String>,
    /// The rest.
    pub data: Value,
}

impl Entry {
    /// Returns an entry with data and nothing else.
    #[must_use]
    pub fn new(kind: Kind, data: Value) -> Self {
        Self { kind, step: None, act: None, attempt: None, plan: None, data }
    }

    /// Sets the step.
    #[must_use]
    pub fn at_step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Returns the entry that goes before a confirmed act; it holds the whole plan.
    #[must_use]
    pub fn intent(confirmed: &Confirmed, act: &str, step: Option<&str>) -> Self {
        let data = serde_json::json!({ "plan": confirmed.plan(), "means": confirmed.means() });
        Self {
            step: step.map(str::to_owned),
            act: Some(act.to_owned()),
            attempt: Some(confirmed.attempt()),
            plan: Some(confirmed.hash().to_string()),
            ..Self::new(Kind::Intent, data)
        }
    }

    /// Returns the entry that goes after it.
    #[must_use]
    pub fn outcome(outcome: &Outcome, act: &str, attempt: u32, step: Option<&str>) -> Self {
        let data = serde_json::to_value(outcome).expect("an outcome holds nothing that JSON lacks");
        Self {
            step: step.map(str::to_owned),
            act: Some(act.to_owned()),
            attempt: Some(attempt),
            ..Self::new(Kind::Outcome, data)
        }
    }

    /// Returns the entry that resolves an intent whose outcome nobody recorded.
    #[must_use]
    pub fn resolved(outcome: &Outcome, open: &Open) -> Self {
        let step = open.step.as_deref();
        Self { kind: Kind::Resolved, ..Self::outcome(outcome, &open.act, open.attempt, step) }
    }
}

/// One line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`] of the writer.
    pub v: u32,
    /// From 1, without gaps.
    pub seq: u64,
    /// UTC of the writer's clock, which may jump.
    pub at: DateTime<Utc>,
    /// Seconds of the writer's monotonic clock since the boot named by `boot`.
    pub mono: f64,
    /// The boot id of the writer's machine.
    pub boot: String,
    /// What it is about.
    pub kind: Kind,
    /// The run.
    pub run: String,
    /// The runbook's step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The act, numbered within its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Which attempt of the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The hash of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Who: the operating system's user at the host.
    pub operator: String,
    /// The rest.
    pub data: Value,
    /// SHA-256 of the previous line's bytes, without its newline.
    pub prev: String,
}

impl Record {
    /// Returns true for what only a session that executes the run records: a second person
    /// approves, and anybody notes or reports.
    #[must_use]
    pub fn is_of_executor(&self) -> bool {
        !matches!(self.kind, Kind::Approved | Kind::Note | Kind::Report)
    }

    /// Returns the plan that an intent names, as it was confirmed; `None` where the record names
    /// none or this version cannot read it.
    #[must_use]
    pub fn plan(&self) -> Option<Plan> {
        serde_json::from_value(self.data["plan"].clone()).ok()
    }
}

/// An intent that no outcome and no verdict followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The act.
    pub act: String,
    /// Which attempt.
    pub attempt: u32,
    /// The runbook's step, if it was one's.
    pub step: Option<String>,
    /// When the intent was written.
    pub at: DateTime<Utc>,
    /// The plan, as it was confirmed; `None` if this version cannot read it.
    pub plan: Option<Plan>,
}

impl Open {
    /// Returns the target that the act was meant for.
    #[must_use]
    pub fn target(&self) -> Option<&Identity> {
        self.plan.as_ref().map(|plan| &plan.target)
    }
}

/// What a journal's text proves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The records up to the first one that does not fit.
    pub records: Vec<Record>,
    /// True if every whole line parses, is numbered without a gap and names the line before it.
    pub intact: bool,
    /// What is wrong with the first line that does not fit.
    pub fault: Option<String>,
    /// The version of that line, if it is one that this program does not know yet.
    pub newer: Option<u32>,
    /// The last line has no newline: the writer died in the middle of it.
    pub torn_tail: bool,
    /// Bytes of the whole lines that were read.
    pub whole_bytes: usize,
    /// The hash of the last record: what the next one must name, and what anchors the
    /// chain where it is kept elsewhere.
    pub head: String,
}

impl Reading {
    /// Returns the intents without outcome or verdict, oldest first: each is UNKNOWN.
    /// An outcome that says "unknown" leaves the intent open too.
    #[must_use]
    pub fn open(&self) -> Vec<Open> {
        let mut open: Vec<Open> = Vec::new();
        for record in &self.records {
            let (Some(act), Some(attempt)) = (&record.act, record.attempt) else { continue };
            match record.kind {
                Kind::Intent => open.push(Open {
                    act: act.clone(),
                    attempt,
                    step: record.step.clone(),
                    at: record.at,
                    plan: record.plan(),
                }),
                Kind::Outcome | Kind::Resolved if record.data["ending"] != "unknown" => {
                    open.retain(|o| (&o.act, o.attempt) != (act, attempt));
                }
                _ => {}
            }
        }
        open
    }

    /// Returns what the run was rehearsed on; `None`: it was no rehearsal.
    #[must_use]
    pub fn rehearsal(&self) -> Option<Mark> {
        serde_json::from_value(self.records.first()?.data.get("rehearsal")?.clone()).ok()?
    }

    /// Returns true if the run was closed.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.records.iter().any(|record| record.kind == Kind::Closed)
    }

    fn begin() -> Self {
        Self { intact: true, head: GENESIS.to_owned(), ..Self::default() }
    }
}

/// Reads a journal's bytes and follows its chain.
#[must_use]
pub fn read(text: &[u8]) -> Reading {
    let mut reading = Reading::begin();
    for line in text.split_inclusive(|b| *b == b'\n') {
        let Some(whole) = line.strip_suffix(b"\n") else {
            reading.torn_tail = true;
            break;
        };
        match next(whole, reading.records.len() as u64 + 1, &reading.head) {
            Ok(record) => reading.records.push(record),
            Err(fault) => {
                reading.intact = false;
                reading.fault = Some(fault);
                reading.newer = version(whole).filter(|v| *v > VERSION);
                break;
            }
        }
        reading.head = sha256_hex(whole);
        reading.whole_bytes += line.len();
    }
    reading
}

/// Returns the version of a line, whatever else it holds.
fn version(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    serde_json::from_slice::<Version>(line).ok().map(|version| version.v)
}

/// Parses one line that must carry `seq` and follow `prev`.
fn next(line: &[u8], seq: u64, prev: &str) -> Result<Record, String> {
    // First, since a newer version may also hold kinds that do not parse here.
    if let Some(newer) = version(line).filter(|v| *v > VERSION) {
        return Err(format!(
            "record {seq} is of version {newer}, newer than this program's {VERSION}: use a newer lockkeeper"
        ));
    }
    let record: Record =
        serde_json::from_slice(line).map_err(|e| format!("record {seq} cannot be read: {e}"))?;
    if record.seq != seq {
        return Err(format!("record {seq} is numbered {}", record.seq));
    }
    if record.prev != prev {
        return Err(format!("record {seq} does not follow record {}", seq - 1));
    }
    Ok(record)
}
