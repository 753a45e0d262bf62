//! What an older server does not know and refuses.
//!
//! The release notes of PostgreSQL 14 to 18, appendix E of the documentation.

use crate::domain::change::written;
use crate::domain::change::{Alter, Change, Constraint, Generated, Rule, Verb};

use super::effect::says;

/// Returns why a server of this version refuses the change, if it does.
pub(super) fn refuses(change: &Change, sql: &str, version_num: Option<u32>) -> Option<String> {
    let version = version_num? / 10_000;
    let (needed, what) = needs(change, sql)?;
    (version < needed).then(|| {
        format!("fails: PostgreSQL {version} does not know {what}, which came with {needed}")
    })
}

fn needs(change: &Change, sql: &str) -> Option<(u32, &'static str)> {
    match change {
        Change::Alter(_, action) => of_table(action, sql),
        Change::CreateTable(table) => table
            .columns
            .iter()
            .any(|column| column.generated == Some(Generated::Virtual))
            .then_some((18, "virtual generated columns")),
        Change::Data(data) => (data.verb == Verb::Merge).then_some((15, "MERGE")),
        _ => of_words(change, sql),
    }
}

/// Clauses that are told by their words.
fn of_words(change: &Change, sql: &str) -> Option<(u32, &'static str)> {
    let nulls = says(sql, "nulls not distinct");
    match change {
        Change::CreateIndex(_) if nulls => Some((15, "NULLS NOT DISTINCT")),
        Change::Cluster(_) if sql.contains('(') => Some((14, "options of CLUSTER in parentheses")),
        Change::CreateTrigger(_) if says(sql, "or replace") => {
            Some((14, "CREATE OR REPLACE TRIGGER"))
        }
        Change::Sequence(_) if says(sql, "set unlogged") || says(sql, "set logged") => {
            Some((15, "SET LOGGED of a sequence"))
        }
        Change::Catalog(words) => of_catalog(words, sql),
        _ => None,
    }
}

fn of_catalog(words: &str, sql: &str) -> Option<(u32, &'static str)> {
    let is = |thing: &str| words.split(' ').any(|word| word == thing);
    if is("STATISTICS")
        && says(sql, "create")
        && sql.split(" FROM ").next()?.matches('(').count()
            > usize::from(says(sql, "ndistinct") || says(sql, "dependencies") || says(sql, "mcv"))
    {
        return Some((14, "statistics of an expression"));
    }
    if is("PUBLICATION") && says(sql, "tables in schema") {
        return Some((15, "TABLES IN SCHEMA of a publication"));
    }
    if is("PUBLICATION") && (says(sql, "where") || lists_columns(sql)) {
        return Some((15, "columns and conditions of a publication"));
    }
    ((is("FUNCTION") || is("PROCEDURE")) && says(sql, "begin atomic"))
        .then_some((14, "a body by BEGIN ATOMIC"))
}

/// Returns true if a table of a publication has a list of columns, before `WITH`.
fn lists_columns(sql: &str) -> bool {
    let lower = sql.to_lowercase();
    let tables = lower.split_once(" table ").map(|(_, tables)| tables);
    tables.is_some_and(|tables| tables.split(" with ").next().is_some_and(|t| t.contains('(')))
}

/// Returns true if it stands behind the constraint, which ends in parentheses, and not in them.
fn is_enforced_or_not(sql: &str) -> bool {
    let outside = written::outside(sql);
    outside.split_once("()").is_some_and(|(_, options)| says(options, "enforced"))
}

fn of_table(action: &Alter, sql: &str) -> Option<(u32, &'static str)> {
    match action {
        Alter::AddColumn(column) if column.generated == Some(Generated::Virtual) => {
            Some((18, "virtual generated columns"))
        }
        Alter::AlterConstraint(..) if says(sql, "enforced") => Some((18, "NOT ENFORCED")),
        Alter::AddConstraint(_) if is_enforced_or_not(sql) => Some((18, "NOT ENFORCED")),
        Alter::AddConstraint(Constraint { rule: Rule::NotNull(_), .. }) => {
            Some((18, "NOT NULL as a constraint of a table"))
        }
        Alter::AddConstraint(_) if says(sql, "nulls not distinct") => {
            Some((15, "NULLS NOT DISTINCT"))
        }
        Alter::ColumnOption(_) if says(sql, "set compression") => Some((14, "SET COMPRESSION")),
        Alter::Detach(_, true) => Some((14, "DETACH PARTITION CONCURRENTLY")),
        Alter::SetExpression(_) => Some((17, "SET EXPRESSION")),
        Alter::Move if says(sql, "set access method") => Some((15, "SET ACCESS METHOD")),
        _ => None,
    }
}
