//! Names: probes, sections, gates, and where an answer leads.

use std::collections::BTreeMap;

use super::super::raw::{self, Sensed};
use super::super::{Goto, Offer, When};
use super::{Builder, goto_word};
use crate::domain::config::POLICY_NAMES;
use crate::domain::evidence::{Builtin, Claim, Expect, Name, Operand, Probe, Value};
use crate::domain::problem::{Flaw, Place};

impl Builder<'_> {
    /// Returns the probe of that name: one of the file's, else a builtin.
    pub(super) fn probe_name(&mut self, name: &str, place: &Place) -> Option<Probe> {
        if let Some(probe) = self.raw.probe.get(name) {
            return Some(probe.clone());
        }
        if let Some(builtin) = Builtin::parse(name) {
            return Some(Probe::builtin(builtin));
        }
        let builtins: Vec<String> = Builtin::all().iter().map(|one| one.name()).collect();
        let known = self.raw.probe.keys().chain(&builtins).map(String::as_str);
        self.flaws.push(Flaw::unknown_name(place.clone(), "probe", name, known));
        None
    }

    /// Returns the probe with the name that its readings carry.
    pub(super) fn named(&mut self, sensed: &Sensed, place: &Place) -> Option<(String, Probe)> {
        match sensed {
            Sensed::Named(name) => Some((name.clone(), self.probe_name(name, place)?)),
            Sensed::Inline(probe) => Some((probe.label(), probe.as_ref().clone())),
        }
    }

    /// Returns all probes of a list; those that are unknown are noted and left out.
    pub(super) fn all_named(
        &mut self,
        all: Option<&Vec<Sensed>>,
        place: &Place,
    ) -> Vec<(String, Probe)> {
        let all = all.into_iter().flatten().enumerate();
        all.filter_map(|(index, one)| self.named(one, &place.index(index))).collect()
    }

    /// Returns what is expected of each probe of a `verify`.
    pub(super) fn claims(&mut self, all: Option<&raw::OneOrMany>, place: &Place) -> Vec<Claim> {
        let all = all.map(|all| all.0.as_slice()).unwrap_or_default();
        let is_list = all.len() > 1;
        let at = |index| if is_list { place.index(index) } else { place.clone() };
        all.iter()
            .enumerate()
            .filter_map(|(index, one)| {
                let (name, probe) = self.named(one, &at(index))?;
                self.claim(name, probe, None, &at(index))
            })
            .collect()
    }

    /// Returns the id of a section if there is one.
    pub(super) fn section_name(&mut self, id: &str, place: &Place) -> Option<String> {
        if self.has_section(id) {
            return Some(id.to_owned());
        }
        let known = self.raw.section.iter().map(|section| section.id.as_str());
        self.flaws.push(Flaw::unknown_name(place.clone(), "section", id, known));
        None
    }

    pub(super) fn has_section(&self, id: &str) -> bool {
        self.raw.section.iter().any(|section| section.id == id)
    }

    /// Returns where an answer leads; a section may have the name of one of the words.
    pub(super) fn goto(&mut self, to: Option<&str>, place: &Place) -> Option<Goto> {
        let Some(to) = to else { return Some(Goto::Next) };
        if self.has_section(to) {
            return Some(Goto::Section(to.to_owned()));
        }
        if let Some(goto) = goto_word(to) {
            return Some(goto);
        }
        let sections = self.raw.section.iter().map(|section| section.id.as_str());
        let known = sections.chain(Goto::WORDS);
        self.flaws.push(Flaw::unknown_name(place.clone(), "section", to, known));
        None
    }

    /// Returns a way on after a failure.
    pub(super) fn offer(&mut self, to: &str, place: &Place) -> Option<Offer> {
        match to {
            "scenario" => Some(Offer::Scenario),
            "escalate" if !self.has_section(to) => Some(Offer::Escalate),
            id => self.section_name(id, place).map(Offer::Section),
        }
    }

    /// Returns the gate names that exist.
    pub(super) fn gate_names(&mut self, all: Option<&Vec<String>>, place: &Place) -> Vec<String> {
        let mut known = Vec::new();
        for (index, name) in all.into_iter().flatten().enumerate() {
            if self.raw.gate.contains_key(name) {
                known.push(name.clone());
            } else {
                let names = self.raw.gate.keys().map(String::as_str);
                self.flaws.push(Flaw::unknown_name(place.index(index), "gate", name, names));
            }
        }
        known
    }

    /// Returns the conditions of a `when`.
    pub(super) fn when(&mut self, raw: Option<&raw::When>, place: &Place) -> When {
        let Some(raw) = raw else { return When::default() };
        let here = place.key("var");
        let vars = raw.var.iter();
        let var = vars
            .filter_map(|(name, to)| Some((name.clone(), self.literal(to, &here.key(name))?)))
            .collect();
        let probe = match (&raw.probe, &raw.expect) {
            (Some(name), expect) => self
                .probe_name(name, &place.key("probe"))
                .and_then(|probe| self.claim(name.clone(), probe, expect.as_ref(), place))
                .map(|claim| (claim.name, claim.expect)),
            (None, Some(_)) => self.flaw(place.key("expect"), "the key `probe` is missing"),
            (None, None) => None,
        };
        let policy = self.policy(&raw.policy, &place.key("policy"));
        let (class, tool) = (raw.class.clone(), raw.tool.clone());
        When { class, tool, var, policy, configured: raw.configured.clone(), probe }
    }

    /// Returns what is expected of the policy, if it has these names.
    pub(super) fn policy(
        &mut self,
        raw: &BTreeMap<String, Expect>,
        place: &Place,
    ) -> BTreeMap<String, Expect> {
        for name in raw.keys().filter(|name| !POLICY_NAMES.contains(&name.as_str())) {
            let flaw = Flaw::unknown_name(place.key(name), "policy value", name, POLICY_NAMES);
            self.flaws.push(flaw);
        }
        raw.clone()
    }

    fn literal(&mut self, operand: &Operand, place: &Place) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Named(name) => {
                let family = match name {
                    Name::Var(_) => "a variable",
                    Name::Policy(_) => "a policy value",
                    Name::Probe(_) => "what a probe says",
                };
                self.flaw(place.clone(), format!("{family} cannot stand here: write the value"))
            }
        }
    }
}
