//! The manifest beside a backup: what was true when it was made, and every proof since.
//!
//! It lies beside `NAME` as `NAME.manifest.json`, also where `NAME` is a directory. It is
//! written after the backup is complete and renamed into place, as the backup is; a backup
//! without one is adopted: it can be restored, but nothing says whether it has changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::content::Contents;
use super::{Kind, Proof, Scope};
use crate::domain::evidence::Level;

/// The number that manifests of this version carry as `schema`.
pub const SCHEMA: u32 = 1;

/// What the name of a manifest ends with; before it stands the name of the backup.
pub const SUFFIX: &str = ".manifest.json";

/// What the name of the directory ends with that lies beside a backup.
pub const BESIDE: &str = ".beside";

/// The manifest. Keys that this version does not know are kept when it is written again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The backup's name, unique among a target's.
    pub id: String,
    /// The format.
    pub kind: Kind,
    /// SHA-256 in hexadecimal: of the file's bytes, or, of a directory, of the lines
    /// `SHA256  NAME\n` of its files in the order of their names.
    pub sha256: String,
    /// Bytes of the file, or of all files of the directory.
    pub size: u64,
    /// How much of the database is in it.
    pub scope: Scope,
    /// When the snapshot was exported: the backup's age counts from here. Nobody knows it of
    /// an adopted one.
    pub snapshot_started_at: Option<DateTime<Utc>>,
    /// When the tool had ended and everything was synced; of an adopted one, when it was adopted.
    pub finished_at: DateTime<Utc>,
    /// The database that it is of.
    pub source: Source,
    /// The revisions of the version table in the snapshot; empty: nothing had ever run;
    /// null: not read.
    pub revisions: Option<Vec<String>>,
    /// Rows by `schema.table`, counted in the snapshot that was dumped; null: not counted.
    #[serde(default)]
    pub rows: BTreeMap<String, Option<u64>>,
    /// Sums of the contents by `schema.table`, taken in the same snapshot, of those tables
    /// that were summed ([`super::content`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: Contents,
    /// What lies in the directory beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Side>,
    /// `pg_dump`'s version, e.g. `15.20`.
    pub tool_version: String,
    /// Who made it, and in which run.
    pub made_by: Maker,
    /// What nobody can prove of it, since it was adopted: somebody found it and vouched for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// Whether it stays whatever the retention says.
    #[serde(default)]
    pub pinned: bool,
    /// Every attempt to prove it, oldest first.
    #[serde(default)]
    pub verified: Vec<Evidence>,
    /// Keys of a later version.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A file beside a backup: what a dump leaves out, or a table once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its name in the directory.
    pub name: String,
    /// `roles` (`pg_dumpall`, which takes no snapshot), `properties` of the database, or `csv`;
    /// the latter two are of the dump's own snapshot.
    pub what: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// The table that it has, quoted for SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Its rows, counted in the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// The database that a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `pg_control_system().system_identifier`, decimal; a dump does not tell it.
    pub system_identifier: Option<String>,
    /// Its name.
    pub database: String,
    /// The host or socket directory, and port, without secrets.
    pub host: String,
    /// `server_version`, e.g. `15.20`.
    pub server_version: String,
}

/// Who made a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// The person, as the journal names them.
    pub operator: String,
    /// The run that it was made in.
    pub run: Option<String>,
}

/// One attempt to prove the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was tried.
    pub level: Level,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Whether the backup passed.
    pub ok: bool,
    /// What tried it, e.g. `lockkeeper 0.1.0` or `pg_restore 15.20`.
    pub tool: String,
    /// What was found, in words.
    #[serde(default)]
    pub what: String,
}

impl Evidence {
    /// Returns what the inventory tells of it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        Proof { level: self.level, at: self.at, ok: self.ok }
    }
}

/// Why a manifest is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not JSON, or a key is missing or wrong.
    #[error("it is no manifest: {0}")]
    Wrong(String),
    /// Its schema is of a later version.
    #[error("it is of schema {0}, and this version reads {SCHEMA}: use the newer lockkeeper")]
    Newer(u64),
}

impl Manifest {
    /// Reads a manifest; keys that are not known are kept in [`Manifest::rest`].
    ///
    /// # Errors
    /// If it is none, or of a later schema, whose keys may mean something else.
    pub fn read(text: &str) -> Result<Self, Refused> {
        let wrong = |error: serde_json::Error| Refused::Wrong(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(wrong)?;
        match value.get("schema").and_then(Value::as_u64) {
            Some(schema) if schema > u64::from(SCHEMA) => Err(Refused::Newer(schema)),
            Some(_) => serde_json::from_value(value).map_err(wrong),
            None => Err(Refused::Wrong("it has no schema".to_owned())),
        }
    }

    /// Returns its text, as it is written beside the backup.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a manifest holds nothing that JSON lacks") + "\n"
    }
}

/// Returns the name of the directory beside the backup of that name.
#[must_use]
pub fn beside(backup: &str) -> String {
    format!("{backup}{BESIDE}")
}

/// Returns the name of the manifest of the backup of that name.
#[must_use]
pub fn name_for(backup: &str) -> String {
    format!("{backup}{SUFFIX}")
}
