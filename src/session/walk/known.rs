//! What gates, conditions and suggestions are tested against.

use crate::domain::approval::{Approval, Executor};
use crate::domain::config;
use crate::domain::evidence::{Name, Reading, Scope, Value};
use crate::domain::gate::Known;
use crate::domain::identity::Class;
use crate::domain::runbook::Context;

use super::Walk;

impl Walk {
    /// Returns the contacts that the current step names, a line each.
    #[must_use]
    pub fn people(&self) -> Vec<String> {
        let person = |name: &String| match self.place.people.get(name) {
            Some(line) => line.clone(),
            None => format!("{name} (not in [contacts] of lockkeeper.toml)"),
        };
        self.current().contacts.iter().map(person).collect()
    }

    /// Returns whom to call when nobody here can tell, the first one first: the levels of
    /// escalation, a line each, or else every contact.
    #[must_use]
    pub fn whom_to_call(&self) -> &[String] {
        &self.place.contacts
    }

    /// Returns the pages that the current step names, a line each; `*` names all that the
    /// configuration has.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        let known = &self.place.links;
        let line = |title: &String| match known.get(title) {
            Some(address) => format!("{title}: {address}"),
            None => format!("{title} (not in [links] of lockkeeper.toml)"),
        };
        let named = self.current().links.iter();
        let all = |title: &String| -> Vec<String> {
            if title == "*" { known.keys().map(line).collect() } else { vec![line(title)] }
        };
        named.flat_map(all).collect()
    }
}

impl Scope for Walk {
    fn value(&self, name: &Name) -> Option<Value> {
        match name {
            Name::Var(var) => self.vars.get(var).cloned(),
            Name::Policy(value) => self.place.policy.get(value).cloned(),
            Name::Probe(probe) => self.readings.get(probe).map(|reading| reading.value.clone()),
        }
    }
}

impl Context for Walk {
    fn class(&self) -> Class {
        self.place.class
    }

    fn tool(&self) -> Option<config::Tool> {
        self.place.tool
    }

    fn reading(&self, probe: &str) -> Option<&Reading> {
        self.readings.get(probe)
    }

    fn is_configured(&self, name: &str) -> bool {
        self.place.commands.contains_key(name) || self.place.probes.contains(name)
    }
}

impl Known for Walk {
    fn reading(&self, probe: &str) -> Option<&Reading> {
        self.readings.get(probe)
    }

    /// Those to the plan of the current act that was recorded as waiting last: one that was
    /// given to another plan does not count.
    fn approvals(&self) -> Vec<Approval> {
        let here = Some(self.here());
        let Some(awaited) = self.awaited.as_ref().filter(|one| one.subject.step == here) else {
            return Vec::new();
        };
        let counts = |one: &&Approval| one.subject == awaited.subject && !self.executor.is(&one.by);
        self.approvals.iter().filter(counts).cloned().collect()
    }

    fn executor(&self) -> &Executor {
        &self.executor
    }
}
