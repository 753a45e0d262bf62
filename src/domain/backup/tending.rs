//! What a person does to the backups that are there.

use serde::{Deserialize, Serialize};

/// What is done; nothing of it touches a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tending {
    /// Those that the rules of retention no longer keep are removed.
    Prune,
    /// One stays whatever the rules say.
    Pin,
    /// The rules hold for it again.
    Unpin,
    /// One that was found gets a manifest, which says what nobody can prove of it.
    Adopt,
}

impl Tending {
    /// All, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Prune, Self::Pin, Self::Unpin, Self::Adopt];

    /// Returns the word of the command line and of the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prune => "prune",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Adopt => "adopt",
        }
    }

    /// Returns what is done by its word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tending| tending.word() == word)
    }
}
