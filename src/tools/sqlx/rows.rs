//! The rows of `_sqlx_migrations`.

use chrono::{DateTime, Utc};

use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::tools::{Rows, VersionQuery, linear};

use super::TABLE;

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub version: i64,
    pub description: String,
    pub installed_on: Option<DateTime<Utc>>,
    pub success: bool,
    /// In hexadecimal.
    pub checksum: String,
}

/// Returns how to read the table.
pub(super) fn query(table: &Name) -> VersionQuery {
    let time = linear::time_of("installed_on", true);
    let columns =
        format!("version::text, description::text, {time}, success::text, encode(checksum, 'hex')");
    VersionQuery::of(table, &columns, "ORDER BY version")
}

/// Reads the rows; one that makes no sense is a problem.
pub(super) fn read(rows: &Rows, problems: &mut Vec<Problem>) -> Vec<Row> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    rows.iter()
        .filter_map(|row| {
            let read = self::row(row);
            if read.is_none() {
                let detail = format!("a row of {TABLE} cannot be read: {row:?}");
                problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
            }
            read
        })
        .collect()
}

fn row(columns: &[Option<String>]) -> Option<Row> {
    let [version, description, installed_on, success, checksum] = columns else { return None };
    Some(Row {
        version: version.as_ref()?.parse().ok()?,
        description: description.clone().unwrap_or_default(),
        installed_on: installed_on.as_ref().and_then(|time| time.parse().ok()),
        success: success.as_deref()? == "true",
        checksum: checksum.clone()?,
    })
}
