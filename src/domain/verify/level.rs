//! The levels of proof.

pub use crate::domain::evidence::Level;

/// What a level takes, in orders of magnitude: measured on a 127 MB archive of a 1 GB
/// database with the tools of PostgreSQL 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cost {
    /// Next to nothing: the head of the file.
    Head,
    /// One reading of the file, a second per 100 MB.
    Reading,
    /// One decoding of the file, some seconds per 100 MB.
    Decoding,
    /// A scratch cluster and a restore, some ten seconds per 100 MB.
    Restore,
}

impl Level {
    /// Returns what the level takes.
    #[must_use]
    pub fn cost(self) -> Cost {
        match self {
            Self::L0 => Cost::Head,
            Self::L1 | Self::L2 => Cost::Reading,
            Self::L3 => Cost::Decoding,
            Self::L4 | Self::L5 | Self::L6 => Cost::Restore,
        }
    }

    /// Returns what a passed level proves.
    #[must_use]
    pub fn proves(self) -> &'static str {
        match self {
            Self::L0 => "header and table of contents can be read",
            Self::L1 => "unchanged since it was made",
            Self::L2 => "nothing is missing from it",
            Self::L3 => "every row decodes",
            Self::L4 => "it loads: keys and constraints hold",
            Self::L5 => "it holds what its source held: rows, and contents where they were summed",
            Self::L6 => "what it loads into has no physical fault",
        }
    }
}
