//! Gates: what must hold before an act. Unknown denies.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use super::approval::{Approval, Executor, each_once};
use super::evidence::{Builtin, Claim, Expect, Name, Probe, Reading, Scope, Sense, Value, Verdict};
use super::quantity::Period;
use super::runbook::policy_holds;

/// Rules of which all, or any one, must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Whether all rules count or any.
    pub mode: Mode,
    /// The rules; there is at least one.
    pub rules: Vec<Rule>,
    /// Readings older than this count as unknown.
    pub fresh: Period,
    /// The policy under which it counts at all; empty: always.
    pub policy: BTreeMap<String, Expect>,
}

/// How the rules of a gate count together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every rule must hold.
    #[default]
    All,
    /// One rule is enough.
    Any,
}

/// One rule of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What must hold, in words.
    pub says: String,
    /// What is asked.
    pub asks: Asks,
    /// The policy under which it counts at all; empty: always.
    pub policy: BTreeMap<String, Expect>,
}

/// What a rule asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    /// A probe.
    Probe(Claim),
    /// A variable that the operator answered.
    Var {
        /// Its name.
        name: String,
        /// What is expected of it.
        expect: Expect,
    },
    /// The approval of somebody in this role, never of the executor.
    Approval {
        /// The role.
        role: String,
    },
}

/// The question in words, for a rule that says nothing of its own.
impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe(claim) => write!(f, "{}: {}", claim.name, claim.expect),
            Self::Var { name, expect } => write!(f, "{name}: {expect}"),
            Self::Approval { role } => write!(f, "approved by a second person ({role})"),
        }
    }
}

/// What is known when a gate is evaluated.
pub trait Known: Scope {
    /// Returns the last reading of the probe of that name.
    fn reading(&self, probe: &str) -> Option<&Reading>;
    /// Returns the approvals that were given to what the gate stands before.
    fn approvals(&self) -> Vec<Approval>;
    /// Returns who runs the act, and who has run the run before.
    fn executor(&self) -> &Executor;
}

/// Whether an act may be confirmed.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Every rule that counts holds.
    Allow,
    /// What stands against it, in the order of the rules; never empty.
    Deny(Vec<Reason>),
    /// Denied, and let through by somebody's reason, which the report shows in red.
    Overridden {
        /// What stood against it.
        reasons: Vec<Reason>,
        /// Why it was let through, as typed.
        because: String,
    },
}

/// Why one rule does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What must hold, in words.
    pub says: String,
    /// Fail, or unknown.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// Whether a typed reason may let it through.
    pub may_override: bool,
}

/// Why an override is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing was typed.
    #[error("type the reason: it is recorded and shown in the report")]
    NoReason,
    /// Identity, journal, or a backup known bad.
    #[error("this is never overridden: {0}")]
    Never(String),
}

impl Reason {
    /// Returns what stands against an act whose gate is not there: what is not known denies,
    /// and no reason lets it through.
    #[must_use]
    pub fn no_such_gate(name: &str) -> Self {
        Self {
            says: format!("the gate {name}"),
            verdict: Verdict::Unknown,
            found: "the runbook has none of that name".to_owned(),
            expected: "a gate".to_owned(),
            may_override: false,
        }
    }
}

impl Gate {
    /// Returns whether the act behind this gate may be confirmed at `now`.
    ///
    /// A reading that is missing, unknown, older than the gate allows, or that
    /// cannot be compared denies like one that fails.
    #[must_use]
    pub fn evaluate(&self, known: &dyn Known, now: DateTime<Utc>) -> Decision {
        if policy_holds(&self.policy, known) == Verdict::Fail {
            return Decision::Allow;
        }
        let rules: Vec<&Rule> = self.rules.iter().filter(|rule| rule.counts(known)).collect();
        let reasons: Vec<Reason> =
            rules.iter().filter_map(|rule| self.denies(rule, known, now)).collect();
        let allowed = match self.mode {
            Mode::All => reasons.is_empty(),
            Mode::Any => reasons.len() < rules.len() || rules.is_empty(),
        };
        if allowed { Decision::Allow } else { Decision::Deny(reasons) }
    }

    fn denies(&self, rule: &Rule, known: &dyn Known, now: DateTime<Utc>) -> Option<Reason> {
        let (found, expect) = match &rule.asks {
            Asks::Approval { role } => return approval_missing(rule, role, known),
            Asks::Probe(claim) => (self.value(&claim.name, known, now), &claim.expect),
            Asks::Var { name, expect } => (variable(name, known), expect),
        };
        let expect = expect.resolved(known);
        let verdict = expect.test(&found);
        (verdict != Verdict::Pass).then(|| Reason {
            says: rule.says.clone(),
            verdict,
            found: found.to_string(),
            expected: expect.to_string(),
            may_override: rule.may_override(verdict),
        })
    }

    fn value(&self, probe: &str, known: &dyn Known, now: DateTime<Utc>) -> Value {
        match known.reading(probe) {
            Some(reading) => reading.fresh(now, self.fresh),
            None => Value::unknown("not measured yet"),
        }
    }
}

fn variable(name: &str, known: &dyn Known) -> Value {
    let value = known.value(&Name::Var(name.to_owned()));
    value.unwrap_or_else(|| Value::unknown("not answered yet"))
}

/// Returns how many people have to approve: what policy says, and one at least.
#[must_use]
pub fn approvals_needed(scope: &dyn Scope) -> usize {
    match scope.value(&Name::Policy("approvals".to_owned())) {
        Some(Value::Int(n)) => usize::try_from(n).unwrap_or(1).max(1),
        _ => 1,
    }
}

/// Returns which of these were given in a role, whoever's has run it left out, of each person
/// the first.
#[must_use]
pub fn approvers<'a>(role: &str, executor: &Executor, given: &'a [Approval]) -> Vec<&'a Approval> {
    let of_role = given.iter().filter(|approval| approval.role == role);
    each_once(of_role.filter(|approval| !executor.is(&approval.by)))
}

fn approval_missing(rule: &Rule, role: &str, known: &dyn Known) -> Option<Reason> {
    let approvals = known.approvals();
    let given = approvers(role, known.executor(), &approvals).len();
    let needed = approvals_needed(known);
    if given >= needed {
        return None;
    }
    let mut of_role = approvals.iter().filter(|approval| approval.role == role);
    let found = match of_role.next() {
        Some(_) if given > 0 => format!("{given} of {needed} have approved"),
        Some(own) => format!("approved by {}, who runs it", own.by),
        None => "nobody has approved".to_owned(),
    };
    Some(Reason {
        says: rule.says.clone(),
        verdict: Verdict::Fail,
        found,
        expected: format!("approval by a second person ({role})"),
        may_override: true,
    })
}

impl Rule {
    /// Returns false where policy does not ask for this rule; what cannot be told counts.
    pub fn counts(&self, known: &dyn Known) -> bool {
        policy_holds(&self.policy, known) != Verdict::Fail
    }

    /// Returns whether a typed reason may stand in for this rule: never for the
    /// identity or the journal, nor for a backup *known* bad.
    fn may_override(&self, verdict: Verdict) -> bool {
        let Asks::Probe(claim) = &self.asks else { return true };
        may_override(&claim.probe, verdict)
    }
}

/// Returns whether a reason may stand in for what a probe found: never for the identity or the
/// journal, nor for a backup *known* bad.
#[must_use]
pub fn may_override(probe: &Probe, verdict: Verdict) -> bool {
    match probe.sense {
        Sense::Builtin(Builtin::IdentityPinned | Builtin::JournalWritable) => false,
        Sense::Builtin(Builtin::BackupSound) => verdict == Verdict::Unknown,
        _ => true,
    }
}

impl Decision {
    /// Returns true if the act may be confirmed.
    #[must_use]
    pub fn allows(&self) -> bool {
        !matches!(self, Self::Deny(_))
    }

    /// Lets a denied act through for a typed reason.
    ///
    /// # Errors
    /// If nothing is typed, or if a reason against it is never overridden. A gate
    /// that already allows stays as it is.
    pub fn overridden(self, because: &str) -> Result<Self, Refused> {
        let Self::Deny(reasons) = self else { return Ok(self) };
        if let Some(firm) = reasons.iter().find(|reason| !reason.may_override) {
            return Err(Refused::Never(firm.says.clone()));
        }
        if because.trim().is_empty() {
            return Err(Refused::NoReason);
        }
        Ok(Self::Overridden { reasons, because: because.trim().to_owned() })
    }
}
