//! What a walk writes into the journal.

use serde_json::{Value, json};

use crate::domain::evidence::{Reading, Verdict};
use crate::domain::journal::{Entry, Kind};

use super::{End, Status, Walk, Want};

impl Walk {
    /// Records something about the current step.
    pub(super) fn record(&self, kind: Kind, data: Value) -> Want {
        Want::Record(Entry::new(kind, data).at_step(self.here()))
    }

    /// Records that the current step was reached.
    pub(super) fn record_step(&self) -> Want {
        let step = self.current();
        let mut data = json!({ "section": self.section().id, "title": step.title });
        if !self.callers.is_empty() {
            data["callers"] = self.calls().into();
        }
        self.record(Kind::Step, data)
    }

    /// Records what was read for the current step.
    pub(super) fn record_reading(&self, label: &str, reading: &Reading, verdict: Verdict) -> Want {
        let data = json!({
            "probe": label,
            "value": reading.value.to_string(),
            "verdict": verdict.word(),
        });
        self.record(Kind::Probe, data)
    }

    /// Records what became of the current step.
    pub(super) fn record_status(&self, status: &Status) -> Want {
        let data = serde_json::to_value(status).expect("a status holds nothing that JSON lacks");
        self.record(Kind::Ended, data)
    }

    /// Records the end of the run.
    pub(super) fn record_end(end: &End) -> Want {
        let data = serde_json::to_value(end).expect("an end holds nothing that JSON lacks");
        Want::Close(Entry::new(Kind::Closed, data))
    }
}
