//! The proof of a backup right before it is loaded: that it is what its manifest tells, or,
//! where nothing proves it yet, all of it decoded.

use std::path::Path;

use chrono::Utc;

use super::{Failed, say};
use crate::domain::backup::Backup;
use crate::domain::backup::content::Contents;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::{Level, Report};
use crate::io::store;
use crate::tools::pg_dump::Rows;

/// What is known of a proven backup.
pub(super) struct Proven {
    /// What it is.
    pub backup: Backup,
    /// Its rows by table: as its manifest tells, or as they were counted.
    pub rows: Rows,
    /// The sums of its contents, as far as its manifest tells them.
    pub contents: Contents,
}

/// Proves the backup to L3: by its SHA-256 if it was decoded before, else by decoding it.
pub(super) async fn prove(path: &Path) -> Result<Proven, Failed> {
    let path = path.to_owned();
    let proved = tokio::task::spawn_blocking(move || here(&path)).await;
    proved.map_err(|error| Failed::NotRun(error.to_string()))?.map_err(Failed::NotRun)
}

fn here(path: &Path) -> Result<Proven, String> {
    let backup = store::single(path, Utc::now())?;
    let contents = store::rows_told(path)?.map(|(_, contents)| contents).unwrap_or_default();
    let decoded = backup.proof(Level::L3).is_some_and(|proof| proof.ok);
    if backup.registered && decoded {
        say("the backup was decoded before: its SHA-256 is compared");
        let report = verify(path, Level::L1)?;
        return Ok(Proven { backup, rows: report.rows, contents });
    }
    say("the backup is decoded, and its rows are counted");
    let report = verify(path, Level::L3)?;
    Ok(Proven { backup, rows: report.rows, contents })
}

fn verify(path: &Path, level: Level) -> Result<Report, String> {
    let mut tell = |_| {};
    let (report, _) =
        store::verify(path, level, Utc::now(), &mut tell).map_err(|limit| limit.to_string())?;
    for finding in &report.findings {
        let sign = match finding.ok {
            Some(true) => "passed",
            Some(false) => "FAILED",
            None => "cannot tell",
        };
        let what = Untrusted::from(finding.what.as_str()).one_line();
        say(&format!("{} {sign}: {what}", finding.level));
    }
    match report.ok {
        Some(true) => Ok(report),
        Some(false) => Err("the backup is bad: nothing is made of it".to_owned()),
        None => Err("whether the backup is good cannot be told: nothing is made of it".to_owned()),
    }
}
