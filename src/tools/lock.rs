//! The advisory locks under which tools run, as others hold them now.

use std::borrow::Cow;

use super::{Rows, Tool};
use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::untrusted::Untrusted;

/// An advisory lock of one 64-bit key that another session holds in the database
/// (<https://www.postgresql.org/docs/current/view-pg-locks.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// The key.
    pub key: i64,
    /// The server process that holds it.
    pub pid: i32,
    /// What its session calls itself; empty if it does not, or may not be seen.
    pub application: String,
    /// The database.
    pub database: String,
    /// The schema in which a table without one is made.
    pub schema: Option<String>,
}

impl Rows {
    /// Returns the rows as the tools read them, and the locks beside them.
    pub(super) fn apart(&self) -> (Cow<'_, Self>, &[Advisory]) {
        match self {
            Self::Locked(rows, locks) => (Cow::Owned(Self::Read(rows.clone())), locks),
            rows => (Cow::Borrowed(rows), &[]),
        }
    }
}

/// Returns a problem for each lock that is the tool's own.
pub(super) fn held(tool: &(impl Tool + ?Sized), table: &Name, locks: &[Advisory]) -> Vec<Problem> {
    let problem = |lock: &Advisory| {
        let meanwhile = tool.locks_with(lock, table)?;
        let by = match lock.application.as_str() {
            "" => format!("pid {}", lock.pid),
            name => format!("pid {} ({})", lock.pid, Untrusted::new(name.to_owned()).one_line()),
        };
        let detail = format!(
            "{by} holds it: another run is under way, or its session was left open; {meanwhile}; look at that session in the activity"
        );
        Some(Problem::new(Trouble::Locked, format!("advisory lock {}", lock.key), detail))
    };
    locks.iter().filter_map(problem).collect()
}
