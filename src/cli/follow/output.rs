//! What the act under way prints, for whoever follows the run.

use std::io;
use std::path::Path;

use crate::cli::site::secrets;
use crate::domain::journal::{Kind, Record};
use crate::domain::secret;
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Batch, Printed, Watched, prints};
use crate::io::journal::Secrets;
use crate::io::site::Site;

/// Reads the output beside a journal, secrets masked.
pub struct Output {
    watched: Watched,
    secrets: Secrets,
    /// Records were taken before: what ran by then is over.
    begun: bool,
}

impl Output {
    /// Begins beside the journal at `file`. What `site` gives its tools is masked by its value;
    /// without it only what looks like a secret is.
    pub fn of(file: &Path, site: Option<&Site>) -> Self {
        let run = file.parent().unwrap_or(Path::new("."));
        let secrets = site.map(secrets).unwrap_or_default();
        Self { watched: Watched::of(run), secrets, begun: false }
    }

    /// Tells the records of one look in their order, each after what was printed before it.
    /// Of acts that were over before this was begun only the last one's output is read.
    pub fn among(&mut self, records: &[Record], mut tell: impl FnMut(Told<'_>)) {
        let last = records.iter().rposition(|one| one.kind == Kind::Intent && prints(one));
        let from = if std::mem::replace(&mut self.begun, true) { 0 } else { last.unwrap_or(0) };
        for (at, record) in records.iter().enumerate() {
            if at >= from {
                let left = self.watched.takes(record);
                if let Some(printed) = self.shown(left) {
                    tell(Told::Printed(printed));
                }
            }
            tell(Told::Record(record));
        }
    }

    /// Returns what was printed since the last look.
    pub fn look(&mut self) -> Option<Printed> {
        let printed = self.watched.look();
        self.shown(printed)
    }

    /// An output that cannot be read does not end the following: that is said in its place.
    fn shown(&mut self, printed: io::Result<Option<Printed>>) -> Option<Printed> {
        match printed {
            Ok(printed) => {
                let printed = printed?;
                let lines = printed.batch.lines.iter().map(|line| self.masked(line)).collect();
                Some(Printed { batch: Batch { lines, ..printed.batch }, ..printed })
            }
            Err(error) => {
                let act = self.watched.leave()?;
                let why = Untrusted::new(format!("(its output cannot be read: {error})"));
                Some(Printed { act, batch: Batch { lines: vec![why], dropped: 0 } })
            }
        }
    }

    fn masked(&self, line: &Untrusted) -> Untrusted {
        Untrusted::new(secret::masked(&self.secrets.redact(line.raw())))
    }
}

/// What is told of a run, in its order.
pub enum Told<'a> {
    Record(&'a Record),
    Printed(Printed),
}
