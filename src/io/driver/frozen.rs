//! The runbook of a run is frozen where the run began: its file may change, and the run does
//! not follow it, but says so.

use std::path::PathBuf;

use serde_json::Value;

use super::Inner;
use crate::domain::plan::sha256_hex;
use crate::io::blocking::blocking;
use crate::session::effect::Event;
use crate::session::news::News;

/// The file that a run was begun with.
#[derive(Debug)]
pub(super) struct Frozen {
    path: PathBuf,
    /// The SHA-256 that it had, or that was told last.
    hash: String,
}

impl Frozen {
    /// Returns the file that the facts of a run name; none for a runbook of the binary.
    pub(super) fn of(facts: &Value) -> Option<Self> {
        let text = |key: &str| facts[key].as_str().map(str::to_owned);
        Some(Self { path: text("file")?.into(), hash: text("sha256")? })
    }

    /// Returns true once for each content that is another one than before.
    fn has_changed(&mut self) -> bool {
        // One that is gone, or cannot be read, is another one too.
        let now = std::fs::read(&self.path).map_or_else(|_| String::new(), |now| sha256_hex(&now));
        let changed = now != self.hash;
        self.hash = now;
        changed
    }
}

impl Inner {
    /// Tells that the file of the run has changed since it was looked at last.
    pub(super) fn look_at_the_file(&self) {
        let mut runs = self.runs();
        let Some(frozen) = &mut runs.frozen else { return };
        if blocking(|| frozen.has_changed()) {
            let path = frozen.path.display().to_string();
            drop(runs);
            self.tell(News::Event(Event::Edited(path)));
        }
    }
}
