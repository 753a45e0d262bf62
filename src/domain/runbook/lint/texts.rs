//! The texts of a runbook that a program reads: SQL, command lines, and what a person is told
//! to type.

use super::super::{Action, Kind, Runbook, Step};
use crate::domain::evidence::{Claim, Probe, Sense, Word};
use crate::domain::gate::Asks;
use crate::domain::plan::Risk;
use crate::domain::problem::Place;

/// SQL of a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Where it is written.
    pub place: Place,
    /// The text.
    pub sql: &'a str,
    /// It must not change anything.
    pub reads: bool,
    /// How many values are bound to it.
    pub binds: usize,
}

impl Runbook {
    /// Returns all SQL, each with its place.
    #[must_use]
    pub fn sql(&self) -> Vec<Asked<'_>> {
        let mut all: Vec<Asked<'_>> = Vec::new();
        for (place, probe) in self.senses() {
            if let Sense::Sql { text, binds } = &probe.sense {
                let (place, binds) = (place.key("sql"), binds.len());
                all.push(Asked { place, sql: text, reads: true, binds });
            }
        }
        for (place, step) in self.placed() {
            let Kind::Act(act) = &step.kind else { continue };
            if let Action::Sql { text, binds } = &act.action {
                let (reads, binds) = (act.risk == Risk::Read, binds.len());
                all.push(Asked { place: place.key("sql"), sql: text, reads, binds });
            }
            if let Some(Action::Sql { text, binds }) = &act.undo {
                let (place, binds) = (place.key("undo").key("sql"), binds.len());
                all.push(Asked { place, sql: text, reads: false, binds });
            }
        }
        all
    }

    /// Returns every probe once, where it is written: in `[probe]`, or on the spot.
    fn senses(&self) -> Vec<(Place, &Probe)> {
        let named = self.probes.iter();
        let mut all: Vec<(Place, &Probe)> =
            named.map(|(name, probe)| (Place::top().key("probe").key(name), probe)).collect();
        let is_inline = |name: &str| !self.probes.contains_key(name);
        for (name, gate) in &self.gates {
            let rules = Place::top().key("gate").key(name).key("rules");
            for (at, rule) in gate.rules.iter().enumerate() {
                if let Asks::Probe(claim) = &rule.asks
                    && is_inline(&claim.name)
                {
                    all.push((rules.index(at), &claim.probe));
                }
            }
        }
        for (place, step) in self.placed() {
            let here = probes(step).into_iter().filter(|(_, name, _)| is_inline(name));
            all.extend(here.map(|(key, _, probe)| (place.key(key), probe)));
        }
        all
    }

    /// Returns the command lines: of acts and probes, and the lines of the texts that a person
    /// is told to type.
    #[must_use]
    pub fn command_lines(&self) -> Vec<(Place, String)> {
        let mut all: Vec<(Place, String)> = Vec::new();
        for (place, probe) in self.senses() {
            if let Sense::Command(argv) = &probe.sense {
                all.push((place.key("command"), line(argv)));
            }
        }
        for (place, step) in self.placed() {
            match &step.kind {
                Kind::Act(act) => {
                    if let Action::Command(argv) = &act.action {
                        all.push((place.key("command"), line(argv)));
                    }
                    if let Some(Action::Command(argv)) = &act.undo {
                        all.push((place.key("undo").key("command"), line(argv)));
                    }
                }
                Kind::Manual(manual) => all.extend(typed(&place.key("do"), &manual.text)),
                Kind::Notice { text } => all.extend(typed(&place.key("text"), text)),
                _ => {}
            }
        }
        all
    }
}

fn typed<'a>(place: &'a Place, text: &'a str) -> impl Iterator<Item = (Place, String)> + 'a {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|l| (place.clone(), l.into()))
}

fn line(argv: &[Word]) -> String {
    argv.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Returns the probes that a step names, with the key that holds them.
fn probes(step: &Step) -> Vec<(&'static str, &str, &Probe)> {
    match &step.kind {
        Kind::Check(claim) => vec![("probe", claim.name.as_str(), &claim.probe)],
        Kind::Manual(manual) => claims(&manual.verify),
        Kind::Act(act) => claims(&act.verify),
        Kind::Watch(watch) => {
            let shown = watch.probes.iter().map(|(name, probe)| ("probes", name.as_str(), probe));
            let until = watch.until.iter().map(|one| ("until", one.name.as_str(), &one.probe));
            shown.chain(until).collect()
        }
        Kind::Decide(decide) => {
            let shown = decide.evidence.iter();
            shown.map(|(name, probe)| ("evidence", name.as_str(), probe)).collect()
        }
        _ => Vec::new(),
    }
}

fn claims(all: &[Claim]) -> Vec<(&'static str, &str, &Probe)> {
    all.iter().map(|one| ("verify", one.name.as_str(), &one.probe)).collect()
}
