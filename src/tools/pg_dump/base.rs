//! What `pg_basebackup` has written: told from its `backup_manifest` and the files beside it,
//! as `pg_verifybackup --skip-checksums` would (PostgreSQL's documentation, "Backup Manifest
//! Format"). Its rows are nobody's to read without a server.

use std::io::{self, Read as _};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Depth, Folder, Found, Kind, Structure};
use crate::domain::untrusted::Untrusted;

/// A longer manifest is not read: a million files have one of 150 MB.
const LONGEST: u64 = 512 << 20;
/// What stands before the manifest's own checksum, which covers everything up to it.
const SUM: &[u8] = b"\"Manifest-Checksum\"";
/// How the control file begins: the system identifier, in the byte order of its machine.
const CONTROL: &str = "global/pg_control";

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "Files")]
    files: Vec<Listed>,
    /// Since PostgreSQL 17.
    #[serde(rename = "System-Identifier")]
    system: Option<u64>,
    #[serde(rename = "Manifest-Checksum")]
    sum: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Path")]
    path: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
}

/// Reads a base backup; `None` if there is no `backup_manifest`.
pub(super) fn read(folder: &dyn Folder, depth: Depth) -> io::Result<Option<Found>> {
    let Some(size) = folder.size("backup_manifest") else { return Ok(None) };
    if size > LONGEST {
        let why = "its backup_manifest is too long to be read: pg_verifybackup proves it";
        return Ok(Some(Found::closed(Kind::Base, why)));
    }
    let mut text = Vec::new();
    folder.open("backup_manifest")?.take(LONGEST).read_to_end(&mut text)?;
    let manifest = match parse(&text) {
        Ok(manifest) => manifest,
        Err(why) => return Ok(Some(Found::broken(Kind::Base, why))),
    };
    let mut found = Found::of(Kind::Base);
    found.head =
        Ok(format!("backup_manifest of {} files, its checksum fits", manifest.files.len()));
    found.system_identifier = manifest.system.or_else(|| control(folder)).map(|id| id.to_string());
    found.server_version = short(folder, "PG_VERSION").map(|text| Untrusted::new(text.trim()));
    found.started_at = short(folder, "backup_label").as_deref().and_then(started);
    if depth != Depth::Head {
        found.structure = structure(folder, &manifest);
    }
    Ok(Some(found))
}

fn parse(text: &[u8]) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_slice(text)
        .map_err(|error| format!("backup_manifest is cut off or damaged: {error}"))?;
    let at = memchr::memmem::rfind(text, SUM);
    let covered = at.and_then(|at| text.get(..at)).unwrap_or_default();
    let sum = format!("{:x}", Sha256::digest(covered));
    if sum.eq_ignore_ascii_case(&manifest.sum) {
        Ok(manifest)
    } else {
        Err("backup_manifest is damaged: its checksum does not fit".to_owned())
    }
}

/// Compares the files with the list: there, and as long as they were.
fn structure(folder: &dyn Folder, manifest: &Manifest) -> Structure {
    let is_packed = ["base.tar", "base.tar.gz", "base.tar.lz4", "base.tar.zst"];
    if is_packed.iter().any(|name| folder.size(name).is_some()) {
        let why = "its files are in base.tar, which pg_verifybackup reads from version 18 on";
        return Structure::Unknown(why.to_owned());
    }
    for file in &manifest.files {
        let Some(path) = file.path.as_deref() else { continue };
        let shown = super::shown(path);
        // A name out of a manifest never leads out of the directory.
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Structure::Broken(format!("backup_manifest names {shown}, outside of it"));
        }
        match folder.size(path) {
            Some(size) if size == file.size => {}
            Some(size) => {
                let was = file.size;
                return Structure::Broken(format!("{shown} has {size} bytes, not {was}"));
            }
            None => return Structure::Broken(format!("{shown} is missing")),
        }
    }
    let all = manifest.files.len();
    Structure::Complete(format!(
        "all {all} files of backup_manifest, each of its size; what is in them pg_verifybackup tells"
    ))
}

fn control(folder: &dyn Folder) -> Option<u64> {
    let mut id = [0; 8];
    folder.open(CONTROL).ok()?.read_exact(&mut id).ok()?;
    Some(u64::from_le_bytes(id))
}

fn short(folder: &dyn Folder, name: &str) -> Option<String> {
    let mut text = String::new();
    folder.open(name).ok()?.take(4096).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Returns when it was begun, unless that is written in a zone that has only a short name.
fn started(label: &str) -> Option<DateTime<Utc>> {
    let line = label.lines().find_map(|line| line.strip_prefix("START TIME: "))?;
    let time = line.strip_suffix(" UTC").or_else(|| line.strip_suffix(" GMT"))?;
    NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").ok().map(|at| at.and_utc())
}
