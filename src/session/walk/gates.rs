//! The gates of an act: read before its plan is made, and once more at the yes.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::evidence::{Claim, Probe, Reading, Verdict};
use crate::domain::gate::{Asks, Decision, Reason};
use crate::domain::journal::Kind as Recorded;

use super::moves::bad;
use super::{Phase, Purpose, Walk, Want};

/// How a rule stood, by its words.
pub(super) type Ruled = (String, Verdict);

impl Walk {
    /// Reads the gates of the current act, or plans it if it has none.
    pub(super) fn ask_gates(&mut self) -> Vec<Want> {
        self.overridden.clear();
        let deed = self.act().map(|act| act.action.deed());
        if deed.is_some_and(|deed| self.section().never.contains(&deed)) {
            return vec![bad("this section of the runbook forbids it")];
        }
        let mut probes = self.gate_probes();
        for (name, probe) in self.probes_before() {
            if probes.iter().all(|(known, _)| *known != name) {
                probes.push((name, probe));
            }
        }
        if !probes.is_empty() {
            return self.probe(Purpose::Gates, probes);
        }
        self.gates_read()
    }

    /// The shown plan got its yes: its gates are read once more, and what they find now
    /// decides. An act without gates begins.
    pub(in crate::session) fn confirmed(&mut self) -> Vec<Want> {
        if !self.acts() {
            return Vec::new();
        }
        if self.ending.is_some() {
            // What undoes is no act of the current step, whose gates are not its own.
            return vec![Want::Perform];
        }
        let probes = self.gate_probes();
        if !probes.is_empty() {
            return self.probe(Purpose::Yes, probes);
        }
        self.yes_read()
    }

    /// Returns true while a yes waits for the gates that are read for it.
    #[must_use]
    pub fn holds_a_yes(&self) -> bool {
        self.end.is_none() && self.phase == Phase::Probing(Purpose::Yes)
    }

    /// Returns the probes that the gates of the current act read, each once.
    pub(super) fn gate_probes(&self) -> Vec<(String, Probe)> {
        let mut probes: Vec<(String, Probe)> = Vec::new();
        for (_, Claim { name, probe, .. }) in self.gate_claims() {
            if probes.iter().all(|(known, _)| known != name) {
                probes.push((name.clone(), probe.clone()));
            }
        }
        probes
    }

    /// Returns what the gates of the current act ask of probes, with the gate's name.
    fn gate_claims(&self) -> impl Iterator<Item = (&str, &Claim)> {
        let names = self.act().into_iter().flat_map(|act| &act.gates);
        let gates = names.filter_map(|name| self.book.gates.get_key_value(name));
        gates.flat_map(|(name, gate)| {
            gate.rules.iter().filter_map(move |rule| match &rule.asks {
                Asks::Probe(claim) => Some((name.as_str(), claim)),
                _ => None,
            })
        })
    }

    /// Keeps what the gates have read as evidence.
    pub(super) fn show_gates(&mut self, named: &[(String, Reading)]) {
        let asked = self.gate_probes();
        let is_asked = |(name, _): &&(String, Reading)| asked.iter().any(|(one, _)| one == name);
        self.show(&named.iter().filter(is_asked).cloned().collect::<Vec<_>>());
    }

    /// Judges the gates of the current act by the last readings, and plans it if they allow
    /// and the run was not paused meanwhile.
    pub(super) fn gates_read(&mut self) -> Vec<Want> {
        if self.paused {
            return self.wait(Phase::Ready);
        }
        let mut wants = self.record_gates("before the plan");
        let denied = self.denials();
        wants.extend(if denied.is_empty() { self.plan_act() } else { self.deny(&denied) });
        wants
    }

    /// Judges the gates once more, at the yes: nothing starts on what was true when the plan
    /// was shown. What a typed reason let through stays let through, unless it is worse now.
    pub(super) fn yes_read(&mut self) -> Vec<Want> {
        if self.paused {
            return self.wait(Phase::Ready);
        }
        let mut wants = self.record_gates("at the yes");
        let denied = self.denials();
        let is_let_through =
            |reason: &Reason| reason.may_override && self.overridden.contains(&ruled(reason));
        if denied.iter().all(is_let_through) {
            self.phase = Phase::Acting;
            wants.push(Want::Perform);
        } else {
            wants.extend(self.deny(&denied));
            wants.push(bad("its gates deny it now: nothing was run"));
        }
        wants
    }

    /// Returns what stands against the current act, over all its gates.
    fn denials(&self) -> Vec<Reason> {
        let now = self.now.unwrap_or(DateTime::<Utc>::MAX_UTC);
        let names = self.act().into_iter().flat_map(|act| &act.gates);
        let decided = names.map(|name| match self.book.gates.get(name) {
            Some(gate) => gate.evaluate(self, now),
            None => Decision::Deny(vec![Reason::no_such_gate(name)]),
        });
        decided
            .flat_map(|decision| match decision {
                Decision::Deny(reasons) => reasons,
                Decision::Allow | Decision::Overridden { .. } => Vec::new(),
            })
            .collect()
    }

    /// Returns how the rules stand that are against the current act.
    pub(super) fn ruled(&self) -> Vec<Ruled> {
        self.denials().iter().map(ruled).collect()
    }

    fn record_gates(&self, when: &str) -> Vec<Want> {
        let record = |(gate, claim): (&str, &Claim)| {
            let reading = self.readings.get(&claim.name)?;
            let verdict = claim.expect.resolved(self).test(&reading.value);
            let data = json!({
                "gate": gate,
                "when": when,
                "probe": claim.name,
                "value": reading.value.to_string(),
                "verdict": verdict.word(),
            });
            Some(self.record(Recorded::Probe, data))
        };
        self.gate_claims().filter_map(record).collect()
    }

    fn deny(&mut self, denied: &[Reason]) -> Vec<Want> {
        let lines = denied
            .iter()
            .map(|r| format!("{}: found {}, expected {}", r.says, r.found, r.expected))
            .collect();
        let overridable = denied.iter().all(|reason| reason.may_override);
        self.denied = denied.iter().map(ruled).collect();
        self.phase = Phase::Denied { reasons: lines, overridable };
        self.missing = self.role_missing();
        if self.missing.is_some() { self.sketch() } else { Vec::new() }
    }

    pub(super) fn override_gate(&mut self, reason: &str) -> Vec<Want> {
        if self.phase == Phase::Approving {
            return self.override_approval(reason);
        }
        let Phase::Denied { reasons, overridable } = &self.phase else {
            return vec![bad("no gate denies anything here")];
        };
        if !overridable {
            return vec![bad("this is never overridden: identity, journal, a backup known bad")];
        }
        if reason.trim().is_empty() {
            return vec![bad("say why the gate is overridden: the report shows it in red")];
        }
        // A reason stands in for a second person only where one was missed.
        let waives = self.missing.is_some().then(|| self.here());
        let data = json!({ "reason": reason, "denied": reasons, "waives": waives });
        let mut wants = vec![self.record(Recorded::Override, data)];
        self.waived.extend(waives);
        self.overridden = std::mem::take(&mut self.denied);
        wants.extend(self.plan_act());
        wants
    }
}

fn ruled(reason: &Reason) -> Ruled {
    (reason.says.clone(), reason.verdict)
}
