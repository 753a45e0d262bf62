//! The rehearsal: what a migration does on a copy of the database, up, down and up again, and
//! what that says of its way back.

mod estimate;
mod evidence;
mod judge;
mod live;
mod mark;
mod material;
mod predicted;
mod report;
mod rows;
mod seen;
pub mod sentinel;
mod shape;
mod standing;
mod statement;

use serde::{Deserialize, Serialize};

pub use estimate::{Brief, Slow, reads, seconds};
pub use evidence::{Evidence, Ground, Proof, Tool};
pub use judge::{Down, Ended, Judgement, Look, Step, Trip, Written, judge};
pub use live::{Leg, Live, OPENING, Passing, Stand, Told};
pub use mark::{Mark, place};
pub use material::Material;
pub use predicted::findings;
pub use report::{Rehearsed, Report};
pub use rows::{Column, Rows, Table};
pub use seen::Seen;
pub use shape::Shape;
pub use standing::Standing;
pub use statement::{Lock, Statement, transactions, unmeasured};

use super::evidence::Verdict as Outcome;

/// What a migration's round trip has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Down leads back to the same schema and rows, and takes nothing that was written since.
    Reversible,
    /// Down leads back to the same schema, and rows or values are gone.
    Lossy,
    /// Down claims to have worked, and the schema is not what it was.
    #[serde(rename = "FALSE DOWN")]
    FalseDown,
    /// There is no way down, or it refuses.
    Irreversible,
    /// It fails on rows.
    Blocked,
    /// It fails half way, and what it did until then stays.
    Partial,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Self; 6] = [
        Self::Reversible,
        Self::Lossy,
        Self::FalseDown,
        Self::Irreversible,
        Self::Blocked,
        Self::Partial,
    ];

    /// Returns the words for screens and documents.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reversible => "REVERSIBLE",
            Self::Lossy => "LOSSY",
            Self::FalseDown => "FALSE DOWN",
            Self::Irreversible => "IRREVERSIBLE",
            Self::Blocked => "BLOCKED",
            Self::Partial => "PARTIAL",
        }
    }

    /// Returns whether the way back is there and does what it says. What is lost by it is told
    /// and asked for elsewhere: every new column is LOSSY.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Reversible | Self::Lossy)
    }
}

/// Where the rows of a copy come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A clone of an idle database on its own server.
    Template,
    /// A dump that was restored.
    Dump,
    /// The definitions alone, without a row.
    SchemaOnly,
}

impl Source {
    /// Returns it in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Template => "a clone",
            Self::Dump => "a dump",
            Self::SchemaOnly => "the schema alone, without rows",
        }
    }
}

/// Returns what all verdicts come to; `strict`: what is LOSSY is bad, too. Nothing at all to
/// rehearse is good.
#[must_use]
pub fn together(verdicts: &[Option<Verdict>], strict: bool) -> Outcome {
    let one = |verdict: &Option<Verdict>| match verdict {
        None => Outcome::Unknown,
        Some(Verdict::Lossy) if strict => Outcome::Fail,
        Some(verdict) if verdict.is_good() => Outcome::Pass,
        Some(_) => Outcome::Fail,
    };
    verdicts.iter().map(one).fold(Outcome::Pass, Outcome::and)
}
