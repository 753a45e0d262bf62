//! Where the five source documents contradict each other, one of them was chosen: what goes
//! against that is found here.

use super::super::{Act, Action, Deed, Kind, Migrate, Offer, Runbook, Section, Step};
use super::Finding;
use crate::domain::evidence::{Builtin, Claim, Condition, Operand, Sense};
use crate::domain::gate::Asks;
use crate::domain::identity::Class;
use crate::domain::problem::Place;

/// Returns the contradictions.
pub(super) fn findings(book: &Runbook) -> Vec<Finding> {
    let mut all = windows(book);
    for (at, section) in book.sections.iter().enumerate() {
        let here = Place::top().key("section").index(at).key("step");
        for (index, step) in section.steps.iter().enumerate() {
            let place = here.index(index);
            all.extend(forbidden(section, step, &place));
            all.extend(offers_forbidden(book, step, &place));
            let Kind::Act(act) = &step.kind else { continue };
            all.extend(retried(step, act, &place));
            if is_down(act) && on_production(section, step) {
                all.extend(ungated(book, act, &place));
            }
            if matches!(act.action, Action::Restore(_)) {
                all.extend(unproven(&section.steps[..index], &place));
            }
        }
    }
    all.extend(at_once(book));
    all
}

fn is_down(act: &Act) -> bool {
    matches!(act.action, Action::Migrate(Migrate::Down(_)))
}

fn on_production(section: &Section, step: &Step) -> bool {
    let may = |classes: &[Class]| classes.is_empty() || classes.contains(&Class::Production);
    may(&section.when.class) && may(&step.when.class)
}

/// 003 allows a rollback for five minutes, 002 keeps it open for a day: the length is policy.
fn windows(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, gate) in &book.gates {
        let rules = Place::top().key("gate").key(name).key("rules");
        for (at, rule) in gate.rules.iter().enumerate() {
            let Asks::Probe(Claim { probe, expect, .. }) = &rule.asks else { continue };
            let literal = expect.conditions().iter().any(|one| {
                matches!(
                    one,
                    Condition::Max(Operand::Literal(_)) | Condition::Equals(Operand::Literal(_))
                )
            });
            if probe.sense == Sense::Builtin(Builtin::DeployAge) && literal {
                let what = "the sources disagree about how long a rollback is allowed (5 minutes in 003, 24 hours in 002), so the length is policy";
                let finding = Finding::bad("policy", rules.index(at).key("expect"), what);
                all.push(finding.meaning(Some("{policy.rollback_within}".to_owned())));
            }
        }
    }
    all
}

/// An act in a section that forbids its kind.
fn forbidden(section: &Section, step: &Step, place: &Place) -> Option<Finding> {
    let Kind::Act(act) = &step.kind else { return None };
    let deed = act.action.deed();
    section.never.contains(&deed).then(|| {
        let what = format!(
            "the section `{}` never does this: its `never` names {}, so the act is refused when the run reaches it",
            section.id,
            word(deed)
        );
        Finding::bad("policy", place.clone(), what)
    })
}

/// What 004 says of a half-done rollback, "do not try again", against 002's "roll back now".
fn offers_forbidden(book: &Runbook, step: &Step, place: &Place) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, offer) in step.on_fail.offer.iter().enumerate() {
        let Offer::Section(id) = offer else { continue };
        let Some(section) = book.section(id) else { continue };
        let done = before_question(section).find(|deed| step.on_fail.never.contains(deed));
        if let Some(deed) = done {
            let what = format!(
                "it never does {0} after its failure, and offers the section `{id}`, which does {0} without a question before it",
                word(deed)
            );
            all.push(Finding::bad("policy", place.key("on_fail").key("offer").index(at), what));
        }
    }
    all
}

/// Returns what a section does before it asks anything.
fn before_question(section: &Section) -> impl Iterator<Item = Deed> {
    let unasked = section.steps.iter().take_while(|step| !matches!(step.kind, Kind::Decide(_)));
    unasked.filter_map(|step| match &step.kind {
        Kind::Act(act) => Some(act.action.deed()),
        _ => None,
    })
}

/// An act that loses something is not tried again by itself.
fn retried(step: &Step, act: &Act, place: &Place) -> Option<Finding> {
    let again = step.on_fail.retry.is_some_and(|times| times > 0);
    let deed = act.action.deed();
    if again && step.on_fail.never.contains(&deed) {
        let what = format!("`retry` lets it be tried again, and `never` forbids {}", word(deed));
        return Some(Finding::bad("policy", place.key("on_fail"), what));
    }
    (again && is_down(act)).then(|| {
        let what = "a way down that has failed may have left a part behind: trying it again is decided by a person (004), so `retry` is 0";
        Finding::bad("policy", place.key("on_fail").key("retry"), what)
    })
}

/// That a way down exists (001) does not make it safe (003).
fn ungated(book: &Runbook, act: &Act, place: &Place) -> Option<Finding> {
    let gates = act.gates.iter().filter_map(|name| book.gates.get(name));
    let reads = |builtin: Builtin| {
        gates.clone().flat_map(|gate| &gate.rules).any(|rule| {
            matches!(&rule.asks, Asks::Probe(claim) if claim.probe.sense == Sense::Builtin(builtin))
        })
    };
    let missing: Vec<String> = [Builtin::Reversal, Builtin::WrittenSince, Builtin::BackupLevel]
        .into_iter()
        .filter(|builtin| !reads(*builtin))
        .map(Builtin::name)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let what = format!(
        "that a way down exists does not make it safe: on production it stands behind a gate that reads {}",
        missing.join(", ")
    );
    Some(Finding::bad("policy", place.key("gates"), what))
}

/// A backup that nobody has proven is not restored.
fn unproven(before: &[Step], place: &Place) -> Option<Finding> {
    let proves = |step: &Step| match &step.kind {
        Kind::Act(act) => matches!(act.action, Action::VerifyBackup(_)),
        _ => false,
    };
    let what = "nothing in this section proves the backup before it is restored: put `verify_backup` before it";
    (!before.iter().any(proves)).then(|| Finding::bad("policy", place.clone(), what))
}

/// A trigger offers the questions, never the deed.
fn at_once(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, trigger) in &book.triggers {
        let Some(section) = book.section(&trigger.offer) else { continue };
        let deed = before_question(section).find(|d| matches!(d, Deed::Rollback | Deed::Restore));
        if let Some(deed) = deed {
            let what = format!(
                "the trigger leads to {} without a question before it (002's \"roll back now\" against 004's \"do not retry\"): offer the decision tree",
                word(deed)
            );
            all.push(Finding::bad(
                "policy",
                Place::top().key("trigger").key(name).key("offer"),
                what,
            ));
        }
    }
    all
}

fn word(deed: Deed) -> String {
    let word = serde_json::to_value(deed).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
