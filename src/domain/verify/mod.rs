//! Proving a backup, level by level: what each costs, what it proves, what was found.

mod estimate;
mod level;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::backup::Judged;

pub use estimate::{estimate, estimated, rough};
pub use level::{Cost, Level};

/// The number that documents of this version carry as `schema`.
pub const SCHEMA: u32 = 1;

/// What one level found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The level.
    pub level: Level,
    /// Whether the backup passed; `None`: it cannot be told, or does not apply.
    pub ok: Option<bool>,
    /// What was found, in words that are safe to show.
    pub what: String,
    /// Whether the level means nothing for this backup, as L1 for an adopted file.
    #[serde(skip)]
    pub applies: bool,
    /// How long it took.
    #[serde(rename = "took_s", serialize_with = "seconds")]
    pub took: Duration,
    /// What tried it; `None`: this program alone.
    #[serde(skip)]
    pub tool: Option<String>,
}

impl Finding {
    /// Returns a level that was passed or failed.
    pub fn tried(level: Level, ok: bool, what: impl Into<String>) -> Self {
        Self {
            level,
            ok: Some(ok),
            what: what.into(),
            applies: true,
            took: Duration::ZERO,
            tool: None,
        }
    }

    /// Returns a level about which nothing could be told, and why.
    pub fn unknown(level: Level, what: impl Into<String>) -> Self {
        Self { level, ok: None, what: what.into(), applies: true, took: Duration::ZERO, tool: None }
    }

    /// Returns a level that means nothing for this backup, and why.
    pub fn does_not_apply(level: Level, what: impl Into<String>) -> Self {
        Self { applies: false, ..Self::unknown(level, what) }
    }

    /// Returns the finding with the programs that made it.
    #[must_use]
    pub fn by(self, tool: String) -> Self {
        Self { tool: Some(tool), ..self }
    }

    /// Returns the finding with the time that it took.
    #[must_use]
    pub fn took(self, took: Duration) -> Self {
        Self { took, ..self }
    }
}

/// A file beside a backup, compared with what the manifest tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// Its name, safe to show.
    pub name: String,
    /// Whether it is what it was; `None`: it cannot be told.
    pub ok: Option<bool>,
    /// What was found, in words that are safe to show.
    pub what: String,
}

/// The proof of one backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    schema: u32,
    /// Where it lies.
    pub file: String,
    /// The level that was asked for.
    pub asked: Level,
    /// The highest level that was passed, if nothing failed below it.
    pub reached: Option<Level>,
    /// Good, bad, or `None`: cannot tell.
    pub ok: Option<bool>,
    /// What each level found, weakest first.
    pub findings: Vec<Finding>,
    /// Rows by table, where a level counted them.
    pub rows: BTreeMap<String, Option<u64>>,
    /// What its own program found, of a base backup: that alone makes `ok` true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// The files beside it, once L1 was tried. They are nothing that the backup is restored
    /// from: what is wrong with one leaves `ok` as it is, and is told by the exit code.
    pub beside: Vec<Beside>,
    /// What else happened, as that the manifest could not be written.
    pub notes: Vec<String>,
}

impl Report {
    /// Returns the proof that `findings` are, of a backup that was asked to pass `asked`:
    /// bad if one failed, good if `asked` was passed and every other that applies too.
    #[must_use]
    pub fn of(file: impl Into<String>, asked: Level, findings: Vec<Finding>) -> Self {
        let failed = findings.iter().any(|finding| finding.ok == Some(false));
        let unknown = findings.iter().any(|finding| finding.applies && finding.ok.is_none());
        // L1 alone may mean nothing for a file; what it stands between is proven all the same.
        let covers = findings.iter().any(|finding| finding.level == asked && finding.ok.is_some());
        let ok = match () {
            () if failed => Some(false),
            () if unknown || !covers => None,
            () => Some(true),
        };
        let passed = findings.iter().take_while(|finding| finding.ok.is_some() || !finding.applies);
        let reached = passed
            .take_while(|finding| finding.ok != Some(false))
            .filter(|finding| finding.ok == Some(true))
            .last()
            .map(|finding| finding.level);
        Self {
            schema: SCHEMA,
            file: file.into(),
            asked,
            reached,
            ok,
            findings,
            rows: BTreeMap::new(),
            judged: None,
            beside: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Returns the same of a backup that was asked to pass `asked`, and was not tried further.
    #[must_use]
    pub fn asked(self, asked: Level) -> Self {
        Self { asked, ..self }
    }

    /// Returns the exit code: 0 good, 1 bad, 2 cannot tell, of the backup and all that lies
    /// beside it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let all = || self.beside.iter().map(|side| side.ok).chain([self.ok]);
        let ok = if all().any(|ok| ok == Some(false)) {
            Some(false)
        } else {
            all().find(Option::is_none).unwrap_or(Some(true))
        };
        match ok {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }
    }
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}
