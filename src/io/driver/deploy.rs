//! What was counted when the last migration had been applied, kept with the run's records.

use std::sync::{MutexGuard, PoisonError};

use chrono::Utc;
use serde_json::json;

use super::Inner;
use crate::domain::deploy::Deploy;
use crate::domain::identity::Identity;
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Direction, Plan};
use crate::io::blocking::blocking;
use crate::io::journal::{self, Journal};
use crate::session::news::News;

/// So many of the newest runs are looked through for the last deploy.
const RUNS: usize = 50;

/// The last deploy, once it was looked for.
#[derive(Debug, Default)]
pub(super) struct Noted {
    looked: bool,
    deploy: Option<Deploy>,
}

impl Inner {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was counted by the end of a migration upwards. What cannot be read leaves
    /// no note: then nobody can tell what was written since.
    pub(super) async fn note_deploy(&self, journal: &Journal, plan: &Plan, outcome: &Outcome) {
        let Action::Migrate { direction: Direction::Up, migration, .. } = &plan.action else {
            return;
        };
        if outcome.ending != Ending::Done {
            return;
        }
        let Ok((_, Some(slow))) = self.activity().await else { return };
        let touches = self.touched(migration).await;
        let deploy = Deploy::new(migration, &plan.target, Utc::now(), &slow.written, &touches);
        let entry = Entry::new(Kind::Probe, json!({ "probe": "deploy", "deploy": deploy }));
        if blocking(|| journal.append(entry)).is_ok() {
            self.keep_deploy(deploy);
        }
    }

    fn keep_deploy(&self, deploy: Deploy) {
        *self.noted() = Noted { looked: true, deploy: Some(deploy.clone()) };
        self.tell(News::Deploy(Box::new(deploy)));
    }

    /// Returns the relations that a migration's way up locks.
    async fn touched(&self, migration: &str) -> Vec<String> {
        let Ok((_, known)) = self.migrations().await else { return Vec::new() };
        let hazards = known.hazards(migration, Direction::Up);
        hazards.iter().flat_map(|hazard| &hazard.locks).map(|held| held.relation.clone()).collect()
    }

    /// Returns the last deploy on this target, looked for once in the runs' records.
    pub(super) fn deploy_of(&self, here: &Identity) -> Option<Deploy> {
        if !self.noted().looked {
            let found = blocking(|| self.recorded_deploy(here));
            self.noted().looked = true;
            if let Some(found) = found {
                self.keep_deploy(found);
            }
        }
        self.noted().deploy.clone().filter(|deploy| deploy.is_of(here))
    }

    fn recorded_deploy(&self, here: &Identity) -> Option<Deploy> {
        let runs = self.site.paths.runs();
        let newest = journal::backwards(&runs).ok()?.take(RUNS);
        let readings = newest.filter_map(|run| run.reading.ok());
        let records = readings.flat_map(|reading| reading.records.into_iter().rev());
        let mut deploys = records.filter_map(|record| deploy(&record));
        deploys.find(|deploy| deploy.is_of(here))
    }
}

fn deploy(record: &Record) -> Option<Deploy> {
    if record.kind != Kind::Probe || record.data["probe"] != "deploy" {
        return None;
    }
    serde_json::from_value(record.data["deploy"].clone()).ok()
}
