//! A trigger while it is watched: its source, its samples, and whether its offer was put aside.

use std::collections::VecDeque;

use crate::domain::baseline::Baseline;
use crate::domain::evidence::{Builtin, Name, Scope, Sense, Value};
use crate::domain::trigger::{State, Trigger};

/// A trigger with its latest samples.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) trigger: Trigger,
    pub(super) source: Source,
    pub(super) samples: VecDeque<Value>,
    pub(super) state: State,
    /// That it fires has been told; it is told again once it was calm.
    pub(super) told: bool,
    /// Why its offer was put aside; until it was calm.
    pub(super) aside: Option<String>,
}

/// Where the samples come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// What is measured of the run.
    Builtin(Builtin),
    /// The configuration's probe of that name, which is sampled all the time.
    Probe(String),
}

impl Source {
    /// Returns the probe's name, if it is one.
    pub(super) fn probe(&self) -> Option<String> {
        match self {
            Self::Builtin(_) => None,
            Self::Probe(name) => Some(name.clone()),
        }
    }
}

/// The triggers' values are written in the configuration: nothing in them is named.
struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &Name) -> Option<Value> {
        None
    }
}

impl Watched {
    /// Returns a trigger without samples; `None` for what is not measured all the time.
    pub(super) fn new(trigger: Trigger) -> Option<Self> {
        let source = match &trigger.probe.sense {
            Sense::Builtin(builtin) => Source::Builtin(*builtin),
            Sense::Configured(name) => Source::Probe(name.clone()),
            _ => return None,
        };
        let (samples, state) = (VecDeque::new(), State::Unknown);
        Some(Self { trigger, source, samples, state, told: false, aside: None })
    }

    /// What was sampled was held against another baseline.
    pub(super) fn begin_anew(&mut self) {
        self.samples.clear();
        (self.state, self.told, self.aside) = (State::Unknown, false, None);
    }

    /// Takes a value, held against the time before if the trigger asks for that.
    pub(super) fn take(&mut self, value: &Value, before: Option<&Baseline>) {
        if self.samples.len() == self.trigger.samples.max(1) {
            self.samples.pop_front();
        }
        let probe = self.source.probe();
        let before = before.zip(probe.as_ref()).and_then(|(before, name)| before.probes.get(name));
        let before = before.map(|before| Value::Float(*before));
        self.samples.push_back(self.trigger.sample(value, before.as_ref()));
        self.state = self.trigger.evaluate(self.samples.make_contiguous(), &Nothing);
        if self.state == State::Calm {
            self.aside = None;
        }
    }
}
