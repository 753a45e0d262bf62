//! What the last rehearsal says of a target now.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Evidence, Proof, Source, Verdict, estimate};
use crate::domain::age;
use crate::domain::evidence::{Value, Verdict as Outcome};
use crate::domain::hazard::Hazard;

/// The evidence of the last rehearsal, and whether it still says anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The evidence.
    pub evidence: Evidence,
    /// Why it says nothing of what is pending now; `None`: it holds.
    pub stale: Option<String>,
    /// The bytes of each relation of the target, where they are known.
    pub sizes: BTreeMap<String, u64>,
}

impl Standing {
    /// Returns what was proven of a migration, unless that holds no more.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Proof> {
        self.evidence.of(id).filter(|_| self.stale.is_none())
    }

    /// Returns the verdict on a migration with its reason, in words, and how old it is; of what
    /// holds no more, why not. `None`: it was not rehearsed.
    #[must_use]
    pub fn told(&self, id: &str, now: DateTime<Utc>) -> Option<String> {
        let proof = self.evidence.of(id)?;
        let verdict = proof.verdict.map_or("cannot tell", Verdict::words);
        let ago = age::rough(now - self.evidence.at);
        Some(match &self.stale {
            Some(why) => format!("{verdict}, {ago} ago, but that says nothing now: {why}"),
            None => {
                format!("{verdict}, {ago} ago on {}: {}", self.evidence.source.words(), proof.why)
            }
        })
    }

    /// Returns the verdict on one migration by its word; unknown wherever nothing is proven.
    #[must_use]
    pub fn verdict(&self, id: &str) -> Value {
        if let Some(why) = &self.stale {
            return Value::unknown(format!("the rehearsal says nothing now: {why}"));
        }
        match self.of(id).map(|proof| proof.verdict) {
            Some(Some(verdict)) => Value::Text(verdict.words().to_owned()),
            Some(None) => Value::unknown("its rehearsal could not tell"),
            None => Value::unknown("it was not rehearsed"),
        }
    }

    /// Gives each statement of a migration's way up the seconds that it is estimated to take
    /// here, where it was measured and what was measured still holds.
    pub fn estimate(&self, id: &str, hazards: &mut [Hazard]) {
        if let Some(proof) = self.of(id) {
            estimate::seconds(hazards, &proof.slow, &proof.brief);
        }
    }

    /// Returns how long the way up of a migration took, and may take here.
    #[must_use]
    pub fn takes(&self, id: &str) -> Option<String> {
        self.of(id)?;
        self.evidence.takes(id, |relation| self.sizes.get(relation).copied())
    }

    /// Returns how long the way up of a migration may take here at most; `None` where that is
    /// not known, or no more.
    #[must_use]
    pub fn at_most(&self, id: &str) -> Option<TimeDelta> {
        self.of(id)?;
        let seconds = self.evidence.at_most(id, |relation| self.sizes.get(relation).copied())?;
        let longest = std::time::Duration::try_from_secs_f64(seconds.ceil()).ok()?;
        TimeDelta::from_std(longest).ok()
    }

    /// Returns the value of the gate: yes if all that is pending went up and came back as it
    /// says, on rows; no if something did not; unknown wherever nothing is proven.
    #[must_use]
    pub fn value(&self, pending: &[&str]) -> Value {
        if let Some(why) = &self.stale {
            return Value::unknown(format!("the rehearsal says nothing now: {why}"));
        }
        let verdicts: Vec<_> =
            pending.iter().map(|id| self.of(id).and_then(|p| p.verdict)).collect();
        match super::together(&verdicts, false) {
            Outcome::Fail => Value::Bool(false),
            Outcome::Pass if self.evidence.source == Source::SchemaOnly => {
                Value::unknown("it was rehearsed without rows")
            }
            Outcome::Pass => Value::Bool(true),
            Outcome::Unknown => {
                Value::unknown("the rehearsal could not tell of all that is pending")
            }
        }
    }
}
