//! What the target's catalog says of a table, and how it differs from what is staged.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::tables::{Column, Difference, Inbound, STAGE, Shape};
use crate::io::postgres::identity::identity;
use crate::io::postgres::{Purpose, Target, connect, query_error};

const FIND: &str = "SELECT c.oid::int8, n.nspname::text, c.relname::text,
        CASE WHEN c.relrowsecurity THEN
          (SELECT count(*) FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid) END
   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p')";

const COLUMNS: &str = "SELECT attname::text, attgenerated <> '', attidentity = 'a'
   FROM pg_catalog.pg_attribute
  WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// The primary key first, then the unique index of the fewest columns; all of them NOT NULL, no
/// predicate, no expression, valid. On 18 a NOT NULL that is NOT VALID sets `attnotnull` over rows
/// that are null.
const KEY: &str = "SELECT ARRAY(SELECT a.attname::text
          FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k (attnum, at)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         ORDER BY k.at)
   FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) k (attnum)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE NOT a.attnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint n
          WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND NOT n.convalidated
            AND a.attnum = ANY (n.conkey)))
  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1";

const TRIGGERS: &str = "SELECT pg_catalog.pg_get_triggerdef(oid, true)
   FROM pg_catalog.pg_trigger
  WHERE tgrelid = $1::int8::oid AND NOT tgisinternal AND tgenabled IN ('O', 'A') ORDER BY tgname";

const INBOUND: &str = "SELECT conrelid::regclass::text, conname::text,
        pg_catalog.pg_get_constraintdef(oid)
   FROM pg_catalog.pg_constraint
  WHERE confrelid = $1::int8::oid AND contype = 'f' AND conparentid = 0 ORDER BY 1, 2";

const SEQUENCES: &str = "SELECT s.name, s.attname FROM (
         SELECT attname::text,
                pg_catalog.pg_get_serial_sequence($2, attname) AS name
           FROM pg_catalog.pg_attribute
          WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped) s
  WHERE s.name IS NOT NULL ORDER BY 1";

const SAYS: &str = "SELECT pg_catalog.obj_description($1::int8::oid, 'pg_class')";

/// What the comment of a staged table begins with; the backup's place follows.
pub(super) const OUT_OF: &str = "staged by lockkeeper out of ";

const STAGED: &str = "SELECT relname::text FROM pg_catalog.pg_class c
  WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind = 'r' ORDER BY 1";

/// Returns the table of that name on the target, with the connection that found it.
///
/// # Errors
/// Why there is none, in a sentence: nobody answers, or another one than the pinned one; or the
/// database has no such table.
pub async fn find(target: &Target, table: &str) -> Result<(PgConnection, Shape), String> {
    // Comparing whole tables takes longer than a reader may: it holds only ACCESS SHARE.
    let connected = connect(&target.spec, Purpose::Work).await;
    let mut connection = connected.map_err(|error| error.to_string())?;
    let found = identity(&mut connection, &target.spec).await.map_err(|error| error.to_string())?;
    target.check(&found).map_err(|refused| refused.to_string())?;
    let shape = look(&mut connection, table).await.map_err(|error| query_error(&error))?;
    let shape = shape.ok_or_else(|| format!("there is no table {table} in this database"))?;
    Ok((connection, shape))
}

/// Returns the table of that name, as SQL writes it; `None` if there is none.
///
/// # Errors
/// As the server says.
pub async fn look(connection: &mut PgConnection, table: &str) -> sqlx::Result<Option<Shape>> {
    let found = sqlx::query(FIND).bind(table).fetch_optional(&mut *connection).await;
    let row = match found {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(None),
        Err(error) if is_no_name(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let oid: i64 = row.try_get(0)?;
    let mut shape = Shape {
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        policies: row.try_get(3)?,
        ..Shape::default()
    };
    shape.columns = rows(connection, COLUMNS, oid, |row| {
        Ok(Column {
            name: row.try_get(0)?,
            generated: row.try_get(1)?,
            identity_always: row.try_get(2)?,
        })
    })
    .await?;
    shape.key = rows(connection, KEY, oid, |row| row.try_get(0)).await?.pop().unwrap_or_default();
    shape.triggers = rows(connection, TRIGGERS, oid, |row| row.try_get(0)).await?;
    shape.inbound = rows(connection, INBOUND, oid, |row| {
        Ok(Inbound { table: row.try_get(0)?, name: row.try_get(1)?, definition: row.try_get(2)? })
    })
    .await?;
    let sequences = sqlx::query(SEQUENCES).bind(oid).bind(shape.live());
    let sequences = sequences.fetch_all(&mut *connection).await?;
    let sequence = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
    shape.sequences = sequences.iter().map(sequence).collect::<sqlx::Result<_>>()?;
    let stage = sqlx::query(FIND).bind(shape.stage()).fetch_optional(&mut *connection).await?;
    if let Some(stage) = stage {
        let oid: i64 = stage.try_get(0)?;
        shape.staged = rows(connection, COLUMNS, oid, |row| row.try_get(0)).await?;
        let says: Option<String> =
            sqlx::query_scalar(SAYS).bind(oid).fetch_one(&mut *connection).await?;
        shape.staged_from = says.and_then(|says| says.strip_prefix(OUT_OF).map(str::to_owned));
    }
    Ok(Some(shape))
}

/// Returns true if the text cannot be a table's name here: `invalid_name`, `syntax_error` for too
/// many parts, `feature_not_supported` for another database's; `to_regclass` says so on 13 to 18.
fn is_no_name(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["42602", "42601", "0A000"].contains(&code.as_ref()))
}

async fn rows<T>(
    connection: &mut PgConnection,
    sql: &'static str,
    oid: i64,
    read: impl Fn(&PgRow) -> sqlx::Result<T>,
) -> sqlx::Result<Vec<T>> {
    let rows = sqlx::query(sql).bind(oid).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// Counts how the live table differs from what is staged of it.
///
/// # Errors
/// Why that cannot be told, in a sentence.
pub async fn compare(connection: &mut PgConnection, shape: &Shape) -> Result<Difference, String> {
    difference(connection, &shape.difference()?).await.map_err(|error| query_error(&error))
}

async fn difference(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Difference> {
    // Whoever waits for a lock here stands in the queue before the users of the table.
    sqlx::raw_sql("SET lock_timeout = '2s'").execute(&mut *connection).await?;
    let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await?;
    Ok(Difference {
        missing: row.try_get(0)?,
        changed: row.try_get(1)?,
        only_live: row.try_get(2)?,
    })
}

/// Returns the names of all tables that are staged.
///
/// # Errors
/// As the server says.
pub async fn staged(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(STAGED).bind(STAGE).fetch_all(connection).await
}
