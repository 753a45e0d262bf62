//! The hidden child that runs sqlx's own migrator: one migration per run; and its sibling
//! for the SQL of a step.
//!
//! What it does goes to stdout line by line, what went wrong to stderr with its
//! SQLSTATE. Exit codes: 0 done, 1 failed while running, 2 nothing was run.

mod job;
mod notice;
pub mod statements;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::child::{self, Failed, say};
use super::postgres::connect::watch_client;
use super::postgres::{connect_error, query_error};
pub use job::{Job, Step, Way};

/// The version table.
const TABLE: &str = "_sqlx_migrations";

/// How long the proof of the target is visible at most.
const PROBE: Duration = Duration::from_secs(10);

/// Runs the child's command line; `connect` says how to reach the database.
pub fn main(
    args: &[OsString],
    connect: impl FnOnce() -> Result<PgConnectOptions, String>,
) -> ExitCode {
    notice::to_stderr();
    let done = Job::parse(args)
        .and_then(|job| Ok((job, connect()?)))
        .map_err(Failed::NotRun)
        .and_then(|(job, options)| child::runtime()?.block_on(run(&job, options)));
    ended(done)
}

/// Says what failed, and returns the exit code.
fn ended(done: Result<(), Failed>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.end(),
    }
}

/// Returns the connection that the environment names: `DATABASE_URL`, or `PG*`.
///
/// # Errors
/// If `DATABASE_URL` cannot be read; the text never repeats it, it may hold a password.
pub fn from_environment() -> Result<PgConnectOptions, String> {
    match std::env::var("DATABASE_URL") {
        // Without a host and with a user, as libpq takes it for a socket, the parser needs one;
        // `host` of its query still says which.
        Ok(url) => url.parse().or_else(|_| url.replacen("@/", "@localhost/", 1).parse()).map_err(|_: sqlx::Error| {
            String::from(
                "DATABASE_URL cannot be read; it must look like postgresql://user@host/database",
            )
        }),
        Err(_) => Ok(PgConnectOptions::new()),
    }
}

/// Does a job on a connection of its own.
///
/// # Errors
/// [`Failed::NotRun`] if the database is not in the expected state or cannot be
/// reached; [`Failed::Running`] if the migration began and failed.
pub async fn run(job: &Job, options: PgConnectOptions) -> Result<(), Failed> {
    let mut connection =
        options.disable_statement_logging().connect().await.map_err(|error| {
            Failed::NotRun(format!("cannot connect: {}", connect_error(&error)))
        })?;
    // Without it, a migration that waits for a lock runs on after its program is gone.
    watch_client(&mut connection).await;
    let done = match job {
        Job::Probe => probe(&mut connection).await,
        Job::Step(step) => self::step(step, &mut connection).await,
    };
    // sqlx's migrator returns an error with its advisory lock still held; the end of
    // the session gives it up as well, but only after this process has gone.
    drop(sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection).await);
    drop(connection.close().await);
    done
}

/// Shows itself to whoever looks for it, until stdin closes or 10 s have passed.
async fn probe(connection: &mut PgConnection) -> Result<(), Failed> {
    let not_run = |error: sqlx::Error| Failed::NotRun(explain(&error));
    let (pid, database): (i32, String) =
        sqlx::query_as("SELECT pg_backend_pid()::int4, current_database()::text")
            .fetch_one(connection)
            .await
            .map_err(not_run)?;
    say(&format!("probe: pid {pid} database {database}"));
    // Either ending is the expected one.
    drop(tokio::time::timeout(PROBE, stdin_closed()).await);
    Ok(())
}

/// Waits for the end of stdin on a thread of its own, which the end of the
/// process does not wait for.
async fn stdin_closed() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        let _ = ended.send(());
    });
    drop(end.await);
}

async fn step(step: &Step, connection: &mut PgConnection) -> Result<(), Failed> {
    let migrator = Migrator::new(step.source.as_path())
        .await
        .map_err(|error| Failed::NotRun(format!("{}: {error}", step.source.display())))?;
    // The migrator's own lock, taken first, so that what is checked still holds when it runs.
    connection.lock().await.map_err(|error| Failed::NotRun(explain_migrate(&error)))?;
    let migration = expected(step, &migrator, connection).await?;
    let words = describe(step.way, migration);
    say(&format!("{words}: begins"));
    let started = Instant::now();
    perform(step, &migrator, connection).await?;
    say(&format!("{words}: done in {:.3} s", started.elapsed().as_secs_f64()));
    let applied =
        applied(connection).await.map_err(|error| Failed::Running(explain_migrate(&error)))?;
    say(&format!("now at {}", applied.last().map_or(0, |version| *version)));
    Ok(())
}

async fn perform(
    step: &Step,
    migrator: &Migrator,
    connection: &mut PgConnection,
) -> Result<(), Failed> {
    let ran = match step.way {
        Way::Up => migrator.run_to(step.to, &mut *connection).await,
        Way::Down => migrator.undo(&mut *connection, step.to).await,
    };
    ran.map_err(|error| match &error {
        MigrateError::Execute(_) | MigrateError::ExecuteMigration(..) => {
            Failed::Running(explain_migrate(&error))
        }
        // Dirty, missing, modified: the migrator refuses before it begins.
        _ => Failed::NotRun(explain_migrate(&error)),
    })
}

/// Returns the one migration that would run; anything else is refused.
async fn expected<'a>(
    step: &Step,
    migrator: &'a Migrator,
    connection: &mut PgConnection,
) -> Result<&'a Migration, Failed> {
    let applied =
        applied(connection).await.map_err(|error| Failed::NotRun(explain_migrate(&error)))?;
    let current = applied.last().copied().unwrap_or(0);
    if current != step.from {
        return Err(Failed::NotRun(format!(
            "the database is at {current}, not at {} as expected: somebody was faster; nothing was run",
            step.from
        )));
    }
    let would_run: Vec<&Migration> =
        migrator.iter().filter(|migration| step.would_run(migration, &applied)).collect();
    match would_run.as_slice() {
        [one] if one.version == step.migration() && !step.is_confirmed(one) => {
            Err(Failed::NotRun(format!(
                "{} is not what was confirmed: its file has changed; nothing was run",
                one.version
            )))
        }
        [one] if one.version == step.migration() => Ok(one),
        [] => Err(Failed::NotRun(format!(
            "{} has nothing to run for {}; nothing was run",
            step.source.display(),
            step.migration()
        ))),
        several => Err(Failed::NotRun(format!(
            "not only {} would run but {}; nothing was run",
            step.migration(),
            several.iter().map(|m| m.version.to_string()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// Returns the versions that the database has, in order, without creating the table.
async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, MigrateError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(TABLE)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    let rows = connection.list_applied_migrations(TABLE).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

fn describe(way: Way, migration: &Migration) -> String {
    let shape = if migration.no_tx { "without a transaction" } else { "in one transaction" };
    format!("{} {} {}, {shape}", way.word(), migration.version, migration.description)
}

fn explain_migrate(error: &MigrateError) -> String {
    match error {
        MigrateError::ExecuteMigration(inner, version) => {
            format!("migration {version}: {}", explain(inner))
        }
        MigrateError::Execute(inner) => explain(inner),
        other => other.to_string(),
    }
}

/// Returns what the server said, with its SQLSTATE and what it added.
fn explain(error: &sqlx::Error) -> String {
    let Some(said) = error.as_database_error() else { return query_error(error) };
    let mut text = said.message().to_owned();
    if let Some(code) = said.code() {
        write!(text, " (SQLSTATE {code})").expect("writing to a String cannot fail");
    }
    if let Some(said) = said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let added = [("detail", said.detail()), ("hint", said.hint()), ("where", said.r#where())];
        for (name, value) in added {
            if let Some(value) = value {
                write!(text, "\n{name}: {value}").expect("writing to a String cannot fail");
            }
        }
    }
    text
}
