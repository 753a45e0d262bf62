//! A statement as it really ran, and the shape of its transactions.

use serde::{Deserialize, Serialize};

use crate::domain::hazard::Transactions;
use crate::domain::locks::Mode;
use crate::domain::untrusted::Untrusted;

/// A lock that was held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lock {
    /// The relation with its schema.
    pub relation: String,
    /// The mode, as `LOCK TABLE` words it.
    #[serde(with = "words")]
    pub mode: Mode,
}

mod words {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use super::Mode;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(mode.words())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = Mode::ALL.into_iter().find(|mode| mode.words() == text);
        mode.ok_or_else(|| de::Error::custom(format!("{text:?} is no mode of a lock")))
    }
}

/// A statement as it ran on the copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// When it began, from the start of the way up, in seconds.
    pub started_s: f64,
    /// How long it took; `None`: it failed, or its end was not seen.
    pub took_s: Option<f64>,
    /// The strongest lock on each relation that was held while it ran; those of the statements
    /// before it in its transaction are theirs.
    pub locks: Vec<Lock>,
    /// The relations that got a new file.
    pub rewrite: Vec<String>,
    /// What it dropped.
    pub dropped: Vec<String>,
    /// The transaction that it ran in: a number, the same for all of one.
    pub transaction: String,
}

/// Returns what to say of the statements and locks of a way up where they were not measured:
/// the locks that were `sampled` instead, in words that are safe to show.
#[must_use]
pub fn unmeasured(sampled: Option<&[Lock]>) -> Option<String> {
    let why = "not measured: the server's log could not be read";
    let lock = |lock: &Lock| {
        let relation = Untrusted::from(lock.relation.as_str()).one_line();
        format!("{} on {relation}", lock.mode.words())
    };
    Some(match sampled? {
        [] => format!("{why}, and no lock was seen by sampling, which proves nothing"),
        seen => {
            let seen: Vec<String> = seen.iter().map(lock).collect();
            format!("{why}; seen by sampling, perhaps not all: {}", seen.join(", "))
        }
    })
}

/// Returns how the statements that change something were run: all in one transaction, each by
/// itself, or something in between.
#[must_use]
pub fn transactions(statements: &[Statement]) -> Transactions {
    let mut numbers: Vec<&str> = statements.iter().map(|s| s.transaction.as_str()).collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.len() {
        0 => Transactions::Unknown,
        1 => Transactions::One,
        several if several == all => Transactions::None,
        _ => Transactions::Mixed,
    }
}
