//! Checks before a migration that the configuration lets be, each for a reason.

use serde_json::json;

use crate::domain::evidence::{Probe, Verdict};
use crate::domain::gate::may_override;
use crate::domain::journal::Kind as Recorded;

use super::{Means, Walk, Want};

/// The runbook whose first section `check` asks, and `[checks.waived]` is about.
const CHECKED: &str = "migrate";

impl Walk {
    /// Returns why the configuration lets the current step be, if it does.
    fn waiver(&self) -> Option<&str> {
        let is_first = self.section().id == self.book.entry;
        let asked = is_first && self.book.id == CHECKED && self.callers.is_empty();
        let reason = self.place.waived.get(&self.current().id).map(String::as_str);
        reason.filter(|_| asked)
    }

    /// Passes the current check, of which `found` is not as it should be, if it is waived: never
    /// for the identity, the journal, or a backup that is known bad.
    pub(super) fn waive(
        &mut self,
        probe: &Probe,
        verdict: Verdict,
        found: &str,
    ) -> Option<Vec<Want>> {
        let reason = self.waiver()?.to_owned();
        may_override(probe, verdict).then(|| self.let_be(&reason, Some(found)))
    }

    /// Passes the current item, which only a person could vouch for, if it is waived.
    pub(super) fn waive_vouched(&mut self) -> Option<Vec<Want>> {
        let reason = self.waiver()?.to_owned();
        Some(self.let_be(&reason, None))
    }

    /// The report lists it in red beside what was skipped.
    fn let_be(&mut self, reason: &str, found: Option<&str>) -> Vec<Want> {
        let found = found.map(|found| format!(" ({found})")).unwrap_or_default();
        let said = format!("waived by lockkeeper.toml: {reason}{found}");
        let mut wants = vec![self.record(Recorded::Skip, json!({ "reason": said }))];
        wants.extend(self.pass(Means::Waived, said));
        wants
    }
}
