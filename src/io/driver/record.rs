//! The journals of the runs: opened, appended, told, closed.

use serde_json::{Value, json};

use super::frozen::Frozen;
use super::{Inner, environment};
use crate::domain::identity::Identity;
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::plan::Action;
use crate::io::blocking::blocking;
use crate::io::host;
use crate::io::journal::{self, Journal};
use crate::io::perform::Act;
use crate::session::effect::Event;
use crate::session::news::News;

/// How often it is looked whether somebody else has recorded in the run.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

impl Inner {
    /// Opens the run of a walk: its journal, then the lease. Without both it does not begin.
    pub(super) async fn open(&self, facts: Value) {
        let opened = self.try_open(&facts).await;
        let is_open = opened.is_ok();
        self.tell(News::Event(Event::Opened(opened)));
        if is_open {
            self.remember(&facts).await;
        }
    }

    async fn try_open(&self, facts: &Value) -> Result<String, String> {
        let identity = self.identity().await?;
        self.hold_lease(&identity).await?;
        let journal = self.create(facts, &identity)?;
        let run = journal.run().to_owned();
        self.runs().walk = Some(journal.clone());
        self.runs().frozen = Frozen::of(facts);
        // What an earlier run was to lead to proves nothing for this one.
        *self.led_to() = None;
        self.publish(&journal);
        Ok(run)
    }

    fn create(&self, facts: &Value, identity: &Identity) -> Result<Journal, String> {
        blocking(|| self.create_here(facts, identity))
    }

    fn create_here(&self, facts: &Value, identity: &Identity) -> Result<Journal, String> {
        let run = journal::new_run().map_err(|error| error.to_string())?;
        let journal = Journal::create(&self.site.paths.runs(), &run).map_err(|e| e.to_string())?;
        self.keep_secrets(&journal);
        let mark = self.site.rehearsal.as_ref().map(|rehearsal| &rehearsal.mark);
        let data = json!({
            "rehearsal": mark,
            "facts": facts,
            "target": identity,
            "class": self.site.target.class,
            "operator": host::operator(),
            "login": self.site.target.spec.user.as_str(),
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
        let journal = self.take_up_run(run).await?;
        let records = blocking(|| journal.read()).map_err(|error| error.to_string())?.records;
        *self.led_to() = led_to(&records);
        let data = json!({ "lockkeeper": env!("CARGO_PKG_VERSION") });
        let resumed = blocking(|| journal.append(Entry::new(Kind::Resumed, data)));
        resumed.map_err(|error| error.to_string())?;
        self.runs().walk = Some(journal.clone());
        self.runs().frozen = records.first().and_then(|first| Frozen::of(&first.data["facts"]));
        self.publish(&journal);
        Ok(run.to_owned())
    }

    /// Masks what must not be written in everything that the journal takes.
    pub(super) fn keep_secrets(&self, journal: &Journal) {
        for secret in environment::secrets(&self.site.target.spec, self.site.config()) {
            journal.keep_secret(&secret);
        }
    }

    /// Returns the journal of an act, the same for all its attempts: of a step, the walk's;
    /// of any other act the walk's if one is open, else the one for the acts that are asked
    /// for outside of any runbook, opened by the first of them.
    pub(super) async fn journal_of(&self, act: &Act, target: &Identity) -> Result<Journal, String> {
        let mut journals = self.journals.lock().await;
        if let Some(journal) = journals.get(&act.id) {
            return Ok(journal.clone());
        }
        let journal = match (self.current(), &act.step) {
            (Some(journal), None) => journal,
            (_, Some(_)) => self.walks().ok_or("the run of this step is over: nothing was run")?,
            (None, None) => self.open_own(target)?,
        };
        journals.insert(act.id.clone(), journal.clone());
        Ok(journal)
    }

    fn open_own(&self, target: &Identity) -> Result<Journal, String> {
        let journal = self.create(&json!({ "title": "single acts" }), target)?;
        self.runs().own = Some(journal.clone());
        Ok(journal)
    }

    pub(super) fn walks(&self) -> Option<Journal> {
        self.runs().walk.clone()
    }

    fn current(&self) -> Option<Journal> {
        let runs = self.runs();
        runs.walk.clone().or_else(|| runs.own.clone())
    }

    /// Returns the journal that an entry belongs to: its act's, else that of the run that is
    /// open.
    async fn journal_for(&self, entry: &Entry) -> Option<Journal> {
        let journals = self.journals.lock().await;
        let acts = entry.act.as_ref().and_then(|act| journals.get(act).cloned());
        acts.or_else(|| self.current())
    }

    /// Records an entry, and returns the journal that has it and is to be told of. Without a
    /// run there is nothing to record in.
    pub(super) async fn record(&self, entry: Entry) -> Option<Journal> {
        let journal = self.journal_for(&entry).await?;
        let is_step = entry.kind == Kind::Step;
        let recorded = self.append(&journal, entry);
        if is_step {
            self.look_at_the_file();
        }
        recorded.then_some(journal)
    }

    /// Appends, or tells why it was not written.
    fn append(&self, journal: &Journal, entry: Entry) -> bool {
        match blocking(|| journal.append(entry)) {
            Ok(_) => true,
            Err(error) => {
                self.tell(News::Event(Event::RecordFailed(error.to_string())));
                false
            }
        }
    }

    /// Records what waits for a second person, in a run that is opened for it if none is open.
    pub(super) async fn await_second(&self, entry: Entry) {
        match self.journal_of_waiting().await {
            Ok(journal) => {
                if self.append(&journal, entry) {
                    self.publish(&journal);
                }
            }
            Err(why) => self.tell(News::Event(Event::RecordFailed(why))),
        }
    }

    async fn journal_of_waiting(&self) -> Result<Journal, String> {
        let identity = self.identity().await?;
        // Nobody else may open one meanwhile.
        let _journals = self.journals.lock().await;
        match self.current() {
            Some(journal) => Ok(journal),
            None => self.open_own(&identity),
        }
    }

    /// Closes the walk's run.
    pub(super) fn close(&self, entry: Entry) {
        if let Some(journal) = self.walks() {
            if self.append(&journal, entry) {
                self.publish(&journal);
            }
            self.runs().walk = None;
        }
    }

    /// Lets go of the walk's run: after what was recorded, its journal is nobody's here, and
    /// the lease is given back for whoever takes the run up.
    pub(super) async fn release(&self) {
        let Some(journal) = self.runs().walk.take() else { return };
        if let Some(lease) = self.lease.lock().await.take() {
            // One that was lost already is nobody's either.
            drop(lease.release().await);
        }
        self.tell(News::Lease(crate::session::facts::Lease::Watching));
        self.tell(News::Released(journal.run().to_owned()));
    }

    /// Closes the run of the single acts, unless one of them goes on without us.
    pub(super) fn close_own_run(&self) {
        let own = self.runs().own.take();
        if let Some(journal) = own.filter(|_| self.acting().is_empty())
            && self.append(&journal, Entry::new(Kind::Closed, json!({ "end": "left" })))
        {
            self.publish(&journal);
        }
    }

    /// Tells what other processes append to the open run's journal: a second person's approval.
    pub(super) async fn watch_walks_journal(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(journal) = self.current() else { continue };
            let length = length(&journal);
            let is_told = self
                .runs()
                .told
                .as_ref()
                .is_some_and(|(run, _, bytes)| run == journal.run() && *bytes == length);
            if !is_told {
                self.publish(&journal);
            }
        }
    }

    /// Tells the records that were not told yet, each once and in their order.
    pub(super) fn publish(&self, journal: &Journal) {
        let bytes = length(journal);
        let Ok(reading) = blocking(|| journal.read()) else { return };
        let mut runs = self.runs();
        let told = match &runs.told {
            Some((run, seq, _)) if run == journal.run() => *seq,
            _ => 0,
        };
        let last = reading.records.last().map_or(told, |record| record.seq);
        runs.told = Some((journal.run().to_owned(), last.max(told), bytes));
        for record in reading.records.into_iter().filter(|record| record.seq > told) {
            self.tell(News::Recorded(Box::new(record)));
        }
    }
}

fn length(journal: &Journal) -> u64 {
    std::fs::metadata(journal.path()).map_or(0, |file| file.len())
}

/// Returns the revisions that the last migration of a run was to lead to.
fn led_to(records: &[Record]) -> Option<Vec<String>> {
    let intents = records.iter().rev().filter(|record| record.kind == Kind::Intent);
    intents.filter_map(Record::plan).find_map(|plan| match plan.action {
        Action::Migrate { after, .. } => Some(after),
        _ => None,
    })
}
