//! Barman's catalog: `-f json list-backup SERVER`, and `show-backup` for what that leaves out
//! (3.4 to 3.19). A time in it is a text of digits, and a backup's own name holds the local
//! time of Barman's machine, whose zone is nowhere.

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::catalog::{Printed, Told, moment, shown, version};
use crate::domain::backup::{Backup, Judged, Kind, Scope};
use crate::domain::untrusted::Untrusted;

const PROGRAM: &str = "barman";

/// Returns the command that prints the catalog of a server; it only reads.
#[must_use]
pub fn list(server: &str) -> Vec<String> {
    [PROGRAM, "-f", "json", "list-backup", server].map(str::to_owned).to_vec()
}

/// Returns the command that prints all about the backup at this location.
#[must_use]
pub fn show(server: &str, location: &str) -> Option<Vec<String>> {
    let id = location.strip_prefix(&place(server, ""))?;
    // Out of a catalog: it must not become an option.
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| [PROGRAM, "-f", "json", "show-backup", server, id].map(str::to_owned).to_vec())
}

fn place(server: &str, id: &str) -> String {
    format!("{PROGRAM}:{server}/{id}")
}

/// Reads the catalog of a server.
#[must_use]
pub fn read(server: &str, printed: Printed<'_>) -> Told {
    let value = match answer(server, printed) {
        Ok(value) => value,
        Err(why) => return Told::problem(why),
    };
    let Some(rows) = value.as_array() else {
        return Told::problem(format!("{PROGRAM}: the catalog of {server} is no list"));
    };
    let mut told = Told::default();
    for row in rows {
        match row.as_object().and_then(|row| backup(server, row)) {
            Some(backup) => told.backups.push(backup),
            None => told.problems.push(format!("{PROGRAM}: a backup of {server} has no name")),
        }
    }
    told
}

/// Returns what stands under the server's name.
fn answer(server: &str, printed: Printed<'_>) -> Result<Value, String> {
    let mut value = printed.json(PROGRAM)?;
    if let Some(errors) = value.get("_ERROR").and_then(Value::as_array) {
        let errors: Vec<String> = errors.iter().filter_map(Value::as_str).map(shown).collect();
        return Err(format!("{PROGRAM}: {}", errors.join("; ")));
    }
    let of_server = value.get_mut(server).map(Value::take);
    of_server.ok_or_else(|| format!("{PROGRAM} says nothing of the server {server}"))
}

fn backup(server: &str, row: &Map<String, Value>) -> Option<Backup> {
    let id = row.get("backup_id")?.as_str()?;
    let status = row.get("status").and_then(Value::as_str).unwrap_or("unknown");
    let (complete, what) = state(status);
    let mut backup = Backup {
        created_local: NaiveDateTime::parse_from_str(id, "%Y%m%dT%H%M%S").ok(),
        created_at: number(row.get("end_time_timestamp")).and_then(moment),
        size: row.get("size_bytes").and_then(Value::as_u64),
        scope: Some(Scope::Full),
        complete,
        ..Backup::at(place(server, &shown(id)), Kind::Barman)
    };
    if complete != Some(true) {
        backup.problems.push(what.clone());
    }
    let at = backup.created_at;
    backup.judged = Some(Judged { by: PROGRAM.to_owned(), ok: None, at, what });
    Some(backup)
}

/// Returns whether a backup of that status is complete, and what the status means.
fn state(status: &str) -> (Option<bool>, String) {
    match status {
        "DONE" => (Some(true), "DONE; `barman verify-backup` proves it".to_owned()),
        "WAITING_FOR_WALS" => {
            (None, "WAITING_FOR_WALS: it cannot be restored before its WAL has arrived".to_owned())
        }
        "FAILED" => (Some(false), "FAILED: it was not finished".to_owned()),
        "EMPTY" | "STARTED" | "SYNCING" | "RETRYING" => {
            (Some(false), format!("{status}: it is not finished"))
        }
        other => (None, format!("{}: what that means is not known", shown(other))),
    }
}

/// Adds what `show-backup` tells of a backup; what cannot be read stays unknown.
pub fn detail(server: &str, backup: &mut Backup, printed: Printed<'_>) {
    let Ok(value) = answer(server, printed) else { return };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let base = value.get("base_backup_information");
    let begun = base.and_then(|base| number(base.get("begin_time_timestamp")));
    backup.snapshot_started_at = begun.and_then(moment);
    // Since 3.19 or a little before.
    backup.system_identifier = text(value.get("system_id"));
    let num = value.get("postgresql_version").and_then(Value::as_u64);
    backup.server_version = num.map(|num| Untrusted::new(version(num)));
}

/// Returns a number that may stand in quotation marks.
fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Returns the command that proves the backup at this location: it reads all of it, where
/// Barman keeps it, by `pg_verifybackup`. (`check-backup` is none: it changes the backup's
/// status, and ends with 0 also when it makes it FAILED; 3.4.)
#[must_use]
pub fn verify(server: &str, location: &str) -> Option<Vec<String>> {
    let mut words = show(server, location)?;
    words.iter_mut().filter(|word| *word == "show-backup").for_each(|word| {
        "verify-backup".clone_into(word);
    });
    Some(words)
}

/// Returns what `verify-backup` found: bad where a file was found to be another, and unknown
/// where it could not look, as in a backup that has no `backup_manifest` (copied by rsync).
#[must_use]
pub fn verified(printed: Printed<'_>) -> (Option<bool>, String) {
    let value = match printed.json(PROGRAM) {
        Ok(value) => value,
        Err(why) => return (None, why),
    };
    let said = |key: &str| -> Vec<String> {
        let lines = value.get(key).and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(Value::as_str).map(|line| shown(line.trim())).collect()
    };
    let errors = said("_ERROR");
    let is_proven = said("_INFO").iter().any(|line| line == "backup successfully verified");
    if errors.is_empty() {
        return match is_proven && printed.code == Some(0) {
            true => (Some(true), "every file has its sum, by pg_verifybackup".to_owned()),
            false => (None, "`barman verify-backup` did not say that it is verified".to_owned()),
        };
    }
    let found = |words: &str| errors.iter().any(|line| line.contains(words));
    let has_looked = found("verify backup failure") && !found("backup_manifest\"");
    (has_looked.then_some(false), errors.join("; "))
}
