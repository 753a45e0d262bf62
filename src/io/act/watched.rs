//! The output of the act that somebody else's run has under way, read beside its journal and
//! without touching its job.

use std::io;
use std::path::{Path, PathBuf};

use super::job::Job;
use super::tail::{Batch, Tail};
use crate::domain::journal::{Kind, Record};
use crate::domain::plan::{Action, Plan};

/// Reads what the running act of one run prints.
#[derive(Debug)]
pub struct Watched {
    run: PathBuf,
    current: Option<(String, Tail)>,
}

/// What an act printed.
#[derive(Debug)]
pub struct Printed {
    /// The act.
    pub act: String,
    /// Its new lines.
    pub batch: Batch,
}

impl Watched {
    /// Begins before the first act of the run in the directory `run`.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        Self { run: run.to_owned(), current: None }
    }

    /// Takes a record of the run. Returns what was left of the act that it ends; a further
    /// attempt of an act prints into a file of its own.
    ///
    /// # Errors
    /// When the output is there and cannot be read.
    pub fn takes(&mut self, record: &Record) -> io::Result<Option<Printed>> {
        match (record.kind, &record.act) {
            (Kind::Intent, Some(act)) if prints(record) => {
                let left = self.finish()?;
                let job = Job::of(&self.run, act, record.attempt.unwrap_or(1))?;
                self.current = Some((act.clone(), Tail::new(job.out())));
                Ok(left)
            }
            (Kind::Outcome | Kind::Resolved, Some(act)) if self.is_of(act) => self.finish(),
            _ => Ok(None),
        }
    }

    /// Returns what the running act has printed since the last look.
    ///
    /// # Errors
    /// When the output is there and cannot be read.
    pub fn look(&mut self) -> io::Result<Option<Printed>> {
        let Some((act, tail)) = &mut self.current else { return Ok(None) };
        let batch = tail.look()?;
        Ok(printed(act, batch))
    }

    /// Leaves the output of the running act. Returns the act.
    pub fn leave(&mut self) -> Option<String> {
        self.current.take().map(|(act, _)| act)
    }

    fn is_of(&self, act: &str) -> bool {
        self.current.as_ref().is_some_and(|(current, _)| current == act)
    }

    fn finish(&mut self) -> io::Result<Option<Printed>> {
        let Some((act, tail)) = &mut self.current else { return Ok(None) };
        let left = printed(act, tail.finish()?);
        self.current = None;
        Ok(left)
    }
}

/// Returns false for an intent whose act is no program's: a signal, sent beside what runs.
#[must_use]
pub fn prints(intent: &Record) -> bool {
    !matches!(intent.plan(), Some(Plan { action: Action::Signal { .. }, .. }))
}

fn printed(act: &str, batch: Batch) -> Option<Printed> {
    let is_empty = batch.lines.is_empty() && batch.dropped == 0;
    (!is_empty).then(|| Printed { act: act.to_owned(), batch })
}
