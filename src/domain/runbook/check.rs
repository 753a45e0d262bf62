//! Structure: what only the whole runbook shows.

use std::collections::BTreeSet;

use super::{Answer, Goto, Kind, Offer, Runbook, Section, Step, Target, When};
use crate::domain::config;
use crate::domain::evidence::{Builtin, Name};
use crate::domain::gate::Asks;
use crate::domain::problem::{Flaw, Place};

/// The ids of the runbooks that the program ships.
pub const SHIPPED: [&str; 6] =
    ["migrate", "rollback", "backup", "rehearsal", "validate", "incident"];

impl Runbook {
    /// Returns every flaw of the structure: ids that occur twice, sections that
    /// nothing leads to, names that nothing sets.
    pub(super) fn check(&self) -> Vec<Flaw> {
        let mut flaws = self.twice();
        flaws.extend(self.unreachable());
        flaws.extend(self.unset());
        flaws
    }

    /// Returns the steps with their places; true only if every step could be built.
    pub(super) fn placed(&self) -> impl Iterator<Item = (Place, &Step)> {
        self.sections.iter().enumerate().flat_map(|(at, section)| {
            let here = Place::top().key("section").index(at).key("step");
            section.steps.iter().enumerate().map(move |(index, step)| (here.index(index), step))
        })
    }

    /// Returns true if the section is reached only through an answer, a scenario, a trigger or
    /// a call, and so is no part of the main line. What a failed step offers may as well lie
    /// ahead on it.
    #[must_use]
    pub fn is_branch(&self, id: &str) -> bool {
        let leads = |step: &Step| match &step.kind {
            Kind::Decide(decide) => decide
                .answers
                .iter()
                .any(|answer| matches!(&answer.goto, Goto::Section(section) if section == id)),
            Kind::Call { target: Target::Section(to) } => to == id,
            _ => false,
        };
        let offered = self.scenarios.values().any(|one| one.offer.iter().any(|offer| offer == id));
        let watched = self.triggers.values().any(|trigger| trigger.offer == id);
        id != self.entry && (offered || watched || self.steps().any(leads))
    }

    fn twice(&self) -> Vec<Flaw> {
        let sections = self.sections.iter().enumerate().map(|(at, section)| {
            (Place::top().key("section").index(at), "section", section.id.as_str())
        });
        let steps = self.placed().map(|(place, step)| (place, "step", step.id.as_str()));
        let mut seen = BTreeSet::new();
        sections
            .chain(steps)
            .filter(|(_, what, id)| !seen.insert((*what, *id)))
            .map(|(place, what, id)| {
                Flaw::new(place.key("id"), format!("another {what} is named `{id}`"))
            })
            .collect()
    }

    /// A section is reached from the one before it, unless that ends in a decision
    /// that always leads elsewhere; and from whatever names it.
    fn unreachable(&self) -> Vec<Flaw> {
        let mut open = vec![self.entry.as_str()];
        open.extend(self.triggers.values().map(|trigger| trigger.offer.as_str()));
        open.extend(self.scenarios.values().flat_map(|one| one.offer.iter().map(String::as_str)));
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                open.extend(self.leads_to(id));
            }
        }
        let lost = |(_, section): &(usize, &Section)| !reached.contains(section.id.as_str());
        let place = |at| Place::top().key("section").index(at).key("id");
        let what = |id: &str| format!("nothing leads to the section `{id}`");
        let sections = self.sections.iter().enumerate().filter(lost);
        sections.map(|(at, section)| Flaw::new(place(at), what(&section.id))).collect()
    }

    fn leads_to<'a>(&'a self, id: &str) -> Vec<&'a str> {
        let Some(at) = self.sections.iter().position(|section| section.id == id) else {
            return Vec::new();
        };
        let section = &self.sections[at];
        let mut ids: Vec<&str> = section.steps.iter().flat_map(Step::names_sections).collect();
        if section.falls_through() {
            ids.extend(self.sections.get(at + 1).map(|next| next.id.as_str()));
        }
        ids
    }

    fn unset(&self) -> Vec<Flaw> {
        let vars: BTreeSet<&str> = self.steps().filter_map(Step::sets).collect();
        let unset = |name: &Name| match name {
            Name::Var(var) => !vars.contains(var.as_str()),
            Name::Policy(name) => !config::POLICY_NAMES.contains(&name.as_str()),
            Name::Probe(name) => !self.probes.contains_key(name) && Builtin::parse(name).is_none(),
        };
        let mut flaws = Vec::new();
        for (place, name) in self.names() {
            if unset(&name) {
                let flaw = match name {
                    Name::Var(var) => {
                        Flaw::unknown_name(place, "variable", &var, vars.iter().copied())
                    }
                    Name::Policy(name) => {
                        Flaw::unknown_name(place, "policy value", &name, config::POLICY_NAMES)
                    }
                    Name::Probe(name) => {
                        let known = self.probes.keys().map(String::as_str);
                        Flaw::unknown_name(place, "probe", &name, known)
                    }
                };
                // A probe written on the spot brings its expectation to its user too.
                if !flaws.contains(&flaw) {
                    flaws.push(flaw);
                }
            }
        }
        flaws
    }

    /// Returns every name of a value with the place of the table that holds it.
    fn names(&self) -> Vec<(Place, Name)> {
        let mut all = Vec::new();
        for (name, probe) in &self.probes {
            let place = Place::top().key("probe").key(name);
            all.extend(probe.names().into_iter().map(|name| (place.clone(), name.clone())));
        }
        for (place, step) in self.placed() {
            all.extend(step.uses().into_iter().map(|name| (place.clone(), name)));
        }
        for (name, gate) in &self.gates {
            let here = Place::top().key("gate").key(name).key("rules");
            for (index, rule) in gate.rules.iter().enumerate() {
                let used = rule_names(&rule.asks);
                all.extend(used.into_iter().map(|name| (here.index(index), name)));
            }
        }
        for (name, trigger) in &self.triggers {
            let place = Place::top().key("trigger").key(name);
            let expects = trigger.warn.iter().chain([&trigger.fire]);
            let used = expects.flat_map(|expect| expect.names().cloned().collect::<Vec<_>>());
            all.extend(used.map(|name| (place.clone(), name)));
        }
        all
    }
}

fn rule_names(asks: &Asks) -> Vec<Name> {
    match asks {
        Asks::Probe(claim) => claim.expect.names().cloned().collect(),
        Asks::Var { name, expect } => {
            expect.names().cloned().chain([Name::Var(name.clone())]).collect()
        }
        Asks::Approval { .. } => Vec::new(),
    }
}

impl Section {
    /// Returns true if the walk can go on behind its last step.
    pub(super) fn falls_through(&self) -> bool {
        self.walked() == self.steps.len() && self.steps.last().is_none_or(Step::goes_on)
    }

    /// Returns how many of its steps can be reached from its beginning: none lies behind a
    /// question whose every answer leads elsewhere.
    pub(super) fn walked(&self) -> usize {
        let turn = self.steps.iter().position(|step| !step.goes_on());
        turn.map_or(self.steps.len(), |at| at + 1)
    }
}

impl Step {
    /// Returns true if the walk can go on to the step behind it.
    fn goes_on(&self) -> bool {
        match &self.kind {
            Kind::Decide(decide) => {
                let next = decide.answers.iter().any(|answer| answer.goto == Goto::Next);
                next || self.when != When::default()
            }
            _ => true,
        }
    }

    /// Returns the names of the variables that it needs.
    pub(super) fn vars(&self) -> Vec<String> {
        let vars = self.uses().into_iter().filter_map(|name| match name {
            Name::Var(var) => Some(var),
            Name::Policy(_) | Name::Probe(_) => None,
        });
        vars.collect()
    }

    /// Returns the variable that this step sets.
    pub(super) fn sets(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ask(ask) => Some(&ask.var),
            _ => None,
        }
    }

    /// Returns the sections that this step may lead to.
    fn names_sections(&self) -> Vec<&str> {
        let answers: &[Answer] = match &self.kind {
            Kind::Decide(decide) => &decide.answers,
            _ => &[],
        };
        let mut ids: Vec<&str> = answers
            .iter()
            .filter_map(|answer| match &answer.goto {
                Goto::Section(id) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        ids.extend(self.on_fail.offer.iter().filter_map(|offer| match offer {
            Offer::Section(id) => Some(id.as_str()),
            Offer::Scenario | Offer::Escalate => None,
        }));
        if let Kind::Call { target: Target::Section(id) } = &self.kind {
            ids.push(id);
        }
        ids
    }

    /// Returns the names of the values that this step needs.
    fn uses(&self) -> Vec<Name> {
        let mut names: Vec<Name> = self.when.var.keys().cloned().map(Name::Var).collect();
        match &self.kind {
            Kind::Check(claim) => {
                names.extend(claim.expect.names().cloned());
                names.extend(claim.probe.names().into_iter().cloned());
            }
            Kind::Act(act) => {
                names.extend(act.action.names().into_iter().cloned());
                names.extend(act.undo.iter().flat_map(|undo| undo.names()).cloned());
            }
            Kind::Watch(watch) => {
                names.extend(watch.until.iter().flat_map(|claim| claim.expect.names().cloned()));
            }
            _ => {}
        }
        names
    }
}
