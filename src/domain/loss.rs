//! What a migration destroys, in each direction, and the read-only question that
//! counts it before it is gone.

use serde::Serialize;

use super::change::{Alter, Change, Data, Name, Retype, Statement, Verb, quote};
use super::hazard::Catalog;
use super::plan::Direction;

/// Something that is gone, or may not fit, afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The way on which it is lost.
    pub direction: Direction,
    /// What: `column users.preferences`.
    pub what: String,
    /// A query for a READ ONLY transaction whose single `bigint` counts the rows
    /// that are lost; `None` if no query can tell.
    pub probe: Option<String>,
    /// The answer of the probe; `None` until it ran.
    pub rows: Option<u64>,
    /// The line of the statement that loses it.
    pub line: usize,
}

/// Returns what the statements lose when they are run in this direction.
///
/// What they created themselves before is not a loss, nor is a change of type that
/// `catalog`, the schema before them, shows to be a widening.
#[must_use]
pub fn of(statements: &[Statement], direction: Direction, catalog: &Catalog) -> Vec<Loss> {
    let mut created: Vec<&Name> = Vec::new();
    let mut catalog = catalog.clone();
    let mut losses = Vec::new();
    for statement in statements {
        for change in &statement.changes {
            if let Change::CreateTable(table) = change {
                created.push(&table.name);
            }
            let is_wider = widens(change, &catalog);
            catalog.advance(change);
            if let Some((what, probe)) = lost(change, &created).filter(|_| !is_wider) {
                losses.push(Loss { direction, what, probe, rows: None, line: statement.line });
            }
        }
    }
    losses
}

/// Returns true for a change of type that takes every value of the known old type.
fn widens(change: &Change, catalog: &Catalog) -> bool {
    let Change::Alter(table, Alter::Type(retype)) = change else { return false };
    let old = catalog.find(table).and_then(|relation| relation.column(&retype.column));
    old.is_some_and(|old| old.kind.fits(&retype.to))
}

fn lost(change: &Change, created: &[&Name]) -> Option<(String, Option<String>)> {
    match change {
        Change::DropTable(table) | Change::Truncate(table) if !created.contains(&table) => {
            Some((format!("table {table}"), Some(count(table, None))))
        }
        Change::DropSequence(name) => Some((format!("sequence {name}"), None)),
        Change::DropObject(what) => Some((what.to_lowercase(), None)),
        Change::Alter(table, action) if !created.contains(&table) => altered(table, action),
        Change::Data(data) if !created.contains(&&data.table) => rows(data),
        _ => None,
    }
}

fn altered(table: &Name, action: &Alter) -> Option<(String, Option<String>)> {
    match action {
        Alter::DropColumn(column) => {
            let filled = format!("{} IS NOT NULL", quote(column));
            Some((format!("column {table}.{column}"), Some(count(table, Some(&filled)))))
        }
        Alter::Type(retype) => misfits(table, retype),
        _ => None,
    }
}

/// The rows whose value does not fit the new type.
fn misfits(table: &Name, retype: &Retype) -> Option<(String, Option<String>)> {
    let column = quote(&retype.column);
    let first = retype.to.modifiers.first();
    let condition = match (retype.to.name.as_str(), first) {
        (_, _) if retype.to.array => None,
        ("character varying" | "character", Some(most)) => {
            Some(format!("length({column}::text) > {most}"))
        }
        ("smallint", _) => Some(format!("{column} NOT BETWEEN -32768 AND 32767")),
        ("integer", _) => Some(format!("{column} NOT BETWEEN -2147483648 AND 2147483647")),
        ("bigint", _) => {
            Some(format!("{column}::numeric NOT BETWEEN {} AND {}", i64::MIN, i64::MAX))
        }
        ("numeric", Some(precision)) => {
            let scale = retype.to.modifiers.get(1).copied().unwrap_or(0);
            let whole = precision - scale;
            Some(format!(
                "abs({column}::numeric) >= power(10::numeric, {whole}) OR {column}::numeric <> \
                 round({column}::numeric, {scale})"
            ))
        }
        ("date", _) => Some(format!("{column}::timestamp <> {column}::date")),
        // These take every value of the types that are commonly widened to them.
        ("text" | "numeric" | "character varying" | "jsonb" | "double precision", None) => {
            return None;
        }
        _ => None,
    };
    let what = format!("values of {table}.{} that do not fit {}", retype.column, retype.to);
    Some((what, condition.map(|condition| count(table, Some(&condition)))))
}

fn rows(data: &Data) -> Option<(String, Option<String>)> {
    let probe = is_repeatable(data).then(|| count(&data.table, data.filter.as_deref()));
    match data.verb {
        Verb::Delete => Some((format!("rows of {}", data.table), probe)),
        Verb::Update => {
            let columns = data.columns.join(", ");
            Some((format!("earlier values of {}.{columns}", data.table), probe))
        }
        Verb::Merge => Some((format!("earlier values of {}", data.table), None)),
        Verb::Insert => None,
    }
}

/// Returns true if the condition may be repeated in a probe: it calls nothing,
/// since a function could do anything.
fn is_repeatable(data: &Data) -> bool {
    data.filter.as_ref().is_none_or(|filter| !filter.contains(['(', ';', '$']))
}

fn count(table: &Name, condition: Option<&str>) -> String {
    match condition {
        Some(condition) => {
            format!("SELECT count(*)::bigint FROM {} WHERE {condition}", table.quoted())
        }
        None => format!("SELECT count(*)::bigint FROM {}", table.quoted()),
    }
}
