//! What marks a run as a rehearsal: whatever it proves, it proves of a copy.

use serde::{Deserialize, Serialize};

use super::Source;
use crate::domain::identity::{Class, Identity};

/// What a rehearsed run was held on, as its first record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The target that it stands for; `None`: it did not answer, and the copy is of a backup.
    pub of: Option<Identity>,
    /// What the copy was made of.
    pub source: Source,
    /// The backup that was the source, if one was.
    pub backup: Option<String>,
}

impl Mark {
    /// Returns what the copy was made of, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.backup {
            Some(path) => format!("the backup {path}"),
            None => self.source.words().to_owned(),
        }
    }
}

/// Returns how a target is named to a person: by its class, unless it is only a copy of it.
#[must_use]
pub fn place(class: Class, is_rehearsal: bool) -> String {
    if is_rehearsal { format!("REHEARSAL of {}", class.word()) } else { class.word().to_owned() }
}
