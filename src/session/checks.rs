//! The checks of a runbook's first section, asked outside of any run: one list for both.

use std::collections::BTreeMap;

use crate::domain::check::Check;
use crate::domain::evidence::{Expect, Probe, Reading, Value, Verdict};
use crate::domain::gate::may_override;
use crate::domain::runbook::{Kind, Runbook};

use super::walk::{Place, Walk};

/// Something that is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The step's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Why it is asked.
    pub why: Option<String>,
    /// How it is known.
    pub known: Known,
}

/// How an item is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// A probe senses it.
    Sensed(Probe, Expect),
    /// A person says it; what they are asked to do.
    Vouched(String),
}

/// Returns what is checked before the runbook's first act, where it applies.
#[must_use]
pub fn items(book: &Runbook, place: &Place) -> Vec<Item> {
    let walk = Walk::new(book.clone(), place.clone());
    let Some(section) = book.section(&book.entry).or(book.sections.first()) else {
        return Vec::new();
    };
    let applies = section.steps.iter().filter(|step| step.when.holds(&walk) != Verdict::Fail);
    let item = |step: &crate::domain::runbook::Step| {
        let known = match &step.kind {
            Kind::Check(claim) => {
                Known::Sensed(claim.probe.resolved(&walk), claim.expect.resolved(&walk))
            }
            Kind::Manual(manual) => Known::Vouched(manual.text.trim().to_owned()),
            _ => return None,
        };
        let (id, title) = (step.id.clone(), step.title.clone());
        Some(Item { id, title, why: step.why.clone(), known })
    };
    applies.filter_map(item).collect()
}

/// What is known without a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// What a person says, by the item's id.
    pub said: BTreeMap<String, String>,
    /// Why the configuration lets one be, by its id.
    pub waived: BTreeMap<String, String>,
}

/// Returns the checks, from the readings of the items that are sensed, in their order.
#[must_use]
pub fn judge(items: &[Item], readings: Vec<Reading>, given: &Given) -> Vec<Check> {
    let mut readings = readings.into_iter();
    let mut checks = Vec::new();
    for item in items {
        let mut firm = false;
        let check = match &item.known {
            Known::Sensed(probe, expect) => {
                let value = readings.next().map(|reading| reading.value);
                let value = value.unwrap_or_else(|| Value::unknown("it was not read"));
                firm = !may_override(probe, expect.test(&value));
                Check::sensed(&item.id, &item.title, &value, expect, item.why.as_deref())
            }
            Known::Vouched(asked) => {
                let said = given.said.get(&item.id).map(String::as_str);
                Check::vouched(&item.id, &item.title, said, asked)
            }
        };
        checks.push(match given.waived.get(&item.id) {
            Some(_) if firm => check.firm(),
            Some(reason) => check.waived(reason),
            None => check,
        });
    }
    checks
}
