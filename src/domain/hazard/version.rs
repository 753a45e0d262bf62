//! What an older server does not know and refuses.
//!
//! The release notes of PostgreSQL 14 to 18, appendix E of the documentation.

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
        _ => None,
    }
}

fn of_table(action: &Alter, sql: &str) -> Option<(u32, &'static str)> {
    match action {
        Alter::AddColumn(column) if column.generated == Some(Generated::Virtual) => {
            Some((18, "virtual generated columns"))
        }
        Alter::AlterConstraint(..) | Alter::AddConstraint(_) if says(sql, "enforced") => {
            Some((18, "NOT ENFORCED"))
        }
        Alter::AddConstraint(Constraint { rule: Rule::NotNull(_), .. }) => {
            Some((18, "NOT NULL as a constraint of a table"))
        }
        Alter::Detach(_, true) => Some((14, "DETACH PARTITION CONCURRENTLY")),
        Alter::SetExpression(_) => Some((17, "SET EXPRESSION")),
        Alter::Move if says(sql, "set access method") => Some((15, "SET ACCESS METHOD")),
        _ => None,
    }
}
