//! What `doctor` found: one thing each, whether it is as it should be, and what to do.

use serde::Serialize;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Ok,
    /// Something will be missed, or cannot be told.
    Warn,
    /// What depends on it does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, in a word that scripts may rely on.
    pub id: String,
    /// Whether it is as it should be.
    pub state: State,
    /// What was found; `None`: nothing.
    pub value: Option<String>,
    /// What to do; `None` if nothing has to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// Returns that all is well with `id`.
    pub fn ok(id: impl Into<String>, value: impl Into<String>) -> Self {
        Self { id: id.into(), state: State::Ok, value: Some(value.into()), advice: None }
    }

    /// Returns that something about `id` is worth a look.
    pub fn warn(
        id: impl Into<String>,
        value: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Warn, advice: Some(advice.into()), ..Self::ok(id, value) }
    }

    /// Returns that what depends on `id` does not work.
    pub fn fail(
        id: impl Into<String>,
        value: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Fail, ..Self::warn(id, value, advice) }
    }

    /// Returns the same as something that was not found at all.
    #[must_use]
    pub fn missing(self) -> Self {
        Self { value: None, ..self }
    }
}

/// The version of one of PostgreSQL's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version, e.g. 15.
    pub major: u32,
    /// The minor release of it, e.g. 14.
    pub minor: u32,
}

/// The first releases whose `pg_dump` and `pg_restore` run nothing that a hostile server or
/// dump slips them: CVE-2025-8714 and CVE-2025-8715 (PostgreSQL, release notes of August
/// 2025). Every later major is safe.
const PATCHED: [Version; 5] = [
    Version { major: 13, minor: 22 },
    Version { major: 14, minor: 19 },
    Version { major: 15, minor: 14 },
    Version { major: 16, minor: 10 },
    Version { major: 17, minor: 6 },
];

impl Version {
    /// Reads what `--version` prints, e.g. `pg_dump (PostgreSQL) 15.14 (Debian …)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut parts = number.split('.');
        let digits = |part: &str| -> Option<u32> {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().ok()
        };
        let major = digits(parts.next()?)?;
        // A beta has no minor release yet.
        Some(Self { major, minor: parts.next().and_then(digits).unwrap_or(0) })
    }

    /// Returns the first patched release of this major, if this one is older; of a major that
    /// gets no patches any more, that of the oldest that does.
    #[must_use]
    pub fn unpatched(self) -> Option<Self> {
        if let Some(patched) = PATCHED.iter().find(|one| one.major == self.major) {
            return (self < *patched).then_some(*patched);
        }
        (self.major < PATCHED[0].major).then_some(PATCHED[0])
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
