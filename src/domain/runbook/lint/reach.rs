//! Steps and conditions that nothing can ever reach, and names that nothing uses.

use std::collections::BTreeSet;

use super::super::{From, Kind, Offer, Runbook, When};
use super::Finding;
use crate::domain::evidence::Value;
use crate::domain::problem::{Place, nearest};

/// Returns what can never be reached or is never used.
pub(super) fn findings(book: &Runbook) -> Vec<Finding> {
    let mut all = behind_decisions(book);
    all.extend(never_here(book));
    all.extend(values_never_given(book));
    all.extend(set_too_late(book));
    all.extend(unused(book));
    all
}

/// Steps behind a question whose every answer leads elsewhere.
fn behind_decisions(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, section) in book.sections.iter().enumerate() {
        let here = Place::top().key("section").index(at).key("step");
        let Some(lost) = section.steps.get(section.walked()) else { continue };
        let question = &section.steps[section.walked() - 1].id;
        let what = format!(
            "nothing leads to the step `{}`: every answer of `{question}` before it goes elsewhere; write `goto = \"next\"`",
            lost.id
        );
        all.push(Finding::bad("unreachable", here.index(section.walked()).key("id"), what));
    }
    all
}

/// Steps whose `when` contradicts that of their section.
fn never_here(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, section) in book.sections.iter().enumerate() {
        let here = Place::top().key("section").index(at).key("step");
        for (index, step) in section.steps.iter().enumerate() {
            if let Some(what) = apart(&section.when, &step.when) {
                let place = here.index(index).key("when");
                let what = format!(
                    "the step `{}` is never here: {what} of its section's `when` and its own share nothing",
                    step.id
                );
                all.push(Finding::bad("unreachable", place, what));
            }
        }
    }
    all
}

fn apart(section: &When, step: &When) -> Option<&'static str> {
    fn share<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        one.is_empty() || other.is_empty() || one.iter().any(|it| other.contains(it))
    }
    let same = |name: &String, is: &bool| section.configured.get(name).is_none_or(|it| it == is);
    if !share(&section.class, &step.class) {
        Some("the classes")
    } else if !share(&section.tool, &step.tool) {
        Some("the tools")
    } else if !step.configured.iter().all(|(name, is)| same(name, is)) {
        Some("what is configured")
    } else {
        None
    }
}

/// Conditions on a choice that the question does not offer.
fn values_never_given(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (place, step) in book.placed() {
        for (name, value) in &step.when.var {
            let Value::Text(value) = value else { continue };
            let choices = book.steps().find_map(|other| match &other.kind {
                Kind::Ask(ask) if ask.var == *name => match &ask.from {
                    From::Choice(choices) => Some(choices),
                    _ => None,
                },
                _ => None,
            });
            let Some(choices) = choices.filter(|choices| !choices.contains(value)) else {
                continue;
            };
            let what =
                format!("`{name}` is never \"{value}\": it is one of {}", choices.join(", "));
            let meant = nearest(value, choices.iter().map(String::as_str));
            let place = place.key("when").key("var").key(name);
            all.push(Finding::bad("unreachable", place, what).meaning(meant));
        }
    }
    all
}

/// Values that are used in a section before the step of the same section that asks for them.
fn set_too_late(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, section) in book.sections.iter().enumerate() {
        let here = Place::top().key("section").index(at).key("step");
        for (index, step) in section.steps.iter().enumerate() {
            for var in step.vars() {
                let sets = |one: &super::super::Step| one.sets() == Some(var.as_str());
                let later = section.steps[index..].iter().any(sets);
                let only_later = later && book.steps().filter(|one| sets(one)).count() == 1;
                if only_later {
                    let what =
                        format!("`{var}` has no value yet: the step that asks for it comes later");
                    all.push(Finding::bad("unset", here.index(index), what));
                }
            }
        }
    }
    all
}

/// Probes, gates and scenarios that no step makes use of.
fn unused(book: &Runbook) -> Vec<Finding> {
    let top = |table: &str, name: &str| Place::top().key(table).key(name);
    let mut gates = BTreeSet::new();
    let mut scenarios_offered = false;
    for step in book.steps() {
        if let Kind::Act(act) = &step.kind {
            gates.extend(act.gates.iter().map(String::as_str));
        }
        scenarios_offered |= step.on_fail.offer.contains(&Offer::Scenario);
    }
    let idle = book.gates.keys().filter(|name| !gates.contains(name.as_str()));
    let mut all: Vec<Finding> = idle
        .map(|name| {
            Finding::note(
                "unused",
                top("gate", name),
                format!("no act is behind the gate `{name}`"),
            )
        })
        .collect();
    let lost = book.scenarios.iter().filter(|(_, one)| !one.offer.is_empty() && !scenarios_offered);
    all.extend(lost.map(|(name, _)| {
        let what = format!(
            "what the scenario `{name}` offers is never offered: no step has \"scenario\" in its `on_fail.offer`"
        );
        Finding::note("unused", top("scenario", name).key("offer"), what)
    }));
    let watched = book.steps().any(|step| matches!(step.kind, Kind::Watch(_)));
    let armed = book.triggers.keys().filter(|_| !watched);
    all.extend(armed.map(|name| {
        let what =
            format!("the trigger `{name}` is never armed: no step of the kind watch is here");
        Finding::note("unused", top("trigger", name), what)
    }));
    all
}
