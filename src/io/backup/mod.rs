//! The hidden child that makes a backup: `pg_dump` on an exported snapshot, whose rows are
//! counted in the same snapshot, and a manifest that says what was true then.
//!
//! What it does goes to stdout line by line, what went wrong last to stderr. Exit codes: 0
//! done, 1 failed while running, 2 nothing was begun. Killed at any moment it leaves a
//! `.partial`, never a file that looks like a backup and has no manifest.

pub(super) mod beside;
mod dump;
pub(super) mod file;
mod job;
mod left;
mod place;
mod proof;
mod snapshot;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use chrono::Utc;
use serde_json::Map;
use tokio::sync::oneshot;

use super::child::{self, Failed, say};
use super::driver::environment::RUN;
use super::terminal::Signals;
use super::{failpoint, host};
use crate::domain::backup::manifest::{self, Maker, Manifest, Source};
use crate::domain::backup::{Kind, Scope, name};
use crate::domain::quantity::size;
use crate::domain::verify::Level;
use beside::Beside;
use dump::Dump;
use file::Partial;
pub(in crate::io) use file::{new_file, no_replace, prepare};
use snapshot::{Counted, Named, Snapshot, Stopped, Table};

pub use job::Job;
pub use left::{Left, left, named_in};
pub use place::{Place, look};

/// What stands before the name of the file in the output: how it is found after a crash.
const WRITES: &str = "writes ";

/// Runs the child's command line; the target is in the environment, as libpq reads it.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    child::run(Job::parse(args), async |job| run(job).await)
}

/// Makes one backup, and returns in words which.
///
/// # Errors
/// [`Failed::NotRun`] if no file was begun; [`Failed::Running`] if it was and is gone again.
pub async fn run(job: &Job) -> Result<String, Failed> {
    let begun = Instant::now();
    let unheard = |error| Failed::NotRun(format!("signals cannot be handled: {error}"));
    let mut signals = Signals::listen().map_err(unheard)?;
    let tool = job.pg_dump.version().await.map_err(Failed::NotRun)?;
    let mut snapshot = Snapshot::take(job).await?;
    say(&format!("snapshot {} of {}", snapshot.id, snapshot.at.to_rfc3339()));
    let known = Known {
        tool,
        revisions: snapshot.revisions(job.tool.as_deref()).await,
        tables: snapshot.named(&job.tables).await?,
        csv: snapshot.named(&job.csv).await?.asked,
    };
    let wanted = name::of(&snapshot.database, snapshot.at, known.revisions.as_deref(), job.scope);
    let mut partial = begin(&job.directory, &wanted)?;
    match make(job, snapshot, known, &mut partial, &mut signals).await {
        Ok((path, bytes)) => {
            let took = begun.elapsed().as_secs_f64();
            Ok(format!("{}, {}, in {took:.1} s", path.display(), size(bytes)))
        }
        Err(Failed::Running(why)) => Err(match partial.discard() {
            Ok(()) => Failed::Running(why),
            Err(error) => Failed::Running(format!("{why}; its .partial is left: {error}")),
        }),
        Err(failed) => Err(failed),
    }
}

/// What is known before the file is begun.
struct Known {
    tool: String,
    revisions: Option<Vec<String>>,
    tables: Named,
    csv: Vec<String>,
}

/// Begins the file, and tells its name first: that is how it is found after a crash.
fn begin(directory: &Path, wanted: &str) -> Result<Partial, Failed> {
    let cannot = |error: io::Error| Failed::NotRun(format!("{}: {error}", directory.display()));
    file::prepare(directory).map_err(cannot)?;
    for name in place::sweep(directory) {
        say(&format!("removed {name}, which an interrupted backup had left"));
    }
    let name = file::free_name(directory, wanted).map_err(cannot)?;
    say(&format!("{WRITES}{name}"));
    // The output is a file of the run; where it is none, nobody looks for it there.
    let _ = rustix::fs::fsync(io::stdout());
    failpoint::hit("backup.named");
    let partial = Partial::create(directory, &name).map_err(cannot)?;
    failpoint::hit("backup.created");
    Ok(partial)
}

async fn make(
    job: &Job,
    mut snapshot: Snapshot,
    known: Known,
    partial: &mut Partial,
    signals: &mut Signals,
) -> Result<(PathBuf, u64), Failed> {
    let mut tables = match job.scope {
        Scope::Schema => Vec::new(),
        _ => snapshot.tables().await.map_err(|failed| Failed::Running(failed.to_string()))?,
    };
    tables.retain(|table| known.tables.has(table));
    let csv = known.csv.clone();
    let counted = dump(job, &known.tables, &mut snapshot, &tables, partial, signals).await?;
    failpoint::hit("backup.dumped");
    let beside = tokio::select! {
        beside = Beside::write(job, &mut snapshot, &csv, partial.name()) => beside,
        () = signals.asked_to_end() => Err(stopped()),
    };
    if beside.is_err() && job.pg_dump.is_elsewhere() {
        snapshot.end_others().await;
    }
    let beside = beside?;
    let mut manifest = manifest(job, &snapshot, known, counted);
    manifest.beside = beside.map(|beside| beside.sides()).unwrap_or_default();
    snapshot.close().await;
    let proved = tokio::select! {
        proved = prove(job.level, partial, &mut manifest) => proved,
        () = signals.asked_to_end() => Err(stopped()),
    };
    proved?;
    let path = partial.publish(&manifest).map_err(|error| Failed::Running(error.to_string()))?;
    Ok((path, manifest.size))
}

/// Runs `pg_dump` and counts beside it, once it has its locks: then no count waits for one.
async fn dump(
    job: &Job,
    named: &Named,
    snapshot: &mut Snapshot,
    tables: &[Table],
    partial: &Partial,
    signals: &mut Signals,
) -> Result<Counted, Failed> {
    let mut dump = Dump::start(job, named, snapshot, partial)?;
    say(&format!("pg_dump writes {} tables", tables.len()));
    let (locked, has_locks) = oneshot::channel();
    let counting = async {
        // An end without a row of any table: then nothing is waited for either.
        drop(has_locks.await);
        let counted = snapshot.count(tables, job.count, job.contents).await;
        counted.map_err(|Stopped::Cancelled| Failed::Running("it was cancelled".to_owned()))
    };
    let done = tokio::select! {
        done = async { tokio::try_join!(dump.follow(tables, locked), counting) } => done,
        () = signals.asked_to_end() => Err(stopped()),
    };
    match done {
        Ok(((), counted)) => Ok(counted),
        Err(failed) => {
            if job.pg_dump.is_elsewhere() {
                // A signal to docker exec ends nothing in the container.
                snapshot.end_others().await;
            }
            dump.end().await;
            Err(with_holders(failed, snapshot).await)
        }
    }
}

/// Adds who holds what `pg_dump` may have waited for.
async fn with_holders(failed: Failed, snapshot: &mut Snapshot) -> Failed {
    match (failed, snapshot.holders().await) {
        (Failed::Running(why), holders) if !holders.is_empty() => {
            Failed::Running(format!("{why}; {}", holders.join("; ")))
        }
        (failed, _) => failed,
    }
}

fn stopped() -> Failed {
    Failed::Running("it was stopped".to_owned())
}

/// Returns the manifest, but for what only the finished file tells.
fn manifest(job: &Job, snapshot: &Snapshot, known: Known, counted: Counted) -> Manifest {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = variable("PGHOST").unwrap_or_default();
    let port = variable("PGPORT").map(|port| format!(":{port}")).unwrap_or_default();
    Manifest {
        schema: manifest::SCHEMA,
        id: String::new(),
        kind: Kind::Custom,
        sha256: String::new(),
        size: 0,
        scope: job.scope,
        snapshot_started_at: Some(snapshot.at),
        finished_at: snapshot.at,
        source: Source {
            system_identifier: Some(job.system_identifier.clone()),
            database: snapshot.database.clone(),
            host: format!("{host}{port}"),
            server_version: snapshot.server_version.clone(),
        },
        revisions: known.revisions,
        rows: counted.rows,
        contents: counted.contents,
        beside: Vec::new(),
        tool_version: known.tool,
        made_by: Maker { operator: host::operator().to_owned(), run: variable(RUN) },
        unproven: Vec::new(),
        pinned: false,
        verified: Vec::new(),
        rest: Map::new(),
    }
}

/// Brings the file to the disk, and notes what it is then.
async fn prove(level: Level, partial: &mut Partial, manifest: &mut Manifest) -> Result<(), Failed> {
    let failed = |error: io::Error| Failed::Running(format!("the file: {error}"));
    partial.sync().map_err(failed)?;
    let file = partial.reader().map_err(failed)?;
    say(&format!("on the disk; it is read back and proven to {level}"));
    let rows = manifest.rows.clone();
    let looked = tokio::task::spawn_blocking(move || proof::look(file, level, &rows)).await;
    let looked = looked.map_err(|error| Failed::Running(error.to_string()))?.map_err(failed)?;
    if let Some(wrong) = looked.wrong {
        return Err(Failed::Running(wrong));
    }
    partial.name().clone_into(&mut manifest.id);
    manifest.sha256 = looked.sha256;
    manifest.size = looked.size;
    manifest.finished_at = Utc::now();
    manifest.verified = looked.evidence;
    Ok(())
}
