//! A base backup is proven by PostgreSQL's own program, `pg_verifybackup`: every file against
//! the sum in `backup_manifest`, then the WAL that it needs. What it found is kept beside the
//! backup, bound to what the backup was then.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::disk;
use crate::domain::backup::Judged;
use crate::domain::untrusted::Untrusted;
use crate::io::cluster::clients::{self, Client};
use crate::tools::pg_dump::Found;

/// What the name of the file ends with that keeps what was found.
const SUFFIX: &str = ".judged.json";
const PROGRAM: &str = "pg_verifybackup";
/// Nothing of ours is longer.
const LONGEST: u64 = 64 << 10;
/// So many of the program's complaints are told.
const TOLD: usize = 3;

/// What was found, and of what.
#[derive(Serialize, Deserialize)]
struct Kept {
    schema: u32,
    stamp: String,
    judged: Judged,
}

/// Lets the program prove the backup at `path`, and keeps what it found. The second is why
/// that could not be kept.
pub(super) fn prove(path: &Path, found: &Found, now: DateTime<Utc>) -> (Judged, Option<String>) {
    let judged = match program(found) {
        Err(why) => Judged { by: PROGRAM.to_owned(), ok: None, at: None, what: why },
        Ok(client) => {
            let (ok, what) = run(&client, path);
            let by = format!("{PROGRAM} {}", client.version);
            Judged { by, ok, at: Some(now), what }
        }
    };
    let kept = match judged.ok {
        Some(_) => {
            keep(path, &judged).map_err(|error| format!("what was found is not kept: {error}"))
        }
        None => Ok(()),
    };
    (judged, kept.err())
}

/// Of the backup's own version: another one does not read its WAL.
fn program(found: &Found) -> Result<Client, String> {
    let version = found.server_version.as_ref().map(Untrusted::raw).unwrap_or_default();
    let major: u32 =
        version.parse().map_err(|_| "of which version it is, is not written in it".to_owned())?;
    let client = clients::find(PROGRAM, major).map_err(|unfit| unfit.to_string())?;
    match client.major == major {
        true => Ok(client),
        false => Err(format!("{PROGRAM} {} does not read the WAL of {major}", client.version)),
    }
}

/// The files first: a backup without its WAL is whole, and needs the archive.
fn run(client: &Client, path: &Path) -> (Option<bool>, String) {
    match ended(client, path, "--no-parse-wal") {
        Err(error) => (None, format!("it could not be run: {error}")),
        Ok(Err(why)) => (Some(false), why),
        Ok(Ok(())) => match ended(client, path, "--quiet") {
            Ok(Ok(())) => (Some(true), "every file has its sum, and its WAL is whole".to_owned()),
            Ok(Err(why)) => {
                let text = "every file has its sum, but its WAL is not whole in it: only an \
                            archive makes it good";
                (None, format!("{text} ({why})"))
            }
            Err(error) => (None, format!("its WAL could not be read: {error}")),
        },
    }
}

/// Runs it to its end; the inner error is what it complains of.
fn ended(client: &Client, path: &Path, how: &str) -> io::Result<Result<(), String>> {
    let output = Command::new(&client.path)
        .args([OsString::from(how), OsString::from("--"), path.into()])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()?;
    match (output.status.success(), output.status.code()) {
        (true, _) => Ok(Ok(())),
        (false, None) => Err(io::Error::other("it was ended by a signal")),
        (false, Some(_)) => Ok(Err(complaint(&output.stderr))),
    }
}

fn complaint(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let named = all.iter().take(TOLD).map(|line| {
        let line = line.trim_start_matches("pg_verifybackup: ").trim_start_matches("error: ");
        Untrusted::from(line).one_line()
    });
    let named = named.collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(TOLD) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

/// Returns what was found of the backup at `path`, unless it has changed since.
pub(super) fn kept(path: &Path, stamp: &str) -> Option<Judged> {
    let mut text = String::new();
    disk::open(&place(path)).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    (kept.schema == 1 && kept.stamp == stamp).then_some(kept.judged)
}

fn keep(path: &Path, judged: &Judged) -> io::Result<()> {
    let stamp = disk::stamp(path)?.text();
    let text = serde_json::to_string_pretty(&Kept { schema: 1, stamp, judged: judged.clone() })?;
    let place = place(path);
    let mut partial = place.clone().into_os_string();
    partial.push(format!(".{}.new", std::process::id()));
    let partial = PathBuf::from(partial);
    let written =
        File::options().write(true).create_new(true).open(&partial).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, &place)
        });
    if written.is_err() {
        // The temporary file is of no use; that it stays is no further harm.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn place(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(SUFFIX);
    name.into()
}
