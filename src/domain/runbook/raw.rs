//! The written form of a runbook: what serde reads, before any name is resolved.
//!
//! Flat on purpose: serde loses the lines of what it buffers for tagged or
//! untagged enums, and a step's keys are told apart by its kind in
//! [`Runbook::build`](super::Runbook::build), with exact problems.
//!
//! Conditions are tables, never expressions:
//!
//! | table | its keys |
//! |---|---|
//! | `expect` | `equals`, `min`, `max`, `above` (strictly more), `empty`, `matches`, `status`; all that are written must hold |
//! | `when` | `class`, `tool`, `var`, `policy`, `configured` (whether the configuration has a command or probe of that name), `probe` with `expect`; a step whose `when` fails is not here |
//! | `policy` | values of the configuration's `[policy]` and `[triggers]` (these as `trigger_NAME`), each with an `expect`; in `when`, on a gate, and on one of its rules, which then only asks where the policy has these values |
//! | `probe` | one of `sql` (with `binds`), `command`, `http`, `file` (with `measure`: `presence`, `age`, `size`, `tail`), `builtin`, `configured`; `timeout`, `expect` |
//! | `trigger` | a probe with `warn`, `fire`, `samples`, `offer`; `against = "baseline"` holds the change in percent against the recorded baseline, or what was read before the first act of the run |
//! | `resume` | `rerun`, `verify_first` (an act whose `verify` holds already passes), `ask` |
//! | `links` | titles of the configuration's `[links]`; `"*"` stands for all of them |
//! | `rehearse` | `true`: the act runs in a rehearsal, too, though it reaches outside of the copy |
//! | `undo` | what brings the former state back: due once its act is done, named until it is done or refused with a reason; a run does not end before |
//!
//! `{var.name}` and `{policy.name}` stand for a value only as a whole value.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::action::{Signalled, VerifyBackup};
use super::endpoint::Endpoint;
use super::kind::Respond;
use super::{Citation, Deed, Filled, Mode, Question, Resume};
use crate::domain::config::Tool;
use crate::domain::evidence::{Builtin, Expect, Operand, Probe, Word};
use crate::domain::gate;
use crate::domain::identity::Class;
use crate::domain::plan::{Direction, Risk};
use crate::domain::quantity::Period;
use crate::domain::trigger::Against;

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Runbook {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub sources: Vec<String>,
    pub entry: Option<String>,
    #[serde(default)]
    pub probe: BTreeMap<String, Probe>,
    #[serde(default)]
    pub gate: BTreeMap<String, Gate>,
    #[serde(default)]
    pub trigger: BTreeMap<String, Trigger>,
    #[serde(default)]
    pub scenario: BTreeMap<String, Scenario>,
    pub report: Option<Report>,
    pub section: Vec<Section>,
}

/// `[gate.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Gate {
    #[serde(default)]
    pub mode: gate::Mode,
    pub rules: Vec<Rule>,
    #[serde(default)]
    pub policy: BTreeMap<String, Expect>,
    #[serde(default)]
    pub on_unknown: OnUnknown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Period>,
}

/// What a gate does when it cannot tell: there is only one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// It denies.
    #[default]
    Deny,
}

/// One rule of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Rule {
    pub says: Option<String>,
    pub probe: Option<String>,
    pub builtin: Option<Builtin>,
    pub var: Option<String>,
    pub approval: Option<String>,
    pub not_self: Option<bool>,
    pub expect: Option<Expect>,
    #[serde(default)]
    pub policy: BTreeMap<String, Expect>,
}

/// `[trigger.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Trigger {
    pub says: String,
    pub probe: Option<String>,
    pub builtin: Option<Builtin>,
    #[serde(default)]
    pub against: Against,
    pub warn: Option<Expect>,
    pub fire: Expect,
    pub samples: Option<usize>,
    pub offer: String,
}

/// `[scenario.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Scenario {
    pub title: String,
    pub matches: Vec<String>,
    pub text: Option<String>,
    #[serde(default)]
    pub offer: Vec<String>,
    #[serde(default)]
    pub never: Vec<Deed>,
    pub source: Option<Citation>,
}

/// `[report]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Report {
    pub title: String,
    #[serde(default)]
    pub filled: Vec<Filled>,
    #[serde(default)]
    pub asked: Vec<Question>,
}

/// `[[section]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Section {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub mode: Mode,
    pub when: Option<When>,
    #[serde(default)]
    pub never: Vec<Deed>,
    #[serde(default)]
    pub step: Vec<Step>,
}

/// The kinds of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the kinds are those of `Kind`")]
pub enum Kind {
    Notice,
    Check,
    Manual,
    Ask,
    Act,
    Watch,
    Decide,
    Approve,
    Call,
}

/// `[[section.step]]`: the keys of all kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Step {
    pub id: String,
    pub kind: Kind,
    pub title: String,
    pub why: Option<String>,
    pub when: Option<When>,
    pub required: Option<bool>,
    pub skip: Option<Skip>,
    pub on_fail: Option<OnFail>,
    pub resume: Option<Resume>,
    pub source: Option<Citation>,
    pub instead_of: Option<String>,
    pub because: Option<String>,
    #[serde(default)]
    pub contacts: Vec<String>,
    #[serde(default)]
    pub links: Vec<String>,

    pub text: Option<String>,
    pub probe: Option<Sensed>,
    pub expect: Option<Expect>,
    pub r#do: Option<String>,
    pub respond: Option<Respond>,
    pub verify: Option<OneOrMany>,
    pub var: Option<String>,
    pub from: Option<FromWord>,
    pub choices: Option<Vec<String>>,

    pub sql: Option<String>,
    pub binds: Option<Vec<Operand>>,
    pub command: Option<Vec<Word>>,
    pub migrate: Option<Migrate>,
    pub backup: Option<Backup>,
    pub verify_backup: Option<VerifyBackup>,
    pub restore: Option<Restore>,
    pub signal: Option<Signalled>,
    pub http: Option<Endpoint>,
    pub configured: Option<String>,
    pub undo_of: Option<String>,
    pub risk: Option<Risk>,
    pub gates: Option<Vec<String>>,
    pub undo: Option<Undo>,
    pub timeout: Option<Period>,
    pub rehearse: Option<bool>,

    pub min_duration: Option<Period>,
    pub probes: Option<Vec<Sensed>>,
    pub until: Option<Until>,
    pub ask: Option<String>,
    pub evidence: Option<Vec<Sensed>>,
    pub suggest: Option<Vec<Suggest>>,
    pub answers: Option<Vec<Answer>>,
    pub role: Option<String>,
    pub not_self: Option<bool>,
    pub target: Option<String>,
}

/// `when = { … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct When {
    #[serde(default)]
    pub class: Vec<Class>,
    #[serde(default)]
    pub tool: Vec<Tool>,
    #[serde(default)]
    pub var: BTreeMap<String, Operand>,
    #[serde(default)]
    pub policy: BTreeMap<String, Expect>,
    #[serde(default)]
    pub configured: BTreeMap<String, bool>,
    pub probe: Option<String>,
    pub expect: Option<Expect>,
}

/// `skip = { reason = … }`: whether a reason is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Skip {
    pub reason: bool,
}

/// `on_fail = { … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct OnFail {
    pub retry: Option<u32>,
    #[serde(default)]
    pub offer: Vec<String>,
    #[serde(default)]
    pub never: Vec<Deed>,
}

/// `migrate = { direction = "up", to = "head" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Migrate {
    pub direction: Direction,
    pub to: Word,
}

/// `backup = { scope = "full" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Backup {
    pub scope: BackupScope,
    #[serde(default)]
    pub tables: Vec<Word>,
}

/// What is backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the scopes are those of `runbook::Backup`")]
pub enum BackupScope {
    Full,
    Schema,
    Tables,
    Csv,
}

/// `restore = { scope = "full" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Restore {
    pub scope: RestoreScope,
    #[serde(default = "super::action::newest")]
    pub backup: Word,
    #[serde(default)]
    pub tables: Vec<Word>,
    pub rows: Option<Vec<Rows>>,
}

/// Which rows of a table are brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of `tables::Classes`")]
pub enum Rows {
    Missing,
    Changed,
    OnlyLive,
}

/// What is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the scopes are those of `runbook::Restore`")]
pub enum RestoreScope {
    Full,
    Tables,
}

/// `undo = { … }`: an action of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Undo {
    pub sql: Option<String>,
    pub binds: Option<Vec<Operand>>,
    pub command: Option<Vec<Word>>,
    pub migrate: Option<Migrate>,
    pub http: Option<Endpoint>,
    pub configured: Option<String>,
}

/// `until = { probe = "…", expect = { … } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Until {
    pub probe: Sensed,
    pub expect: Option<Expect>,
}

/// One of `suggest = [ … ]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Suggest {
    pub when: When,
    pub answer: String,
}

/// One of `answers = [ … ]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are those of the built type and of RUNBOOKS.md")]
pub struct Answer {
    pub key: char,
    pub id: String,
    pub label: String,
    pub goto: Option<String>,
}

/// `from = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words are those of `runbook::From`")]
pub enum FromWord {
    Text,
    Number,
    Choice,
    Revision,
    Backup,
    Table,
    Session,
}

/// A probe by its name, or written on the spot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Sensed {
    /// A name of `[probe.NAME]`, or of a builtin.
    Named(String),
    /// The probe itself.
    Inline(Box<Probe>),
}

struct SensedVisitor;

impl<'de> Visitor<'de> for SensedVisitor {
    type Value = Sensed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a probe, or a table such as { builtin = \"primary\" }")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Sensed, E> {
        Ok(Sensed::Named(name.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Sensed, M::Error> {
        let probe = Probe::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Sensed::Inline(Box::new(probe)))
    }
}

impl<'de> Deserialize<'de> for Sensed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SensedVisitor)
    }
}

/// One probe or several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OneOrMany(pub Vec<Sensed>);

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe or a list of probes")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<OneOrMany, E> {
        SensedVisitor.visit_str(name).map(|one| OneOrMany(vec![one]))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<OneOrMany, M::Error> {
        SensedVisitor.visit_map(map).map(|one| OneOrMany(vec![one]))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<OneOrMany, S::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}
