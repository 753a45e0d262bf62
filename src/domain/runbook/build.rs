//! From the written form to the built one: every name is resolved, and every
//! contradiction is reported with its place.

mod action;
mod names;
mod step;

use std::collections::BTreeMap;

use super::raw;
use super::{Goto, Report, Runbook, Scenario, Section};
use crate::domain::evidence::{Builtin, Claim, Expect, Probe};
use crate::domain::gate::{Asks, Gate, Rule};
use crate::domain::problem::{Flaw, Place};
use crate::domain::quantity::Period;
use crate::domain::trigger::Trigger;

/// How old the reading behind a gate's rule may be if the file says nothing.
const FRESH: Period = Period::from_secs(60);

impl Runbook {
    /// Returns the runbook that `raw` describes.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file's tables.
    pub fn build(raw: &raw::Runbook) -> Result<Self, Vec<Flaw>> {
        let mut builder = Builder { raw, flaws: Vec::new() };
        let built = builder.runbook();
        // What could not be built is missing, so the structure is judged only when all is there.
        let flaws = if builder.flaws.is_empty() { built.check() } else { builder.flaws };
        if flaws.is_empty() { Ok(built) } else { Err(flaws) }
    }
}

/// Builds, and notes what is wrong; a part that cannot be built is left out, which
/// is noticed, because then there is a flaw.
struct Builder<'a> {
    raw: &'a raw::Runbook,
    flaws: Vec<Flaw>,
}

impl<'a> Builder<'a> {
    fn runbook(&mut self) -> Runbook {
        let raw = self.raw;
        let first = raw.section.first().map(|section| section.id.clone());
        Runbook {
            id: raw.id.clone(),
            title: raw.title.clone(),
            sources: raw.sources.clone(),
            entry: self.entry().or(first).unwrap_or_default(),
            probes: raw.probe.clone(),
            gates: self.each("gate", &raw.gate, Self::gate),
            triggers: self.each("trigger", &raw.trigger, Self::trigger),
            scenarios: self.each("scenario", &raw.scenario, Self::scenario),
            report: raw.report.clone().map(|report| Report {
                title: report.title,
                filled: report.filled,
                asked: report.asked,
            }),
            sections: self.sections(),
        }
    }

    fn each<R, T>(
        &mut self,
        table: &str,
        all: &'a BTreeMap<String, R>,
        build: fn(&mut Self, &str, &'a R, &Place) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let mut built = BTreeMap::new();
        for (name, raw) in all {
            let place = Place::top().key(table).key(name);
            built.extend(build(self, name, raw, &place).map(|one| (name.clone(), one)));
        }
        built
    }

    fn entry(&mut self) -> Option<String> {
        let entry = self.raw.entry.as_deref()?;
        self.section_name(entry, &Place::top().key("entry"))
    }

    fn gate(&mut self, _: &str, raw: &'a raw::Gate, place: &Place) -> Option<Gate> {
        let here = place.key("rules");
        let rules: Vec<Rule> = raw
            .rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| self.rule(rule, &here.index(index)))
            .collect();
        if raw.rules.is_empty() {
            return self.flaw(here, "a gate without a rule would always be open");
        }
        let policy = self.policy(&raw.policy, &place.key("policy"));
        Some(Gate { mode: raw.mode, rules, fresh: raw.fresh.unwrap_or(FRESH), policy })
    }

    fn rule(&mut self, raw: &raw::Rule, place: &Place) -> Option<Rule> {
        let asked =
            [raw.probe.is_some(), raw.builtin.is_some(), raw.var.is_some(), raw.approval.is_some()];
        if asked.iter().filter(|is| **is).count() != 1 {
            let what = "a rule has exactly one of: probe, builtin, var, approval";
            return self.flaw(place.clone(), what);
        }
        let asks = match (&raw.approval, &raw.var) {
            (Some(role), _) => self.approval(role, raw, place)?,
            (_, Some(var)) => self.variable(var, raw, place)?,
            _ => Asks::Probe(self.sensed(raw, place)?),
        };
        let says = raw.says.clone().unwrap_or_else(|| asks.to_string());
        let policy = self.policy(&raw.policy, &place.key("policy"));
        Some(Rule { says, asks, policy })
    }

    fn approval(&mut self, role: &str, raw: &raw::Rule, place: &Place) -> Option<Asks> {
        if raw.expect.is_some() {
            return self.flaw(place.key("expect"), "an approval is given or not");
        }
        self.never_self(raw.not_self, place)?;
        Some(Asks::Approval { role: role.to_owned() })
    }

    fn variable(&mut self, var: &str, raw: &raw::Rule, place: &Place) -> Option<Asks> {
        match raw.expect.clone() {
            Some(expect) => Some(Asks::Var { name: var.to_owned(), expect }),
            None => self.flaw(place.clone(), "the key `expect` is missing"),
        }
    }

    fn sensed(&mut self, raw: &raw::Rule, place: &Place) -> Option<Claim> {
        let (name, probe) = self.source(raw.probe.as_deref(), raw.builtin, place)?;
        self.claim(name, probe, raw.expect.as_ref(), place)
    }

    /// Returns the probe that a table names by `probe` or by `builtin`.
    fn source(
        &mut self,
        probe: Option<&str>,
        builtin: Option<Builtin>,
        place: &Place,
    ) -> Option<(String, Probe)> {
        match (probe, builtin) {
            (Some(name), None) => {
                Some((name.to_owned(), self.probe_name(name, &place.key("probe"))?))
            }
            (None, Some(builtin)) => Some((builtin.name(), Probe::builtin(builtin))),
            _ => self.flaw(place.clone(), "it has exactly one of: probe, builtin"),
        }
    }

    fn trigger(&mut self, _: &str, raw: &'a raw::Trigger, place: &Place) -> Option<Trigger> {
        let (name, probe) = self.source(raw.probe.as_deref(), raw.builtin, place)?;
        let samples = raw.samples.unwrap_or(1);
        if samples == 0 {
            return self.flaw(place.key("samples"), "at least one sample has to agree");
        }
        Some(Trigger {
            says: raw.says.clone(),
            name,
            probe,
            against: raw.against,
            warn: raw.warn.clone(),
            fire: raw.fire.clone(),
            samples,
            offer: self.section_name(&raw.offer, &place.key("offer"))?,
        })
    }

    fn scenario(&mut self, _: &str, raw: &'a raw::Scenario, place: &Place) -> Option<Scenario> {
        if raw.matches.iter().all(|form| form.trim_matches('*').is_empty()) {
            let what = "it would fit no error, or every one: write a part of the error's text";
            return self.flaw(place.key("matches"), what);
        }
        let here = place.key("offer");
        let offers = raw.offer.iter().enumerate();
        let offer =
            offers.filter_map(|(index, id)| self.section_name(id, &here.index(index))).collect();
        Some(Scenario {
            title: raw.title.clone(),
            matches: raw.matches.clone(),
            text: raw.text.clone(),
            offer,
            never: raw.never.clone(),
            source: raw.source.clone(),
        })
    }

    fn sections(&mut self) -> Vec<Section> {
        let raw = self.raw;
        if raw.section.is_empty() {
            self.flaw::<()>(Place::top(), "a runbook has at least one [[section]]");
        }
        let sections = raw.section.iter().enumerate();
        sections.map(|(index, one)| self.section(one, index)).collect()
    }

    fn section(&mut self, raw: &'a raw::Section, index: usize) -> Section {
        let place = Place::top().key("section").index(index);
        if raw.step.is_empty() {
            self.flaw::<()>(place.clone(), "a section has at least one [[section.step]]");
        }
        let when = self.when(raw.when.as_ref(), &place.key("when"));
        let here = place.key("step");
        let steps = raw.step.iter().enumerate();
        Section {
            id: raw.id.clone(),
            title: raw.title.clone(),
            mode: raw.mode,
            when,
            never: raw.never.clone(),
            steps: steps.filter_map(|(at, step)| self.step(step, &here.index(at))).collect(),
        }
    }

    /// Returns what is expected of a probe, by its user or by its own.
    fn claim(
        &mut self,
        name: String,
        probe: Probe,
        expect: Option<&Expect>,
        place: &Place,
    ) -> Option<Claim> {
        let Some(expect) = expect.cloned().or_else(|| probe.expected()) else {
            let what = format!("nothing is expected of `{name}`: write `expect = {{ … }}`");
            return self.flaw(place.clone(), what);
        };
        Some(Claim { name, probe, expect })
    }

    fn never_self(&mut self, not_self: Option<bool>, place: &Place) -> Option<()> {
        if not_self == Some(false) {
            let what = "whoever runs a step never approves it: leave this key out";
            return self.flaw(place.key("not_self"), what);
        }
        Some(())
    }

    /// Notes a flaw and returns nothing, so that `return self.flaw(…)` reads well.
    fn flaw<T>(&mut self, place: Place, what: impl Into<String>) -> Option<T> {
        self.flaws.push(Flaw::new(place, what));
        None
    }
}

/// Returns the place to go to that is no section.
fn goto_word(word: &str) -> Option<Goto> {
    match word {
        "next" => Some(Goto::Next),
        "end" => Some(Goto::End),
        "escalate" => Some(Goto::Escalate),
        _ => None,
    }
}
