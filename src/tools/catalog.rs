//! What the catalog of another backup program tells, whichever it is.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::backup::Backup;
use crate::domain::untrusted::Untrusted;

/// The backups of a catalog, and what could not be read of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The backups, in the catalog's order.
    pub backups: Vec<Backup>,
    /// What is wrong, in sentences that are safe to show.
    pub problems: Vec<String>,
}

impl Told {
    /// Returns a catalog that could not be read, and why.
    pub fn problem(why: impl AsRef<str>) -> Self {
        Self { backups: Vec::new(), problems: vec![shown(why.as_ref())] }
    }

    /// Adds what another catalog tells.
    pub fn extend(&mut self, other: Self) {
        self.backups.extend(other.backups);
        self.problems.extend(other.problems);
    }
}

/// What a program printed, and how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a> {
    /// Standard output.
    pub out: &'a [u8],
    /// Standard error.
    pub err: &'a [u8],
    /// The exit code; `None`: a signal ended it.
    pub code: Option<i32>,
}

impl Printed<'_> {
    /// Returns the JSON that it printed.
    ///
    /// # Errors
    /// A sentence: what it said in its place, or that it cannot be read.
    pub(super) fn json(&self, program: &str) -> Result<Value, String> {
        match serde_json::from_slice(self.out) {
            Ok(value) => Ok(value),
            Err(error) => Err(match (self.last_line(), self.code) {
                (Some(line), code) if code != Some(0) => format!("{program}: {line}"),
                (_, Some(0)) => format!("{program}: its answer is no JSON: {error}"),
                (_, Some(code)) => format!("{program} ended with exit code {code}"),
                (_, None) => format!("{program} was ended by a signal"),
            }),
        }
    }

    /// Returns the last line that says something, of the errors before the output.
    pub(super) fn last_line(&self) -> Option<String> {
        [self.err, self.out].into_iter().find_map(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.next_back().map(shown)
        })
    }
}

/// Returns text out of a catalog, safe to show.
pub(super) fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

/// Returns the moment of so many seconds since 1970.
pub(super) fn moment(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

/// Returns `server_version_num` as PostgreSQL words it: `150020` is 15.20.
pub(super) fn version(num: u64) -> String {
    format!("{}.{}", num / 10_000, num % 10_000)
}
