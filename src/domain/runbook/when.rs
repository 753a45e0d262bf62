//! When a step applies, or a suggestion speaks. No expression language: a table
//! of conditions, which must all hold.

use std::collections::BTreeMap;

use crate::domain::config::Tool;
use crate::domain::evidence::{Expect, Name, Reading, Scope, Value, Verdict};
use crate::domain::identity::Class;

/// Conditions that must all hold; none means always.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// The target's class is one of these, if any are named.
    pub class: Vec<Class>,
    /// The tool is one of these, if any are named.
    pub tool: Vec<Tool>,
    /// Each variable has this value.
    pub var: BTreeMap<String, Value>,
    /// Each value of the configuration's policy is as expected.
    pub policy: BTreeMap<String, Expect>,
    /// Whether the configuration has a command or a probe of each name.
    pub configured: BTreeMap<String, bool>,
    /// The last reading of this probe is as expected.
    pub probe: Option<(String, Expect)>,
}

/// What conditions are tested against.
pub trait Context: Scope {
    /// Returns the class of the target.
    fn class(&self) -> Class;
    /// Returns the tool, if it is known.
    fn tool(&self) -> Option<Tool>;
    /// Returns the last reading of the probe of that name.
    fn reading(&self, probe: &str) -> Option<&Reading>;
    /// Returns true if the configuration has a command or a probe of that name.
    fn is_configured(&self, name: &str) -> bool;
}

impl When {
    /// Returns whether all conditions hold; unknown if one that would decide is.
    ///
    /// A step is passed over only on [`Verdict::Fail`]: what cannot be told is shown.
    #[must_use]
    pub fn holds(&self, context: &dyn Context) -> Verdict {
        let class = self.class.is_empty() || self.class.contains(&context.class());
        let known = if class { Verdict::Pass } else { Verdict::Fail };
        let vars = self.var.iter().map(|(name, value)| variable(name, value, context));
        let all = vars.fold(known.and(self.tool_holds(context)), Verdict::and);
        let has = |(name, is): (&String, &bool)| context.is_configured(name) == *is;
        let has = if self.configured.iter().all(has) { Verdict::Pass } else { Verdict::Fail };
        all.and(has).and(policy_holds(&self.policy, context)).and(self.probe_holds(context))
    }

    fn tool_holds(&self, context: &dyn Context) -> Verdict {
        match context.tool() {
            _ if self.tool.is_empty() => Verdict::Pass,
            None => Verdict::Unknown,
            Some(tool) if self.tool.contains(&tool) => Verdict::Pass,
            Some(_) => Verdict::Fail,
        }
    }

    fn probe_holds(&self, context: &dyn Context) -> Verdict {
        let Some((name, expect)) = &self.probe else { return Verdict::Pass };
        match context.reading(name) {
            Some(reading) => expect.resolved(context).test(&reading.value),
            None => Verdict::Unknown,
        }
    }
}

/// Returns whether the policy has these values; unknown if it has no such name.
#[must_use]
pub fn policy_holds(policy: &BTreeMap<String, Expect>, scope: &dyn Scope) -> Verdict {
    let holds = |(name, expect): (&String, &Expect)| match scope.value(&Name::Policy(name.clone()))
    {
        Some(found) => expect.resolved(scope).test(&found),
        None => Verdict::Unknown,
    };
    policy.iter().map(holds).fold(Verdict::Pass, Verdict::and)
}

fn variable(name: &str, value: &Value, context: &dyn Context) -> Verdict {
    match context.value(&Name::Var(name.to_owned())) {
        Some(found) => Expect::equals(value.clone()).test(&found),
        None => Verdict::Unknown,
    }
}
