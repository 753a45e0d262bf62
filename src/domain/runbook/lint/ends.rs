//! Ways that come to no end, and calls that lead nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Goto, Kind, Runbook, Section, Target};
use super::Finding;
use crate::domain::problem::{Place, nearest};

/// Returns the sections from which no way ends the run, and the calls of what is not there.
pub(super) fn findings(book: &Runbook, books: &BTreeMap<String, Runbook>) -> Vec<Finding> {
    let ending = ending(book);
    let place = |at: usize| Place::top().key("section").index(at).key("id");
    let stuck = book.sections.iter().enumerate().filter(|(_, s)| !ending.contains(s.id.as_str()));
    let mut all: Vec<Finding> = stuck
        .map(|(at, section)| {
            let what = format!(
                "no way from the section `{}` ends the run: its answers lead round in a circle",
                section.id
            );
            Finding::bad("dead_end", place(at), what)
        })
        .collect();
    for (place, step) in book.placed() {
        if let Kind::Call { target } = &step.kind {
            all.extend(lost_call(&place.key("target"), target, book, books));
        }
    }
    all
}

fn lost_call(
    place: &Place,
    target: &Target,
    book: &Runbook,
    books: &BTreeMap<String, Runbook>,
) -> Option<Finding> {
    let Target::Runbook { name, section } = target else { return None };
    if *name == book.id {
        let what = format!("the runbook `{name}` would call itself: write the section alone");
        return Some(Finding::bad("call", place.clone(), what));
    }
    let Some(called) = books.get(name) else {
        let what = format!("no runbook is named `{name}`");
        let meant = nearest(name, books.keys().map(String::as_str));
        return Some(Finding::bad("call", place.clone(), what).meaning(meant));
    };
    let section = section.as_deref().filter(|id| called.section(id).is_none())?;
    let what = format!("the runbook `{name}` has no section `{section}`");
    let meant = nearest(section, called.sections.iter().map(|section| section.id.as_str()));
    let meant = meant.map(|section| format!("{name}/{section}"));
    Some(Finding::bad("call", place.clone(), what).meaning(meant))
}

/// Returns the sections from which some way ends the run; "cannot tell" does not count, since
/// every question has it.
fn ending(book: &Runbook) -> BTreeSet<&str> {
    let mut ending: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = ending.len();
        for (at, section) in book.sections.iter().enumerate() {
            if ends(book, at, section, &ending) {
                ending.insert(&section.id);
            }
        }
        if ending.len() == before {
            return ending;
        }
    }
}

fn ends(book: &Runbook, at: usize, section: &Section, ending: &BTreeSet<&str>) -> bool {
    let leads = |goto: &Goto| match goto {
        Goto::End | Goto::Escalate => true,
        Goto::Next => false,
        Goto::Section(id) => ending.contains(id.as_str()),
    };
    let answered = section.steps[..section.walked()].iter().any(|step| match &step.kind {
        Kind::Decide(decide) => decide.answers.iter().any(|answer| leads(&answer.goto)),
        _ => false,
    });
    if answered || !section.falls_through() {
        return answered;
    }
    if book.is_branch(&section.id) {
        return true;
    }
    let next = book.sections[at + 1..].iter().find(|next| !book.is_branch(&next.id));
    next.is_none_or(|next| ending.contains(next.id.as_str()))
}
