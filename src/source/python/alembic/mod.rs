//! What a revision of Alembic says: its place in the graph, and what its two ways do.
//!
//! Operations are those of <https://alembic.sqlalchemy.org/en/latest/ops.html> (1.20); each
//! is written as the SQL that Alembic makes of it for PostgreSQL, and read by [`crate::source::sql`].

mod body;
mod column;
mod constraint;
mod environment;
mod execute;
mod known;
mod operation;
mod table;

use crate::domain::change::Statement;
use crate::domain::hazard::Transactions;

use super::{Literal, Module, line};
use body::Body;

pub use environment::{Environment, environment};

/// What stands at the top of a revision's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `revision`.
    pub revision: Option<String>,
    /// `down_revision`.
    pub down: Vec<String>,
    /// `branch_labels`.
    pub labels: Vec<String>,
    /// `depends_on`.
    pub depends: Vec<String>,
    /// The first line of its text.
    pub summary: Option<String>,
    /// What is given, but not as a literal: the name and its line.
    pub computed: Vec<(&'static str, usize)>,
}

/// Reads the top of a revision's file.
#[must_use]
pub fn header(module: &Module) -> Header {
    let mut header = Header { summary: module.summary(), ..Header::default() };
    let mut computed = Vec::new();
    let top = module.top();
    let mut strings = |name: &'static str| {
        let Some(value) = top.value(name) else { return Vec::new() };
        let strings = value.literal.as_ref().and_then(Literal::strings);
        strings.unwrap_or_else(|| {
            computed.push((name, value.line));
            Vec::new()
        })
    };
    header.revision = strings("revision").into_iter().next();
    header.down = strings("down_revision");
    header.labels = strings("branch_labels");
    header.depends = strings("depends_on");
    header.computed = computed;
    header
}

/// One way of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it does; what could not be understood is a statement too.
    pub statements: Vec<Statement>,
    /// True if that is all, and `--sql` would print all of it.
    pub complete: bool,
    /// How it runs, if the environment runs each revision in a transaction.
    pub transactions: Transactions,
    /// The line of the first statement that cannot be run in the transaction that is open.
    pub idle: Option<Idle>,
    /// The lines on which something is done only with a connection (`get_bind`,
    /// `is_offline_mode`), so that the printed SQL lacks it.
    pub online: Vec<usize>,
}

/// A way that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The line that says so.
    pub line: usize,
    /// What stands there.
    pub what: &'static str,
}

/// Compiles `upgrade` or `downgrade`; `None` if there is no such function.
#[must_use]
pub fn compile(module: &Module, function: &str) -> Option<Way> {
    let node = module.function(function)?;
    let body = node.child_by_field_name("body")?;
    let mut walked = Body::new(module, node);
    walked.block(body);
    Some(walked.finish(line(node)))
}
