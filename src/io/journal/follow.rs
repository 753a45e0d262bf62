//! Somebody else's run, followed as it is recorded: read without a lock, and never touched.

use std::path::{Path, PathBuf};

use super::{Error, read};
use crate::domain::journal::{Kind, Reading, Record};

/// Follows one journal.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// The records that were handed out, and the hash of the last one's line.
    seen: u64,
    head: String,
    length: Option<u64>,
}

/// What is new in a journal.
#[derive(Debug)]
pub struct Seen {
    /// The new records, in their order.
    pub records: Vec<Record>,
    /// How the journal stands behind them.
    pub stands: Stands,
}

/// How a journal stands behind its last whole record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// The run is not over.
    Open,
    /// A line is being written, or its writer died in the middle of it.
    Torn,
    /// The run is over.
    Closed,
    /// The next record is of a version that this program does not know.
    Newer(u32),
    /// The next record does not follow from the one before, or what was followed is gone.
    Damaged(String),
}

impl Follower {
    /// Begins before a journal's first record.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let head = crate::domain::journal::GENESIS.to_owned();
        Self { path: path.to_owned(), seen: 0, head, length: None }
    }

    /// Returns what is new since the last look; `None`: nothing.
    ///
    /// # Errors
    /// When the journal cannot be read: it was moved away, or its disk is gone.
    pub fn look(&mut self) -> Result<Option<Seen>, Error> {
        let length = std::fs::metadata(&self.path).map(|file| file.len());
        let length = length.map_err(|e| Error::of("read", &self.path, e))?;
        if self.length == Some(length) {
            return Ok(None);
        }
        let reading = read(&self.path)?;
        self.length = Some(length);
        Ok(Some(self.take(reading)))
    }

    fn take(&mut self, reading: Reading) -> Seen {
        let is_kept = match usize::try_from(self.seen).ok().and_then(|n| n.checked_sub(1)) {
            None => true,
            Some(last) => match reading.records.get(last + 1) {
                Some(next) => next.prev == self.head,
                None => reading.records.len() > last && reading.head == self.head,
            },
        };
        if !is_kept && reading.fault.is_none() {
            let fault = "records that were followed are not there any more".to_owned();
            return Seen { records: Vec::new(), stands: Stands::Damaged(fault) };
        }
        let stands = stands(&reading);
        let seen = self.seen;
        if let Some(last) = reading.records.last() {
            self.seen = last.seq;
            self.head.clone_from(&reading.head);
        }
        let records = reading.records.into_iter().filter(|record| record.seq > seen).collect();
        Seen { records, stands }
    }
}

/// A run is over when it was closed and nothing of it goes on; one whose act was left while
/// it ran gets that act's end later.
fn stands(reading: &Reading) -> Stands {
    let over = || reading.records.last().is_some_and(|last| last.kind == Kind::Closed);
    match (&reading.fault, reading.newer) {
        (_, Some(version)) => Stands::Newer(version),
        (Some(fault), _) => Stands::Damaged(fault.clone()),
        _ if reading.torn_tail => Stands::Torn,
        _ if over() => Stands::Closed,
        _ => Stands::Open,
    }
}
