//! The rows of a copy: counted, and digested where they may have changed.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::fingerprint::keeps_books;
use crate::domain::rehearsal::{Column, Rows, Table};
use crate::domain::restore::quoted;

const TABLES: &str = include_str!("../../../assets/sql/rehearsal/tables.sql");

/// A table as the catalog tells it.
struct Listed {
    /// Schema and name.
    name: String,
    /// The same as SQL takes it.
    quoted: String,
    file: Option<i64>,
    bytes: u64,
    columns: Vec<String>,
    /// What each column is: a name may come back without its values.
    parts: Vec<String>,
}

/// What was digested, and by what it is told whether it still holds.
#[derive(Clone)]
struct Known {
    file: Option<i64>,
    columns: Vec<String>,
    parts: Vec<String>,
    /// Every row that is written later bears a later transaction.
    xid: i64,
    table: Table,
}

/// So many states of a table are remembered: before the way up, after it, and once more.
const STATES: usize = 4;

/// Counts and digests; what did not change since is not read again in full. A clone of a database
/// has the same rows in the same files, written by the same transactions.
#[derive(Clone, Default)]
pub(super) struct Counter {
    known: HashMap<String, Vec<Known>>,
    /// The bytes of each table, when they were last seen.
    pub bytes: HashMap<String, u64>,
}

impl Counter {
    /// Returns the rows of every table but those in which the tool keeps its `books`.
    pub async fn rows(
        &mut self,
        connection: &mut PgConnection,
        books: &str,
    ) -> Result<Rows, sqlx::Error> {
        let mut rows = Rows::default();
        for listed in tables(connection, books).await? {
            self.bytes.insert(listed.name.clone(), listed.bytes);
            let table = match self.still(connection, &listed).await? {
                Some(table) => table,
                None => self.digest(connection, &listed).await?,
            };
            rows.0.insert(listed.name, table);
        }
        Ok(rows)
    }

    /// Returns what was digested, if nobody has written since.
    async fn still(
        &self,
        connection: &mut PgConnection,
        listed: &Listed,
    ) -> Result<Option<Table>, sqlx::Error> {
        let same = |known: &&Known| {
            known.file == listed.file
                && known.columns == listed.columns
                && known.parts == listed.parts
        };
        let all = self.known.get(&listed.name).map(Vec::as_slice).unwrap_or_default();
        let Some(known) = all.iter().rev().find(same) else { return Ok(None) };
        let sql = format!(
            "SELECT count(*)::int8, coalesce(min(age(xmin)), 2147483647)::int8, \
                    txid_current()::int8 FROM ONLY {}",
            listed.quoted
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
        let (count, youngest, now): (i64, i64, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let is_same = u64::try_from(count) == Ok(known.table.rows) && youngest >= now - known.xid;
        Ok(is_same.then(|| known.table.clone()))
    }

    async fn digest(
        &mut self,
        connection: &mut PgConnection,
        listed: &Listed,
    ) -> Result<Table, sqlx::Error> {
        let sql = digest_of(listed);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
        let count = |at: usize| -> Result<u64, sqlx::Error> {
            Ok(u64::try_from(row.try_get::<i64, _>(at)?).unwrap_or(0))
        };
        let mut table = Table { rows: count(0)?, digest: row.try_get(1)?, ..Table::default() };
        for (at, name) in listed.columns.iter().enumerate() {
            let column = Column { filled: count(3 + 2 * at)?, digest: row.try_get(4 + 2 * at)? };
            table.columns.insert(name.clone(), column);
        }
        let known = Known {
            file: listed.file,
            columns: listed.columns.clone(),
            parts: listed.parts.clone(),
            xid: row.try_get(2)?,
            table: table.clone(),
        };
        let states = self.known.entry(listed.name.clone()).or_default();
        if states.len() == STATES {
            states.remove(0);
        }
        states.push(known);
        Ok(table)
    }
}

/// Returns what counts and digests a table in one pass: each value becomes text once, and a row
/// is digested from the digests of its values.
fn digest_of(listed: &Listed) -> String {
    let hash = |(at, name): (usize, &String)| {
        format!("hashtextextended(({})::text COLLATE \"C\", 0) AS h{at}", quoted(name))
    };
    let hashes: Vec<String> = listed.columns.iter().enumerate().map(hash).collect();
    let names: Vec<String> = (0..hashes.len()).map(|at| format!("h{at}")).collect();
    let sum = |of: &str| format!("coalesce(sum({of}), 0)::text");
    let row = match names.as_slice() {
        [] => "'0'".to_owned(),
        names => sum(&format!("hash_array_extended(ARRAY[{}]::int8[], 0)", names.join(", "))),
    };
    let mut parts = vec!["count(*)::int8".to_owned(), row, "txid_current()::int8".to_owned()];
    for name in &names {
        parts.push(format!("count({name})::int8"));
        parts.push(sum(name));
    }
    // Without OFFSET each digest would be computed wherever it is named.
    let inner = format!("SELECT {} FROM ONLY {} OFFSET 0", hashes.join(", "), listed.quoted);
    format!("SELECT {} FROM ({inner}) AS hashed", parts.join(", "))
}

async fn tables(connection: &mut PgConnection, books: &str) -> Result<Vec<Listed>, sqlx::Error> {
    let rows = sqlx::query(TABLES).fetch_all(connection).await?;
    let mut tables = Vec::new();
    for row in rows {
        let plain: String = row.try_get(6)?;
        if !keeps_books(&plain, books) {
            tables.push(Listed {
                name: row.try_get(1)?,
                quoted: row.try_get(2)?,
                file: row.try_get(3)?,
                bytes: u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0),
                columns: row.try_get(5)?,
                parts: row.try_get(7)?,
            });
        }
    }
    Ok(tables)
}
