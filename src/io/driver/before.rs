//! The time before the newest migration of the target, as an earlier run has measured it: what a
//! rollback is held against that another console begins.

use serde::Deserialize as _;
use serde_json::Value;

use super::Inner;
use super::resume::is_of;
use crate::domain::baseline::Baseline;
use crate::domain::identity::Identity;
use crate::domain::journal::{Kind, Reading};
use crate::io::blocking::blocking;
use crate::io::journal;
use crate::session::news::News;

/// So many of the newest runs are looked through.
const RUNS: usize = 50;
/// These measure a time before of their own: held against the last one, the load of another day
/// would be an alarm.
const MEASURE: [&str; 2] = ["migrate", "rehearsal"];

impl Inner {
    /// Tells the time before the newest migration, for a run that begins with `facts`.
    pub(super) async fn remember(&self, facts: &Value) {
        if facts["runbook"].as_str().is_some_and(|book| MEASURE.contains(&book)) {
            return;
        }
        let Ok(here) = self.identity().await else { return };
        if let Some(found) = blocking(|| self.measured_before(&here)) {
            self.tell(News::Earlier(Box::new(found)));
        }
    }

    fn measured_before(&self, here: &Identity) -> Option<Baseline> {
        let runs = self.site.paths.runs();
        let mut runs = journal::backwards(&runs).ok()?.take(RUNS);
        runs.find_map(|run| {
            let reading = run.reading.ok()?;
            is_of(&reading.records, here).then(|| measured(&reading, &run.id))?
        })
    }
}

/// Returns what a run itself has measured last; what it has taken over is another one's.
fn measured(reading: &Reading, run: &str) -> Option<Baseline> {
    let records = reading.records.iter().rev().filter(|record| record.kind == Kind::Baseline);
    let mut read = records.filter_map(|one| Baseline::deserialize(&one.data).ok());
    let found = read.find(|baseline| baseline.run.is_none())?;
    Some(Baseline { run: Some(run.to_owned()), ..found })
}
