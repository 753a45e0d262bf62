//! The journals of the runs: opened, appended, told, closed.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::Inner;
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::plan::{Action, Plan};
use crate::io::host;
use crate::io::journal::{self, Journal};
use crate::session::effect::Event;
use crate::session::news::News;

impl Inner {
    /// Opens the run of a walk: its journal, then the lease. Without both it does not begin.
    pub(super) async fn open(&self, facts: Value) {
        let opened = self.try_open(&facts).await;
        self.tell(News::Event(Event::Opened(opened)));
    }

    async fn try_open(&self, facts: &Value) -> Result<String, String> {
        let identity = self.identity().await?;
        self.hold_lease(&identity).await?;
        let journal = self.create(facts, &identity)?;
        let run = journal.run().to_owned();
        self.runs().walk = Some(journal.clone());
        self.publish(&journal);
        Ok(run)
    }

    fn create(
        &self,
        facts: &Value,
        identity: &crate::domain::identity::Identity,
    ) -> Result<Journal, String> {
        let run = journal::new_run().map_err(|error| error.to_string())?;
        let journal = Journal::create(&self.site.paths.runs(), &run).map_err(|e| e.to_string())?;
        self.keep_secrets(&journal);
        let data = json!({
            "facts": facts,
            "target": identity,
            "class": self.site.target.class,
            "operator": host::operator(),
            "lockkeeper": env!("CARGO_PKG_VERSION"),
        });
        journal.append(Entry::new(Kind::Opened, data)).map_err(|error| error.to_string())?;
        Ok(journal)
    }

    /// Opens the run of a walk that was interrupted, and the lease.
    pub(super) async fn reopen(&self, run: &str) {
        let opened = self.try_reopen(run).await;
        self.tell(News::Event(Event::Opened(opened)));
    }

    async fn try_reopen(&self, run: &str) -> Result<String, String> {
        let journal = self.take_up(run).await?;
        let records = journal.read().map_err(|error| error.to_string())?.records;
        *self.led_to.lock().unwrap_or_else(PoisonError::into_inner) = led_to(&records);
        let data = json!({ "lockkeeper": env!("CARGO_PKG_VERSION") });
        journal.append(Entry::new(Kind::Resumed, data)).map_err(|error| error.to_string())?;
        self.runs().walk = Some(journal.clone());
        self.publish(&journal);
        Ok(run.to_owned())
    }

    /// Masks what must not be written in everything that the journal takes.
    pub(super) fn keep_secrets(&self, journal: &Journal) {
        if let Some(password) = self.site.target.spec.password() {
            journal.keep_secret(password);
        }
    }

    /// Returns the journal for an act: the walk's if one is open, else the one for the acts
    /// that are asked for outside of any runbook, opened by the first of them.
    pub(super) fn journal(
        &self,
        identity: &crate::domain::identity::Identity,
    ) -> Result<Journal, String> {
        if let Some(journal) = self.current() {
            return Ok(journal);
        }
        let journal = self.create(&json!({ "title": "single acts" }), identity)?;
        self.runs().own = Some(journal.clone());
        Ok(journal)
    }

    fn current(&self) -> Option<Journal> {
        let runs = self.runs();
        runs.walk.clone().or_else(|| runs.own.clone())
    }

    /// Appends to the run that is open. Without one there is nothing to record in.
    pub(super) async fn record(&self, entry: Entry) {
        let Some(journal) = self.current() else { return };
        self.append(&journal, entry).await;
    }

    /// Appends, off the loop: a sync takes milliseconds, and a full disk longer.
    pub(super) async fn append(&self, journal: &Journal, entry: Entry) {
        let writer = journal.clone();
        let written = tokio::task::spawn_blocking(move || writer.append(entry)).await;
        match written {
            Ok(Ok(_)) => self.publish(journal),
            Ok(Err(error)) => self.tell(News::Event(Event::RecordFailed(error.to_string()))),
            Err(error) => self.tell(News::Event(Event::RecordFailed(error.to_string()))),
        }
    }

    /// Closes the walk's run.
    pub(super) async fn close(&self, entry: Entry) {
        let journal = self.runs().walk.clone();
        if let Some(journal) = journal {
            self.append(&journal, entry).await;
            self.runs().walk = None;
        }
    }

    pub(super) async fn close_own_run(&self) {
        let own = self.runs().own.take();
        let idle = self.running.lock().map_or(true, |running| running.is_none());
        if let Some(journal) = own.filter(|_| idle) {
            self.append(&journal, Entry::new(Kind::Closed, json!({ "end": "left" }))).await;
        }
    }

    /// Tells the records that were not told yet.
    pub(super) fn publish(&self, journal: &Journal) {
        let Ok(reading) = journal.read() else { return };
        let told = {
            let mut runs = self.runs();
            let told = match &runs.told {
                Some((run, seq)) if run == journal.run() => *seq,
                _ => 0,
            };
            let last = reading.records.last().map_or(told, |record| record.seq);
            runs.told = Some((journal.run().to_owned(), last.max(told)));
            told
        };
        for record in reading.records.into_iter().filter(|record| record.seq > told) {
            self.tell(News::Recorded(Box::new(record)));
        }
    }
}

/// Returns the revisions that the last migration of a run was to lead to.
fn led_to(records: &[Record]) -> Option<Vec<String>> {
    let intents = records.iter().rev().filter(|record| record.kind == Kind::Intent);
    let mut plans = intents
        .filter_map(|record| serde_json::from_value::<Plan>(record.data["plan"].clone()).ok());
    plans.find_map(|plan| match plan.action {
        Action::Migrate { after, .. } => Some(after),
        _ => None,
    })
}
