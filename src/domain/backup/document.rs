//! The JSON document of the inventory; its keys are a contract (`lockkeeper schema backups`).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{Backup, Judged, Kind, Proof, Retention, Scope};

/// The number that documents of this version carry as `schema`.
pub const SCHEMA: u32 = 1;

/// The inventory, the best backup first.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema: u32,
    backups: Vec<Row<'a>>,
    problems: &'a [String],
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    kind: Kind,
    location: &'a str,
    database: Option<&'a str>,
    system_identifier: Option<&'a str>,
    created_at: Option<String>,
    created_local: Option<String>,
    snapshot_started_at: Option<String>,
    size: Option<u64>,
    server_version: Option<&'a str>,
    tool_version: Option<&'a str>,
    scope: Option<Scope>,
    revision: Option<&'a [String]>,
    complete: Option<bool>,
    verified: &'a [Proof],
    judged: Option<&'a Judged>,
    retention: Retention,
    registered: bool,
    tables: Option<usize>,
    problems: &'a [String],
}

impl<'a> Document<'a> {
    /// Returns the document of an inventory and of what could not be read of it.
    #[must_use]
    pub fn of(backups: &'a [Backup], problems: &'a [String]) -> Self {
        Self { schema: SCHEMA, backups: backups.iter().map(row).collect(), problems }
    }
}

fn row(backup: &Backup) -> Row<'_> {
    Row {
        id: &backup.id,
        kind: backup.kind,
        location: &backup.location,
        database: backup.database.as_ref().map(super::Untrusted::raw),
        system_identifier: backup.system_identifier.as_deref(),
        created_at: backup.created_at.map(zulu),
        // Without a zone, since it has none.
        created_local: backup.created_local.map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string()),
        snapshot_started_at: backup.snapshot_started_at.map(zulu),
        size: backup.size,
        server_version: backup.server_version.as_ref().map(super::Untrusted::raw),
        tool_version: backup.tool_version.as_ref().map(super::Untrusted::raw),
        scope: backup.scope,
        revision: backup.revisions.as_deref(),
        complete: backup.complete,
        verified: &backup.verified,
        judged: backup.judged.as_ref(),
        retention: backup.retention,
        registered: backup.registered,
        tables: backup.tables,
        problems: &backup.problems,
    }
}

fn zulu(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
