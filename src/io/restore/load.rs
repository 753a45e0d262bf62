//! The new database: made, loaded by the server's own client program, and counted.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use sqlx::postgres::PgConnection;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::check;
use super::drop::give_up;
use super::job::Load;
use super::prove::{Proven, prove};
use super::script::{self, May};
use super::server::{self, execute, refused, words};
use super::{Failed, Job, say};
use crate::domain::backup::Kind;
use crate::domain::restore::{Mark, State, quoted};
use crate::domain::untrusted::Untrusted;
use crate::io::cluster::clients;
use crate::io::postgres::is_lost;
use crate::io::terminal::Signals;
use crate::io::{failpoint, random, store};

/// How many of the last words of a failure are told.
const LAST: usize = 6;

/// Proves the backup, makes the new database and loads it; what fails takes it away again.
pub(super) async fn run(job: &Job) -> Result<String, Failed> {
    let unheard = |error| Failed::NotRun(format!("signals cannot be handled: {error}"));
    let mut signals = Signals::listen().map_err(unheard)?;
    let load = job.load.as_ref().ok_or_else(|| Failed::NotRun("--backup is missing".into()))?;
    let proven = tokio::select! {
        proven = prove(&load.backup) => proven?,
        () = signals.asked_to_end() => return Err(Failed::NotRun("it was stopped".to_owned())),
    };
    failpoint::hit("restore.proved");
    let version = load.client.version().await.map_err(Failed::NotRun)?;
    let mut connection = server::open(job).await?;
    let oid = make(job, load, &mut connection).await?;
    let loaded = tokio::select! {
        loaded = fill(job, load, &proven, &version) => loaded,
        () = signals.asked_to_end() => Err(Failed::Running("it was stopped".to_owned())),
    };
    let loaded = match loaded {
        Ok(()) => finish(job, load, &mut connection).await,
        Err(failed) => Err(failed),
    };
    match loaded {
        Ok(()) => Ok(format!(
            "{} (OID {oid}) holds what the backup holds; nobody uses it yet",
            Untrusted::from(job.new.as_str()).one_line()
        )),
        Err(failed) => Err(taken_away(job, oid, failed).await),
    }
}

/// Makes the empty database, and marks whose it is. The connection tells others that it is
/// at work on it, from before there is one.
async fn make(job: &Job, load: &Load, connection: &mut PgConnection) -> Result<u32, Failed> {
    let claimed = server::claim(connection, &job.new).await;
    if !claimed.map_err(|error| refused(&error))? {
        return Err(Failed::NotRun("another restore is loading it at this moment".to_owned()));
    }
    let properties = server::properties(connection, job.oid).await;
    let sql = properties.map_err(|error| refused(&error))?.create(&job.new);
    say(&Untrusted::from(sql.as_str()).one_line());
    // It copies a whole template, and waits for a checkpoint on 14 and earlier.
    let limit = "SET statement_timeout = 0";
    execute(connection, limit).await.map_err(|error| refused(&error))?;
    let created = execute(connection, &sql).await;
    created.map_err(|error| match is_lost(&error) {
        true => {
            let why = words(&error);
            Failed::Running(format!("whether the new database was made cannot be told: {why}"))
        }
        false => refused(&error),
    })?;
    failpoint::hit("restore.made");
    let mark = mark(job, load, State::Loading);
    let marked = server::mark(connection, &job.new, &mark).await;
    marked.map_err(|error| Failed::Running(words(&error)))?;
    failpoint::hit("restore.marked");
    let oid = server::oid_of(connection, &job.new).await;
    let oid = oid.map_err(|error| Failed::Running(words(&error)))?;
    oid.ok_or_else(|| Failed::Running("the new database is gone".to_owned()))
}

fn mark(job: &Job, load: &Load, state: State) -> Mark {
    Mark::New {
        of: job.oid,
        name: job.database.clone(),
        backup: load.backup.display().to_string(),
        state,
    }
}

async fn finish(job: &Job, load: &Load, connection: &mut PgConnection) -> Result<(), Failed> {
    failpoint::hit("restore.checked");
    let mark = mark(job, load, State::Loaded);
    let marked = server::mark(connection, &job.new, &mark).await;
    marked.map_err(|error| Failed::Running(words(&error)))?;
    failpoint::hit("restore.loaded");
    Ok(())
}

async fn fill(job: &Job, load: &Load, proven: &Proven, version: &str) -> Result<(), Failed> {
    match proven.backup.kind {
        Kind::Plain => by_psql(job, load, version).await?,
        _ => by_pg_restore(job, load).await?,
    }
    failpoint::hit("restore.filled");
    check::check(job, load, proven).await.map_err(Failed::Running)
}

/// Drops the database that this act has made: nobody has seen it.
async fn taken_away(job: &Job, oid: u32, failed: Failed) -> Failed {
    let why = failed.to_string();
    let name = Untrusted::from(job.new.as_str()).one_line();
    let gone = async {
        let mut connection = server::connect(None).await?;
        let found = server::oid_of(&mut connection, &job.new).await.map_err(|e| words(&e))?;
        if found != Some(oid) {
            return Ok(());
        }
        give_up(&mut connection, &job.new, oid).await.map_err(|error| words(&error))?;
        let sql = format!("DROP DATABASE {} WITH (FORCE)", quoted(&job.new));
        execute(&mut connection, &sql).await.map_err(|error| words(&error))
    };
    match gone.await {
        Ok(()) => Failed::Running(format!("{why}; {name} was dropped again")),
        Err(left) => Failed::Running(format!(
            "{why}; {name} is left over ({left}): lockkeeper restore --drop {name}"
        )),
    }
}

/// Returns a program of the server's, with the new database in its environment.
fn client(job: &Job, load: &Load) -> Command {
    let mut command = load.client.command();
    command.env("PGDATABASE", &job.new).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Returns the key of a restriction, where a psql of that version knows one.
fn key(version: &str) -> Result<Option<String>, String> {
    let told = clients::told(Path::new("psql"), &format!("(PostgreSQL) {version}"));
    told.is_some_and(|client| client.restricts()).then(random::digits).transpose()
}

async fn by_pg_restore(job: &Job, load: &Load) -> Result<(), Failed> {
    // A plain name would be read as a connection string where it looks like one.
    let name = job.new.replace('\\', "\\\\").replace('\'', "\\'");
    let mut command = client(job, load);
    command.args(["--exit-on-error", "--no-password", "--verbose"]);
    if let Some(connection) = load.client.connection(&job.new) {
        // It sees no file of ours, and of its standard input one connection loads.
        let file = store::open(&load.backup);
        let file = file.map_err(|error| cannot(&load.backup, &error))?;
        command.arg(connection).stdin(file);
    } else {
        command.arg(format!("--jobs={}", load.jobs)).arg(format!("--dbname=dbname='{name}'"));
        command.arg("--").arg(&load.backup).stdin(Stdio::null());
    }
    let child = command.spawn().map_err(|error| cannot(&load.client.program, &error))?;
    follow(child, "pg_restore").await
}

async fn by_psql(job: &Job, load: &Load, version: &str) -> Result<(), Failed> {
    let may = May::Stay(key(version).map_err(Failed::NotRun)?);
    let mut command = client(job, load);
    command
        .args(["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1"])
        .args(["--single-transaction", "--file=-"])
        .args(load.client.connection(&job.new))
        .stdin(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot(&load.client.program, &error))?;
    let input = child.stdin.take().expect("it is piped");
    let mut input =
        std::fs::File::from(input.into_owned_fd().map_err(|e| cannot(&load.client.program, &e))?);
    let backup = load.backup.clone();
    // Given to nobody else: where feeding fails, psql must see no end of its input.
    let feeding =
        tokio::task::spawn_blocking(move || match script::feed(&backup, &may, &mut input) {
            Ok(()) => (drop(input), Ok(())).1,
            Err(error) => Err((error, input)),
        });
    let fed = async {
        match feeding.await {
            // psql's own words say more of a pipe that it has closed.
            Ok(Err((error, _))) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Ok(Err((error, input))) => Err((Failed::Running(error.to_string()), Some(input))),
            Ok(Ok(())) => Ok(()),
            Err(error) => Err((Failed::Running(error.to_string()), None)),
        }
    };
    let (pid, following) = (child.id(), follow(child, "psql"));
    tokio::pin!(fed, following);
    tokio::select! {
        fed = &mut fed => match fed {
            Ok(()) => following.await,
            Err((failed, input)) => {
                kill(pid);
                drop(following.await);
                drop(input);
                Err(failed)
            }
        },
        ended = &mut following => ended,
    }
}

fn kill(pid: Option<u32>) {
    if let Some(pid) = pid.and_then(crate::io::process::pid) {
        // It may have ended just now.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

fn cannot(program: &Path, error: &std::io::Error) -> Failed {
    Failed::Running(format!("{}: {error}", program.display()))
}

/// Follows the program to its end, and prints how far it is.
async fn follow(mut child: Child, name: &str) -> Result<(), Failed> {
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let (mut last, mut line) = (VecDeque::new(), Vec::new());
    loop {
        line.clear();
        if !matches!(said.read_until(b'\n', &mut line).await, Ok(1..)) {
            break;
        }
        let text = Untrusted::from_bytes(line.trim_ascii_end());
        match phase(text.raw()) {
            Some(phase) => say(&Untrusted::from(phase).one_line()),
            None if is_trouble(text.raw()) => {
                say(&text.one_line());
                last.push_back(text.one_line());
                last.drain(..last.len().saturating_sub(LAST));
            }
            None => {}
        }
    }
    let status = child.wait().await.map_err(|error| Failed::Running(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(Failed::Running(told(name, status, last))) }
}

/// Returns what is loaded or built now (`pg_restore --verbose`, with and without `--jobs`).
fn phase(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pg_restore: ")?;
    let is_step = ["launching item", "processing data", "creating INDEX", "creating FK"];
    is_step.iter().any(|begin| rest.starts_with(begin)).then_some(rest)
}

/// Returns true for what goes wrong, and for its details.
fn is_trouble(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("pg_restore: ") else { return !line.is_empty() };
    ["error:", "warning:", "detail:", "hint:", "fatal:", "from TOC"]
        .iter()
        .any(|word| rest.starts_with(word))
}

fn told(name: &str, status: ExitStatus, last: VecDeque<String>) -> String {
    match last.is_empty() {
        true => format!("{name} ended with {status}"),
        false => Vec::from(last).join("; "),
    }
}
