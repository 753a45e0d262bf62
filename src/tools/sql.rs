//! SQL of a runbook's step: what it is, and this very program as its tool.

use super::{Failure, Script};
use crate::domain::change::{Change, Statement};
use crate::domain::hazard::Transactions;
use crate::domain::plan::{Bind, Command};
use crate::domain::untrusted::Untrusted;
use crate::source::sql;

/// The hidden command by which this program runs it.
pub const CHILD: &str = "__sql";

/// The longest text that one argument of a program may be, with room to spare (Linux:
/// 131,072 bytes, `MAX_ARG_STRLEN`).
pub const LONGEST: usize = 100_000;

/// Returns what `text` does, sent to the server as one message: all its statements share
/// a transaction, unless it holds only one, or transaction control of its own.
#[must_use]
pub fn script(text: &str) -> Script {
    let compiled = sql::compile(text);
    let transactions = transactions(&compiled.statements);
    Script {
        file: String::new(),
        text: Untrusted::from(text),
        statements: compiled.statements,
        transactions,
        complete: compiled.errors.is_empty(),
    }
}

fn transactions(statements: &[Statement]) -> Transactions {
    let any = |holds: fn(&Change) -> bool| {
        statements.iter().any(|statement| statement.changes.iter().any(holds))
    };
    if any(Change::splits_transaction) {
        Transactions::Mixed
    } else if statements.len() == 1 && any(Change::refuses_transaction) {
        Transactions::None
    } else if statements.len() == 1 && any(Change::is_opaque) {
        // A procedure or a block that is called alone may commit.
        Transactions::Unknown
    } else {
        Transactions::One
    }
}

/// Returns the command that sends `text` with the values of its parameters; the database reaches
/// it by the environment alone.
#[must_use]
pub fn command(text: &str, binds: &[Bind]) -> Command {
    let mut argv = ["lockkeeper", CHILD, text].map(str::to_owned).to_vec();
    argv.extend(binds.iter().map(|bind| bind.value.clone()));
    Command { argv, ..Command::default() }
}

/// Returns the command that shows where [`command`] connects: it reads the same environment.
#[must_use]
pub fn probe() -> Command {
    let argv = ["lockkeeper", super::sqlx::CHILD, "probe"].map(str::to_owned).to_vec();
    Command { argv, ..Command::default() }
}

/// Returns the words of a failure.
#[must_use]
pub fn explain(output: &str, exit: Option<i32>) -> Failure {
    Failure::of_child(output, exit, &[])
}
