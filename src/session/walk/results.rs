//! What follows from readings and from the ends of acts.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::evidence::{Claim, Reading, Value, Verdict};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Plan};
use crate::domain::runbook::{Kind, Offer, Scenario};
use crate::domain::tables::unstages;
use crate::session::acting::Acting;

use super::{ESCALATE, Evidence, Means, Phase, Purpose, Walk, Want};

impl Walk {
    /// Takes the readings that were asked for, in their order.
    pub(super) fn read(&mut self, purpose: Purpose, readings: Vec<Reading>) -> Vec<Want> {
        // What does not come back is unknown, whatever an earlier step has read of it.
        self.asked.iter().for_each(|name| drop(self.readings.remove(name)));
        let named: Vec<(String, Reading)> = self.asked.drain(..).zip(readings).collect();
        for (name, reading) in &named {
            self.readings.insert(name.clone(), reading.clone());
        }
        match purpose {
            Purpose::Check | Purpose::Verify | Purpose::Already | Purpose::Vouched => {}
            Purpose::Gates => {
                let before: Vec<String> =
                    self.probes_before().into_iter().map(|(name, _)| name).collect();
                self.show_gates(&named);
                self.keep_before(&before);
            }
            Purpose::Yes => self.show_gates(&named),
            Purpose::Evidence => self.show(&named),
        }
        match purpose {
            Purpose::Check => self.checked(),
            Purpose::Verify => self.verified(),
            Purpose::Already => self.found_already(),
            Purpose::Gates => self.gates_read(),
            Purpose::Yes => self.yes_read(),
            Purpose::Evidence => self.evidence_read(&named),
            Purpose::Vouched => self.vouched(),
        }
    }

    pub(super) fn show(&mut self, named: &[(String, Reading)]) {
        self.evidence = named
            .iter()
            .map(|(label, reading)| Evidence { label: label.clone(), reading: reading.clone() })
            .collect();
    }

    /// Tests a claim against the last reading of its name, and records both.
    pub(super) fn test(&mut self, claim: &Claim) -> (Verdict, Want) {
        let reading = self.readings.get(&claim.name).cloned();
        let expect = claim.expect.resolved(self);
        let reading = reading.unwrap_or_else(|| Reading {
            value: Value::unknown("it was not read"),
            at: DateTime::<Utc>::UNIX_EPOCH,
        });
        let verdict = expect.test(&reading.value);
        let want = self.record_reading(&claim.name, &reading, verdict);
        self.evidence.push(Evidence { label: claim.name.clone(), reading });
        (verdict, want)
    }

    pub(super) fn found(&self, claim: &Claim) -> String {
        let found = self.readings.get(&claim.name).map(|reading| reading.value.to_string());
        found.unwrap_or_else(|| "cannot tell".to_owned())
    }

    fn checked(&mut self) -> Vec<Want> {
        let Kind::Check(claim) = self.current().kind.clone() else { return Vec::new() };
        let (verdict, want) = self.test(&claim);
        let mut wants = vec![want];
        if verdict == Verdict::Pass {
            let value = self.found(&claim);
            wants.extend(self.pass(Means::Sensed, value));
            return wants;
        }
        let expected = claim.expect.resolved(self);
        let why = format!("{}: found {}, expected {expected}", claim.name, self.found(&claim));
        if let Some(waived) = self.waive(&claim.probe, verdict, &why) {
            wants.extend(waived);
            return wants;
        }
        self.phase = Phase::CheckFailed { unknown: verdict == Verdict::Unknown, why };
        wants
    }

    fn evidence_read(&mut self, named: &[(String, Reading)]) -> Vec<Want> {
        self.phase = Phase::Deciding;
        let verdict = |reading: &Reading| {
            if reading.value.is_unknown() { Verdict::Unknown } else { Verdict::Pass }
        };
        named
            .iter()
            .map(|(label, reading)| self.record_reading(label, reading, verdict(reading)))
            .collect()
    }

    /// The shown plan was left: the step stands where it stood before.
    pub(in crate::session) fn dismissed(&mut self) -> Vec<Want> {
        if self.acts() && self.ending.is_some() {
            return self.undo_stays(None);
        }
        if self.acts() || self.holds_a_yes() {
            self.phase = Phase::Ready;
        }
        Vec::new()
    }

    /// There is nothing left to do for the step's act: what it asks for is so.
    pub(in crate::session) fn goal_reached(&mut self, why: &str) -> Vec<Want> {
        if !self.acts() {
            return Vec::new();
        }
        if self.ending.is_some() {
            return self.is_undone(why);
        }
        self.reached = Some(why.to_owned());
        self.ask_verify()
    }

    /// The step's act cannot be planned.
    pub(in crate::session) fn impossible(&mut self, why: &str) -> Vec<Want> {
        if self.acts() && self.ending.is_some() {
            return self.undo_stays(Some(why.to_owned()));
        }
        if self.acts() {
            self.phase = Phase::Failed { why: why.to_owned(), may_retry: true };
            self.advice = None;
        }
        Vec::new()
    }

    /// The confirmed act was not run, since more would be lost than was shown: it passes the
    /// gates anew and is shown again.
    pub(in crate::session) fn worsened(&mut self, acting: &Acting) -> Vec<Want> {
        if !self.acts() {
            return Vec::new();
        }
        if self.paused || acting.stop.is_some() {
            self.phase = Phase::Ready;
            return Vec::new();
        }
        self.ask_gates()
    }

    /// Returns true while the current step's act is planned, shown or run.
    pub(super) fn acts(&self) -> bool {
        self.end.is_none() && self.phase == Phase::Acting
    }

    /// An act of the current step ended.
    pub(in crate::session) fn performed(
        &mut self,
        acting: &Acting,
        outcome: &Outcome,
    ) -> Vec<Want> {
        if !self.acts() {
            return Vec::new();
        }
        if self.ending.is_some() {
            return self.undo_performed(outcome);
        }
        if !outcome.ending.goes_on() {
            return self.act_failed(outcome);
        }
        self.opens();
        self.done.push(acting.plan.hash().to_string());
        if outcome.ending == Ending::Rehearsed {
            // What must hold after it can hold of what it would have reached only.
            return self.pass(Means::Acted, outcome.ending.word().to_owned());
        }
        if !self.has_more(&acting.plan) {
            return self.ask_verify();
        }
        if self.stop_after {
            self.stop_after = false;
            self.paused = true;
        }
        if self.paused || acting.stop.is_some() {
            self.phase = Phase::Ready;
            return Vec::new();
        }
        // Each of a procedure's acts passes the gates anew: the world moved meanwhile.
        self.ask_gates()
    }

    /// Returns true if the step's act is a procedure whose goal may not be reached yet.
    pub(super) fn has_more(&self, plan: &Plan) -> bool {
        use crate::domain::runbook::{Action as Deed, Down, Migrate, Restore, Up};
        if matches!(plan.action, Action::Restore { .. }) {
            return !plan.ends_procedure();
        }
        if let Some(Deed::Restore(Restore::Tables { .. })) = self.act().map(|act| &act.action) {
            return !matches!(&plan.action, Action::Sql { text, .. } if unstages(text));
        }
        let is_migration = matches!(plan.action, Action::Migrate { .. });
        let goes_on = self.act().is_some_and(|act| {
            matches!(
                act.action,
                Deed::Migrate(
                    Migrate::Up(Up::Head | Up::Revision(_)) | Migrate::Down(Down::Revision(_))
                )
            )
        });
        is_migration && goes_on
    }

    pub(super) fn act_failed(&mut self, outcome: &Outcome) -> Vec<Want> {
        let why = format!("{}: {}", outcome.ending.word(), outcome.message.one_line());
        let left = self.current().on_fail.retry.is_none_or(|most| self.attempts < most);
        let harmless = outcome.ending.may_retry() || outcome.ending == Ending::Stopped;
        let may_retry = harmless && left && !self.forbids_retry(outcome.message.raw());
        self.phase = Phase::Failed { why, may_retry };
        self.advice = outcome.next();
        Vec::new()
    }

    /// Returns the next right step after the act of the current step has failed, by what it
    /// left behind and by its cause.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        let failed = matches!(self.phase, Phase::Failed { .. });
        self.advice.as_deref().filter(|_| failed)
    }

    /// Returns true if the step, or a scenario that fits the error, forbids the same again.
    fn forbids_retry(&self, error: &str) -> bool {
        let Some(deed) = self.act().map(|act| act.action.deed()) else { return true };
        let by_scenario = self.book.scenarios_of(error).any(|one| one.never.contains(&deed));
        by_scenario || self.current().on_fail.never.contains(&deed)
    }

    /// Returns what has failed in the current step, if something has.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.phase {
            Phase::Failed { why, .. }
            | Phase::CheckFailed { why, .. }
            | Phase::Unproven { why, .. }
            | Phase::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// Returns the scenarios that fit what has failed in the current step.
    pub fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.failure().into_iter().flat_map(|why| self.book.scenarios_of(why))
    }

    /// Returns what is offered: after a failure the step's own sections, those of the
    /// scenarios that fit the error, and a person ([`ESCALATE`]); while watching, the
    /// sections of the triggers that fire.
    #[must_use]
    pub fn offers(&self) -> Vec<String> {
        if self.failure().is_none() {
            return self.fired_offers();
        }
        let mut offers: Vec<String> = Vec::new();
        for offer in &self.current().on_fail.offer {
            match offer {
                Offer::Section(id) => offers.push(id.clone()),
                Offer::Scenario => offers.extend(self.scenarios().flat_map(|s| s.offer.clone())),
                Offer::Escalate => offers.push(ESCALATE.to_owned()),
            }
        }
        if matches!(self.phase, Phase::Refused(_)) {
            offers.push(ESCALATE.to_owned());
        }
        let mut seen = BTreeSet::new();
        offers.retain(|offer| seen.insert(offer.clone()));
        offers
    }

    pub(super) fn ask_verify(&mut self) -> Vec<Want> {
        let claims = self.act().map(|act| act.verify.clone()).unwrap_or_default();
        if claims.is_empty() {
            return self.acted();
        }
        let named = claims.into_iter().map(|claim| (claim.name, claim.probe)).collect();
        self.probe(Purpose::Verify, named)
    }

    /// Passes the step if all that must hold after its act holds already; else it waits for
    /// its act, as if nothing had been read.
    fn found_already(&mut self) -> Vec<Want> {
        let claims = self.act().map(|act| act.verify.clone()).unwrap_or_default();
        let tested: Vec<(Verdict, Want)> = claims.iter().map(|claim| self.test(claim)).collect();
        let holds = tested.iter().all(|(verdict, _)| *verdict == Verdict::Pass);
        let mut wants: Vec<Want> = tested.into_iter().map(|(_, want)| want).collect();
        wants.extend(if holds {
            let found = claims.iter().map(|claim| format!("{} {}", claim.name, self.found(claim)));
            let found = found.collect::<Vec<_>>().join(", ");
            self.pass(Means::Sensed, format!("found done already: {found}"))
        } else {
            self.enter_step()
        });
        wants
    }

    fn verified(&mut self) -> Vec<Want> {
        let claims = self.act().map(|act| act.verify.clone()).unwrap_or_default();
        self.evidence.clear();
        let mut wants = Vec::new();
        let mut failed = Vec::new();
        let mut worst = Verdict::Pass;
        for claim in &claims {
            let (verdict, want) = self.test(claim);
            wants.push(want);
            worst = worst.and(verdict);
            if verdict != Verdict::Pass {
                failed.push(format!(
                    "{}: found {}, expected {}",
                    claim.name,
                    self.found(claim),
                    claim.expect.resolved(self)
                ));
            }
        }
        if failed.is_empty() {
            wants.extend(self.acted());
        } else {
            let why =
                format!("done, but what must hold afterwards does not: {}", failed.join("; "));
            self.phase = Phase::Unproven { unknown: worst == Verdict::Unknown, why };
        }
        wants
    }

    fn acted(&mut self) -> Vec<Want> {
        let (means, value) = match (self.done.len(), self.reached.take()) {
            // What it asks for was so already: nothing was done that could be taken back.
            (0, Some(why)) => (Means::Sensed, why),
            (1, _) => (Means::Acted, "1 act done".to_owned()),
            (n, _) => (Means::Acted, format!("{n} acts done")),
        };
        self.pass(means, value)
    }
}
