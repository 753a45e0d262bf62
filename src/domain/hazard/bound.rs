//! Whether a `CHECK` of a table proves the bound of the partition that it becomes.
//!
//! Only what is plain is proven: one column, compared with literals. PostgreSQL proves more;
//! then [`Answer::Unknown`] is said, never "no":
//! <https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION>.

use super::Answer;
use super::catalog::{ColumnFact, Relation, proof};

/// A bound of one column.
#[derive(Debug, PartialEq)]
enum Bound {
    /// From, and up to but without.
    Range(String, String),
    /// One of these.
    List(Vec<String>),
}

/// Returns whether the rows are read to see that they fit.
pub(super) fn is_proven(sql: &str, table: &Relation) -> Answer {
    let valid: Vec<String> = table
        .checks
        .iter()
        .filter(|check| check.valid)
        .map(|check| check.expression.to_lowercase())
        .collect();
    if valid.is_empty() {
        return Answer::Yes;
    }
    let Some(bound) = bound(&sql.to_lowercase()) else { return Answer::Unknown };
    let parts: Vec<String> = valid.iter().flat_map(|valid| proof::parts(valid)).map(bare).collect();
    let is_filled = |column: &&ColumnFact| column.not_null || table.proves_not_null(&column.name);
    let candidates = table.columns.iter().filter(is_filled);
    let is_within = candidates.into_iter().any(|column| within(&bound, &column.name, &parts));
    if is_within { Answer::No } else { Answer::Unknown }
}

fn within(bound: &Bound, column: &str, parts: &[String]) -> bool {
    let says = |operator: &str, value: &String| {
        parts.iter().any(|part| {
            let rest = part.strip_prefix(column).map(str::trim_start);
            let rest = rest.and_then(|rest| rest.strip_prefix(operator)).map(str::trim);
            rest == Some(value.as_str())
        })
    };
    match bound {
        Bound::Range(from, to) => says(">=", from) && says("<", to),
        Bound::List(values) => values.iter().any(|value| says("=", value)),
    }
}

fn bound(sql: &str) -> Option<Bound> {
    let (_, values) = sql.split_once("for values")?;
    let values = values.trim();
    if let Some(list) = values.strip_prefix("in") {
        return Some(Bound::List(list.split(',').map(bare).collect()));
    }
    let (from, to) = values.strip_prefix("from")?.split_once(" to ")?;
    let is_one = !from.contains(',') && !to.contains(',');
    is_one.then(|| Bound::Range(bare(from), bare(to)))
}

/// Returns the text without what surrounds it: white space and parentheses.
fn bare(text: &str) -> String {
    let inside = text.trim_matches(|c: char| c.is_whitespace() || "();".contains(c));
    inside.split_whitespace().collect::<Vec<_>>().join(" ")
}
