//! The SQL of a runbook, parsed: what the server would refuse, and what a probe must not ask.

use super::sql::{self, question};
use crate::domain::runbook::Runbook;
use crate::domain::runbook::lint::Finding;

/// Returns what is wrong with the SQL of a runbook.
#[must_use]
pub fn sql(book: &Runbook) -> Vec<Finding> {
    let mut all = Vec::new();
    for asked in book.sql() {
        let compiled = sql::compile(asked.sql);
        if let Some(fault) = compiled.errors.first() {
            let what = format!("line {} of it cannot be parsed: {}", fault.line, fault.message);
            all.push(Finding::bad("sql", asked.place, what));
        } else if compiled.statements.is_empty() {
            all.push(Finding::bad("sql", asked.place, "there is no statement in it"));
        } else if let (true, Err(refused)) = (asked.reads, question::only_reads(asked.sql)) {
            all.push(Finding::bad("sql", asked.place, refused.to_string()));
        } else if let Err(why) = sql::fits(asked.sql, asked.binds) {
            all.push(Finding::bad("binds", asked.place, why));
        }
    }
    all
}

/// Returns the statements of a text, each by itself, for a server that is to prepare them.
#[must_use]
pub fn statements(text: &str) -> Vec<String> {
    sql::compile(text).statements.into_iter().map(|statement| statement.sql).collect()
}
