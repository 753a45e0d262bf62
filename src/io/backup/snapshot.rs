//! The snapshot that is dumped and counted: one transaction, REPEATABLE READ, READ ONLY.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use super::{Job, say};
use crate::domain::backup::content::{self, Contents};
use crate::domain::restore::quoted;
use crate::domain::untrusted::Untrusted;
use crate::io::child::{self, CONNECT, Failed};
use crate::io::postgres::query_error;
use crate::io::revision;

const TABLES: &str = include_str!("../../../assets/sql/dumped_tables.sql");
const NAMED: &str = include_str!("../../../assets/sql/named_tables.sql");
const HOLDERS: &str = include_str!("../../../assets/sql/exclusive.sql");

/// A dead peer is noticed on either side within a minute; nothing of a session's usual limits
/// ends it while `pg_dump` works for an hour.
const SETTINGS: [(&str, &str); 8] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("default_transaction_read_only", "on"),
    ("idle_in_transaction_session_timeout", "0"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "1s"),
    // Rows that a policy hides would be missing from a count: an error instead.
    ("row_security", "off"),
];

/// The connection that holds the snapshot.
pub(super) struct Snapshot {
    connection: PgConnection,
    /// The server process that holds it.
    pid: i32,
    /// Its name for `pg_dump --snapshot`.
    pub id: String,
    /// The server's time when it began: a backup's age counts from here.
    pub at: DateTime<Utc>,
    /// The database.
    pub database: String,
    /// `server_version`.
    pub server_version: String,
}

/// A table whose rows are dumped.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// `schema.table`.
    pub name: String,
    /// The same, quoted for SQL.
    pub quoted: String,
    /// Its columns that a dump holds, quoted, by name.
    columns: String,
    /// Pages, as the catalog estimates them: how much of the work it is.
    pub pages: u64,
}

/// The tables that somebody has named, with their partitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// What `pg_dump --table` takes: every part in quotation marks, so that nothing in it is
    /// a wildcard.
    pub patterns: Vec<String>,
    /// `schema.table` of each.
    names: BTreeSet<String>,
    /// Those that were named themselves, quoted for SQL.
    pub asked: Vec<String>,
}

/// What was counted in the snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// Rows by `schema.table`; `None`: they could not be counted.
    pub rows: BTreeMap<String, Option<u64>>,
    /// Sums of contents, of the tables that could be summed.
    pub contents: Contents,
}

/// Rows and, if it was asked for, the sum of one table.
type One = sqlx::Result<(u64, Option<String>)>;

/// What ended counting before its time.
pub(super) enum Stopped {
    /// Somebody cancelled the statement.
    Cancelled,
}

impl Snapshot {
    /// Connects to the one database that is meant, and exports a snapshot of it.
    pub async fn take(job: &Job) -> Result<Self, Failed> {
        let options = PgConnectOptions::new().options(SETTINGS);
        let mut connection = child::connect(options).await.map_err(not_run)?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::raw_sql(begin).execute(&mut connection).await.map_err(refused)?;
        let sql = "SELECT pg_catalog.pg_export_snapshot()::text,
                          now(),
                          current_database()::text,
                          current_setting('server_version')::text,
                          (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() s),
                          (SELECT d.oid::int8 FROM pg_catalog.pg_database d
                            WHERE d.datname = current_database()),
                          pg_catalog.pg_backend_pid()";
        let row = sqlx::query(sql).fetch_one(&mut connection).await.map_err(refused)?;
        let read = |row: &PgRow| {
            let system: String = row.try_get(4)?;
            let oid: i64 = row.try_get(5)?;
            Ok((system == job.system_identifier && oid == i64::from(job.database_oid)).then_some((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
                row.try_get(6)?,
            )))
        };
        let (id, at, database, server_version, pid) = read(&row)
            .map_err(refused)?
            .ok_or_else(|| not_run("this is not the database that was confirmed"))?;
        Ok(Self { connection, pid, id, at, database, server_version })
    }

    /// Returns the revisions of the version table; `None` if they cannot be read.
    pub async fn revisions(&mut self, tool: Option<&str>) -> Option<Vec<String>> {
        self.savepoint().await.ok()?;
        let found = revision::current(tool?, &mut self.connection).await;
        self.back().await.ok()?;
        found
    }

    /// Returns the tables whose rows are dumped.
    pub async fn tables(&mut self) -> Result<Vec<Table>, Failed> {
        let rows = sqlx::query(TABLES).fetch_all(&mut self.connection).await.map_err(refused)?;
        let table = |row: &PgRow| {
            let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let pages = u64::try_from(row.try_get::<i64, _>(3)?).unwrap_or(1);
            Ok(Table {
                name: format!("{schema}.{name}"),
                quoted: row.try_get(2)?,
                columns: row.try_get(4)?,
                pages,
            })
        };
        rows.iter().map(table).collect::<sqlx::Result<_>>().map_err(refused)
    }

    /// Returns the tables of these names, with their partitions.
    pub async fn named(&mut self, names: &[String]) -> Result<Named, Failed> {
        if names.is_empty() {
            return Ok(Named::default());
        }
        let rows = sqlx::query(NAMED).bind(names).fetch_all(&mut self.connection).await;
        let mut named = Named::default();
        for row in rows.map_err(refused)? {
            let asked: String = row.try_get(0).map_err(refused)?;
            let found: Option<(String, String, String)> = found(&row).map_err(refused)?;
            let Some((schema, table, of_sql)) = found else {
                let asked = Untrusted::new(asked).one_line();
                return Err(not_run(format!("there is no table {asked} in this database")));
            };
            if row.try_get(1).map_err(refused)? {
                named.asked.push(of_sql);
            }
            // Quoted, a pattern of pg_dump fits itself alone.
            named.patterns.push(format!("{}.{}", quoted(&schema), quoted(&table)));
            named.names.insert(format!("{schema}.{table}"));
        }
        Ok(named)
    }

    /// Writes the rows of a table as CSV, within `limit`; returns how many they are.
    pub async fn copy_out(
        &mut self,
        quoted: &str,
        mut file: File,
        limit: Duration,
    ) -> Result<u64, String> {
        let limit = format!("SET LOCAL statement_timeout = {}", limit.as_millis());
        let set = sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut self.connection).await;
        set.map_err(|error| query_error(&error))?;
        let count = format!("SELECT count(*)::int8 FROM {quoted}");
        let count = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut self.connection).await;
        let count: i64 = count.map_err(|error| query_error(&error))?;
        let copy = format!("COPY (SELECT * FROM {quoted}) TO STDOUT WITH (FORMAT csv, HEADER)");
        let copied = self.connection.copy_out_raw(&copy).await;
        let mut copied = copied.map_err(|error| query_error(&error))?;
        while let Some(bytes) = copied.next().await {
            let bytes = bytes.map_err(|error| query_error(&error))?;
            file.write_all(&bytes).map_err(|error| error.to_string())?;
        }
        u64::try_from(count).map_err(|error| error.to_string())
    }

    /// Counts the rows of each table; one that cannot be counted within `limit` is `None`, never
    /// 0. Where `summed`, sums the contents too; a table whose sum takes longer than `limit` is
    /// only counted, within another one.
    pub async fn count(
        &mut self,
        tables: &[Table],
        limit: Duration,
        summed: bool,
    ) -> Result<Counted, Stopped> {
        let mut all = Counted::default();
        for table in tables {
            let shown = Untrusted::from(table.name.as_str()).one_line();
            let mut began = Instant::now();
            let mut counted = self.count_one(table, limit, summed).await;
            if let Err(error) = &counted
                && summed
                && !was_cancelled(error, began, limit)
            {
                say(&format!("the contents of {shown} are not summed: {}", query_error(error)));
                began = Instant::now();
                counted = self.count_one(table, limit, false).await;
            }
            match &counted {
                Ok(_) => {}
                Err(error) if was_cancelled(error, began, limit) => {
                    return Err(Stopped::Cancelled);
                }
                Err(error) => {
                    say(&format!("the rows of {shown} are not counted: {}", query_error(error)));
                }
            }
            let (rows, sum) = counted.ok().unzip();
            all.rows.insert(table.name.clone(), rows);
            all.contents.extend(sum.flatten().map(|sum| (table.name.clone(), sum)));
        }
        Ok(all)
    }

    async fn count_one(&mut self, table: &Table, limit: Duration, summed: bool) -> One {
        self.savepoint().await?;
        let counted = self.ask_count(table, limit, summed).await;
        self.back().await?;
        counted
    }

    async fn ask_count(&mut self, table: &Table, limit: Duration, summed: bool) -> One {
        let mut settings = format!("SET LOCAL statement_timeout = {}", limit.as_millis());
        let mut sum = "NULL".to_owned();
        if summed {
            let alike = content::SETTINGS
                .iter()
                .map(|(name, value)| format!("; SET LOCAL {name} = '{value}'"));
            settings.extend(alike);
            sum = content::sum(&table.columns);
        }
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut self.connection).await?;
        let sql = format!("SELECT count(*)::int8, ({sum})::text FROM ONLY {}", table.quoted);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await?;
        let count = u64::try_from(row.try_get::<i64, _>(0)?);
        Ok((count.map_err(|error| sqlx::Error::Decode(error.into()))?, row.try_get(1)?))
    }

    async fn savepoint(&mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("SAVEPOINT one").execute(&mut self.connection).await.map(drop)
    }

    async fn back(&mut self) -> sqlx::Result<()> {
        let sql = "ROLLBACK TO SAVEPOINT one";
        sqlx::raw_sql(sql).execute(&mut self.connection).await.map(drop)
    }

    /// Returns who holds ACCESS EXCLUSIVE on a table now, a line each.
    pub async fn holders(&mut self) -> Vec<String> {
        // What the server does not tell is left out: the failure itself is told anyway.
        let asked = sqlx::query(HOLDERS).fetch_all(&mut self.connection);
        let rows = timeout(CONNECT, asked).await.unwrap_or_else(|_| Ok(Vec::new()));
        rows.unwrap_or_default().iter().filter_map(|row| holder(row).ok().flatten()).collect()
    }

    /// Ends what was started on this snapshot from elsewhere, in whatever role: sessions of our
    /// own name that began after us. Tells of what this role may not end: it may hold its locks
    /// on. By a connection of its own, as this one may still count.
    pub async fn end_others(&self) {
        // When a session of another role has begun may not be seen.
        let sql = "SELECT a.pid
                     FROM pg_catalog.pg_stat_activity a
                    WHERE a.application_name = current_setting('application_name')
                      AND a.application_name <> ''
                      AND a.datname = current_database()
                      AND a.pid NOT IN (pg_catalog.pg_backend_pid(), $1)
                      AND (a.backend_start IS NULL OR a.backend_start >= $2)";
        let ended = async {
            let options = PgConnectOptions::new().options(SETTINGS).disable_statement_logging();
            let mut connection = options.connect().await?;
            let found = sqlx::query_scalar::<_, i32>(sql).bind(self.pid).bind(self.at);
            let mut left = Vec::new();
            for pid in found.fetch_all(&mut connection).await? {
                let end =
                    sqlx::query_scalar::<_, bool>("SELECT pg_catalog.pg_terminate_backend($1)");
                // One that is gone meanwhile is no error, only a false.
                if end.bind(pid).fetch_one(&mut connection).await.is_err() {
                    left.push(pid.to_string());
                }
            }
            Ok::<_, sqlx::Error>(left)
        };
        match timeout(CONNECT, ended).await {
            Ok(Ok(left)) if left.is_empty() => {}
            Ok(Ok(left)) => say(&format!(
                "pg_dump may go on and hold its locks, and this role may not end it: end pid {} on \
                 the server",
                left.join(", ")
            )),
            _ => say(
                "cannot tell whether pg_dump goes on and holds its locks: look for it on the server",
            ),
        }
    }

    /// Gives the snapshot back.
    pub async fn close(self) {
        drop(timeout(CONNECT, self.connection.close()).await);
    }
}

/// Returns true if somebody cancelled it: the limit's own cancel comes no earlier. Both have one
/// SQLSTATE, and the text is of any language.
fn was_cancelled(error: &sqlx::Error, began: Instant, limit: Duration) -> bool {
    is_cancel(error) && began.elapsed() < limit
}

impl Named {
    /// Returns true for a table that is dumped; without names every one is.
    pub fn has(&self, table: &Table) -> bool {
        self.names.is_empty() || self.names.contains(&table.name)
    }
}

fn found(row: &PgRow) -> sqlx::Result<Option<(String, String, String)>> {
    let schema: Option<String> = row.try_get(2)?;
    let table: Option<String> = row.try_get(3)?;
    Ok(schema
        .zip(table)
        .zip(row.try_get(4)?)
        .map(|((schema, table), quoted)| (schema, table, quoted)))
}

fn holder(row: &PgRow) -> sqlx::Result<Option<String>> {
    if !row.try_get::<bool, _>(2)? {
        return Ok(None);
    }
    let (schema, table): (String, String) = (row.try_get(3)?, row.try_get(4)?);
    let (pid, application): (Option<i32>, String) = (row.try_get(0)?, row.try_get(5)?);
    let who = pid.map_or_else(
        || "a prepared transaction".to_owned(),
        |pid| format!("pid {pid} {application}").trim_end().to_owned(),
    );
    let text = format!("{who} holds ACCESS EXCLUSIVE on {schema}.{table}");
    Ok(Some(Untrusted::new(text).one_line()))
}

fn is_cancel(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("57014")
}

fn not_run(why: impl Into<String>) -> Failed {
    Failed::NotRun(why.into())
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn refused(error: sqlx::Error) -> Failed {
    Failed::NotRun(format!("the server refused: {}", query_error(&error)))
}
