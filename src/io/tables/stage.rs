//! The hidden child that stages a table: the whole backup is loaded into a scratch server, since
//! a table alone lacks its types, and the rows of the one table are copied over, in one
//! transaction of the target. Exit codes: 0 done, 1 failed and nothing left, 2 nothing was begun,
//! 3 nobody heard whether it was done.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::look;
use super::look::OUT_OF;
use crate::domain::change::quote;
use crate::domain::tables::{STAGE, Shape};
use crate::domain::untrusted::Untrusted;
use crate::io::act::this_program;
use crate::io::child::{self, Failed, connect, say};
use crate::io::drill::{self, Loaded};
use crate::io::postgres::query_error;
use crate::session::staging::Job;

/// Runs the child's command line; the target is in the environment, as libpq reads it.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<String> = args.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    child::run(Job::parse(&words), async |job| Ok(format!("{} rows are staged", stage(job).await?)))
}

async fn stage(job: &Job) -> Result<u64, Failed> {
    let mut target = connect(PgConnectOptions::new()).await.map_err(Failed::NotRun)?;
    is_meant(&mut target, job).await?;
    let shape = look(&mut target, &job.table).await.map_err(not_run)?;
    let shape = shape.ok_or_else(|| Failed::NotRun(format!("there is no table {}", job.table)))?;
    if !shape.staged.is_empty() {
        let why = format!("{} is staged already: merge it, or drop it first", shape.stage());
        return Err(Failed::NotRun(why));
    }
    let place = drill::Place {
        state: PathBuf::from(&job.state),
        program: this_program().map_err(|error| Failed::NotRun(error.to_string()))?,
    };
    let path = PathBuf::from(&job.file);
    let loaded = drill::load(&path, &[], &place, &mut |text| say(text)).map_err(Failed::NotRun)?;
    let copied = copy(&mut target, &loaded, &shape, &job.file).await;
    drop(target.close().await);
    say("removing the scratch server");
    drop(loaded);
    copied
}

/// Refuses another database than the one that was confirmed.
async fn is_meant(target: &mut PgConnection, job: &Job) -> Result<(), Failed> {
    let sql = "SELECT s.system_identifier::text, d.oid::int8 FROM pg_catalog.pg_control_system() s \
               JOIN pg_catalog.pg_database d ON d.datname = current_database()";
    let row = sqlx::query(sql).fetch_one(target).await.map_err(not_run)?;
    let (system, oid): (String, i64) =
        (row.try_get(0).map_err(not_run)?, row.try_get(1).map_err(not_run)?);
    if system != job.system || oid != i64::from(job.oid) {
        return Err(Failed::NotRun("this is not the database that was confirmed".to_owned()));
    }
    Ok(())
}

/// Makes the staged table and fills it: all of it, or nothing.
async fn copy(
    target: &mut PgConnection,
    loaded: &Loaded,
    shape: &Shape,
    file: &str,
) -> Result<u64, Failed> {
    let options: PgConnectOptions = loaded.dsn().parse().map_err(not_run)?;
    let mut scratch = connect(options).await.map_err(Failed::NotRun)?;
    let old = look(&mut scratch, &shape.live()).await.map_err(not_run)?;
    let gone = || Failed::NotRun(format!("the backup has no table {}", shape.live()));
    let old = old.ok_or_else(gone)?;
    let held = |name: &String| old.columns.iter().any(|column| column.name == *name);
    let (common, others): (Vec<_>, Vec<_>) =
        shape.columns.iter().partition(|column| !column.generated && held(&column.name));
    let names = |columns: &[&crate::domain::tables::Column]| {
        columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>()
    };
    let (common, others) = (names(&common), names(&others));
    if common.is_empty() {
        return Err(Failed::NotRun(format!("the backup shares no column with {}", shape.live())));
    }
    let mut transaction = target.begin().await.map_err(not_run)?;
    make(&mut transaction, shape, &others).await.map_err(not_run)?;
    // Whoever finds it later has to know of which backup it is.
    let says = format!("{OUT_OF}{file}").replace('\'', "''");
    let says = format!("COMMENT ON TABLE {} IS E'{}'", shape.stage(), says.replace('\\', "\\\\"));
    sqlx::raw_sql(AssertSqlSafe(says)).execute(&mut *transaction).await.map_err(not_run)?;
    let columns = common.join(", ");
    let from = format!("COPY (SELECT {columns} FROM {}) TO STDOUT", shape.live());
    let into = format!("COPY {} ({columns}) FROM STDIN", shape.stage());
    say(&format!("copying the rows of {}", shown(&shape.live())));
    let rows = pipe(&mut scratch, &from, &mut transaction, &into).await.map_err(running)?;
    let finish = format!("ANALYZE {}", shape.stage());
    sqlx::raw_sql(AssertSqlSafe(finish)).execute(&mut *transaction).await.map_err(running)?;
    let committed = transaction.commit().await;
    committed.map_err(|error| Failed::commit(error, "the rows are staged", running))?;
    Ok(rows)
}

/// Makes the staged table, without what the backup does not hold.
async fn make(target: &mut PgConnection, shape: &Shape, others: &[String]) -> sqlx::Result<()> {
    let (stage, live) = (shape.stage(), shape.live());
    let mut sql = format!(
        "SET LOCAL lock_timeout = '2s'; CREATE SCHEMA IF NOT EXISTS {STAGE}; \
         CREATE TABLE {stage} (LIKE {live});"
    );
    for column in others {
        sql += " ALTER TABLE ";
        sql += &stage;
        sql += " DROP COLUMN ";
        sql += column;
        sql += ";";
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(target).await.map(drop)
}

async fn pipe(
    scratch: &mut PgConnection,
    from: &str,
    target: &mut PgConnection,
    into: &str,
) -> sqlx::Result<u64> {
    let mut out = scratch.copy_out_raw(from).await?;
    let mut sink = target.copy_in_raw(into).await?;
    while let Some(piece) = out.try_next().await? {
        sink.send(piece).await?;
    }
    sink.finish().await
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn not_run(error: sqlx::Error) -> Failed {
    Failed::NotRun(query_error(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn running(error: sqlx::Error) -> Failed {
    Failed::Running(format!("{}; nothing of it is left", query_error(&error)))
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
