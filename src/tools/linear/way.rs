//! One way of a migration: its statements, and how they are sent.

use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::untrusted::Untrusted;
use crate::source::sql;
use crate::tools::Script;

/// How a tool sends the statements of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tools) enum Sent {
    /// Between its own `BEGIN` and `COMMIT`.
    Transaction,
    /// As one message: the server makes one transaction of it, unless it holds only one
    /// statement (<https://www.postgresql.org/docs/current/protocol-flow.html>).
    Message,
    /// One after the other.
    Alone,
}

/// A stretch of a file, by its bytes.
pub(in crate::tools) type Span = std::ops::Range<usize>;

/// One way of a migration, as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::tools) struct Way<'a> {
    /// The migration's id, for problems.
    pub id: &'a str,
    pub file: &'a str,
    /// The whole file.
    pub text: &'a str,
    pub sent: Sent,
    /// What to do about a statement that refuses a transaction.
    pub advice: &'a str,
}

impl Way<'_> {
    /// Compiles the parts of the file that are this way, with the lines of the file; what
    /// the server would not take is a problem.
    pub(in crate::tools) fn script(&self, parts: &[Span], problems: &mut Vec<Problem>) -> Script {
        let mut statements = Vec::new();
        for part in parts {
            let above = self.text[..part.start].matches('\n').count();
            let compiled = sql::compile(&self.text[part.clone()]);
            for error in &compiled.errors {
                let detail = format!("{}:{}: {}", self.file, above + error.line, error.message);
                problems.push(Problem::new(Trouble::Syntax, self.id, detail));
            }
            let placed = compiled.statements.into_iter();
            statements.extend(placed.map(|s| Statement { line: above + s.line, ..s }));
        }
        let refused = self.refused(&statements);
        problems.extend(refused.map(|why| Problem::new(Trouble::Unreachable, self.id, why)));
        Script {
            file: self.file.to_owned(),
            text: Untrusted::new(self.text.to_owned()),
            transactions: self.transactions(&statements),
            statements,
            complete: true,
        }
    }

    /// A `COMMIT` in the file keeps what stands before it, whatever fails after.
    fn transactions(&self, statements: &[Statement]) -> Transactions {
        let splits = |s: &Statement| s.changes.iter().any(Change::splits_transaction);
        let refuses = |s: &Statement| s.changes.iter().any(Change::refuses_transaction);
        match self.sent {
            Sent::Alone => Transactions::None,
            _ if statements.iter().any(splits) => Transactions::Mixed,
            Sent::Message if matches!(statements, [only] if refuses(only)) => Transactions::None,
            _ => Transactions::One,
        }
    }

    fn refused(&self, statements: &[Statement]) -> Option<String> {
        let alone = self.sent == Sent::Message && statements.len() == 1;
        if alone || self.sent == Sent::Alone {
            return None;
        }
        let refuses = |s: &&Statement| s.changes.iter().any(Change::refuses_transaction);
        let statement = statements.iter().find(refuses)?;
        let place = format!("{}:{}: {}", self.file, statement.line, statement.kind);
        Some(match self.sent {
            Sent::Message => format!(
                "{place} fails: its {} statements are sent as one message and so share a transaction; give it a migration of its own",
                statements.len()
            ),
            _ => format!("{place} cannot run in a transaction: {}", self.advice),
        })
    }
}

/// Returns the whole of a text as the only part.
#[expect(clippy::single_range_in_vec_init, reason = "one part of the text")]
pub(in crate::tools) fn whole(text: &str) -> [Span; 1] {
    [0..text.len()]
}
