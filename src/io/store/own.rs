//! The proof of a backup that another program keeps, by that program: pgBackRest's `verify`,
//! Barman's `verify-backup`. What it found is kept among our own state, bound to what the
//! catalog tells of the backup, since nothing of ours belongs into another's repository.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outside::Asker;
use crate::domain::backup::{Backup, Judged};
use crate::domain::plan::sha256_hex;
use crate::domain::verify::{Level, Report};
use crate::io::allowed::Allowed;
use crate::io::config::Loaded;
use crate::tools::catalog::Told;
use crate::tools::{barman, pgbackrest};

/// Reading a repository takes as long as it is large; so long nobody waits for one.
const LIMIT: Duration = Duration::from_hours(24);

/// What was found, and of what.
#[derive(Serialize, Deserialize)]
struct Kept {
    schema: u32,
    location: String,
    stamp: String,
    judged: Judged,
}

/// Where the programs are asked, and where what they find is kept.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The configuration, which names them.
    pub loaded: &'a Loaded,
    /// The project.
    pub cwd: &'a Path,
    /// What the operator has allowed.
    pub allowed: &'a Allowed,
    /// Our own state.
    pub state: &'a Path,
}

/// Returns true if this is the location of a backup that another program proves.
#[must_use]
pub fn is_theirs(location: &str) -> bool {
    ["pgbackrest:", "barman:"].iter().any(|begin| location.starts_with(begin))
}

/// Lets the program that keeps the backup at `location` prove it.
///
/// # Errors
/// A sentence: the configuration does not name its stanza or server, or was not allowed.
pub async fn verify(
    place: Place<'_>,
    location: &str,
    asked: Level,
    known: Option<&Backup>,
    now: DateTime<Utc>,
) -> Result<Report, String> {
    let allowed = place.loaded.commands_allowed(place.allowed);
    allowed.map_err(|refused| refused.to_string())?;
    let asker = Asker::new(place.cwd, LIMIT);
    let (by, (ok, what)) = find(place.loaded, location, &asker).await?;
    let at = ok.map(|_| now);
    let judged = Judged { by: by.to_owned(), ok, at, what };
    let mut report = Report::of(location, asked, Vec::new());
    if let (Some(_), Some(known)) = (ok, known)
        && let Err(error) = keep(place.state, known, &judged)
    {
        report.notes.push(format!("what was found is not kept: {error}"));
    }
    report.ok = ok;
    report.judged = Some(judged);
    Ok(report)
}

type Found = (&'static str, (Option<bool>, String));

async fn find(loaded: &Loaded, location: &str, asker: &Asker<'_>) -> Result<Found, String> {
    let backups = &loaded.config.backups;
    if let Some(known) = &backups.pgbackrest
        && let Some(command) = pgbackrest::verify(&known.stanza, location)
    {
        let output = asker.output(&known.prefix, command).await?;
        let found = pgbackrest::verified(location, super::outside::printed(&output));
        return Ok(("pgbackrest verify", found));
    }
    if let Some(known) = &backups.barman
        && let Some(command) = barman::verify(&known.server, location)
    {
        let output = asker.output(&known.prefix, command).await?;
        let found = barman::verified(super::outside::printed(&output));
        return Ok(("barman verify-backup", found));
    }
    Err(format!("{location}: [backups] of the configuration names no program that keeps it"))
}

/// Puts what was found of each backup into the catalog, unless the backup has changed since,
/// or the catalog itself says worse.
pub fn recall(state: &Path, told: &mut Told) {
    for backup in told.backups.iter_mut().filter(|backup| is_theirs(&backup.location)) {
        let worse = backup.complete == Some(false)
            || backup.judged.as_ref().is_some_and(|judged| judged.ok == Some(false));
        if !worse && let Some(judged) = kept(state, backup) {
            backup.judged = Some(judged);
        }
    }
}

fn kept(state: &Path, backup: &Backup) -> Option<Judged> {
    let text = fs::read_to_string(file(state, &backup.location)).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    let is_of = kept.location == backup.location && kept.stamp == stamp(backup);
    (kept.schema == 1 && is_of).then_some(kept.judged)
}

fn keep(state: &Path, backup: &Backup, judged: &Judged) -> io::Result<()> {
    let location = backup.location.clone();
    let path = file(state, &location);
    let kept = Kept { schema: 1, location, stamp: stamp(backup), judged: judged.clone() };
    let directory = path.parent().unwrap_or(state);
    fs::create_dir_all(directory)?;
    crate::io::output::replace(&path, &serde_json::to_string_pretty(&kept)?)
}

fn file(state: &Path, location: &str) -> PathBuf {
    state.join("judged").join(format!("{}.json", sha256_hex(location.as_bytes())))
}

/// What the catalog tells of a backup that does not change while it is the same one.
fn stamp(backup: &Backup) -> String {
    let cluster = backup.system_identifier.as_deref().unwrap_or_default();
    let at = backup.created_at.map(|at| at.to_rfc3339()).unwrap_or_default();
    format!("{at} {cluster}")
}
