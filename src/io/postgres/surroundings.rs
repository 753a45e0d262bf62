//! Rows of the slow statement as domain values.

use std::str::FromStr;

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::domain::counters::{Archiver, InvalidIndex, Slot, Surroundings, Wraparound};
use crate::domain::untrusted::Untrusted;

/// Sorts the rows of the slow statement.
///
/// # Errors
/// When a column is not of the type that the statement casts it to.
pub(super) fn read(rows: &[PgRow]) -> Result<Surroundings, sqlx::Error> {
    let mut found = Surroundings::default();
    for row in rows {
        match row.try_get::<i32, _>("tag")? {
            1 => found.database_bytes = row.try_get("n1")?,
            2 => found.slots.push(slot(row)?),
            3 => found.archiver = Some(archiver(row)?).filter(|a| a.failures > 0),
            4 => found.invalid_indexes.push(invalid_index(row)?),
            6 => {
                let name = text(row, "s1")?.unwrap_or_default().raw().to_owned();
                found.rows.insert(name.clone(), number(row, "n1")?);
                let count = found.counts.entry(name.clone()).or_default();
                count.inserted = digits(row, "s2")?.unwrap_or_default();
                found.written.insert(name, number(row, "n2")?);
            }
            7 => {
                let name = text(row, "s1")?.unwrap_or_default().raw().to_owned();
                let count = found.counts.entry(name).or_default();
                (count.deleted, count.anew) = (number(row, "n1")?, row.try_get("n2")?);
                count.oid = digits(row, "s2")?;
            }
            _ => found.wraparound = Some(wraparound(row)?),
        }
    }
    Ok(found)
}

fn text(row: &PgRow, column: &str) -> Result<Option<Untrusted>, sqlx::Error> {
    Ok(row.try_get::<Option<String>, _>(column)?.map(Untrusted::new))
}

/// Returns a number that stands in a column of texts.
fn digits<T: FromStr>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let text = row.try_get::<Option<String>, _>(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn number(row: &PgRow, column: &str) -> Result<i64, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.unwrap_or_default())
}

fn truth(row: &PgRow) -> Result<bool, sqlx::Error> {
    Ok(row.try_get::<Option<bool>, _>("b1")?.unwrap_or_default())
}

fn slot(row: &PgRow) -> Result<Slot, sqlx::Error> {
    Ok(Slot {
        name: text(row, "s1")?.unwrap_or_default(),
        retained_bytes: row.try_get("n1")?,
        xmin_age: row.try_get("n2")?,
        wal_status: row.try_get("s2")?,
        active: truth(row)?,
    })
}

fn archiver(row: &PgRow) -> Result<Archiver, sqlx::Error> {
    Ok(Archiver {
        failures: number(row, "n1")?,
        last_failed: text(row, "s1")?,
        failing: truth(row)?,
    })
}

fn invalid_index(row: &PgRow) -> Result<InvalidIndex, sqlx::Error> {
    Ok(InvalidIndex {
        oid: number(row, "n1")?,
        name: text(row, "s1")?.unwrap_or_default(),
        table: text(row, "s2")?.unwrap_or_default(),
        maintained: truth(row)?,
    })
}

fn wraparound(row: &PgRow) -> Result<Wraparound, sqlx::Error> {
    Ok(Wraparound {
        database: text(row, "s1")?.unwrap_or_default(),
        age: number(row, "n1")?,
        freeze_max_age: number(row, "n2")?,
    })
}
