//! The journal of a run: the truth about what was asked, done and left open.
//!
//! One file per run, appended by any session of that run under a lock, with a sync
//! after every decision. It lies outside of the database, so it survives a restore.

mod error;
mod excerpt;
pub(in crate::io) mod file;
mod follow;
mod log;
mod reserve;
mod runs;
mod secrets;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use secrecy::SecretString;
use serde_json::json;

pub use error::Error;
pub use excerpt::excerpt;
pub use follow::{Follower, Seen, Stands};
use log::{Head, Log};
pub use runs::{FILE, Run, backwards, find, list, newest, open_intents, path, read, takes_more};
pub use secrets::{MASK, Secrets};

use super::{host, paths};
use crate::domain::journal::{Entry, Kind, Reading, Record, VERSION};
use crate::domain::secret;
use crate::domain::untrusted::Untrusted;

/// A run's journal, open for appending. Clones append to the same one.
#[derive(Clone, Debug)]
pub struct Journal {
    run: String,
    dir: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    secrets: Secrets,
}

/// Returns a name for a new run: it sorts by time, and no other run has it.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_run() -> Result<String, Error> {
    let mut random = [0; 4];
    getrandom::fill(&mut random)
        .map_err(|e| Error::of("read", Path::new("the random generator"), e.into()))?;
    Ok(format!("{}-{:08x}", Utc::now().format("%Y%m%dT%H%M%S%3fZ"), u32::from_be_bytes(random)))
}

impl Journal {
    /// Creates the run `run` in the directory `runs`, which is made if it is missing.
    ///
    /// # Errors
    /// When the run exists, or its directory, journal or reserve cannot be written.
    pub fn create(runs: &Path, run: &str) -> Result<Self, Error> {
        let dir = directory(runs, run)?;
        paths::create_private(runs).map_err(|e| Error::of("create", runs, e))?;
        create_exclusive(&dir).map_err(|e| Error::of("create", &dir, e))?;
        Ok(Self::new(run, Log::create(&dir)?, dir))
    }

    /// Opens the run `run` in the directory `runs`. A line that its writer did not finish
    /// is cut off and kept in a note.
    ///
    /// # Errors
    /// When there is no such run, or its journal is damaged, newer or cannot be written.
    pub fn open(runs: &Path, run: &str) -> Result<Self, Error> {
        let dir = directory(runs, run)?;
        if !dir.exists() {
            return Err(Error::NoRun { run: run.to_owned(), runs: runs.to_owned() });
        }
        let journal = Self::new(run, Log::open(&dir)?, dir);
        let mut shared = journal.lock();
        let Shared { log, secrets } = &mut *shared;
        log.locked(|log| journal.settle(log, secrets))?;
        drop(shared);
        Ok(journal)
    }

    fn new(run: &str, log: Log, dir: PathBuf) -> Self {
        let shared = Shared { log, secrets: Secrets::default() };
        Self { run: run.to_owned(), dir, shared: Arc::new(Mutex::new(shared)) }
    }

    /// Returns the run's name.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns the run's directory, which holds the jobs of its acts too.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the journal's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.lock().log.path().to_owned()
    }

    /// Masks `secret` in everything that is appended from now on.
    pub fn keep_secret(&self, secret: &SecretString) {
        self.lock().secrets.add(secret);
    }

    /// Returns `text` with every secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.lock().secrets.redact(text)
    }

    /// Returns a line of a program's output with every secret masked, and with whatever else
    /// looks like one: a program prints settings that nobody has told us of.
    #[must_use]
    pub fn redact_output(&self, line: &Untrusted) -> Untrusted {
        Untrusted::new(secret::masked(&self.redact(line.raw())))
    }

    /// Appends a record after whatever other sessions appended, and brings it to the
    /// disk if it is a decision.
    ///
    /// # Errors
    /// When it cannot be written whole. After a failed sync every later call refuses.
    pub fn append(&self, entry: Entry) -> Result<Record, Error> {
        let mut shared = self.lock();
        let Shared { log, secrets } = &mut *shared;
        log.locked(|log| {
            self.settle(log, secrets)?;
            self.write(log, secrets, entry)
        })
    }

    /// Proves by a record that the journal takes records.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), Error> {
        let data = json!({ "text": "the journal can be written", "check": true });
        self.append(Entry::new(Kind::Note, data)).map(drop)
    }

    /// Returns what the journal holds now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Reading, Error> {
        read(&self.path())
    }

    /// Follows the journal to its end, and notes a line that was cut off.
    fn settle(&self, log: &mut Log, secrets: &Secrets) -> Result<(), Error> {
        if let Some(torn) = log.catch_up()? {
            let text = String::from_utf8_lossy(&torn);
            let data = json!({ "torn_tail": { "bytes": torn.len(), "text": text } });
            self.write(log, secrets, Entry::new(Kind::Note, data))?;
        }
        Ok(())
    }

    fn write(&self, log: &mut Log, secrets: &Secrets, entry: Entry) -> Result<Record, Error> {
        let record = self.record(entry, log.head(), secrets);
        log.append(&record)?;
        Ok(record)
    }

    fn record(&self, mut entry: Entry, head: &Head, secrets: &Secrets) -> Record {
        secrets.redact_data(&mut entry.data);
        Record {
            v: VERSION,
            seq: head.seq + 1,
            at: Utc::now(),
            mono: host::monotonic(),
            boot: host::boot().to_owned(),
            kind: entry.kind,
            run: self.run.clone(),
            step: entry.step,
            act: entry.act,
            attempt: entry.attempt,
            plan: entry.plan,
            operator: host::operator().to_owned(),
            data: entry.data,
            prev: head.hash.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic between two fields cannot happen: the head moves after the write.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a run's directory; its name comes from a command line and stays one name.
fn directory(runs: &Path, run: &str) -> Result<PathBuf, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if run.is_empty() || run.starts_with('.') || !run.chars().all(plain) {
        return Err(Error::NoRun { run: run.to_owned(), runs: runs.to_owned() });
    }
    Ok(runs.join(run))
}

fn create_exclusive(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(dir)
}
