//! The rows that were counted for a plan, and again right before it runs.

use serde::{Deserialize, Serialize};

/// What a person was told of rows that are lost, or that refuse the act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Which rows, e.g. `column users.preferences`.
    pub what: String,
    /// The line of the statement.
    pub line: usize,
    /// How many; `None`: nobody could tell.
    pub rows: Option<u64>,
    /// True if there are more than that.
    #[serde(default)]
    pub more: bool,
    /// Up to how many a yes to the plan covers; `None`: what cannot be told was shown as such.
    pub covers: Option<u64>,
}

impl Count {
    fn is_of(&self, other: &Self) -> bool {
        (self.line, &self.what) == (other.line, &other.what)
    }

    fn words(&self) -> String {
        match self.rows {
            Some(rows) if self.more => format!("more than {rows}"),
            Some(rows) => rows.to_string(),
            None => "cannot tell".to_owned(),
        }
    }

    /// Returns true if a yes to `self` does not cover what is found `now`.
    fn is_exceeded(&self, now: &Self) -> bool {
        match (self.covers, now.rows) {
            // Whoever said yes to "cannot tell" has said it to any number.
            (None, _) => false,
            (Some(_), None) => true,
            (Some(covers), Some(rows)) => rows > covers || (now.more && !self.more),
        }
    }
}

/// Returns a line for everything that is worse than what was shown, or that can be told no more.
#[must_use]
pub fn worse(shown: &[Count], now: &[Count]) -> Vec<String> {
    let mut lines = Vec::new();
    for count in now {
        let known = shown.iter().find(|known| known.is_of(count));
        match known {
            Some(known) if !known.is_exceeded(count) => {}
            Some(known) => {
                lines.push(format!(
                    "{}: {} now, {} when it was shown",
                    count.what,
                    count.words(),
                    known.words()
                ));
            }
            None => lines.push(format!("{}: {} now, not shown before", count.what, count.words())),
        }
    }
    let lost = |known: &&Count| known.rows.is_some() && !now.iter().any(|one| one.is_of(known));
    let lost = shown.iter().filter(lost);
    lines.extend(lost.map(|known| format!("{}: cannot be counted any more", known.what)));
    lines
}

/// Lets a yes cover twice what is there: rows that grow while they are looked at would
/// otherwise be shown again for ever.
pub fn widen(counts: &mut [Count]) {
    for count in counts {
        count.covers = count.rows.map(|rows| rows.saturating_mul(2));
    }
}
