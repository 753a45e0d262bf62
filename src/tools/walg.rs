//! WAL-G's catalog: `backup-list --json --detail` (from its source, `BackupDetail`). It lists
//! what has a sentinel, which is uploaded last; LSNs and the system identifier are decimal.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::catalog::{Printed, Told, shown, version};
use crate::domain::backup::{Backup, Judged, Kind, Retention, Scope};
use crate::domain::untrusted::Untrusted;

const PROGRAM: &str = "wal-g";

/// Returns the command that prints the catalog; it only reads.
#[must_use]
pub fn command() -> Vec<String> {
    [PROGRAM, "backup-list", "--json", "--detail"].map(str::to_owned).to_vec()
}

#[derive(Deserialize)]
struct Entry {
    backup_name: String,
    wal_file_name: Option<String>,
    start_time: Option<DateTime<Utc>>,
    finish_time: Option<DateTime<Utc>>,
    pg_version: Option<u64>,
    #[serde(default)]
    is_permanent: bool,
    system_identifier: Option<u64>,
    compressed_size: Option<u64>,
    #[serde(default)]
    user_data: serde_json::Value,
}

/// Reads the catalog.
#[must_use]
pub fn read(printed: Printed<'_>) -> Told {
    let is_empty = printed.out.trim_ascii().is_empty();
    if is_empty && String::from_utf8_lossy(printed.err).contains("No backups found") {
        return Told::default();
    }
    let parsed = printed.json(PROGRAM).and_then(|value| {
        serde_json::from_value::<Option<Vec<Entry>>>(value).map_err(|error| {
            format!("{PROGRAM}: its catalog is of a form that is not known: {error}")
        })
    });
    match parsed {
        Ok(entries) => {
            let entries = entries.unwrap_or_default();
            let backups = entries.iter().map(|entry| backup(entry, &entries)).collect();
            Told { backups, problems: Vec::new() }
        }
        Err(why) => Told::problem(why),
    }
}

fn backup(entry: &Entry, all: &[Entry]) -> Backup {
    let noted = ["migration", "revision"].into_iter().find_map(|name| entry.user_data.get(name));
    let mut backup = Backup {
        system_identifier: entry.system_identifier.map(|id| id.to_string()),
        server_version: entry.pg_version.map(|num| Untrusted::new(version(num))),
        created_at: entry.finish_time,
        snapshot_started_at: entry.start_time,
        size: entry.compressed_size,
        scope: Some(Scope::Full),
        complete: Some(true),
        revisions: noted.and_then(|noted| Some(vec![noted.as_str()?.to_owned()])),
        retention: if entry.is_permanent { Retention::Pinned } else { Retention::Keep },
        ..Backup::at(format!("walg:{}", shown(&entry.backup_name)), Kind::Walg)
    };
    let (ok, what) = match missing(entry, all) {
        Some(why) => (Some(false), why),
        None => (None, "uploaded to its end; `wal-g wal-verify` proves its WAL".to_owned()),
    };
    if ok == Some(false) {
        backup.problems.push(what.clone());
    }
    let by = PROGRAM.to_owned();
    backup.judged = Some(Judged { by, ok, at: entry.finish_time, what });
    backup
}

/// A delta is named after the WAL file at which what it rests on begins: `base_X_D_Y`.
fn missing(entry: &Entry, all: &[Entry]) -> Option<String> {
    let (_, wal) = entry.backup_name.rsplit_once("_D_")?;
    let rests_on = |other: &Entry| {
        other.backup_name != entry.backup_name && other.wal_file_name.as_deref() == Some(wal)
    };
    let is_there = all.iter().any(rests_on);
    (!is_there).then(|| format!("a delta: the backup at {} that it rests on is gone", shown(wal)))
}
