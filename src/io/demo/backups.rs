//! The demo's backups: one as an operator would make it, one that is too old, one cut off.
//!
//! The good one is made by the very program of a backup's act. The other two are copies of
//! it: of the old one the stamp is staged (its manifest says so), since nobody waits a day
//! for a demo; of the cut one the last third is missing, as when a disk fills up.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::process::Command;

use super::{DATABASE, DEPLOYER, Project, options};
use crate::domain::backup::{Manifest, manifest, name};
use crate::io::cluster::{self, Programs, clients};
use crate::io::postgres::query_error;

/// How old the old one says it is: more than the day that counts as recent.
const OLD: TimeDelta = TimeDelta::hours(30);
/// How long before the good one the cut one seems to have been tried.
const CUT: TimeDelta = TimeDelta::hours(2);

/// Makes the backups of the shop on the server in `directory`, by `lockkeeper`.
///
/// # Errors
/// Why there are none: the demo goes on without.
pub async fn make(
    directory: &Path,
    programs: &Programs,
    project: &Project,
    lockkeeper: &Path,
) -> Result<(), String> {
    let good = back_up(directory, programs, project, lockkeeper).await?;
    stage(&good).map_err(|error| format!("{}: {error}", project.backups().display()))
}

async fn back_up(
    directory: &Path,
    programs: &Programs,
    project: &Project,
    lockkeeper: &Path,
) -> Result<PathBuf, String> {
    let server = clients::ask(&programs.path("postgres")).ok_or("the server has no version")?;
    let pg_dump = clients::find("pg_dump", server.major).map_err(|unfit| unfit.to_string())?;
    let (system, oid) = who(directory).await.map_err(|error| query_error(&error))?;
    let mut command = Command::new(lockkeeper);
    command.args(["__backup", "--scope", "full", "--lock-ms", "5000", "--count-ms", "60000"]);
    command.args(["--tool", "sqlx", "--system", &system, "--oid", &oid]);
    command.arg("--directory").arg(project.backups()).arg("--pg-dump").arg(pg_dump.path);
    let foreign = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
    for (name, _) in std::env::vars_os() {
        if foreign(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    let output = command
        .env("PGHOST", directory)
        .env("PGPORT", cluster::PORT.to_string())
        .env("PGUSER", DEPLOYER)
        .env("PGDATABASE", DATABASE)
        .env("PGAPPNAME", "lockkeeper/demo")
        .current_dir(project.directory())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    only_dump(&project.backups()).map_err(|error| error.to_string())
}

async fn who(directory: &Path) -> sqlx::Result<(String, String)> {
    let mut connection = options(directory, DEPLOYER, DATABASE).connect().await?;
    let sql = "SELECT s.system_identifier::text, d.oid::text
                 FROM pg_catalog.pg_control_system() s
                 JOIN pg_catalog.pg_database d ON d.datname = current_database()";
    let found = sqlx::query_as(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

fn only_dump(directory: &Path) -> io::Result<PathBuf> {
    let mut paths = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let found = paths.find(|path| path.extension().is_some_and(|ending| ending == "dump"));
    found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

fn stage(good: &Path) -> io::Result<()> {
    let text = fs::read_to_string(beside(good))?;
    let manifest = Manifest::read(&text).map_err(io::Error::other)?;
    old(good, manifest.clone())?;
    cut(good, &manifest)
}

/// Copies the good one as one that was made earlier.
fn old(good: &Path, mut manifest: Manifest) -> io::Result<()> {
    let at = begun(&manifest) - OLD;
    let path = named(good, &manifest, at);
    fs::copy(good, &path)?;
    manifest.id = file_name(&path);
    manifest.snapshot_started_at = Some(at);
    manifest.finished_at -= OLD;
    manifest.verified.iter_mut().for_each(|evidence| evidence.at -= OLD);
    let note = "the demo has staged its age: it is a copy of the newest one, under an older stamp";
    manifest.rest.insert("note".to_owned(), note.into());
    fs::copy(beside(good), beside(&path))?;
    fs::write(beside(&path), manifest.text())
}

/// Copies what a disk that was full would have taken of the good one; it has no manifest.
fn cut(good: &Path, manifest: &Manifest) -> io::Result<()> {
    let path = named(good, manifest, begun(manifest) - CUT);
    fs::copy(good, &path)?;
    File::options().write(true).open(&path)?.set_len(manifest.size / 3 * 2)
}

fn begun(manifest: &Manifest) -> DateTime<Utc> {
    manifest.snapshot_started_at.unwrap_or(manifest.finished_at)
}

fn named(good: &Path, manifest: &Manifest, at: DateTime<Utc>) -> PathBuf {
    let revisions = manifest.revisions.as_deref();
    good.with_file_name(name::of(&manifest.source.database, at, revisions, manifest.scope))
}

fn beside(path: &Path) -> PathBuf {
    path.with_file_name(manifest::name_for(&file_name(path)))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
