//! The hidden child that saves a column or a table: one snapshot, counted and copied, on the disk
//! under its final name only when all of it is there. Exit codes: 0 done, 1 failed and nothing
//! left, 2 nothing was begun.

mod kept;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Row as _};

use super::backup::{new_file, prepare};
use super::host;
use super::postgres::query_error;
use super::tables::look;
use crate::domain::salvage::Salvage;
use crate::domain::untrusted::Untrusted;
use crate::io::child::{self, Failed, say};
use crate::session::salvaging::Job;
use kept::{Kept, Manifest};

pub use kept::Manifest as SalvageManifest;

/// Runs the child's command line; the target is in the environment, as libpq reads it.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<String> = args.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    child::run(Job::parse(&words), async |job| save(job).await)
}

/// The snapshot that is saved.
struct Snapshot {
    connection: PgConnection,
    at: DateTime<Utc>,
    database: String,
    system: String,
}

async fn save(job: &Job) -> Result<String, Failed> {
    let mut snapshot = take(job).await?;
    let shape = look(&mut snapshot.connection, &job.table).await.map_err(not_run)?;
    let shape = shape.ok_or_else(|| Failed::NotRun(format!("there is no table {}", job.table)))?;
    let salvage = Salvage::of(&shape, job.column.as_deref()).map_err(Failed::NotRun)?;
    let directory = Path::new(&job.directory);
    let cannot = |error: io::Error| Failed::NotRun(format!("{}: {error}", directory.display()));
    prepare(directory).map_err(cannot)?;
    let kept = Kept::named(directory, &snapshot.database, &salvage, snapshot.at);
    let partial = kept.partial();
    let file = new_file(&partial).map_err(cannot)?;
    say(&format!("writes {}", shown(&kept.name)));
    match write(&mut snapshot, &salvage, &kept, file).await {
        Ok(rows) => Ok(format!(
            "{rows} rows of {} are saved in {file}; once a migration has made it again, psql -X -f \
             {file}.sql on this database brings them back",
            shown(&salvage.table),
            file = kept.path().display()
        )),
        Err(why) => {
            // Of no use, and not to be taken for one; the failure is what is told.
            let _ = std::fs::remove_file(&partial);
            Err(Failed::Running(format!("{why}; nothing of it is left")))
        }
    }
}

async fn take(job: &Job) -> Result<Snapshot, Failed> {
    // Rows that a policy hides would be missing from the file: an error instead.
    // Intervals are read back in one style, and floats lose nothing.
    let options = PgConnectOptions::new()
        .options([("row_security", "off"), ("intervalstyle", "postgres")])
        .extra_float_digits(3);
    let mut connection = child::connect(options).await.map_err(Failed::NotRun)?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'";
    sqlx::raw_sql(begin).execute(&mut connection).await.map_err(not_run)?;
    let sql = "SELECT now(), current_database()::text, s.system_identifier::text, d.oid::int8
                 FROM pg_catalog.pg_control_system() s
                 JOIN pg_catalog.pg_database d ON d.datname = current_database()";
    let row = sqlx::query(sql).fetch_one(&mut connection).await.map_err(not_run)?;
    let oid: i64 = row.try_get(3).map_err(not_run)?;
    let system: String = row.try_get(2).map_err(not_run)?;
    if system != job.system || oid != i64::from(job.oid) {
        return Err(Failed::NotRun("this is not the database that was confirmed".to_owned()));
    }
    let (at, database) = (row.try_get(0).map_err(not_run)?, row.try_get(1).map_err(not_run)?);
    Ok(Snapshot { connection, at, database, system })
}

/// Copies, counts, syncs and names it; returns the rows.
async fn write(
    snapshot: &mut Snapshot,
    salvage: &Salvage,
    kept: &Kept,
    mut file: std::fs::File,
) -> Result<i64, String> {
    let count = format!("SELECT count(*) FROM {}", salvage.table);
    let counted = sqlx::query_scalar::<_, i64>(AssertSqlSafe(count));
    let rows = counted.fetch_one(&mut snapshot.connection).await.map_err(words)?;
    let (mut sum, mut size, mut lines) = (Sha256::new(), 0_u64, 0_i64);
    let mut out = snapshot.connection.copy_out_raw(&salvage.copy()).await.map_err(words)?;
    while let Some(piece) = out.try_next().await.map_err(words)? {
        sum.update(&piece);
        size += piece.len() as u64;
        // A line of COPY's text is a row: line breaks inside of values are escaped.
        lines += i64::try_from(memchr::memchr_iter(b'\n', &piece).count()).unwrap_or(i64::MAX);
        file.write_all(&piece).map_err(|error| error.to_string())?;
    }
    drop(out);
    if lines != rows {
        return Err(format!("{lines} rows were written, and {rows} counted in the same snapshot"));
    }
    super::failpoint::fault("salvage.sync")
        .and_then(|()| file.sync_all())
        .map_err(|e| e.to_string())?;
    let manifest = Manifest {
        schema: 1,
        kind: "salvage".to_owned(),
        file: kept.name.clone(),
        sha256: format!("{:x}", sum.finalize()),
        size,
        rows,
        table: salvage.table.clone(),
        column: salvage.column.clone(),
        columns: salvage.columns.clone(),
        key: salvage.key.clone(),
        database: snapshot.database.clone(),
        system_identifier: snapshot.system.clone(),
        snapshot_at: snapshot.at,
        operator: host::operator().to_owned(),
        way_back: salvage.way_back(&kept.path().display().to_string()),
    };
    kept.publish(&manifest).map_err(|error| error.to_string())?;
    Ok(rows)
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn not_run(error: sqlx::Error) -> Failed {
    Failed::NotRun(format!("the server refused: {}", query_error(&error)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn words(error: sqlx::Error) -> String {
    query_error(&error)
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
