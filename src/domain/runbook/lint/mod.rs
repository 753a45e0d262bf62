//! What is wrong with a runbook that can be read and walked all the same: ways that end
//! nowhere, contradictions of policy, commands that are known to do something else.

mod blanks;
pub mod commands;
mod ends;
mod policy;
mod reach;
mod texts;

use std::collections::BTreeMap;

use serde::Serialize;

pub use texts::Asked;

use super::Runbook;
use crate::domain::config::Config;
use crate::domain::problem::{Flaw, Place};

/// What a runbook is held against.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The runbooks that can be called, by name.
    pub books: &'a BTreeMap<String, Runbook>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing; the runbook can be walked.
    Note,
    /// It has to be mended.
    Bad,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// Where, what, and what was probably meant.
    pub flaw: Flaw,
    /// The line of a longer text at that place that is meant.
    pub near: Option<String>,
}

impl Finding {
    /// Returns a finding that has to be mended.
    pub fn bad(rule: &'static str, place: Place, what: impl Into<String>) -> Self {
        Self { rule, weight: Weight::Bad, flaw: Flaw::new(place, what), near: None }
    }

    /// Returns a finding that is worth knowing.
    pub fn note(rule: &'static str, place: Place, what: impl Into<String>) -> Self {
        Self { rule, weight: Weight::Note, flaw: Flaw::new(place, what), near: None }
    }

    fn meaning(mut self, suggestion: Option<String>) -> Self {
        self.flaw.suggestion = suggestion;
        self
    }
}

impl Runbook {
    /// Returns everything that the rules find.
    #[must_use]
    pub fn lint(&self, around: Around<'_>) -> Vec<Finding> {
        let mut all = ends::findings(self, around.books);
        all.extend(reach::findings(self));
        all.extend(policy::findings(self));
        all.extend(commands::findings(self));
        all.extend(blanks::findings(self, around.config));
        all
    }
}
