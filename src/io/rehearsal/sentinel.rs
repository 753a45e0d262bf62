//! Rows that are written on the copy after the way up, and looked for after the way down.

use std::collections::{BTreeMap, HashMap};

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::domain::change::Name;
use crate::domain::fingerprint::keeps_books;
use crate::domain::rehearsal::Shape;
use crate::domain::rehearsal::sentinel::{self, Column, Foreign, Picks, Table, Values};
use crate::domain::untrusted::Untrusted;

const COLUMNS: &str = include_str!("../../../assets/sql/rehearsal/columns.sql");
const CONSTRAINTS: &str = include_str!("../../../assets/sql/rehearsal/constraints.sql");

/// So often a row is changed until its table takes it.
const TRIES: usize = 48;
/// A row that waits this long waits for a trigger of the project.
const LIMIT: &str = "SET statement_timeout = '10s'";

/// A row that was written.
#[derive(Debug)]
struct Row {
    table: Table,
    values: Values,
    /// Where it was written.
    place: String,
}

/// All rows that were written, and the tables that took none.
#[derive(Debug, Default)]
pub(super) struct Sentinels {
    rows: Vec<Row>,
    pub unwritten: Vec<(String, String)>,
}

/// Writes a row into each table but those in which the tool keeps its `books`. What came or changed
/// between `before` and `after` is written to the full.
pub(super) async fn write(
    connection: &mut PgConnection,
    books: &str,
    before: &Shape,
    after: &Shape,
) -> Result<Sentinels, sqlx::Error> {
    sqlx::raw_sql(LIMIT).execute(&mut *connection).await?;
    let mut tables = tables(connection, books).await?;
    widen(&mut tables, before, after);
    // The parent's row lies in one of them; each that was touched gets one of its own.
    let touched = before.touched(after);
    tables.retain(|table| !table.is_partition || touched.contains(&named(&table.name)));
    let mut sentinels = Sentinels::default();
    let mut places: HashMap<u32, String> = HashMap::new();
    for at in sentinel::order(&tables) {
        let table = &tables[at];
        match row(connection, table, &tables, &places).await {
            Ok((place, values)) => {
                places.insert(table.oid, place.clone());
                sentinels.rows.push(Row { table: table.clone(), values, place });
            }
            Err(why) => {
                let why = Untrusted::new(why).one_line();
                sentinels.unwritten.push((named(&table.name), why));
            }
        }
    }
    sqlx::raw_sql("RESET statement_timeout").execute(connection).await?;
    Ok(sentinels)
}

/// Writes one row, and returns where it lies and what it holds.
async fn row(
    connection: &mut PgConnection,
    table: &Table,
    tables: &[Table],
    places: &HashMap<u32, String>,
) -> Result<(String, Values), String> {
    let parent = |oid: u32| {
        let known = tables.iter().find(|table| table.oid == oid)?;
        let of = known.name.quoted();
        Some(places.get(&oid).map_or(of.clone(), |place| format!("{of} WHERE {place}")))
    };
    let mut why = match made(connection, table, &parent).await {
        Ok(row) => return Ok(row),
        Err(why) => why,
    };
    for number in 0..4 {
        let picks = Picks::numbered(number * 7);
        let Some(sql) = sentinel::copy(table, &picks, &parent) else { break };
        match one(connection, &sql).await {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => break,
            Err(error) => why = format!("{why}; and like one that is there: {}", said(&error)),
        }
    }
    Err(why)
}

/// Writes a row of made values, and changes them where the table refuses it.
async fn made(
    connection: &mut PgConnection,
    table: &Table,
    parent: &dyn Fn(u32) -> Option<String>,
) -> Result<(String, Values), String> {
    let mut picks = Picks::numbered(1);
    let mut why = String::new();
    for _ in 0..TRIES {
        let sql = sentinel::insert(table, &picks, parent)?;
        let error = match one(connection, &sql).await {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => return Err("a trigger or a rule keeps the row out".to_owned()),
            Err(error) => error,
        };
        why = said(&error);
        let constraint = error.as_database_error().and_then(|error| error.constraint());
        let code = error.as_database_error().and_then(DatabaseError::code);
        let is_moved = match (code.as_deref(), constraint) {
            // Another value for what is checked.
            (Some("23514"), Some(name)) => {
                table.checks.get(name).is_some_and(|columns| picks.next(table, columns))
            }
            // The bound of a partition has no name; what a hash takes only other numbers show.
            (Some("23514"), None) => {
                let is_next = |columns: &Vec<String>| picks.next(table, columns);
                table.checks.get("").is_some_and(is_next) || renumber(&mut picks)
            }
            // Another number for what has to be unique.
            (Some("23505" | "23P01"), _) => renumber(&mut picks),
            _ => false,
        };
        if !is_moved {
            break;
        }
    }
    Err(why)
}

fn renumber(picks: &mut Picks) -> bool {
    picks.number = picks.number.wrapping_mul(31).wrapping_add(7) % 1_000_000;
    true
}

async fn one(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<Option<(String, Values)>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut *transaction).await?;
    // What is checked at the end is refused here.
    transaction.commit().await?;
    row.map(|row| {
        let (oid, place): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        let place = format!("tableoid = {oid} AND ctid = '{place}'");
        Ok((place, values(&row.try_get::<String, _>(2)?)))
    })
    .transpose()
}

fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

fn values(json: &str) -> Values {
    let read: BTreeMap<String, Option<String>> = serde_json::from_str(json).unwrap_or_default();
    read.into_iter().filter_map(|(number, value)| Some((number.parse().ok()?, value))).collect()
}

impl Sentinels {
    /// Returns what is gone of the rows, in words, a line each.
    pub async fn vanished(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<Untrusted>, sqlx::Error> {
        let mut lines = Vec::new();
        for row in &self.rows {
            row.vanished(connection, &mut lines).await?;
        }
        Ok(lines.into_iter().map(Untrusted::from).collect())
    }
}

/// The columns of a table as it is now; none if it is gone.
const NOW: &str = "SELECT n.nspname::text, c.relname::text, a.attnum::int2, a.attname::text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.oid = $1::int8::oid
   ORDER BY a.attnum";

impl Row {
    async fn vanished(
        &self,
        connection: &mut PgConnection,
        lines: &mut Vec<String>,
    ) -> Result<(), sqlx::Error> {
        let name = named(&self.table.name);
        let Some((quoted, columns)) = self.now(connection).await? else {
            lines.push(format!("{name}: the table is gone with what was written into it"));
            return Ok(());
        };
        let Some(now) = self.find(connection, &quoted, &columns).await? else {
            lines.push(format!("{name}: the row that was written is gone"));
            return Ok(());
        };
        for number in sentinel::vanished(&self.values, &now) {
            let column = self.table.columns.iter().find(|column| column.number == number);
            let column = column.map(|column| column.name.as_str()).unwrap_or_default();
            let how = match now.contains_key(&number) {
                true => "is another one now",
                false => "is gone",
            };
            lines.push(format!("{name}.{column}: the value that was written {how}"));
        }
        Ok(())
    }

    /// Returns the table as it is now, by its oid, or by its name where it was made anew; its
    /// columns by the numbers that they had when the row was written.
    async fn now(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Option<(String, Vec<(i16, String)>)>, sqlx::Error> {
        let oid = i64::from(self.table.oid);
        let rows = sqlx::query(NOW).bind(oid).fetch_all(&mut *connection).await?;
        if let Some(first) = rows.first() {
            let name = Name::within(first.try_get::<String, _>(0)?, first.try_get::<String, _>(1)?);
            let column = |row: &PgRow| Ok((row.try_get(2)?, row.try_get(3)?));
            let columns = rows.iter().map(column).collect::<Result<Vec<_>, sqlx::Error>>()?;
            return Ok(Some((name.quoted(), columns)));
        }
        let quoted = self.table.name.quoted();
        let found = sqlx::query_scalar::<_, Option<i64>>("SELECT to_regclass($1)::oid::int8");
        let Some(anew) = found.bind(&quoted).fetch_one(&mut *connection).await? else {
            return Ok(None);
        };
        let rows = sqlx::query(NOW).bind(anew).fetch_all(&mut *connection).await?;
        let mut columns = Vec::new();
        for row in rows {
            let name: String = row.try_get(3)?;
            let was = self.table.columns.iter().find(|column| column.name == name);
            columns.extend(was.map(|column| (column.number, name)));
        }
        Ok(Some((quoted, columns)))
    }

    /// Returns the row as it is now: by its key, or by all that was written where there is none.
    async fn find(
        &self,
        connection: &mut PgConnection,
        quoted: &str,
        columns: &[(i16, String)],
    ) -> Result<Option<Values>, sqlx::Error> {
        let name_of = |number: &i16| {
            columns.iter().find(|(at, _)| at == number).map(|(_, name)| identifier(name))
        };
        let by_key = !self.table.key.is_empty()
            && self.table.key.iter().all(|number| name_of(number).is_some());
        let numbers: Vec<i16> = match by_key {
            true => self.table.key.clone(),
            false => self.values.keys().copied().collect(),
        };
        let mut wheres = vec!["true".to_owned()];
        for number in numbers {
            if let (Some(name), Some(Some(value))) = (name_of(&number), self.values.get(&number)) {
                wheres.push(format!("{name}::text = '{}'", value.replace('\'', "''")));
            }
        }
        let texts = sentinel::texts(columns.iter().map(|(number, name)| (*number, name.as_str())));
        let all = wheres.join(" AND ");
        // Where nobody moved it, it lies where it was written, and no table is read for it.
        for place in [format!("{} AND {all}", self.place), all] {
            let sql = format!("SELECT ({texts})::text FROM {quoted} WHERE {place} LIMIT 1");
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut *connection).await?;
            if let Some(row) = row {
                return Ok(Some(values(&row.try_get::<String, _>(0)?)));
            }
        }
        Ok(None)
    }
}

async fn tables(connection: &mut PgConnection, books: &str) -> Result<Vec<Table>, sqlx::Error> {
    let mut tables: Vec<Table> = Vec::new();
    for row in sqlx::query(COLUMNS).fetch_all(&mut *connection).await? {
        let (oid, space, name): (i64, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if keeps_books(&name, books) {
            continue;
        }
        let oid = u32::try_from(oid).unwrap_or(0);
        if tables.last().is_none_or(|last| last.oid != oid) {
            tables.push(Table {
                oid,
                name: Name::within(space, name),
                columns: Vec::new(),
                key: Vec::new(),
                foreign: Vec::new(),
                checks: BTreeMap::new(),
                wide: Vec::new(),
                is_partition: row.try_get(19)?,
            });
        }
        if let Some(table) = tables.last_mut() {
            let column = column(&row)?;
            if row.try_get(18)? {
                table.key.push(column.number);
            }
            table.columns.push(column);
        }
    }
    for row in sqlx::query(CONSTRAINTS).fetch_all(connection).await? {
        let oid = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
        if let Some(table) = tables.iter_mut().find(|table| table.oid == oid) {
            constraint(&row, table)?;
        }
    }
    Ok(tables)
}

fn column(row: &PgRow) -> Result<Column, sqlx::Error> {
    let number = |at: usize| -> Result<Option<u32>, sqlx::Error> {
        let number: Option<i32> = row.try_get(at)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    };
    Ok(Column {
        name: row.try_get(3)?,
        number: row.try_get(4)?,
        kind: row.try_get(5)?,
        cast: row.try_get(6)?,
        array: row.try_get(7)?,
        range: row.try_get(8)?,
        labels: row.try_get(9)?,
        length: number(10)?,
        digits: number(11)?.zip(number(12)?),
        not_null: row.try_get(13)?,
        defaulted: row.try_get(14)?,
        counted: row.try_get(15)?,
        generated: row.try_get(16)?,
        unique: row.try_get(17)?,
        literals: Vec::new(),
    })
}

fn constraint(row: &PgRow, table: &mut Table) -> Result<(), sqlx::Error> {
    let (kind, name): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let columns: Vec<String> = row.try_get(4)?;
    if kind == "f" {
        let to = u32::try_from(row.try_get::<i64, _>(3)?).unwrap_or(0);
        table.foreign.push(Foreign { columns, to, referenced: row.try_get(5)? });
        return Ok(());
    }
    let literals = literals(&row.try_get::<String, _>(6)?);
    for column in table.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
        column.literals.extend(literals.iter().cloned());
    }
    table.checks.insert(name, columns);
    Ok(())
}

/// Returns the literals that a check names: they are what it may take.
fn literals(definition: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = definition;
    while let Some(at) = rest.find('\'') {
        let text = &rest[at + 1..];
        let Some(end) = text.find('\'') else { break };
        found.push(format!("'{}'", &text[..end]));
        rest = &text[end + 1..];
    }
    let words = definition.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let numbers = words.filter(|word| word.parse::<f64>().is_ok());
    for number in numbers {
        found.extend([number.to_owned(), format!("{number} + 1"), format!("{number} - 1")]);
    }
    // Two that are far apart, for what has to lie between them.
    found.truncate(12);
    found
}

/// Notes the columns that came or changed: what is written into them shows what they take now.
fn widen(tables: &mut [Table], before: &Shape, after: &Shape) {
    let differences = before.schema.differences(&after.schema);
    for difference in differences.iter().filter(|d| d.part.kind == "column") {
        let of = format!("{}.{}", difference.part.space, difference.part.owner);
        if let Some(table) = tables.iter_mut().find(|table| named(&table.name) == of) {
            table.wide.push(difference.part.name.clone());
        }
    }
}

fn named(name: &Name) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
